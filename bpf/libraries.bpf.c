// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Libraries: files that a container's process maps to run code from, or makes a
 * mapping of runnable, and that the image does not hold as such. What of the image
 * is mapped is silent, and so is the program itself, which the code sensor
 * reports. The one sensor on the path of mmap(2): protection first, which is not a
 * look-up.
 *
 * security/security.c, called by mm/util.c and mm/mprotect.c.
 */
#include "bpf/lib/change.h"
#include "bpf/lib/whose.h"

#define PROT_EXEC 0x4 /* include/uapi/asm-generic/mman-common.h */
#define VM_EXEC	  0x4 /* include/linux/mm.h */

#define MNT_NOEXEC 0x04 /* include/linux/mount.h */

static __always_inline void send_library(const struct foreign *library,
					 const struct code_file *file, const struct sf_inode *root,
					 struct task_struct *task, const struct sf_change_key *key)
{
	struct sf_library_event *event;

	if (too_many_of(root))
		return;
	event = reserve_news(struct sf_library_event, sizeof(*event), key);
	if (!event)
		return;
	fill_header(&event->header, SF_EVENT_LIBRARY, sizeof(*event), root, task);
	event->inode = library->inode;
	event->kind = library->kind;
	if (library->kind == SF_EXEC_MEMFD)
		read_name(event->names, &event->names_size, file->dentry);
	else
		read_names(event->names, &event->names_size, file->mnt, file->dentry);
	submit_event(event);
}

/* By whose rootfs what the task maps is judged: its own container's, else that of the
 * one it works in. False: none. */
static __always_inline bool find_rootfs(struct rootfs *out, u32 *actor, struct task_struct *task,
					const struct task_root *root)
{
	bool crowd = false;
	struct sf_followed *followed = followed_as(task, &crowd);
	struct sf_cgroup_state *home;
	u64 id;

	home = home_of(task, &followed, &id);
	*actor = followed ? (u32)followed->session : WALK(task, tgid);
	/* Of the host, and only put there: a runtime on its way in. */
	if (!followed && !has_own_root(task, root))
		home = NULL;
	if (!home || (!followed && !(home->flags & SF_CGROUP_LIVE)))
		return works_in(out, task, root);
	rootfs_of(out, home);
	return true;
}

static __always_inline int mapped(struct vfsmount *mnt, struct dentry *dentry)
{
	struct task_struct *task = current_task();
	struct code_file file = {.mnt = mnt, .dentry = dentry};
	struct sf_change_key key = {};
	struct foreign library = {};
	struct rootfs rootfs = {};
	struct dentry *root;
	struct fs_struct *fs;
	u32 repeats;

	fs = FIELD(task, fs);
	root = FIELD(fs, root.dentry);
	file.root.mnt = FIELD(fs, root.mnt);
	file.root.directory = FIELD(root, d_inode);
	if (!find_rootfs(&rootfs, &key.actor, task, &file.root))
		return 0;
	if (dentry == BPF_CORE_READ(task, mm, exe_file, f_path.dentry))
		return 0;
	/* It will be refused. */
	if (BPF_CORE_READ(mnt, mnt_flags) & MNT_NOEXEC)
		return 0;
	file.inode = FIELD(dentry, d_inode);
	if (!file.inode || (FIELD(file.inode, i_mode) & S_IFMT) != S_IFREG)
		return 0;
	if (!is_foreign(&library, &file, &rootfs))
		return 0;
	key.ino = library.inode.ino;
	key.generation = library.inode.generation;
	key.dev = library.inode.dev;
	key.actor ^= (u32)rootfs.root.ino * 2654435761u;
	key.nr = FOLD_NR(FOLD_LIBRARY, library.kind);
	if (!reported(&key, &repeats))
		send_library(&library, &file, &rootfs.root, task, &key);
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
