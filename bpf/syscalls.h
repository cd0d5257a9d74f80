/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the system call in progress tells of a change. It is a description, never
 * evidence: the change itself has already been seen on the inode.
 */
#ifndef STILLFRAME_BPF_SYSCALLS_H
#define STILLFRAME_BPF_SYSCALLS_H

#include "bpf/change.h"

#include <asm/unistd.h>

/* Since 6.6 and 6.13; older headers lack them. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif

enum change_class {
	CHANGE_READ,  /* cannot change anything: a refresh of overlay's copy */
	CHANGE_COPY,  /* reads one file and writes another */
	CHANGE_SELF,  /* changes the inode's own attributes */
	CHANGE_XATTR, /* the same, by attribute name */
	CHANGE_OTHER, /* content, or a directory's entries */
};

struct syscall {
	s32 nr;
	bool compat;
	struct pt_regs *regs;
};

static __always_inline void read_syscall(struct syscall *out, struct task_struct *task)
{
	out->compat = false;
	out->regs = NULL;
	out->nr = NR_NONE;
	if (task->flags & (PF_KTHREAD | PF_IO_WORKER))
		return;
	out->regs = (struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	out->nr = (s32)out->regs->orig_ax;
	out->compat = task->thread_info.status & TS_COMPAT;
#elif defined(__TARGET_ARCH_arm64)
	out->nr = out->regs->syscallno;
#endif
}

static __always_inline u64 syscall_arg(const struct syscall *call, int n)
{
#if defined(__TARGET_ARCH_x86)
	switch (n) {
	case 0:
		return call->regs->di;
	case 1:
		return call->regs->si;
	case 2:
		return call->regs->dx;
	default:
		return call->regs->r10;
	}
#elif defined(__TARGET_ARCH_arm64)
	/* regs[0] is overwritten by the return value only after the call. */
	return call->regs->regs[n & 7];
#endif
}

static __always_inline enum change_class classify(const struct syscall *call)
{
	if (call->compat)
		return CHANGE_OTHER;
	switch (call->nr) {
	case __NR_read:
	case __NR_pread64:
	case __NR_readv:
	case __NR_preadv:
	case __NR_preadv2:
	case __NR_mmap:
	case __NR_execve:
	case __NR_execveat:
		return CHANGE_READ;
	case __NR_sendfile:
	case __NR_splice:
	case __NR_copy_file_range:
		return CHANGE_COPY;
#ifdef __NR_chmod
	case __NR_chmod:
	case __NR_chown:
	case __NR_lchown:
	case __NR_utime:
	case __NR_utimes:
	case __NR_futimesat:
#endif
	case __NR_fchmod:
	case __NR_fchmodat:
	case __NR_fchmodat2:
	case __NR_fchown:
	case __NR_fchownat:
	case __NR_utimensat:
	case __NR_ioctl:
		return CHANGE_SELF;
	case __NR_setxattr:
	case __NR_lsetxattr:
	case __NR_fsetxattr:
	case __NR_removexattr:
	case __NR_lremovexattr:
	case __NR_fremovexattr:
	case __NR_setxattrat:
	case __NR_removexattrat:
		return CHANGE_XATTR;
	default:
		return CHANGE_OTHER;
	}
}

/* Whether a call writes to the file that it names, and does nothing else. */
static __always_inline bool is_write(const struct syscall *call)
{
	switch (call->nr) {
	case __NR_write:
	case __NR_pwrite64:
	case __NR_writev:
	case __NR_pwritev:
	case __NR_pwritev2:
		return !call->compat;
	default:
		return false;
	}
}

static __always_inline bool is_rename(const struct syscall *call)
{
	switch (call->nr) {
#ifdef __NR_rename
	case __NR_rename:
#endif
#ifdef __NR_renameat
	case __NR_renameat:
#endif
	case __NR_renameat2:
		return !call->compat;
	default:
		return false;
	}
}

/* Calls that hand work over to be completed elsewhere: overlay refreshes its
 * inode from a kernel thread then, and only the change of the upper inode still
 * happens in the caller's name. */
static __always_inline bool completes_elsewhere(const struct syscall *call)
{
	return call->nr == NR_NONE || call->nr == __NR_io_submit || call->nr == __NR_io_uring_enter;
}

/* Whether a call that copies from file to file writes to this one, by the descriptor
 * that it was given. */
static __always_inline bool copies_to(const struct syscall *call, struct task_struct *task,
				      struct inode *inode)
{
	struct files_struct *files = FIELD(task, files);
	struct file *file = NULL;
	struct fdtable *table;
	u32 fd;

	if (!files)
		return false;
	fd = (u32)syscall_arg(call, call->nr == __NR_sendfile ? 0 : 2);
	table = FIELD(files, fdt);
	if (fd >= FIELD(table, max_fds))
		return false;
	if (bpf_probe_read_kernel(&file, sizeof(file), FIELD(table, fd) + fd)) {
		count_loss(SF_LOSS_read_failed);
		return true;
	}
	return file && FIELD(CAST(file, file), f_inode) == inode;
}

/* Whether an attribute call names an ACL ("system.posix_acl_access" or
 * "…_default", which setfacl and friends write). */
static __always_inline bool names_acl(const struct syscall *call)
{
	char name[20] = {};
	const char acl[] = "system.posix_acl_";
	const bool at = call->nr == __NR_setxattrat || call->nr == __NR_removexattrat;
	const void *user = (const void *)syscall_arg(call, at ? 3 : 1);

	if (bpf_probe_read_user_str(name, sizeof(name), user) < 0)
		return false;
	for (unsigned int i = 0; i < sizeof(acl) - 1; i++) {
		if (name[i] != acl[i])
			return false;
	}
	return true;
}

/* The path by which a call names the directory entry that it makes, removes,
 * moves or links; NULL where it has none. The caller's memory: a hint only. */
static __always_inline const void *entry_path(const struct syscall *call)
{
	switch (call->nr) {
#ifdef __NR_open
	case __NR_open:
	case __NR_creat:
	case __NR_unlink:
	case __NR_rmdir:
	case __NR_rename:
	case __NR_mkdir:
	case __NR_mknod:
		return (const void *)syscall_arg(call, 0);
	case __NR_link:
	case __NR_symlink:
		return (const void *)syscall_arg(call, 1);
#endif
	case __NR_openat:
	case __NR_openat2:
	case __NR_unlinkat:
	case __NR_mkdirat:
	case __NR_mknodat:
#ifdef __NR_renameat
	case __NR_renameat:
#endif
	case __NR_renameat2:
		return (const void *)syscall_arg(call, 1);
	case __NR_symlinkat:
		return (const void *)syscall_arg(call, 2);
	case __NR_linkat:
		return (const void *)syscall_arg(call, 3);
	default:
		return NULL;
	}
}

#endif
