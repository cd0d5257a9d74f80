// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files, by functions of the VFS, where the kernel has no BTF of overlay (5.10, or
 * a build without module BTF). Each is asked first whether it is about an overlay:
 * the outer half of a change carries name and kind, and of the work that overlay
 * hands down to the upper filesystem only those calls are watched that plain files
 * never make. Nothing here is on the path of reads.
 *
 * fs/{namei,attr,xattr,ioctl,read_write,remap_range,splice,open}.c, fs/dcache.c,
 * fs/overlayfs/copy_up.c.
 */
#include "bpf/lib/operations.h"

#if defined(__TARGET_ARCH_x86)
#define ARGUMENT(at, n) ((const void *)((n) == 0 ? (at)->di : (at)->si))
#elif defined(__TARGET_ARCH_arm64)
#define ARGUMENT(at, n) ((const void *)(at)->regs[n])
#endif

static __always_inline bool in_overlay(struct dentry *dentry)
{
	struct super_block *sb = WALK(dentry, d_sb);

	return WALK(sb, s_magic) == OVERLAYFS_SUPER_MAGIC;
}

/* Overlay writes to the upper file by these two, for whichever system call. */
SEC("?fexit/vfs_iter_write")
int BPF_PROG(handed_write, struct file *file, void *iter, void *offset, int flags, long result)
{
	return moved_bytes(result) ? upper_inode_changed(file, SF_OP_write) : 0;
}

SEC("?fexit/vfs_iocb_iter_write")
int BPF_PROG(handed_async_write, struct file *file, void *iocb, void *iter, long result)
{
	return moved_bytes(result) ? upper_inode_changed(file, SF_OP_write) : 0;
}

SEC("?fexit/vfs_fallocate")
int BPF_PROG(handed_allocation, struct file *file, int mode, s64 offset, s64 size, int result)
{
	return result ? 0 : upper_inode_changed(file, SF_OP_write);
}

SEC("?fexit/vfs_clone_file_range")
int BPF_PROG(handed_clone, struct file *in, s64 in_offset, struct file *out, s64 out_offset,
	     s64 size, u32 flags, long result)
{
	return result >= 0 ? upper_inode_changed(out, SF_OP_write) : 0;
}

SEC("?fexit/vfs_copy_file_range")
int BPF_PROG(handed_copy, struct file *in, s64 in_offset, struct file *out, s64 out_offset,
	     u64 size, u32 flags, long result)
{
	return moved_bytes(result) ? upper_inode_changed(out, SF_OP_write) : 0;
}

SEC("?fexit/backing_file_splice_write") /* since 6.9 */
int BPF_PROG(handed_splice, void *pipe, struct file *out, void *offset, u64 size, u32 flags,
	     void *context, long result)
{
	return moved_bytes(result) ? upper_inode_changed(out, SF_OP_write) : 0;
}

SEC("?fexit/do_page_mkwrite")
int vfs_mapping_store(u64 *ctx)
{
	struct vm_fault *fault = (void *)ctx[0];

	if (RETURNED(do_page_mkwrite) & VM_FAULT_ERROR)
		return 0;
	return upper_inode_changed(fault->vma->vm_file, SF_OP_write);
}

SEC("?fexit/notify_change")
int vfs_attributes(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(notify_change, 0);
	struct iattr *attributes = (void *)ARG(notify_change, 1);

	if (!in_overlay(dentry) || RETURNED(notify_change))
		return 0;
	return inode_changed(dentry->d_inode, attribute_op(WALK(attributes, ia_valid)));
}

SEC("?fexit/__vfs_setxattr_noperm")
int vfs_xattr(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(__vfs_setxattr_noperm, 0);

	if (!in_overlay(dentry) || RETURNED(__vfs_setxattr_noperm))
		return 0;
	return inode_changed(dentry->d_inode,
			     xattr_op((const char *)ARG(__vfs_setxattr_noperm, 1)));
}

SEC("?fexit/__vfs_removexattr_locked")
int vfs_xattr_removal(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(__vfs_removexattr_locked, 0);

	if (!in_overlay(dentry) || RETURNED(__vfs_removexattr_locked))
		return 0;
	return inode_changed(dentry->d_inode,
			     xattr_op((const char *)ARG(__vfs_removexattr_locked, 1)));
}

SEC("?fexit/vfs_set_acl") /* since 6.2; before, an ACL is an attribute */
int BPF_PROG(vfs_acl, void *idmap, struct dentry *dentry, const char *name, void *acl, int result)
{
	return result || !in_overlay(dentry) ? 0 : inode_changed(dentry->d_inode, SF_OP_acl);
}

SEC("?fexit/vfs_remove_acl")
int BPF_PROG(vfs_acl_removal, void *idmap, struct dentry *dentry, const char *name, int result)
{
	return result || !in_overlay(dentry) ? 0 : inode_changed(dentry->d_inode, SF_OP_acl);
}

SEC("?fexit/vfs_fileattr_set") /* since 5.13 */
int vfs_file_flags(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(vfs_fileattr_set, 0);

	if (!in_overlay(dentry) || RETURNED(vfs_fileattr_set))
		return 0;
	return inode_changed(dentry->d_inode, SF_OP_flags);
}

/* 5.10: overlay passes chattr(1)'s ioctl to the upper file, whose path is still that
 * in the overlay. No other call of an overlay file asks for this one below it. */
SEC("?fexit/mnt_want_write_file")
int BPF_PROG(vfs_file_ioctl, struct file *file, int result)
{
	if (result || !in_overlay(file->f_path.dentry))
		return 0;
	return upper_inode_changed(file, SF_OP_flags);
}

/* Called when a name was made: by creation, or as another of an inode. */
SEC("?fexit/d_instantiate")
int BPF_PROG(vfs_entry_made, struct dentry *entry, struct inode *inode)
{
	u32 mode;

	if (!inode || !in_overlay(entry))
		return 0;
	mode = inode->i_mode;
	if (!S_ISDIR(mode) && inode->i_nlink > 1)
		return entry_made(entry, inode, SF_OP_link, 0);
	/* Which kind of creation it was, the mode shows. */
	return entry_made(entry, inode, SF_OP_unknown, SF_FILE_CREATED);
}

/* Called when an unlink or rmdir was done, with the entry as it was. */
SEC("?fentry/d_delete")
int BPF_PROG(vfs_entry_removed, struct dentry *entry)
{
	struct inode *inode = entry->d_inode;

	if (!inode || !in_overlay(entry))
		return 0;
	return entry_removed(entry, S_ISDIR(inode->i_mode) ? SF_OP_rmdir : SF_OP_unlink);
}

/* Called when a rename was done, with the names that were. */
SEC("?fentry/d_move")
int BPF_PROG(vfs_entry_moved, struct dentry *from, struct dentry *to)
{
	return in_overlay(from) ? entry_moved(from, to, false) : 0;
}

SEC("?fentry/d_exchange")
int BPF_PROG(vfs_entries_exchanged, struct dentry *from, struct dentry *to)
{
	return in_overlay(from) ? entry_moved(from, to, true) : 0;
}

/* The last step of a copy-up, in overlay itself: no BTF is needed for a kprobe. */
SEC("?kprobe/ovl_inode_update")
int vfs_copy_up(struct pt_regs *ctx)
{
	struct dentry *upper = CAST(dentry, ARGUMENT(ctx, 1));
	struct inode *inode = CAST(inode, ARGUMENT(ctx, 0));
	struct layer layer = {};

	/* Of no type before 6.2. */
	if (!upper_root(&layer.root, FIELD(inode, i_sb)))
		return 0;
	return copied_up(&layer, inode, FIELD(upper, d_inode));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
