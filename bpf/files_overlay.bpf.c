// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files, by overlay's own functions (5.11 and later, where the kernel has BTF of
 * overlay: module BTF is of that version): each change through an overlay mount
 * runs one of them, nothing else does, and what they return says whether it
 * happened. Reads and the host's own files never come here.
 *
 * fs/overlayfs/{inode,file,dir,xattrs,copy_up}.c. fexit: a failed operation is no
 * change.
 */
#include "bpf/lib/operations.h"

SEC("?fexit/ovl_write_iter")
int BPF_PROG(ovl_write, struct kiocb *iocb, void *iter, long result)
{
	return moved_bytes(result) ? inode_changed(iocb->ki_filp->f_inode, SF_OP_write) : 0;
}

SEC("?fexit/ovl_splice_write")
int BPF_PROG(ovl_splice, void *pipe, struct file *out, void *offset, u64 size, u32 flags,
	     long result)
{
	return moved_bytes(result) ? inode_changed(out->f_inode, SF_OP_write) : 0;
}

SEC("?fexit/ovl_copy_file_range")
int BPF_PROG(ovl_copy_range, struct file *in, s64 in_offset, struct file *out, s64 out_offset,
	     u64 size, u32 flags, long result)
{
	return moved_bytes(result) ? inode_changed(out->f_inode, SF_OP_write) : 0;
}

SEC("?fexit/ovl_remap_file_range")
int BPF_PROG(ovl_remap_range, struct file *in, s64 in_offset, struct file *out, s64 out_offset,
	     s64 size, u32 flags, long result)
{
	/* To share what is equal changes no content. */
	if (result < 0 || flags & REMAP_FILE_DEDUP)
		return 0;
	return inode_changed(out->f_inode, SF_OP_write);
}

SEC("?fexit/ovl_setattr")
int ovl_attributes(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(ovl_setattr, 0);
	struct iattr *attributes = (void *)ARG(ovl_setattr, 1);

	if (RETURNED(ovl_setattr))
		return 0;
	return inode_changed(dentry->d_inode, attribute_op(WALK(attributes, ia_valid)));
}

SEC("?fexit/ovl_xattr_set")
int BPF_PROG(ovl_xattr, struct dentry *dentry, struct inode *inode, const char *name,
	     const void *value, u64 size, int flags, int result)
{
	return result ? 0 : inode_changed(inode, xattr_op(name));
}

SEC("?fexit/ovl_set_acl") /* since 6.2; before, an ACL is an attribute */
int BPF_PROG(ovl_acl, void *idmap, struct dentry *dentry, void *acl, int type, int result)
{
	return result ? 0 : inode_changed(dentry->d_inode, SF_OP_acl);
}

SEC("?fexit/ovl_fileattr_set")
int ovl_file_flags(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(ovl_fileattr_set, 0);

	if (RETURNED(ovl_fileattr_set))
		return 0;
	return inode_changed(dentry->d_inode, SF_OP_flags);
}

SEC("?fexit/ovl_create")
int ovl_creation(u64 *ctx)
{
	/* The idmapping came before the arguments of both at once. */
	struct dentry *dentry = (void *)ARG(ovl_mknod, 1);

	/* Whose place its result has depends on its last argument: what it made shows. */
	if (!WALK(dentry, d_inode))
		return 0;
	return entry_made(dentry, WALK(dentry, d_inode), SF_OP_create, SF_FILE_CREATED);
}

SEC("?fexit/ovl_mkdir")
int ovl_directory(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(ovl_mkdir, 1);

	/* Since 6.15 it returns a dentry; what it made is in ours either way. */
	if (!WALK(dentry, d_inode))
		return 0;
	return entry_made(dentry, WALK(dentry, d_inode), SF_OP_mkdir, SF_FILE_CREATED);
}

SEC("?fexit/ovl_symlink")
int ovl_symbolic_link(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(ovl_symlink, 1);

	if (RETURNED(ovl_symlink))
		return 0;
	return entry_made(dentry, WALK(dentry, d_inode), SF_OP_symlink, SF_FILE_CREATED);
}

SEC("?fexit/ovl_mknod")
int ovl_node(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(ovl_mknod, 1);

	if (RETURNED(ovl_mknod))
		return 0;
	return entry_made(dentry, WALK(dentry, d_inode), SF_OP_mknod, SF_FILE_CREATED);
}

SEC("?fexit/ovl_link")
int BPF_PROG(ovl_hard_link, struct dentry *old, struct inode *directory, struct dentry *entry,
	     int result)
{
	return result ? 0 : entry_made(entry, old->d_inode, SF_OP_link, 0);
}

SEC("?fexit/ovl_unlink")
int BPF_PROG(ovl_removal, struct inode *directory, struct dentry *entry, int result)
{
	return result ? 0 : entry_removed(entry, SF_OP_unlink);
}

SEC("?fexit/ovl_rmdir")
int BPF_PROG(ovl_directory_removal, struct inode *directory, struct dentry *entry, int result)
{
	return result ? 0 : entry_removed(entry, SF_OP_rmdir);
}

SEC("?fexit/ovl_rename")
int ovl_move(u64 *ctx)
{
	struct dentry *from = (void *)ARG(ovl_rename, 1);
	struct dentry *to = (void *)ARG(ovl_rename, 3);

	/* The dentries have their old names still: d_move() comes after. */
	if (RETURNED(ovl_rename))
		return 0;
	return entry_moved(from, to, ARG(ovl_rename, 4) & RENAME_EXCHANGE);
}

/* The last step of a copy-up, which nothing else takes. A program on
 * security_inode_copy_up() would also report those that fail. */
SEC("?fexit/ovl_inode_update")
int BPF_PROG(ovl_copy_up, struct inode *inode, struct dentry *upper)
{
	struct layer layer;

	return upper_layer(&layer, inode->i_sb) ? copied_up(&layer, inode, upper->d_inode) : 0;
}

/* The first store to a clean page of a shared mapping. */
SEC("?fexit/do_page_mkwrite")
int mapping_store(u64 *ctx)
{
	struct vm_fault *fault = (void *)ctx[0];

	if (RETURNED(do_page_mkwrite) & VM_FAULT_ERROR)
		return 0;
	return upper_inode_changed(fault->vma->vm_file, SF_OP_write);
}

/* Punching holes: madvise(MADV_REMOVE) calls no function of overlay. */
SEC("?fexit/vfs_fallocate")
int BPF_PROG(allocation, struct file *file, int mode, s64 offset, s64 size, int result)
{
	return result ? 0 : upper_inode_changed(file, SF_OP_write);
}

/* The same where files_direct.bpf.c sees what no function of overlay is called for: its
 * own work only. */
SEC("?fexit/vfs_fallocate")
int BPF_PROG(inner_allocation, struct file *file, int mode, s64 offset, s64 size, int result)
{
	struct task_struct *task = current_task();

	if (result || FIELD(task, cred) == FIELD(task, real_cred))
		return 0;
	return upper_inode_changed(file, SF_OP_write);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
