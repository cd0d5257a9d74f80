/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one judge of code: whether a file that a container runs, or maps to run code
 * from, is what its image holds. */
#ifndef STILLFRAME_BPF_LIB_FOREIGN_H
#define STILLFRAME_BPF_LIB_FOREIGN_H

#include "bpf/lib/overlay.h"
#include "bpf/lib/path.h"

/* What a container's rootfs is known by, from wherever it is looked at. */
struct rootfs {
	struct sf_inode root; /* none: an overlay that is read-only */
	u32 dev;	      /* of an overlay as it is mounted; 0: not known */
};

/* Where a task has its root. */
struct task_root {
	struct vfsmount *mnt;
	struct inode *directory;
};

/* A file and how it was reached. All typed where the kernel has typed reads: from the
 * arguments, or by FIELD(). */
struct code_file {
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct inode *inode;
	struct task_root root;
};

/* What the judge found: of a file of the container's own, its upper inode. */
struct foreign {
	struct sf_inode inode;
	u32 kind; /* enum sf_exec_kind */
};

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

static __always_inline bool same_inode(const struct sf_inode *a, const struct sf_inode *b)
{
	return a->ino == b->ino && a->generation == b->generation && a->dev == b->dev;
}

/*
 * Does what was reached by this mount lie in the container's rootfs? The task's own root
 * does not decide: it may be in a volume or in an overlay of the task's own by now.
 * `task_root`: where it is, since a directory may be a root without being mounted.
 */
static __always_inline bool in_rootfs(const struct rootfs *rootfs, struct vfsmount *mnt,
				      const struct task_root *task_root)
{
	struct super_block *sb = FIELD(mnt, mnt_sb);
	struct sf_inode own = {};
	struct dentry *top;

	if (is_overlay(sb)) {
		if (rootfs->dev)
			return FIELD(sb, s_dev) == rootfs->dev;
		if (rootfs->root.ino)
			return upper_root(&own, sb) && same_inode(&own, &rootfs->root);
		return mnt == task_root->mnt;
	}
	/* A volume may be on the filesystem that the rootfs is on, too: what
	 * was mounted makes the difference. */
	top = FIELD(mnt, mnt_root);
	fill_inode(&own, FIELD(top, d_inode));
	if (same_inode(&own, &rootfs->root))
		return true;
	if (mnt != task_root->mnt)
		return false;
	fill_inode(&own, task_root->directory);
	return same_inode(&own, &rootfs->root);
}

/* False: the image holds it as it is. */
static __always_inline bool is_foreign(struct foreign *out, const struct code_file *file,
				       const struct rootfs *rootfs)
{
	struct inode *inode = file->inode;
	struct super_block *sb = FIELD(inode, i_sb);
	struct sf_root_state *state;
	struct sf_inode layer;
	struct inode *upper;

	fill_inode(&out->inode, inode);
	if (FIELD(inode, i_nlink) == 0)
		return nameless_file(out, file);
	if (is_internal(file->mnt)) {
		out->kind = SF_EXEC_UPPER;
		return root_of_layer(&layer, file->mnt);
	}
	out->kind = SF_EXEC_VOLUME;
	if (!in_rootfs(rootfs, file->mnt, &file->root))
		return true;
	out->kind = SF_EXEC_UPPER;
	if (!is_overlay(sb)) {
		/* The image's own were there before life began. */
		state = bpf_map_lookup_elem(&roots, &rootfs->root);
		return state && inode_ctime(inode) > state->since_ns;
	}
	upper = upper_inode(inode);
	if (!upper)
		return false;
	fill_inode(&out->inode, upper);
	return true;
}

#endif
