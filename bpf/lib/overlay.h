/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an overlay inode to the upper inode that holds its changes. */
#ifndef STILLFRAME_BPF_LIB_OVERLAY_H
#define STILLFRAME_BPF_LIB_OVERLAY_H

#include "bpf/lib/fold.h"
#include "bpf/lib/path.h"
#include "bpf/lib/read.h"

/*
 * struct ovl_inode { …; struct inode vfs_inode; struct dentry *__upperdentry; … }
 * (fs/overlayfs/ovl_entry.h): the pointer lies right behind the inode. Where
 * overlay is a module its types are not in vmlinux' BTF, but the size of struct
 * inode is. Reading it as a struct vfsmount, whose first field is also a
 * struct dentry *, yields a typed pointer.
 */
static __always_inline struct dentry *upper_dentry(struct inode *overlay_inode)
{
	void *behind = (void *)overlay_inode + bpf_core_type_size(struct inode);

	return FIELD(CAST(vfsmount, behind), mnt_root);
}

/* The device that stat(2) has for all inodes of a filesystem; 0: each subvolume has one
 * of its own. */
static __always_inline u32 common_dev(struct super_block *sb)
{
	if (FIELD(sb, s_magic) == BTRFS_SUPER_MAGIC &&
	    bpf_core_field_exists(struct btrfs_root, anon_dev))
		return 0;
	return FIELD(sb, s_dev);
}

/*
 * The device that stat(2) has for an inode. On btrfs each subvolume has one
 * of its own, and needs it: a snapshot's inodes have the numbers and generations
 * of those they were copied from. Elsewhere it is the superblock's.
 */
static __always_inline u32 inode_dev(struct inode *inode)
{
	u32 dev = common_dev(FIELD(inode, i_sb));
	struct btrfs_inode *btrfs;

	/* Without the type there is never none. */
	if (dev || !bpf_core_field_exists(struct btrfs_root, anon_dev))
		return dev;
	btrfs = (void *)inode - bpf_core_field_offset(struct btrfs_inode, vfs_inode);
	return BPF_CORE_READ(btrfs, root, anon_dev);
}

/* `common`: of its filesystem, where it is known; else 0. */
static __always_inline void fill_inode_on(struct sf_inode *out, struct inode *inode, u32 common)
{
	out->ino = FIELD(inode, i_ino);
	out->generation = FIELD(inode, i_generation);
	out->dev = common ? common : inode_dev(inode);
}

static __always_inline void fill_inode(struct sf_inode *out, struct inode *inode)
{
	fill_inode_on(out, inode, 0);
}

/* The upper inode of an overlay's inode; none as long as it is the image's. */
static __always_inline struct inode *upper_inode(struct inode *overlay_inode)
{
	struct dentry *upper = upper_dentry(overlay_inode);

	return upper ? FIELD(upper, d_inode) : NULL;
}

static __always_inline bool is_overlay(struct super_block *sb)
{
	return FIELD(sb, s_magic) == OVERLAYFS_SUPER_MAGIC;
}

/* The upper directory of an overlay. A read-only overlay has none. */
static __always_inline bool upper_root(struct sf_inode *out, struct super_block *sb)
{
	struct dentry *root = FIELD(sb, s_root);
	struct inode *upper;

	if (!root)
		return false;
	upper = upper_inode(FIELD(root, d_inode));
	if (!upper)
		return false;
	fill_inode(out, upper);
	return true;
}

/* An overlay's upper layer: its top, and common_dev() of the filesystem that it is on. */
struct layer {
	struct sf_inode root;
	u32 common;
};

/* That of an overlay whose superblock has its type (WALK()). */
static __always_inline bool upper_layer(struct layer *out, struct super_block *sb)
{
	struct dentry *root = WALK(sb, s_root);
	struct inode *upper;

	if (!root)
		return false;
	upper = upper_inode(WALK(root, d_inode));
	if (!upper)
		return false;
	out->common = common_dev(FIELD(upper, i_sb));
	fill_inode_on(&out->root, upper, out->common);
	return true;
}

/* The upper root that is known of, by the mount of its layer, which overlay has for itself
 * and since 6.5 opens what is in the layer by. False: no such mount, or another layer's. */
static __always_inline bool root_of_layer(struct sf_inode *out, struct vfsmount *mnt)
{
	struct dentry *top;

	if (!is_internal(mnt))
		return false;
	top = FIELD(mnt, mnt_root);
	fill_inode(out, FIELD(top, d_inode));
	return bpf_map_lookup_elem(&roots, out);
}

/* A dentry of the inode, any of them. */
static __always_inline struct dentry *some_dentry(struct inode *inode)
{
	struct hlist_node *node = FIELD(inode, i_dentry.first);
	u64 offset;

	if (!node)
		return NULL;
	if (bpf_core_field_exists(struct dentry, d_u.d_alias))
		offset = bpf_core_field_offset(struct dentry, d_u.d_alias);
	else
		offset = bpf_core_field_offset(struct dentry___unnamed, d_alias);
	return CAST(dentry, (void *)node - offset);
}

/* Not to be found by its name. The upper dentry of a file that was copied up by
 * way of an unnamed one (O_TMPFILE) stays so: overlay keeps the one that it made,
 * with a name of the kernel's. */
static __always_inline bool unhashed(struct dentry *dentry)
{
	return !FIELD(dentry, d_hash.pprev);
}

/* What stands in an upper directory for a name that was removed. Overlay makes all of
 * them links of one inode, so that what happens to it says nothing of any name. */
static __always_inline bool is_whiteout(struct inode *inode)
{
	return S_ISCHR(FIELD(inode, i_mode)) && !FIELD(inode, i_rdev);
}

/* fs.h's I_CTIME_QUERIED (6.13): somebody has seen this value. */
#define CTIME_NSEC 0x7fffffff

/* In wall time. Two fields since 6.11, one struct before, of another name since 6.6. */
static __always_inline s64 inode_ctime(struct inode *inode)
{
	struct inode___66 *newer = (void *)inode;
	struct inode___old *older = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return FIELD(inode, i_ctime_sec) * (s64)SECOND_NS +
		       (FIELD(inode, i_ctime_nsec) & CTIME_NSEC);
	if (bpf_core_field_exists(newer->__i_ctime))
		return FIELD(newer, __i_ctime.tv_sec) * (s64)SECOND_NS +
		       FIELD(newer, __i_ctime.tv_nsec);
	return FIELD(older, i_ctime.tv_sec) * (s64)SECOND_NS + FIELD(older, i_ctime.tv_nsec);
}

#endif
