/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who acts: the current task, its container and its session. */
#ifndef STILLFRAME_BPF_LIB_PROCESS_H
#define STILLFRAME_BPF_LIB_PROCESS_H

#include "bpf/lib/read.h"

static __always_inline u64 start_time(struct task_struct *leader)
{
	return FIELD(leader, start_boottime);
}

/* A task's cgroup in the observed hierarchy. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = FIELD(task, cgroups);
	struct cgroup_subsys_state *css = NULL;
	s32 subsys = config.observed_subsys;

	if (subsys < 0)
		return FIELD(set, dfl_cgrp);
	/* 16 is above CGROUP_SUBSYS_COUNT of every kernel so far. */
	if (subsys >= 16)
		return NULL;
	bpf_core_read(&css, sizeof(css), &set->subsys[subsys]);
	css = CAST(cgroup_subsys_state, css);
	return css ? FIELD(css, cgroup) : NULL;
}

static __always_inline u64 cgroup_id(struct cgroup *cgroup)
{
	struct kernfs_node *node;

	if (!cgroup)
		return 0;
	node = FIELD(cgroup, kn);
	return FIELD(node, id);
}

static __always_inline bool in_host_mnt_ns(struct task_struct *task)
{
	struct nsproxy *nsproxy = FIELD(task, nsproxy);
	struct mnt_namespace *mounts;

	/* An exiting task has none; then it changes nothing any more. */
	if (!nsproxy)
		return true;
	mounts = FIELD(nsproxy, mnt_ns);
	return FIELD(mounts, ns.inum) == config.host_mnt_ns;
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

static __always_inline void fill_process(struct sf_process *out, struct task_struct *task)
{
	struct task_struct *parent = FIELD(task, real_parent);
	struct task_struct *leader = FIELD(task, group_leader);
	struct mm_struct *mm = FIELD(task, mm);
	struct file *file = mm ? FIELD(mm, exe_file) : NULL;
	u32 tgid = FIELD(task, tgid);
	struct sf_followed *followed = bpf_map_lookup_elem(&processes, &tgid);
	struct sf_cgroup_state *home;
	u64 cgroup;

	home = home_of(task, &followed, &cgroup);
	out->cgroup = cgroup;
	out->session = 0;
	out->start_ns = start_time(leader);
	out->pid = tgid;
	out->ppid = FIELD(parent, tgid);
	out->uid = (u32)bpf_get_current_uid_gid();
	out->flags = 0;
	if (FIELD(task, flags) & PF_KTHREAD)
		out->flags |= SF_PROCESS_KERNEL;
	if (in_host_mnt_ns(task))
		out->flags |= SF_PROCESS_HOST_MNT_NS;
	if (home)
		out->flags |= SF_PROCESS_IN_CONTAINER;
	if (followed) {
		out->session = followed->session;
		out->flags |= SF_PROCESS_FOLLOWED;
	}
	/* The leader's comm: threads may name themselves as they like. */
	bpf_core_read(out->comm, sizeof(out->comm), &leader->comm);
	bpf_core_read(out->parent_comm, sizeof(out->parent_comm), &parent->comm);
	out->exe[0] = 0;
	if (file) {
		struct dentry *dentry = FIELD(file, f_path.dentry);
		const unsigned char *name = FIELD(dentry, d_name.name);

		if (name && bpf_probe_read_kernel_str(out->exe, sizeof(out->exe), name) < 0)
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
