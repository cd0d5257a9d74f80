// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Mounts: who changes what is mounted in a container. The victim is the container
 * whose mount namespace the mount is in, whoever acts. Only what succeeded is reported;
 * the agent looks at the container's mounts after each event, which says what came
 * of it. Nothing here runs but in the course of these system calls.
 *
 * fs/namespace.c, fs/fsopen.c.
 */
#include "bpf/lib/change.h"
#include "bpf/lib/path.h"

#if defined(__TARGET_ARCH_x86)
#define SYSCALL(name)	 "__x64_sys_" name
#define ARGUMENT_1(regs) ((regs)->di)
#define ARGUMENT_2(regs) ((regs)->si)
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL(name)	 "__arm64_sys_" name
#define ARGUMENT_1(regs) ((regs)->regs[0])
#define ARGUMENT_2(regs) ((regs)->regs[1])
#endif

/* include/uapi/linux/mount.h */
#define MS_MOVE			 (1 << 13)
#define MS_UNBINDABLE		 (1 << 17)
#define MS_PRIVATE		 (1 << 18)
#define MS_SLAVE		 (1 << 19)
#define MS_SHARED		 (1 << 20)
#define FSCONFIG_CMD_RECONFIGURE 7

/* How mounts pass on changes is not a change of what is there. */
#define PROPAGATION (MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED)

/* A change under way, whose place is known only before it is made. */
struct begun_mount {
	u64 thread; /* pid_tgid */
	struct sf_mount_event event;
};

/* So many of one container at once; of more the look at its mounts shows what came of
 * them, and not who did it. */
#define MOUNTS_AT_ONCE 4

/* Changes under way, by who calls: made by the program at their beginning, read and
 * removed by the one at their end. What was refused in between stays until the place is
 * taken again or it is evicted, the least used first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct sf_call);
	__type(value, struct begun_mount);
} begun SEC(".maps");

/* Not by its type, which userspace has no need to know. */
const char empty[sizeof(struct begun_mount)] = {};

/* Fills in all but names. False: not the mounts of a container, or of one that has used up
 * its share of events. */
static __always_inline bool fill_mount(struct sf_mount_event *event, u32 mount_ns,
				       enum sf_mount_op op)
{
	struct sf_mount_ns *known = bpf_map_lookup_elem(&mount_namespaces, &mount_ns);
	struct sf_inode root;

	if (!known)
		return false;
	root = known->root;
	if (too_many_of(&root))
		return false;
	fill_header(&event->header, SF_EVENT_MOUNT, sizeof(*event), &root, current_task());
	event->cgroup = known->cgroup;
	event->flags = 0;
	event->op = op;
	event->names_size = 0;
	event->type[0] = 0;
	event->source[0] = 0;
	return true;
}

static __always_inline void read_text(char *out, u32 size, const char *text)
{
	if (text && bpf_probe_read_kernel_str(out, size, text) < 0)
		count_loss(SF_LOSS_read_failed);
}

static __always_inline struct sf_mount_event *begin(u32 mount_ns, enum sf_mount_op op)
{
	struct begun_mount *made;
	struct sf_call call;

	if (!bpf_map_lookup_elem(&mount_namespaces, &mount_ns))
		return NULL;
	this_call(&call, MOUNTS_AT_ONCE);
	if (bpf_map_update_elem(&begun, &call, empty, BPF_ANY)) {
		count_loss(SF_LOSS_mounts_full);
		return NULL;
	}
	made = bpf_map_lookup_elem(&begun, &call);
	if (!made || !fill_mount(&made->event, mount_ns, op))
		return NULL;
	made->thread = bpf_get_current_pid_tgid();
	return &made->event;
}

static __always_inline int end(long result)
{
	struct begun_mount *made;
	struct sf_call call;

	this_call(&call, MOUNTS_AT_ONCE);
	made = bpf_map_lookup_elem(&begun, &call);
	if (!made || made->thread != bpf_get_current_pid_tgid())
		return 0;
	if (!result) {
		if (bpf_ringbuf_output(&events, &made->event, sizeof(made->event), 0))
			count_loss(SF_LOSS_ringbuf_full);
		else
			count(&counters, SF_COUNTER_EVENTS, 1);
	}
	bpf_map_delete_elem(&begun, &call);
	return 0;
}

SEC("?fexit/path_mount")
int BPF_PROG(mount_made, const char *source, struct path *path, const char *type,
	     unsigned long flags, void *data, int result)
{
	struct sf_mount_event *event;
	u32 mount_ns;

	if (result || (flags & PROPAGATION))
		return 0;
	mount_ns = mount_ns_of(path->mnt);
	if (!bpf_map_lookup_elem(&mount_namespaces, &mount_ns))
		return 0;
	event = reserve_event(struct sf_mount_event, sizeof(*event));
	if (!event)
		return 0;
	if (!fill_mount(event, mount_ns, flags & MS_MOVE ? SF_MOUNT_MOVE : SF_MOUNT_MOUNT)) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	event->flags = flags;
	read_text(event->type, sizeof(event->type), type);
	read_text(event->source, sizeof(event->source), source);
	read_names(event->names, &event->names_size, path->mnt, path->dentry);
	submit_event(event);
	return 0;
}

SEC("?fentry/security_sb_umount")
int BPF_PROG(umount_begun, struct vfsmount *mnt, int flags)
{
	struct sf_mount_event *event = begin(mount_ns_of(mnt), SF_MOUNT_UMOUNT);

	if (!event)
		return 0;
	event->flags = flags;
	read_names(event->names, &event->names_size, mnt, BPF_CORE_READ(mnt, mnt_root));
	return 0;
}

SEC("?fexit/path_umount")
int BPF_PROG(umount_made, struct path *path, int flags, int result)
{
	return end(result);
}

SEC("?fentry/security_move_mount")
int BPF_PROG(move_begun, struct path *from, struct path *to)
{
	struct vfsmount *moved = BPF_CORE_READ(from, mnt);
	struct vfsmount *below = BPF_CORE_READ(to, mnt);
	struct sf_mount_event *event = begin(mount_ns_of(below), SF_MOUNT_MOVE);

	if (!event)
		return 0;
	/* What fsmount(2) made and is now put in its place. */
	if (mount_ns_of(moved) != mount_ns_of(below))
		event->op = SF_MOUNT_MOUNT;
	read_text(event->type, sizeof(event->type), BPF_CORE_READ(moved, mnt_sb, s_type, name));
	read_text(event->source, sizeof(event->source),
		  BPF_CORE_READ(mount_of(moved), mnt_devname));
	read_names(event->names, &event->names_size, below, BPF_CORE_READ(to, dentry));
	return 0;
}

SEC("?fexit/" SYSCALL("move_mount"))
int BPF_PROG(move_made, const struct pt_regs *regs, long result)
{
	return end(result);
}

SEC("?fentry/security_sb_pivotroot")
int BPF_PROG(pivot_begun, struct path *old_root, struct path *new_root)
{
	begin(mount_ns_of(BPF_CORE_READ(new_root, mnt)), SF_MOUNT_PIVOT);
	return 0;
}

SEC("?fexit/" SYSCALL("pivot_root"))
int BPF_PROG(pivot_made, const struct pt_regs *regs, long result)
{
	return end(result);
}

/* Of these no function but the system call itself can be watched: the place is
 * what the caller says it is, or not known at all. */
static __always_inline int attributes_set(const char *user_path)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u32 mount_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	struct sf_mount_event *event;

	if (!bpf_map_lookup_elem(&mount_namespaces, &mount_ns))
		return 0;
	event = reserve_event(struct sf_mount_event, sizeof(*event));
	if (!event)
		return 0;
	if (!fill_mount(event, mount_ns, SF_MOUNT_ATTRIBUTES)) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	if (user_path &&
	    bpf_probe_read_user_str(event->source, sizeof(event->source), user_path) < 0)
		count_loss(SF_LOSS_read_failed);
	submit_event(event);
	return 0;
}

SEC("?fexit/" SYSCALL("mount_setattr")) /* since 5.12 */
int BPF_PROG(attributes_made, const struct pt_regs *regs, long result)
{
	return result ? 0 : attributes_set((const char *)ARGUMENT_2(regs));
}

SEC("?fexit/" SYSCALL("fsconfig"))
int BPF_PROG(filesystem_made, const struct pt_regs *regs, long result)
{
	if (result || ARGUMENT_2(regs) != FSCONFIG_CMD_RECONFIGURE)
		return 0;
	return attributes_set(NULL);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
