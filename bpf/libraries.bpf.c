// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Libraries: files that a container's process maps to run code from, or makes a
 * mapping of runnable, and that the image does not hold as such. What of the image
 * is mapped is silent, and so is the program itself, of which the code sensor
 * tells. The one sensor on the path of mmap(2): protection first, which is no
 * look-up.
 *
 * security/security.c, called by mm/util.c and mm/mprotect.c.
 */
#include "bpf/change.h"
#include "bpf/path.h"

#define PROT_EXEC 0x4 /* include/uapi/asm-generic/mman-common.h */
#define VM_EXEC	  0x4 /* include/linux/mm.h */

#define MNT_NOEXEC 0x04 /* include/linux/mount.h */

/* What a mount has for a namespace that the kernel keeps to itself: fs/mount.h */
#define MNT_NS_INTERNAL ((struct mnt_namespace *)-22l)

#define NR_LIBRARY(kind) (-150 - (s32)(kind))

struct library {
	struct sf_inode root;
	struct sf_inode inode;
	u32 kind;
};

static __always_inline u64 session_of(struct task_struct *task)
{
	u32 tgid = FIELD(task, tgid);
	struct sf_followed *followed = bpf_map_lookup_elem(&processes, &tgid);

	return followed ? followed->session : 0;
}

/* memfd:x; and of shared anonymous memory the kernel's own names. */
static __always_inline bool has_name(struct dentry *dentry, const char *wanted, u32 size)
{
	char name[12] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	for (u32 i = 0; i < size && i < sizeof(name); i++) {
		if (name[i] != wanted[i])
			return false;
	}
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

/* Judges the file. Returns false for one that the image holds. */
static __always_inline bool foreign_library(struct library *library, struct task_struct *task,
					    struct vfsmount *mnt, struct dentry *dentry)
{
	struct inode *inode = FIELD(dentry, d_inode);
	struct sf_root_state *root;
	struct super_block *sb;
	struct inode *upper;

	if (!inode || (FIELD(inode, i_mode) & S_IFMT) != S_IFREG)
		return false;
	sb = FIELD(inode, i_sb);
	fill_inode(&library->inode, inode);
	if (FIELD(inode, i_nlink) == 0) {
		library->kind = SF_EXEC_DELETED;
		if (FIELD(sb, s_magic) != TMPFS_MAGIC)
			return true;
		if (has_name(dentry, "memfd:", 6))
			library->kind = SF_EXEC_MEMFD;
		return !has_name(dentry, "dev/zero", 8) && !has_name(dentry, "SYSV", 4);
	}
	if (BPF_CORE_READ(mount_of(mnt), mnt_ns) == MNT_NS_INTERNAL) {
		library->kind = SF_EXEC_UPPER;
		return in_upper_layer(&library->inode);
	}
	if (sb != BPF_CORE_READ(task, fs, root.mnt, mnt_sb)) {
		library->kind = SF_EXEC_VOLUME;
		return true;
	}
	if (!is_overlay(sb)) {
		/* A volume may be on the filesystem that the rootfs is on, too. */
		if (mnt != BPF_CORE_READ(task, fs, root.mnt)) {
			library->kind = SF_EXEC_VOLUME;
			return true;
		}
		/* The image's own were there before life began. */
		root = bpf_map_lookup_elem(&roots, &library->root);
		library->kind = SF_EXEC_UPPER;
		return root && inode_ctime(inode) > root->since_ns;
	}
	upper = upper_inode(inode);
	if (!upper)
		return false;
	fill_inode(&library->inode, upper);
	library->kind = SF_EXEC_UPPER;
	return true;
}

static __always_inline void send_library(const struct library *library, struct task_struct *task,
					 struct vfsmount *mnt, struct dentry *dentry)
{
	struct sf_library_event *event = reserve_event(struct sf_library_event, sizeof(*event));

	if (!event)
		return;
	fill_header(&event->header, SF_EVENT_LIBRARY, sizeof(*event), &library->root, task);
	event->inode = library->inode;
	event->kind = library->kind;
	if (library->kind == SF_EXEC_MEMFD)
		read_name(event->names, &event->names_size, dentry);
	else
		read_names(event->names, &event->names_size, mnt, dentry);
	submit_event(event);
}

static __always_inline int mapped(struct vfsmount *mnt, struct dentry *dentry)
{
	struct task_struct *task = current_task();
	u64 id = cgroup_id(cgroup_of(task));
	struct sf_cgroup_state *state = bpf_map_lookup_elem(&cgroups, &id);
	struct sf_change_key key = {};
	struct library library = {};
	u32 repeats;

	if (!state || !(state->flags & SF_CGROUP_LIVE))
		return 0;
	library.root = state->root;
	if (dentry == BPF_CORE_READ(task, mm, exe_file, f_path.dentry))
		return 0;
	/* It will be refused. */
	if (BPF_CORE_READ(mnt, mnt_flags) & MNT_NOEXEC)
		return 0;
	if (!foreign_library(&library, task, mnt, dentry))
		return 0;
	key.ino = library.inode.ino;
	key.generation = library.inode.generation;
	key.dev = library.inode.dev;
	key.actor = (u32)session_of(task);
	key.nr = NR_LIBRARY(library.kind);
	if (!reported(&key, false, &repeats))
		send_library(&library, task, mnt, dentry);
	return 0;
}

SEC("?fentry/security_mmap_file")
int BPF_PROG(library_mapped, struct file *file, unsigned long protection, unsigned long flags)
{
	if (!(protection & PROT_EXEC) || !file)
		return 0;
	return mapped(file->f_path.mnt, file->f_path.dentry);
}

SEC("?fentry/security_file_mprotect")
int BPF_PROG(library_protected, struct vm_area_struct *vma, unsigned long asked,
	     unsigned long protection)
{
	struct file *file;

	if (!(protection & PROT_EXEC) || (vma->vm_flags & VM_EXEC))
		return 0;
	file = vma->vm_file;
	if (!file)
		return 0;
	return mapped(file->f_path.mnt, file->f_path.dentry);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
