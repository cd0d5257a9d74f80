/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who acts: the current task, its container and its session. */
#ifndef STILLFRAME_BPF_PROCESS_H
#define STILLFRAME_BPF_PROCESS_H

#include "bpf/maps.h"

/* A task's cgroup in the observed hierarchy. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	s32 subsys = observed_subsys;

	if (subsys < 0)
		return task->cgroups->dfl_cgrp;
	/* 16 is above CGROUP_SUBSYS_COUNT of every kernel so far. */
	if (subsys >= 16)
		return NULL;
	return BPF_CORE_READ(task, cgroups, subsys[subsys], cgroup);
}

static __always_inline u64 cgroup_id(struct cgroup *cgroup)
{
	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

static __always_inline bool in_host_mnt_ns(struct task_struct *task)
{
	struct nsproxy *nsproxy = task->nsproxy;

	/* An exiting task has none; then it changes nothing any more. */
	return !nsproxy || nsproxy->mnt_ns->ns.inum == host_mnt_ns;
}

static __always_inline void fill_process(struct sf_process *out, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct sf_followed *followed;
	struct mm_struct *mm = task->mm;
	u32 tgid = task->tgid;
	u64 cgroup = cgroup_id(cgroup_of(task));

	out->cgroup = cgroup;
	out->session = 0;
	out->start_ns = task->group_leader->start_boottime;
	out->pid = tgid;
	out->ppid = parent->tgid;
	out->uid = (u32)bpf_get_current_uid_gid();
	out->flags = 0;
	if (task->flags & PF_KTHREAD)
		out->flags |= SF_PROCESS_KERNEL;
	if (in_host_mnt_ns(task))
		out->flags |= SF_PROCESS_HOST_MNT_NS;
	if (bpf_map_lookup_elem(&cgroups, &cgroup))
		out->flags |= SF_PROCESS_IN_CONTAINER;
	followed = bpf_map_lookup_elem(&processes, &tgid);
	if (followed) {
		out->session = followed->session;
		out->flags |= SF_PROCESS_FOLLOWED;
	}
	/* The leader's comm: threads may name themselves as they like. */
	bpf_probe_read_kernel(out->comm, sizeof(out->comm), task->group_leader->comm);
	bpf_probe_read_kernel(out->parent_comm, sizeof(out->parent_comm), parent->comm);
	out->exe[0] = 0;
	if (mm) {
		const unsigned char *name = BPF_CORE_READ(mm, exe_file, f_path.dentry, d_name.name);

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
