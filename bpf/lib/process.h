/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who acts: the current task, its container and its session. Tasks and cgroups come by
 * their types everywhere: see WALK(). */
#ifndef STILLFRAME_BPF_LIB_PROCESS_H
#define STILLFRAME_BPF_LIB_PROCESS_H

#include "bpf/lib/read.h"
#include "bpf/lib/shares.h"

static __always_inline u64 start_time(struct task_struct *leader)
{
	return WALK(leader, start_boottime);
}

static __always_inline u32 start_ticks(struct task_struct *task)
{
	return sf_start_ticks(start_time(WALK(task, group_leader)));
}

/* How a task's own process is followed. NULL: it is not, or what is there was left by
 * another of that number. */
static __always_inline struct sf_followed *followed_itself(struct task_struct *task)
{
	u32 tgid = WALK(task, tgid);
	struct sf_followed *followed = bpf_map_lookup_elem(&processes, &tgid);

	return followed && followed->started == start_ticks(task) ? followed : NULL;
}

/* A task's cgroup in the observed hierarchy. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = WALK(task, cgroups);
	struct cgroup_subsys_state *css = NULL;
	s32 subsys = config.observed_subsys;

	if (subsys < 0)
		return WALK(set, dfl_cgrp);
	/* 16 is above CGROUP_SUBSYS_COUNT of every kernel so far. */
	if (subsys >= 16)
		return NULL;
	if (config.reads == SF_READS_WALK)
		css = set->subsys[subsys];
	else
		bpf_core_read(&css, sizeof(css), &set->subsys[subsys]);
	css = CAST(cgroup_subsys_state, css);
	return css ? WALK(css, cgroup) : NULL;
}

static __always_inline u64 cgroup_id(struct cgroup *cgroup)
{
	struct kernfs_node *node;

	if (!cgroup)
		return 0;
	node = WALK(cgroup, kn);
	return WALK(node, id);
}

static __always_inline bool in_host_mnt_ns(struct task_struct *task)
{
	struct nsproxy *nsproxy = WALK(task, nsproxy);
	struct mnt_namespace *mounts;

	/* An exiting task has none; then it changes nothing any more. */
	if (!nsproxy)
		return true;
	mounts = WALK(nsproxy, mnt_ns);
	return WALK(mounts, ns.inum) == config.host_mnt_ns;
}

/*
 * The container that a task belongs to, and in `cgroup` the cgroup that names it. By the
 * cgroup that the task is in as long as that is its container's or lies below it; else by
 * what it descends from, since whoever may can move to any cgroup. NULL: to none. Of one
 * that descends from a container that is gone `followed` says so only where it is in no
 * other's cgroup: nothing is known of it there.
 */
static __always_inline struct sf_cgroup_state *home_of(struct task_struct *task,
						       struct sf_followed **followed, u64 *cgroup)
{
	u64 here = cgroup_id(cgroup_of(task));
	struct sf_cgroup_state *state = bpf_map_lookup_elem(&cgroups, &here);
	struct sf_cgroup_state *origin;
	u64 id;

	*cgroup = here;
	if (!*followed || (*followed)->cgroup == here)
		return state;
	id = (*followed)->cgroup;
	origin = bpf_map_lookup_elem(&cgroups, &id);
	if (!origin) {
		if (state)
			*followed = NULL;
		return state;
	}
	if (state && state->family == origin->family)
		return state;
	*cgroup = id;
	return origin;
}

/* So many are asked for. */
#define SF_ANCESTORS 16

/* Added to whom followed_ancestor() found: only the container is certain. */
#define ANCESTOR_IS_INIT (1ull << 32)

/*
 * By whom the current task is known, where it is not followed itself: there was no room,
 * or the program on its fork was not run. The nearest of its ancestors that is followed,
 * by its thread-group id; 0: there is none. An orphan comes to init from whatever session
 * it was in. Not static: the verifier then looks at it once,
 * and not for each that calls it.
 */
__noinline u64 followed_ancestor(void)
{
	struct task_struct *task = current_task();
	struct sf_followed *followed;
	u32 tgid;

	for (int i = 0; i < SF_ANCESTORS; i++) {
		task = WALK(task, real_parent);
		if (!task)
			break;
		followed = followed_itself(task);
		if (!followed)
			continue;
		tgid = WALK(task, tgid);
		return followed->flags & SF_FOLLOWED_INIT ? tgid | ANCESTOR_IS_INIT : tgid;
	}
	return 0;
}

/* How the current task is followed. `crowd`: only to which container is certain. */
static __always_inline struct sf_followed *followed_as(struct task_struct *task, bool *crowd)
{
	struct sf_followed *followed = followed_itself(task);
	u64 ancestor;
	u32 tgid;

	if (followed)
		return followed;
	ancestor = followed_ancestor();
	*crowd = ancestor & ANCESTOR_IS_INIT;
	tgid = ancestor;
	return bpf_map_lookup_elem(&processes, &tgid);
}

/* What is kept of a container and all within it. */
static __always_inline struct sf_cgroup_state *family_of(u64 cgroup)
{
	struct sf_cgroup_state *state = bpf_map_lookup_elem(&cgroups, &cgroup);
	u64 family;

	if (!state)
		return NULL;
	family = state->family;
	return bpf_map_lookup_elem(&cgroups, &family);
}

/*
 * Stands for a call under way, in a map of such: a container has so many places, whatever
 * its threads do, and the host as many as there are. Which thread it is the value says.
 */
struct sf_call {
	u64 family; /* of whoever calls; 0: the host */
	u32 place;
	u32 reserved;
};

static __always_inline void this_call(struct sf_call *call, u32 places)
{
	struct task_struct *task = current_task();
	bool crowd = false;
	struct sf_followed *followed = followed_as(task, &crowd);
	struct sf_cgroup_state *home;
	u64 cgroup;

	home = home_of(task, &followed, &cgroup);
	call->family = home ? home->family : 0;
	call->place = (u32)bpf_get_current_pid_tgid();
	if (home)
		call->place %= places;
	call->reserved = 0;
}

/* Whether not being followed says nothing of where a process in this cgroup came from.
 * Not static, likewise. */
__noinline int is_crowded(u64 cgroup)
{
	struct sf_cgroup_state *family = family_of(cgroup);

	return family && family->crowd;
}

/* Two words where loads will do: a copy is ten times as dear. The verifier lets an array
 * of characters be read so (btf_struct_walk(), since 5.5). */
static __always_inline void read_comm(char out[SF_COMM_LEN], struct task_struct *task)
{
	const u64 *words = (const void *)&task->comm;
	u64 *to = (u64 *)out;

	if (config.reads == SF_READS_COPY) {
		bpf_core_read(out, SF_COMM_LEN, &task->comm);
		return;
	}
	to[0] = words[0];
	to[1] = words[1];
}

SF_STATIC_ASSERT(SF_EXE_LEN == LOADED_NAME, "exe");

static __always_inline void read_login(struct sf_login *out, struct task_struct *task)
{
	out->uid = SF_NO_LOGIN;
	out->session = SF_NO_LOGIN;
	if (!bpf_core_field_exists(task->loginuid))
		return;
	out->uid = WALK(task, loginuid.val);
	out->session = WALK(task, sessionid);
}

static __always_inline void fill_process(struct sf_process *out, struct task_struct *task)
{
	struct task_struct *parent = WALK(task, real_parent);
	struct task_struct *leader = WALK(task, group_leader);
	struct mm_struct *mm = WALK(task, mm);
	struct file *file = mm ? WALK(mm, exe_file) : NULL;
	bool crowd = false;
	struct sf_followed *followed = followed_as(task, &crowd);
	struct sf_cgroup_state *home;
	u64 cgroup;

	home = home_of(task, &followed, &cgroup);
	out->cgroup = cgroup;
	out->session = 0;
	out->run = 0;
	out->start_ns = start_time(leader);
	out->pid = WALK(task, tgid);
	out->ppid = WALK(parent, tgid);
	out->uid = (u32)bpf_get_current_uid_gid();
	out->flags = 0;
	if (WALK(task, flags) & PF_KTHREAD)
		out->flags |= SF_PROCESS_KERNEL;
	if (in_host_mnt_ns(task))
		out->flags |= SF_PROCESS_HOST_MNT_NS;
	if (home)
		out->flags |= SF_PROCESS_IN_CONTAINER;
	if (!followed)
		crowd = is_crowded(cgroup);
	if (crowd) {
		out->flags |= SF_PROCESS_CROWD;
	} else if (followed) {
		out->session = followed->session;
		out->run = followed->run;
		out->flags |= SF_PROCESS_FOLLOWED;
	}
	out->login.uid = SF_NO_LOGIN;
	out->login.session = SF_NO_LOGIN;
	/* What runs in a container may set a login where there was none. What copies into
	 * one is in mounts of its own. */
	if (!followed && (!home || (out->flags & SF_PROCESS_HOST_MNT_NS)))
		read_login(&out->login, task);
	/* The leader's comm: threads may name themselves as they like. */
	read_comm(out->comm, leader);
	read_comm(out->parent_comm, parent);
	out->exe[0] = 0;
	if (file) {
		struct dentry *dentry = WALK(file, f_path.dentry);
		const unsigned char *name = WALK(dentry, d_name.name);

		if (config.reads == SF_READS_CAST)
			load_name(out->exe, name);
		else if (name && bpf_probe_read_kernel_str(out->exe, sizeof(out->exe), name) < 0)
			count_loss(SF_LOSS_read_failed);
	}
}

static __always_inline void fill_header(struct sf_header *header, u16 type, u32 size,
					const struct sf_inode *root, struct task_struct *task)
{
	header->version = SF_ABI_VERSION;
	header->type = type;
	header->size = size;
	header->time_ns = bpf_ktime_get_boot_ns();
	header->root = *root;
	fill_process(&header->process, task);
}

#endif
