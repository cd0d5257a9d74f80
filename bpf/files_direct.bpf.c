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

static __always_inline bool is_elsewhere(struct inode *inode, struct sf_latest *here)
{
	return known_elsewhere(here, mark_of_place(CAST(inode, inode)));
}

/* The host's changes end here, and shall not pay for the rest. */
static __always_inline bool first_news(enum sf_pair pair, struct inode *inode)
{
	struct sf_latest *here;

	if (works_for_overlay())
		return false;
	here = latest_here();
	take_on(here, pair);
	return !is_elsewhere(inode, here);
}

static __always_inline bool second_news(enum sf_pair pair, struct inode *inode)
{
	struct sf_latest *here;

	if (works_for_overlay())
		return false;
	here = latest_here();
	return !taken_on(here, pair) && !is_elsewhere(inode, here);
}

static __always_inline int changed(struct inode *inode)
{
	struct syscall call;

	read_syscall(&call);
	inode = CAST(inode, inode);
	return upper_changed(inode, &call, false, mark_of_place(inode), 0);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(direct_xchg_news, struct inode *inode)
{
	return changed(inode);
}

HANDLED_BY(xchg_handler);

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(direct_xchg, struct inode *inode)
{
	if (first_news(SF_PAIR_XCHG, inode))
		bpf_tail_call(ctx, &xchg_handler, 0);
	return 0;
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(direct_xchg_second, struct inode *inode)
{
	if (second_news(SF_PAIR_XCHG, inode))
		bpf_tail_call(ctx, &xchg_handler, 0);
	return 0;
}

/* The same value again: the second write within a clock tick. */
SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(direct_skip_news, struct inode *inode)
{
	return changed(inode);
}

HANDLED_BY(skip_handler);

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(direct_skip, struct inode *inode)
{
	if (first_news(SF_PAIR_SKIP, inode))
		bpf_tail_call(ctx, &skip_handler, 0);
	return 0;
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(direct_skip_second, struct inode *inode)
{
	if (second_news(SF_PAIR_SKIP, inode))
		bpf_tail_call(ctx, &skip_handler, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
