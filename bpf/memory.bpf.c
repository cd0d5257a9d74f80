// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Memory: processes that attach to a container's, or write into its memory. By
 * what succeeded, where the functions themselves are, so that looking (which every
 * `ps` does, by the same permission check) is not an event:
 *  - ptrace_attach(): PTRACE_ATTACH and PTRACE_SEIZE;
 *  - ptrace_access_vm() with FOLL_WRITE: PTRACE_POKE*;
 *  - access_remote_vm() with FOLL_WRITE: a write to /proc/PID/mem;
 *  - process_vm_writev(2), whose victim is the one that it was last allowed to
 *    attach to.
 *
 * kernel/ptrace.c, mm/memory.c, mm/process_vm_access.c.
 */
#include "bpf/lib/change.h"

#define PTRACE_MODE_ATTACH 0x02 /* include/linux/ptrace.h */
#define FOLL_WRITE	   0x01 /* include/linux/mm.h, mm_types.h */

#if defined(__TARGET_ARCH_x86)
#define SYSCALL(name) "__x64_sys_" name
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL(name) "__arm64_sys_" name
#endif

/* Whom a thread was allowed to attach to last. */
struct allowed_victim {
	u64 thread; /* pid_tgid */
	struct sf_victim victim;
};

/* So many threads of one container are known by whom they may attach to. */
#define VICTIMS_AT_ONCE 16

/* By who calls: made at the permission check, read and removed at the end of
 * process_vm_writev(2); the least used are evicted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct sf_call);
	__type(value, struct allowed_victim);
} victims SEC(".maps");

/* Fills in a task of a live container; false for any other. */
static __always_inline bool find_victim(struct sf_victim *out, struct task_struct *task)
{
	u32 tgid = WALK(task, tgid);
	struct sf_followed *followed = followed_itself(task);
	struct task_struct *leader = WALK(task, group_leader);
	struct sf_cgroup_state *state;
	const unsigned char *name;
	u64 id;

	state = home_of(task, &followed, &id);
	if (!state || !(state->flags & SF_CGROUP_LIVE))
		return false;
	out->root = state->root;
	out->cgroup = id;
	out->start_ns = start_time(leader);
	out->pid = tgid;
	read_comm(out->comm, leader);
	name = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
	if (name && bpf_probe_read_kernel_str(out->exe, sizeof(out->exe), name) < 0)
		count_loss(SF_LOSS_read_failed);
	return true;
}

static __always_inline int send_memory(const struct sf_victim *victim, enum sf_memory_op op)
{
	struct task_struct *task = current_task();
	struct sf_change_key key = {
	    .ino = victim->start_ns,
	    .generation = victim->pid,
	    .actor = WALK(task, tgid),
	    .nr = FOLD_NR(FOLD_MEMORY, op),
	};
	struct sf_memory_event *event;
	u32 repeats;

	if (reported(&key, &repeats))
		return 0;
	event = reserve_news(struct sf_memory_event, sizeof(*event), &key);
	if (!event)
		return 0;
	fill_header(&event->header, SF_EVENT_MEMORY, sizeof(*event), &victim->root, task);
	event->victim = *victim;
	event->op = op;
	event->repeats = repeats;
	submit_event(event);
	return 0;
}

/* A process may do with itself what it likes. */
static __always_inline int touched(struct task_struct *task, enum sf_memory_op op)
{
	struct sf_victim victim = {};

	if (!task || WALK(task, tgid) == (int)(bpf_get_current_pid_tgid() >> 32))
		return 0;
	return find_victim(&victim, task) ? send_memory(&victim, op) : 0;
}

SEC("?fexit/ptrace_attach")
int BPF_PROG(memory_attach, struct task_struct *task, long request, unsigned long address,
	     unsigned long flags, int result)
{
	return result ? 0 : touched(task, SF_MEMORY_ATTACH);
}

SEC("?fexit/ptrace_access_vm")
int BPF_PROG(memory_poke, struct task_struct *task, unsigned long address, void *buffer, int size,
	     unsigned int flags, int result)
{
	if (!(flags & FOLL_WRITE) || result <= 0)
		return 0;
	return touched(task, SF_MEMORY_WRITE);
}

SEC("?fexit/access_remote_vm")
int BPF_PROG(memory_file, struct mm_struct *mm, unsigned long address, void *buffer, int size,
	     unsigned int flags, int result)
{
	if (!(flags & FOLL_WRITE) || result <= 0)
		return 0;
	return touched(WALK(mm, owner), SF_MEMORY_WRITE);
}

SEC("?fexit/security_ptrace_access_check")
int BPF_PROG(memory_check, struct task_struct *child, unsigned int mode, int result)
{
	struct allowed_victim allowed = {};
	struct sf_call call;

	if (!(mode & PTRACE_MODE_ATTACH) || result)
		return 0;
	if (!find_victim(&allowed.victim, child))
		return 0;
	this_call(&call, VICTIMS_AT_ONCE);
	allowed.thread = bpf_get_current_pid_tgid();
	if (bpf_map_update_elem(&victims, &call, &allowed, BPF_ANY))
		count_loss(SF_LOSS_victims_full);
	return 0;
}

SEC("?fexit/" SYSCALL("process_vm_writev"))
int BPF_PROG(memory_writev, const struct pt_regs *regs, long result)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct allowed_victim *known;
	struct sf_victim victim;
	struct sf_call call;

	this_call(&call, VICTIMS_AT_ONCE);
	known = bpf_map_lookup_elem(&victims, &call);
	if (!known)
		return 0;
	if (known->thread != thread) {
		/* Another thread of the container has taken the place since. */
		if (result > 0)
			count_loss(SF_LOSS_victims_full);
		return 0;
	}
	victim = known->victim;
	bpf_map_delete_elem(&victims, &call);
	if (result <= 0 || victim.pid == thread >> 32)
		return 0;
	return send_memory(&victim, SF_MEMORY_WRITE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
