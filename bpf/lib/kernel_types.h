/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types, reduced to the fields that we use. Offsets are relocated
 * at load time against the running kernel's BTF, so order and size here mean
 * nothing; only names and types do.
 */
#ifndef STILLFRAME_BPF_LIB_KERNEL_TYPES_H
#define STILLFRAME_BPF_LIB_KERNEL_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

/* Of what the kernel has characters in the first that is as long as load_name() reads. */
struct new_utsname {
	char sysname[65];
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct qstr {
	union {
		struct {
			u32 len;
		};
	};
	const unsigned char *name;
};

struct file_system_type {
	const char *name;
};

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
	struct file_system_type *s_type;
	struct dentry *s_root;
};

/* Times: two numbers each since 6.11. Before, inode_ctime() reads inode___66 and
 * inode___old; i_mtime_* are read on kernels with the ctime tracepoints only (6.13). */
struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	u32 i_rdev;
	u32 i_generation;
	s64 i_mtime_sec;
	u32 i_mtime_nsec;
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
	struct hlist_head i_dentry;
};

/* i_state was a number, became an enum in 6.18 and a structure around one of another
 * name in 6.19: see inode_state(). Without these the object is refused there. */
enum inode_state_flags_t { INODE_STATE_FLAGS_T };
enum inode_state_flags_enum { INODE_STATE_FLAGS_ENUM };

struct inode_state_flags {
	enum inode_state_flags_enum __state;
};

struct inode___struct {
	struct inode_state_flags i_state;
};

struct inode___enum {
	enum inode_state_flags_t i_state;
};

struct inode___int {
	u32 i_state;
};

/* 6.6 to 6.10: one structure, by this name. */
struct inode___66 {
	struct timespec64 __i_ctime;
};

/* Until 6.5. */
struct inode___old {
	struct timespec64 i_ctime;
};

/* fs/btrfs; a module's types where btrfs is one, known since 5.11. Where they are not
 * the superblock's device stands for all subvolumes: see inode_dev(). */
struct btrfs_root {
	u32 anon_dev;
};

struct btrfs_inode {
	struct btrfs_root *root;
	struct inode vfs_inode;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	union {
		struct hlist_node d_alias;
	} d_u;
};

/* Since 7.0; before, the union had a name. See some_dentry(). */
struct dentry___unnamed {
	union {
		struct hlist_node d_alias;
	};
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct kiocb {
	struct file *ki_filp;
};

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
};

struct vm_fault {
	struct vm_area_struct *vma;
};

struct iattr {
	unsigned int ia_valid;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
	u64 event;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	const char *mnt_devname;
	struct mnt_namespace *mnt_ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct kernfs_node {
	const char *name;
	u64 id;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

/* 16: above CGROUP_SUBSYS_COUNT of every kernel so far; a bound for the verifier. */
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	struct task_struct *owner;
	struct file *exe_file;
};

typedef struct {
	int counter;
} atomic_t;

struct tty_struct {
	char name[64];
};

struct signal_struct {
	atomic_t live;
	struct tty_struct *tty;
};

struct cred;

struct thread_info {
#if defined(__TARGET_ARCH_x86)
	u32 status;
#elif defined(__TARGET_ARCH_arm64)
	unsigned long flags;
#endif
};

typedef struct {
	u32 val;
} kuid_t;

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_boottime;
	const struct cred *real_cred;
	const struct cred *cred;
	kuid_t loginuid; /* these two not without CONFIG_AUDIT */
	unsigned int sessionid;
	char comm[16];
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
};

/* Field names of the kernel's own pt_regs, which are not those of ptrace(2). */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	s32 syscallno;
};
#endif

#pragma clang attribute pop

/* include/uapi/linux/magic.h */
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define BTRFS_SUPER_MAGIC     0x9123683e
#define TMPFS_MAGIC	      0x01021994

/* include/uapi/linux/btrfs_tree.h: the root directory of each subvolume */
#define BTRFS_FIRST_FREE_OBJECTID 256

/* include/linux/sched.h */
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD   0x00200000

/* arch/x86/include/asm/thread_info.h: set during a 32-bit system call */
#define TS_COMPAT 0x0002

/* arch/arm64/include/asm/thread_info.h: of a 32-bit task */
#define TIF_32BIT 22

/* include/linux/fs.h */
#define ATTR_MODE	 (1u << 0)
#define ATTR_UID	 (1u << 1)
#define ATTR_GID	 (1u << 2)
#define ATTR_SIZE	 (1u << 3)
#define ATTR_ATIME	 (1u << 4)
#define ATTR_MTIME	 (1u << 5)
#define REMAP_FILE_DEDUP (1u << 0)

#define FIDEDUPERANGE	0xc0189436 /* include/uapi/linux/fs.h */
#define RENAME_EXCHANGE (1u << 1)  /* include/uapi/linux/fs.h */
#define VM_FAULT_ERROR	0x000873   /* include/linux/mm_types.h */
#define EIOCBQUEUED	529	   /* include/linux/errno.h */

#define S_IFMT	      0170000
#define S_IFREG	      0100000
#define S_IFDIR	      0040000
#define S_IFCHR	      0020000
#define S_ISDIR(mode) (((mode) & S_IFMT) == S_IFDIR)
#define S_ISCHR(mode) (((mode) & S_IFMT) == S_IFCHR)

#endif
