/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From any inode to the upper root that it lies under, by the directories above it. */
#ifndef STILLFRAME_BPF_ROOTS_H
#define STILLFRAME_BPF_ROOTS_H

#include "bpf/change.h"

/*
 * An inode that is not known changed on a filesystem that holds upper
 * directories: does it lie in one of them? Its parents know. For a container's
 * task up to 32 are asked, which reaches every real rootfs (deeper ones are
 * found by scan and counted); for the host's only 8, since its own files pay for
 * it once each: enough for what `mkdir -p` makes before a scan has followed.
 */
static __always_inline bool find_root(struct sf_inode *out, struct inode *inode, u32 dev,
				      int levels, bool keep)
{
	struct sf_inode_key key = {.ino = FIELD(inode, i_ino), .dev = dev};
	struct sf_not_upper *before = bpf_map_lookup_elem(&not_upper, &key);
	struct sf_not_upper mark = {};
	struct super_block *sb = FIELD(inode, i_sb);
	bool btrfs = FIELD(sb, s_magic) == BTRFS_SUPER_MAGIC;
	struct dentry *dentry;
	int i;

	mark.generation = FIELD(inode, i_generation);
	mark.roots = roots_made();
	if (before && before->generation == mark.generation && before->roots == mark.roots)
		return false;
	dentry = some_dentry(inode);
	if (!dentry)
		return false; /* being made: nobody can tell yet */
	for (i = 0; dentry && i < 32 && i < levels; i++) {
		struct dentry *parent = FIELD(dentry, d_parent);
		struct inode *directory = FIELD(parent, d_inode);
		struct sf_inode_key up = {.dev = key.dev};
		struct sf_inode_state *known;

		if (btrfs) {
			struct inode *own = FIELD(dentry, d_inode);

			/* A subvolume's root: on another device from here on. */
			if (own && FIELD(own, i_ino) == BTRFS_FIRST_FREE_OBJECTID) {
				dentry = NULL;
				break;
			}
		}
		if (parent == dentry || !directory) {
			dentry = NULL;
			break;
		}
		up.ino = FIELD(directory, i_ino);
		known = bpf_map_lookup_elem(&upper_inodes, &up);
		if (known && known->generation == FIELD(directory, i_generation)) {
			*out = known->root;
			return true;
		}
		dentry = parent;
	}
	if (i == 32)
		count_loss(SF_LOSS_walk_truncated);
	/* Overlay makes directories aside and moves them in when they are done:
	 * what is true of them now will not be then. */
	if (!keep)
		return false;
	bpf_map_update_elem(&not_upper, &key, &mark, BPF_ANY);
	return false;
}

#endif
