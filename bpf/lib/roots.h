/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From any inode to the upper root that it lies under, by the directories above it. */
#ifndef STILLFRAME_BPF_LIB_ROOTS_H
#define STILLFRAME_BPF_LIB_ROOTS_H

#include "bpf/lib/change.h"

static __always_inline void inode_place(struct sf_inode_key *place, struct inode *inode, u32 dev)
{
	place->ino = FIELD(inode, i_ino);
	place->dev = dev;
}

enum elsewhere {
	UNKNOWN,
	PERHAPS, /* not enough of the directories above it were asked to be sure */
	SURELY,
};

/* Whether an inode is known to lie in no upper directory. */
static __always_inline enum elsewhere lies_elsewhere(const struct sf_inode_key *place,
						     struct inode *inode)
{
	struct sf_not_upper *mark = bpf_map_lookup_elem(&not_upper, place);

	if (!mark || mark->generation != FIELD(inode, i_generation) || mark->roots != roots_made())
		return UNKNOWN;
	return mark->sure ? SURELY : PERHAPS;
}

/*
 * An inode of which nothing sure is known changed on a filesystem that holds upper
 * directories: does it lie in one of them? Its parents know. For a container's
 * task up to 32 are asked, which reaches every real rootfs (deeper ones are
 * found by scan and counted); for the host's only 8: enough for what `mkdir -p`
 * makes before a scan has followed. `keep`: whether it may be remembered that it
 * lies in none.
 */
static __always_inline bool find_root(struct sf_inode *out, struct inode *inode, u32 dev,
				      struct task_struct *task, enum elsewhere before, bool keep)
{
	struct super_block *sb = FIELD(inode, i_sb);
	bool btrfs = FIELD(sb, s_magic) == BTRFS_SUPER_MAGIC;
	struct dentry *dentry = some_dentry(inode);
	struct sf_not_upper mark = {};
	struct sf_inode_key place = {};
	u64 cgroup;
	int levels = 8;
	int i;

	if (!dentry)
		return false;
	cgroup = cgroup_id(cgroup_of(task));
	if (bpf_map_lookup_elem(&cgroups, &cgroup))
		levels = 32;
	else if (before == PERHAPS)
		return false;
	/* Before the walk: a root that is made meanwhile may not be met any more. */
	mark.roots = roots_made();
	for (i = 0; i < 32 && i < levels; i++) {
		struct dentry *parent = FIELD(dentry, d_parent);
		struct inode *directory = FIELD(parent, d_inode);
		struct inode *own = FIELD(dentry, d_inode);
		struct sf_inode_state *known;

		mark.sure = 1;
		/* A subvolume's root: on another device from here on. */
		if (btrfs && own && FIELD(own, i_ino) == BTRFS_FIRST_FREE_OBJECTID)
			break;
		if (parent == dentry || !directory)
			break;
		inode_place(&place, directory, dev);
		known = bpf_map_lookup_elem(&upper_inodes, &place);
		if (known && known->generation == FIELD(directory, i_generation)) {
			*out = known->root;
			return true;
		}
		mark.sure = 0;
		dentry = parent;
	}
	if (i == 32)
		count_loss(SF_LOSS_walk_truncated);
	/* Overlay makes directories apart and moves them in when they are done:
	 * what is true of them now will not be then. */
	if (!keep)
		return false;
	inode_place(&place, inode, dev);
	mark.generation = FIELD(inode, i_generation);
	bpf_map_update_elem(&not_upper, &place, &mark, BPF_ANY);
	return false;
}

#endif
