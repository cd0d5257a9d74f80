/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths, for what happens seldom: a walk through dentries and mounts up to the
 * task's root. The names come out leaf first; the agent turns them round.
 */
#ifndef STILLFRAME_BPF_LIB_PATH_H
#define STILLFRAME_BPF_LIB_PATH_H

#include "bpf/lib/process.h"

/* Deeper paths are cut at the top, and counted (walk_truncated). A loop that the
 * verifier of 5.10 follows to its end: each step costs it some hundred instructions. */
#define WALK_STEPS 48

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* The mount namespace that a mount is in; 0: none, or none of its own any more. */
static __always_inline u32 mount_ns_of(struct vfsmount *mnt)
{
	struct mnt_namespace *ns = BPF_CORE_READ(mount_of(mnt), mnt_ns);

	return ns ? BPF_CORE_READ(ns, ns.inum) : 0;
}

/* What a mount has for a namespace that the kernel keeps to itself: fs/mount.h */
#define MNT_NS_INTERNAL ((struct mnt_namespace *)-22l)

static __always_inline bool is_internal(struct vfsmount *mnt)
{
	return BPF_CORE_READ(mount_of(mnt), mnt_ns) == MNT_NS_INTERNAL;
}

/* The name alone, of what lies nowhere. */
static __always_inline void read_name(char *text, u32 *size, struct dentry *dentry)
{
	long len = bpf_probe_read_kernel_str(text, SF_NAME_LEN, BPF_CORE_READ(dentry, d_name.name));

	*size = 0;
	if (len > 0 && len <= SF_NAME_LEN)
		*size = len;
	else
		count_loss(SF_LOSS_read_failed);
}

/*
 * Writes the names to text[SF_PATH_TEXT], each with its NUL, and their size. Both
 * lie in an event: what is read back from there the verifier knows nothing of, so
 * that it takes all ways through one step for the same and need not follow each.
 */
static __always_inline void read_names(char *text, u32 *size, struct vfsmount *mnt,
				       struct dentry *dentry)
{
	struct fs_struct *fs = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), fs);
	struct dentry *root = BPF_CORE_READ(fs, root.dentry);
	struct vfsmount *root_mnt = BPF_CORE_READ(fs, root.mnt);
	long len;

	*size = 0;
	for (int i = 0; i < WALK_STEPS; i++) {
		struct dentry *parent;
		u32 at;

		if (dentry == root && mnt == root_mnt)
			return;
		if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
			struct mount *child = mount_of(mnt);
			struct mount *above = BPF_CORE_READ(child, mnt_parent);

			if (!above || above == child)
				return;
			dentry = BPF_CORE_READ(child, mnt_mountpoint);
			mnt = (void *)above + bpf_core_field_offset(struct mount, mnt);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		if (!parent || parent == dentry)
			return;
		at = *(volatile u32 *)size;
		if (at >= SF_PATH_TEXT - SF_NAME_LEN)
			break;
		/* Room for one name: at <= 511. The mask says so once more, where
		 * the compiler cannot take it for superfluous. */
		asm volatile("" : "+r"(at));
		at &= SF_PATH_TEXT - SF_NAME_LEN - 1;
		len = bpf_probe_read_kernel_str(text + at, SF_NAME_LEN,
						BPF_CORE_READ(dentry, d_name.name));
		if (len <= 0 || len > SF_NAME_LEN) {
			count_loss(SF_LOSS_read_failed);
			return;
		}
		*(volatile u32 *)size = at + len;
		dentry = parent;
	}
	count_loss(SF_LOSS_walk_truncated);
}

#endif
