/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the system call in progress says of a change. It is a description, never
 * evidence: the change itself has already been seen on the inode.
 */
#ifndef STILLFRAME_BPF_LIB_SYSCALLS_H
#define STILLFRAME_BPF_LIB_SYSCALLS_H

#include "bpf/lib/change.h"

#include "bpf/syscall_table.h"

/* What a call can change, by the table. From CHANGE_WRITE on: content or entries. */
enum change_class {
	CHANGE_READ,
	CHANGE_COPY,
	CHANGE_SELF,
	CHANGE_XATTR,
	CHANGE_WRITE,
	CHANGE_OTHER,
};

struct syscall {
	s32 nr;
	bool compat;
	struct pt_regs *regs;
};

/* Runs for every write: by the pointer as the kernel gives it. */
static __always_inline void read_syscall(struct syscall *out)
{
	struct task_struct *task = bpf_get_current_task_btf();

	out->compat = false;
	out->regs = NULL;
	out->nr = SF_NR_NONE;
	if (task->flags & (PF_KTHREAD | PF_IO_WORKER))
		return;
	out->regs = (struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	out->nr = (s32)out->regs->orig_ax;
	out->compat = task->thread_info.status & TS_COMPAT;
#elif defined(__TARGET_ARCH_arm64)
	out->nr = out->regs->syscallno;
	out->compat = task->thread_info.flags & (1ul << TIF_32BIT);
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

/* Above all numbers of the table. */
#define SYSCALL_ROOM 512

/*
 * The table as it is looked up: by loads, of whose outcome the verifier knows nothing. With
 * a switch it would go through what follows once for each way out of it. 0 is what holds
 * of a call that is not listed.
 */
struct syscall_row {
	u8 op;
	u8 changes_less_other; /* CHANGE_OTHER - changes */
	u8 entry_plus_1;
};

SF_STATIC_ASSERT(SF_OP_unknown == 0, "the operation of what is not listed");

static const struct syscall_row syscalls[SYSCALL_ROOM] = {
#define ROW_OF(name, changes, op, entry)                                                           \
	[__NR_##name] = {SF_OP_##op, CHANGE_OTHER - CHANGE_##changes, (entry) + 1},
    SF_SYSCALLS(ROW_OF)
#undef ROW_OF
};

/* NULL: a call of no number, or of another table's. */
static __always_inline const struct syscall_row *row_of(const struct syscall *call)
{
	u32 nr = call->nr;

	if (call->compat || nr >= SYSCALL_ROOM)
		return NULL;
	/* Else the compiler may look where the bound was not. */
	asm volatile("" : "+r"(nr));
	return &syscalls[nr & (SYSCALL_ROOM - 1)];
}

static __always_inline enum change_class classify(const struct syscall *call)
{
	const struct syscall_row *row = row_of(call);

	return row ? CHANGE_OTHER - row->changes_less_other : CHANGE_OTHER;
}

/* Whether a call writes to the file that it names, and does nothing else. */
static __always_inline bool is_write(const struct syscall *call)
{
	return classify(call) == CHANGE_WRITE;
}

/* Whether a call sets an attribute of its file, which its number says. Not so ioctl(2)'s,
 * which may only have asked (FIDEDUPERANGE). */
static __always_inline bool sets_attribute(const struct syscall *call)
{
	return classify(call) == CHANGE_SELF && call->nr != __NR_ioctl;
}

static __always_inline enum sf_op operation_of(const struct syscall *call)
{
	const struct syscall_row *row = row_of(call);

	return row ? row->op : SF_OP_unknown;
}

/* Calls that hand work over to be completed elsewhere: overlay refreshes its
 * inode from a kernel thread then, and only the change of the upper inode still
 * happens in the caller's name. */
static __always_inline bool completes_elsewhere(const struct syscall *call)
{
	return call->nr == SF_NR_NONE || call->nr == __NR_io_submit ||
	       call->nr == __NR_io_uring_enter;
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
	const struct syscall_row *row = row_of(call);

	return row && row->entry_plus_1 ? (const void *)syscall_arg(call, row->entry_plus_1 - 1)
					: NULL;
}

/* Of a rename: the new path. */
static __always_inline const void *new_path(const struct syscall *call)
{
	switch (call->nr) {
#ifdef __NR_rename
	case __NR_rename:
		return (const void *)syscall_arg(call, 1);
#endif
#ifdef __NR_renameat
	case __NR_renameat:
#endif
	case __NR_renameat2:
		return (const void *)syscall_arg(call, 3);
	default:
		return NULL;
	}
}

#endif
