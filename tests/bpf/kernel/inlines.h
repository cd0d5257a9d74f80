/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a test hands to a program of inlines.bpf.c, and gets back in the same place. */
#ifndef STILLFRAME_TESTS_BPF_INLINES_H
#define STILLFRAME_TESTS_BPF_INLINES_H

#include "bpf/events.h"

/* Something that repeats: folded(), and where it is news reserve_news(). */
struct test_fold {
	struct sf_change_key key;
	__u32 pending;
	__u32 file;
	__u32 folded; /* out */
	__u32 repeats;
	__u32 sent;
	__u32 reserved;
};

/* A change of a file, by its system call. */
struct test_change {
	struct sf_inode root;
	struct sf_inode inode;
	__u64 hint; /* in the caller's memory; 0: none */
	__u64 to;
	__s32 nr;
	__u32 entries;
	__u32 folded; /* out */
	__u32 mode;
};

/* follow(), or else forget() what is followed. */
struct test_follow {
	__u64 cgroup;
	__u32 tgid;
	__u32 flags;
	__u32 ends;
	__u32 started;
};

/* may_have_child() of a container that has so many. */
struct test_child {
	__u32 own;
	__u32 may; /* out */
};

/* over_budget() of a root that is in `roots`. */
struct test_budget {
	struct sf_inode root;
	__u32 over; /* out */
	__u32 reserved;
};

/* An open file, by its descriptor in the calling process. */
struct test_file {
	struct sf_inode root;  /* in: of the container; out: by find_root() */
	struct sf_inode inode; /* out */
	__u32 fd;
	__u32 dev; /* in: of find_root(); of the container's rootfs */
	__u32 found;
	__u32 kind;
};

struct test_syscall {
	__s32 nr;
	__u32 compat;
	__u32 changes; /* out: enum change_class */
	__u32 writes;
	__u32 op;    /* enum sf_op */
	__s32 entry; /* the argument that holds the path; -1: none */
};

struct test_process {
	struct sf_process process;
	char cgroup[SF_CGROUP_LEN];
	char parent_cgroup[SF_CGROUP_LEN];
};

struct test_tool {
	struct sf_inode root;
	__u64 run; /* out */
	__u32 child;
	__u32 flags; /* out: of the process, as it is followed */
};

#endif
