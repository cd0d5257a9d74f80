// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files that are changed past the overlay, by ctime (6.13): beside files_overlay.bpf.c,
 * which reports what comes through it. What is left are writes straight into an upper
 * directory, all of a rootfs that is not an overlay, and what no function of overlay is
 * called for: stores through a mapping, and holes that madvise(2) makes.
 *
 * Overlay works on the upper layer with its mounter's credentials: that is left at once.
 * An overlay's inodes do not come here at all, whose timestamps are not multigrain
 * (inode_set_ctime_to_ts() in fs/inode.c). Nor do those of other filesystems without
 * multigrain timestamps: what lies on such is found by scans.
 */
#include "bpf/lib/ctime.h"

/* A function of its own: the host's changes, which end before it, shall not pay for its
 * stack. */
static __noinline int changed(struct inode *inode, u64 place)
{
	struct syscall call;

	read_syscall(&call);
	upper_changed(CAST(inode, inode), &call, false, place, 0);
	return done();
}

static __always_inline int ctime_changed(struct inode *inode, struct sf_latest *here)
{
	u64 place = mark_of_place(CAST(inode, inode));

	return known_elsewhere(here, place) ? 0 : changed(inode, place);
}

static __always_inline int first_changed(enum sf_pair pair, struct inode *inode)
{
	struct sf_latest *here;

	if (works_for_overlay())
		return 0;
	here = latest_here();
	take_on(here, pair);
	return ctime_changed(inode, here);
}

static __always_inline int second_changed(enum sf_pair pair, struct inode *inode)
{
	struct sf_latest *here;

	if (works_for_overlay())
		return 0;
	here = latest_here();
	return taken_on(here, pair) ? 0 : ctime_changed(inode, here);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(direct_xchg, struct inode *inode)
{
	return first_changed(SF_PAIR_XCHG, inode);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(direct_xchg_second, struct inode *inode)
{
	return second_changed(SF_PAIR_XCHG, inode);
}

/* The same value again: the second write within a clock tick. */
SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(direct_skip, struct inode *inode)
{
	return first_changed(SF_PAIR_SKIP, inode);
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(direct_skip_second, struct inode *inode)
{
	return second_changed(SF_PAIR_SKIP, inode);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
