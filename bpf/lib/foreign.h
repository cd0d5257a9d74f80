/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one judge of code: whether a file that a container runs, or maps to run code
 * from, is what its image holds. */
#ifndef STILLFRAME_BPF_LIB_FOREIGN_H
#define STILLFRAME_BPF_LIB_FOREIGN_H

#include "bpf/lib/overlay.h"
#include "bpf/lib/path.h"

/* What a mount has for a namespace that the kernel keeps to itself: fs/mount.h */
#define MNT_NS_INTERNAL ((struct mnt_namespace *)-22l)

/* A file and how it was reached. All typed where the kernel has typed reads: from the
 * arguments, or by FIELD(). */
struct code_file {
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct inode *inode;
	struct vfsmount *root; /* the task's root mount */
};

/* What the judge found: of a file of the container's own, its upper inode. */
struct foreign {
	struct sf_inode inode;
	u32 kind; /* enum sf_exec_kind */
};

static __always_inline bool is_internal(struct vfsmount *mnt)
{
	return BPF_CORE_READ(mount_of(mnt), mnt_ns) == MNT_NS_INTERNAL;
}

/* The names that the kernel gives to files of its own: none is as long as this. */
#define OWN_NAME_LEN 12

static __always_inline bool has_name(const char *name, const char *wanted, u32 size)
{
	for (u32 i = 0; i < size && i < OWN_NAME_LEN; i++) {
		if (name[i] != wanted[i])
			return false;
	}
	return true;
}

/* A file without a name: a memfd, one that was removed, or (false) memory that is
 * shared without being anybody's file: mm/shmem.c, ipc/shm.c. */
static __always_inline bool nameless_file(struct foreign *out, const struct code_file *file)
{
	struct super_block *sb = FIELD(file->inode, i_sb);
	char name[OWN_NAME_LEN] = {};

	out->kind = SF_EXEC_DELETED;
	if (FIELD(sb, s_magic) != TMPFS_MAGIC)
		return true;
	bpf_probe_read_kernel_str(name, sizeof(name), FIELD(file->dentry, d_name.name));
	if (has_name(name, "memfd:", 6))
		out->kind = SF_EXEC_MEMFD;
	/* On the kernel's own mount: a container may name a file as it likes. */
	else if (has_name(name, "dev/zero", 8) || has_name(name, "SYSV", 4))
		return !is_internal(file->mnt);
	return true;
}

/* A mapping through overlay is one of the file below it, which since 6.5 is opened
 * by a path of its own, on a private mount of the layer. Whether that is the upper
 * one the files sensor knows. */
static __always_inline bool in_upper_layer(const struct sf_inode *inode)
{
	struct sf_inode_key key = {.ino = inode->ino, .dev = inode->dev};
	struct sf_inode_state *known = bpf_map_lookup_elem(&upper_inodes, &key);

	return known && known->generation == inode->generation;
}

/* False: the image holds it as it is. `root`: of the container. */
static __always_inline bool is_foreign(struct foreign *out, const struct code_file *file,
				       const struct sf_inode *root)
{
	struct inode *inode = file->inode;
	struct super_block *sb = FIELD(inode, i_sb);
	struct sf_root_state *state;
	struct inode *upper;

	fill_inode(&out->inode, inode);
	if (FIELD(inode, i_nlink) == 0)
		return nameless_file(out, file);
	if (is_internal(file->mnt)) {
		out->kind = SF_EXEC_UPPER;
		return in_upper_layer(&out->inode);
	}
	out->kind = SF_EXEC_VOLUME;
	if (sb != FIELD(file->root, mnt_sb))
		return true;
	if (!is_overlay(sb)) {
		/* A volume may be on the filesystem that the rootfs is on, too: what
		 * tells them apart is the mount. */
		if (file->mnt != file->root)
			return true;
		/* The image's own were there before life began. */
		out->kind = SF_EXEC_UPPER;
		state = bpf_map_lookup_elem(&roots, root);
		return state && inode_ctime(inode) > state->since_ns;
	}
	upper = upper_inode(inode);
	if (!upper)
		return false;
	fill_inode(&out->inode, upper);
	out->kind = SF_EXEC_UPPER;
	return true;
}

#endif
