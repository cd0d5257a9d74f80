/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* In whose rootfs a task works, whoever it is. Whose it is itself says home_of(). */
#ifndef STILLFRAME_BPF_LIB_WHOSE_H
#define STILLFRAME_BPF_LIB_WHOSE_H

#include "bpf/lib/foreign.h"

static __always_inline bool has_hosts_root(struct inode *root)
{
	return FIELD(root, i_ino) == config.host_root_ino &&
	       inode_dev(root) == config.host_root_dev;
}

/* Has this task mounts and a root directory of its own? */
static __always_inline bool has_own_root(struct task_struct *task, const struct task_root *root)
{
	return !in_host_mnt_ns(task) && !has_hosts_root(root->directory);
}

/* The container whose mounts the task sees. */
static __always_inline bool sees_mounts_of(struct rootfs *out, struct task_struct *task)
{
	struct nsproxy *nsproxy = WALK(task, nsproxy);
	struct sf_cgroup_state *state;
	struct mnt_namespace *mounts;
	struct sf_mount_ns *known;
	u32 inum;
	u64 id;

	if (!nsproxy)
		return false;
	mounts = WALK(nsproxy, mnt_ns);
	inum = WALK(mounts, ns.inum);
	if (inum == config.host_mnt_ns)
		return false;
	known = bpf_map_lookup_elem(&mount_namespaces, &inum);
	if (!known)
		return false;
	out->root = known->root;
	id = known->cgroup;
	state = bpf_map_lookup_elem(&cgroups, &id);
	out->dev = state ? state->rootfs_dev : 0;
	return true;
}

/* The container whose rootfs is the task's root, in whatever mount namespace. */
static __always_inline bool has_root_of(struct rootfs *out, const struct task_root *root)
{
	struct super_block *sb = FIELD(root->mnt, mnt_sb);
	struct sf_root_state *state;

	out->dev = 0;
	if (is_overlay(sb)) {
		if (!upper_root(&out->root, sb))
			return false;
		out->dev = FIELD(sb, s_dev);
	} else if (has_hosts_root(root->directory)) {
		return false;
	} else {
		fill_inode(&out->root, root->directory);
	}
	state = bpf_map_lookup_elem(&roots, &out->root);
	return state && (state->flags & SF_ROOT_LIVE);
}

/* The live container that a task works in: it may have come from the host, by nsenter or
 * chroot, or from another container. */
static __always_inline bool works_in(struct rootfs *out, struct task_struct *task,
				     const struct task_root *root)
{
	return sees_mounts_of(out, task) || has_root_of(out, root);
}

static __always_inline void rootfs_of(struct rootfs *out, const struct sf_cgroup_state *state)
{
	out->root = state->root;
	out->dev = state->rootfs_dev;
}

#endif
