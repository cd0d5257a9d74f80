// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files of a rootfs that is not an overlay, below 6.13: by functions of the VFS that
 * every filesystem's changes come by. So do the host's, which pay a look-up of the
 * device: attached only while a container has such a rootfs. An overlay's upper
 * directory is none; overlay's own functions report it.
 *
 * fs/{attr,xattr,posix_acl,ioctl,read_write,remap_range,open,inode}.c, fs/dcache.c.
 */
#include "bpf/lib/operations.h"
#include "bpf/lib/roots.h"

/* The rootfs that an inode lies in, if it is one of ours that is not an overlay. What is
 * known to lie in one comes first: it may have been elsewhere before it was moved. */
static __noinline int plain_root(struct sf_inode *out, struct inode *inode, u32 dev)
{
	struct sf_inode_key place = {};
	struct sf_inode_state *known;
	struct sf_root_state *root;
	enum elsewhere where;
	int found = 0;

	if (!bpf_map_lookup_elem(&upper_devs, &dev))
		return done();
	inode_place(&place, inode, dev);
	known = bpf_map_lookup_elem(&upper_inodes, &place);
	if (known && known->generation == FIELD(inode, i_generation)) {
		*out = known->root;
	} else {
		struct task_struct *task = current_task();
		/* override_creds(): overlay works as the mounter, apart from where
		 * things will be. */
		bool inner = FIELD(task, cred) != FIELD(task, real_cred);

		where = lies_elsewhere(&place, inode);
		if (where == SURELY || !find_root(out, inode, dev, task, where, !inner))
			return done();
	}
	root = bpf_map_lookup_elem(&roots, out);
	if (root && (root->flags & SF_ROOT_PLAIN))
		found = 1;
	asm volatile("" : "+r"(found));
	return found;
}

/* `mark`: of a write; else 0. */
static __noinline int plain_changed(struct inode *inode, struct dentry *dentry, u32 op, u64 mark)
{
	struct change change = {
	    .op = op, .nr = FOLD_NR(FOLD_OPERATION, op), .flags = SF_FILE_DIRECT};
	struct sf_change_key key = {};
	u32 dev = inode_dev(inode);
	u32 repeats;

	/* Without a name it is not a part of the rootfs any more, or not yet. */
	if (!FIELD(inode, i_nlink) || !plain_root(&change.root, inode, dev))
		return done();
	operation_key(&key, inode, dev, op);
	if (change_reported(&key, &repeats)) {
		if (mark)
			remember_folded(mark, &key);
		return done();
	}
	if (!unhashed(dentry))
		change.named = dentry;
	fill_inode(&change.inode, inode);
	change.mode = FIELD(inode, i_mode);
	report_operation(&change, &key, repeats);
	return done();
}

static __always_inline int written(struct file *file)
{
	struct inode *inode = file->f_inode;
	u64 mark = change_mark(inode, SF_OP_write);

	if (repeats_latest(latest_here(), mark))
		return 0;
	return plain_changed(inode, FIELD(file, f_path.dentry), SF_OP_write, mark);
}

static __always_inline int attributes_changed(struct dentry *dentry, enum sf_op op)
{
	return plain_changed(FIELD(dentry, d_inode), dentry, op, 0);
}

/* A name was made, or taken away for good. */
static __noinline int plain_entry(struct dentry *entry, struct inode *inode, u32 op, u32 flags)
{
	struct change change = {
	    .op = op, .nr = FOLD_NR(FOLD_OPERATION, op), .flags = flags | SF_FILE_DIRECT};
	struct dentry *above = FIELD(entry, d_parent);

	if (!plain_root(&change.root, FIELD(above, d_inode), inode_dev(inode)))
		return done();
	change.named = entry;
	fill_inode(&change.inode, inode);
	change.mode = FIELD(inode, i_mode);
	report_operation(&change, NULL, 0);
	return done();
}

/* A look at the directory will show what there is of this name now. */
static __noinline int plain_entry_touched(struct dentry *entry, u32 op)
{
	struct change change = {.op = op,
				.nr = FOLD_NR(FOLD_OPERATION, op),
				.flags = SF_FILE_DIRECT,
				.entries = true,
				.entry = entry};
	struct inode *directory;

	change.named = FIELD(entry, d_parent);
	directory = FIELD(change.named, d_inode);
	if (!plain_root(&change.root, directory, inode_dev(directory)))
		return done();
	fill_inode(&change.inode, directory);
	change.mode = S_IFDIR;
	report_operation(&change, NULL, 0);
	return done();
}

/* What all writing goes by before it writes, and no reading: write(2) and its kin,
 * splice, AIO, io_uring. Returns how much may be written. */
SEC("?fexit/generic_write_checks")
int BPF_PROG(plain_write, struct kiocb *iocb, void *from, long result)
{
	return result > 0 ? written(iocb->ki_filp) : 0;
}

SEC("?fexit/do_page_mkwrite")
int plain_mapping_store(u64 *ctx)
{
	struct vm_fault *fault = (void *)ctx[0];

	if (RETURNED(do_page_mkwrite) & VM_FAULT_ERROR)
		return 0;
	return written(fault->vma->vm_file);
}

SEC("?fexit/vfs_fallocate")
int BPF_PROG(plain_allocation, struct file *file, int mode, s64 offset, s64 size, int result)
{
	return result ? 0 : written(file);
}

SEC("?fexit/vfs_clone_file_range")
int BPF_PROG(plain_clone, struct file *in, s64 in_offset, struct file *out, s64 out_offset,
	     s64 size, u32 flags, long result)
{
	return result >= 0 ? written(out) : 0;
}

SEC("?fexit/vfs_copy_file_range")
int BPF_PROG(plain_copy, struct file *in, s64 in_offset, struct file *out, s64 out_offset, u64 size,
	     u32 flags, long result)
{
	return result > 0 ? written(out) : 0;
}

SEC("?fexit/notify_change")
int plain_attributes(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(notify_change, 0);
	struct iattr *attributes = (void *)ARG(notify_change, 1);

	if (RETURNED(notify_change))
		return 0;
	return attributes_changed(dentry, attribute_op(WALK(attributes, ia_valid)));
}

SEC("?fexit/__vfs_setxattr_noperm")
int plain_xattr(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(__vfs_setxattr_noperm, 0);

	if (RETURNED(__vfs_setxattr_noperm))
		return 0;
	return attributes_changed(dentry, xattr_op((const char *)ARG(__vfs_setxattr_noperm, 1)));
}

SEC("?fexit/__vfs_removexattr_locked")
int plain_xattr_removal(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(__vfs_removexattr_locked, 0);

	if (RETURNED(__vfs_removexattr_locked))
		return 0;
	return attributes_changed(dentry, xattr_op((const char *)ARG(__vfs_removexattr_locked, 1)));
}

SEC("?fexit/vfs_set_acl") /* since 6.2; before, an ACL is an attribute */
int BPF_PROG(plain_acl, void *idmap, struct dentry *dentry, const char *name, void *acl, int result)
{
	return result ? 0 : attributes_changed(dentry, SF_OP_acl);
}

SEC("?fexit/vfs_remove_acl")
int BPF_PROG(plain_acl_removal, void *idmap, struct dentry *dentry, const char *name, int result)
{
	return result ? 0 : attributes_changed(dentry, SF_OP_acl);
}

SEC("?fexit/vfs_fileattr_set") /* since 5.13 */
int plain_file_flags(u64 *ctx)
{
	struct dentry *dentry = (void *)ARG(vfs_fileattr_set, 0);

	if (RETURNED(vfs_fileattr_set))
		return 0;
	return attributes_changed(dentry, SF_OP_flags);
}

SEC("?fexit/vfs_ioc_setflags_prepare") /* until 5.12 */
int BPF_PROG(plain_ioctl_flags, struct inode *inode, unsigned int before, unsigned int flags,
	     int result)
{
	struct dentry *dentry = some_dentry(inode);

	return result || !dentry ? 0 : attributes_changed(dentry, SF_OP_flags);
}

static __always_inline int instantiated(struct dentry *entry, struct inode *inode)
{
	/* O_TMPFILE's has no name to speak of. */
	if (!inode || !inode->i_nlink)
		return 0;
	if (!S_ISDIR(inode->i_mode) && inode->i_nlink > 1)
		return plain_entry(entry, inode, SF_OP_link, 0);
	/* Which kind of creation it was, the mode shows. */
	return plain_entry(entry, inode, SF_OP_unknown, SF_FILE_CREATED);
}

SEC("?fexit/d_instantiate")
int BPF_PROG(plain_name_made, struct dentry *entry, struct inode *inode)
{
	return instantiated(entry, inode);
}

SEC("?fexit/d_instantiate_new") /* of a new inode, where the filesystem locks it */
int BPF_PROG(plain_new_name_made, struct dentry *entry, struct inode *inode)
{
	return instantiated(entry, inode);
}

/* Called when an unlink or rmdir was done, with the entry as it was. */
SEC("?fentry/d_delete")
int BPF_PROG(plain_name_removed, struct dentry *entry)
{
	struct inode *inode = entry->d_inode;

	if (!inode)
		return 0;
	return plain_entry(entry, inode, S_ISDIR(inode->i_mode) ? SF_OP_rmdir : SF_OP_unlink, 0);
}

/* Called when a rename was done, with the names that were. */
SEC("?fentry/d_move")
int BPF_PROG(plain_name_moved, struct dentry *from, struct dentry *to)
{
	struct inode *inode = from->d_inode;

	if (!inode)
		return 0;
	plain_entry(to, inode, SF_OP_rename, 0);
	return plain_entry_touched(from, SF_OP_rename);
}

SEC("?fentry/d_exchange")
int BPF_PROG(plain_names_exchanged, struct dentry *from, struct dentry *to)
{
	struct inode *one = from->d_inode;
	struct inode *other = to->d_inode;

	if (!one || !other)
		return 0;
	plain_entry(to, one, SF_OP_rename, 0);
	return plain_entry(from, other, SF_OP_rename, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
