/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an overlay inode to the upper inode that holds its changes. */
#ifndef STILLFRAME_BPF_OVERLAY_H
#define STILLFRAME_BPF_OVERLAY_H

#include "bpf/maps.h"

/*
 * Kernel function (6.2): gives any address the type that is asked for, for
 * reading only; a bad one reads as zeroes. Makes pointer chasing as cheap as a
 * plain load. The second argument is a type of the running kernel's BTF.
 */
extern void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym;

#define TYPED(type, address)                                                                       \
	((struct type *)bpf_rdonly_cast((address), bpf_core_type_id_kernel(struct type)))

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

	return TYPED(vfsmount, behind)->mnt_root;
}

/*
 * The device by which stat(2) tells inodes apart. On btrfs each subvolume has one
 * of its own, and needs it: a snapshot's inodes have the numbers and generations
 * of those they were copied from. Elsewhere it is the superblock's.
 */
static __always_inline u32 inode_dev(struct inode *inode)
{
	struct btrfs_inode *btrfs;

	if (inode->i_sb->s_magic != BTRFS_SUPER_MAGIC ||
	    !bpf_core_field_exists(struct btrfs_root, anon_dev))
		return inode->i_sb->s_dev;
	btrfs = (void *)inode - bpf_core_field_offset(struct btrfs_inode, vfs_inode);
	return BPF_CORE_READ(btrfs, root, anon_dev);
}

static __always_inline void fill_inode(struct sf_inode *out, struct inode *inode)
{
	out->ino = inode->i_ino;
	out->generation = inode->i_generation;
	out->dev = inode_dev(inode);
}

/* The upper directory of an overlay. A read-only overlay has none. */
static __always_inline bool upper_root(struct sf_inode *out, struct super_block *sb)
{
	struct dentry *root = sb->s_root;
	struct dentry *upper;

	if (!root)
		return false;
	upper = upper_dentry(root->d_inode);
	if (!upper || !upper->d_inode)
		return false;
	fill_inode(out, upper->d_inode);
	return true;
}

#endif
