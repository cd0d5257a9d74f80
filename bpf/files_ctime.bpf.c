// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files, by ctime: every change of an inode sets it, on every filesystem, and three
 * tracepoints (6.13, multigrain timestamps) see all of it: fs/inode.c. Overlayfs
 * copies the upper inode's attributes to its own inode after each operation, so
 * an overlay inode's ctime event names mount, upper inode and name at once.
 *
 * Two inodes fire for one change. Which one is taken:
 *  - files through overlay: the overlay inode;
 *  - directories: both, folded by the same key (the upper directory is the only
 *    one to fire when a file is merely copied up);
 *  - page faults on a shared mapping and writes straight into the upper
 *    directory: the upper inode, since there is no overlay event. Overlay's own
 *    inner work is known by its borrowed credentials and left out.
 */
#include "bpf/lib/ctime.h"

/* How long a call that sets an attribute may take from the upper inode's change to
 * the overlay's: two ticks of the slowest clock (HZ=100) and some scheduling. */
#define ATTRIBUTE_CALL_NS 50000000

/*
 * Overlay copies the upper inode's times to its own after a call that failed, too, and
 * after one that only asked (FIDEDUPERANGE). What its inode has already, and has had
 * since before the call, is no change. Only of calls that set attributes: a write may go
 * on for long after a reader has brought its time along.
 */
static __always_inline bool nothing_changed(struct inode *inode, const struct syscall *call,
					    enum change_class class, s64 ctime_ns)
{
	if (class != CHANGE_SELF && class != CHANGE_XATTR)
		return false;
	if (call->nr == __NR_ioctl && (u32)syscall_arg(call, 1) == FIDEDUPERANGE)
		return true;
	if (!ctime_ns || ctime_ns != inode_ctime(inode))
		return false;
	return (s64)bpf_ktime_get_boot_ns() + config.real_minus_boot_ns - ctime_ns >
	       ATTRIBUTE_CALL_NS;
}

/* Whether a dentry that is not to be found by its name never was: see unhashed(). */
static __always_inline bool made_nameless(struct dentry *dentry)
{
	char first = 0;

	bpf_probe_read_kernel(&first, sizeof(first), FIELD(dentry, d_name.name));
	return first == '#'; /* d_tmpfile() */
}

static __always_inline int overlay_changed(struct inode *inode, const struct syscall *call,
					   u32 state, s64 ctime_ns, u64 mark)
{
	struct change change = {};
	struct sf_change_key key = {};
	enum change_class class = classify(call);
	struct inode *upper;
	struct layer layer;
	enum sf_op op;
	u32 repeats;

	if (class == CHANGE_READ ||
	    (class == CHANGE_COPY && !copies_to(call, current_task(), inode)))
		return 0;
	change.named = upper_dentry(inode);
	if (!change.named)
		return 0;
	upper = FIELD(change.named, d_inode);
	if (!upper)
		return 0;
	if (nothing_changed(inode, call, class, ctime_ns))
		return 0;
	op = operation_of(call);
	if (!FIELD(upper, i_nlink) && !loses_name(call, some_dentry(inode)))
		return 0;
	fill_inode(&change.inode, upper);
	change.mode = inode->i_mode;
	change.nr = call->nr;
	if (state & config.inode_creating)
		change.flags |= SF_FILE_CREATED;
	else
		change.entries = S_ISDIR(change.mode) && class >= CHANGE_WRITE;
	/* Each rename makes another name, and which one is news. */
	if (reported_already(&change, &key, &repeats) && (op != SF_OP_rename || change.entries)) {
		if (mark && !change.entries)
			remember_folded(mark, &key);
		return 0;
	}
	if (!upper_layer(&layer, inode->i_sb))
		return 0;
	change.root = layer.root;
	change.common = layer.common;
	/* In the course of a rename the overlay's own dentry has the old name still. */
	if (unhashed(change.named)) {
		struct dentry *outer = some_dentry(inode);

		/* Another was renamed over this one of its names. */
		if (op == SF_OP_rename && !made_nameless(change.named))
			change.flags |= SF_FILE_MORE_NAMES;
		if (outer)
			change.named = outer;
	}
	change.ctime_ns = ctime_ns;
	if (ctime_ns == FIELD(upper, i_mtime_sec) * (s64)SECOND_NS + FIELD(upper, i_mtime_nsec))
		change.flags |= SF_FILE_CONTENT;
	if (has_more_names(inode, upper, op, false))
		change.flags |= SF_FILE_MORE_NAMES;
	describe(&change, call, class);
	report_ctime(&change, &key, repeats);
	return 0;
}

static __always_inline u32 inode_state(struct inode *inode)
{
	const struct inode___struct *wrapped = (const void *)inode;
	const struct inode___enum *typed = (const void *)inode;
	const struct inode___int *plain = (const void *)inode;

	if (bpf_core_type_exists(struct inode_state_flags))
		return wrapped->i_state.__state;
	if (bpf_core_type_exists(enum inode_state_flags_t))
		return typed->i_state;
	return plain->i_state;
}

/* An inode being loaded, not made: what every first look at a file does. */
static __always_inline bool is_loaded(u32 state)
{
	return (state & config.inode_new) && !(state & config.inode_creating);
}

/* Overlay's own work on a file, which each write through overlay brings along. */
static __always_inline bool is_inner_work(struct inode *inode, const struct syscall *call)
{
	return works_for_overlay() && !S_ISDIR(inode->i_mode) && !completes_elsewhere(call);
}

static __always_inline int below_changed(struct inode *inode, const struct syscall *call, u64 mark)
{
	bool inner = works_for_overlay();
	u64 place = 0;

	if (!inner)
		place = mark_of_place(inode);
	if (known_elsewhere(latest_here(), place))
		return 0;
	return upper_changed(inode, call, inner, place, mark);
}

/* Overlay sets the ctime of its inode before each write and after it, and more than once
 * for a change of attributes. */
static __always_inline u64 mark_of(struct inode *inode, const struct syscall *call)
{
	if (is_write(call))
		return change_mark(inode, 0);
	return sets_attribute(call) ? change_mark(inode, call->nr) : 0;
}

/* What is most of all ends here, and shall not pay for the rest. */
static __always_inline bool is_news(struct inode *inode, struct sf_latest *here)
{
	struct syscall call;
	u64 mark;

	read_syscall(&call);
	mark = mark_of(inode, &call);
	if (mark && repeats_latest(here, mark))
		return false;
	inode = CAST(inode, inode);
	return inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC || !is_inner_work(inode, &call);
}

static __always_inline bool first_news(enum sf_pair pair, struct inode *inode)
{
	struct sf_latest *here = latest_here();

	take_on(here, pair);
	return is_news(inode, here);
}

static __always_inline bool second_news(enum sf_pair pair, struct inode *inode)
{
	struct sf_latest *here = latest_here();

	return !taken_on(here, pair) && is_news(inode, here);
}

static __always_inline s64 nanoseconds(const struct timespec64 *time)
{
	return time->tv_sec * (s64)SECOND_NS + time->tv_nsec;
}

/* A function of its own: the verifier forgets sooner by which way it got there. */
static __noinline int set_changed(struct inode *inode, const struct syscall *call, s64 ctime_ns,
				  u64 mark)
{
	u32 state = inode_state(inode);

	inode = CAST(inode, inode);
	if (is_loaded(state))
		return done();
	if (inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC)
		overlay_changed(inode, call, state, ctime_ns, mark);
	else
		below_changed(inode, call, mark);
	return done();
}

/* Overlay's inodes, for the most part. */
SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(ctime_set_news, struct inode *inode, struct timespec64 *ctime)
{
	s64 ctime_ns = nanoseconds(ctime);
	struct syscall call;
	u64 mark;

	read_syscall(&call);
	mark = mark_of(inode, &call);
	return set_changed(inode, &call, ctime_ns, mark);
}

HANDLED_BY(set_handler);

SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(stillframe_ctime_set, struct inode *inode, struct timespec64 *ctime)
{
	if (first_news(SF_PAIR_SET, inode))
		bpf_tail_call(ctx, &set_handler, 0);
	return 0;
}

SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(stillframe_ctime_set_second, struct inode *inode, struct timespec64 *ctime)
{
	if (second_news(SF_PAIR_SET, inode))
		bpf_tail_call(ctx, &set_handler, 0);
	return 0;
}

/* Of filesystems with multigrain timestamps, of which overlay is none. */
static __always_inline int exchanged(struct inode *inode)
{
	struct syscall call;

	if (is_loaded(inode_state(inode)))
		return 0;
	read_syscall(&call);
	return below_changed(CAST(inode, inode), &call, mark_of(inode, &call));
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(ctime_xchg_news, struct inode *inode)
{
	return exchanged(inode);
}

HANDLED_BY(xchg_handler);

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(stillframe_ctime_xchg, struct inode *inode)
{
	if (first_news(SF_PAIR_XCHG, inode))
		bpf_tail_call(ctx, &xchg_handler, 0);
	return 0;
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(stillframe_ctime_xchg_second, struct inode *inode)
{
	if (second_news(SF_PAIR_XCHG, inode))
		bpf_tail_call(ctx, &xchg_handler, 0);
	return 0;
}

/* The same value again: the second write within a clock tick. */
SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(ctime_skip_news, struct inode *inode)
{
	return exchanged(inode);
}

HANDLED_BY(skip_handler);

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(stillframe_ctime_skip, struct inode *inode)
{
	if (first_news(SF_PAIR_SKIP, inode))
		bpf_tail_call(ctx, &skip_handler, 0);
	return 0;
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(stillframe_ctime_skip_second, struct inode *inode)
{
	if (second_news(SF_PAIR_SKIP, inode))
		bpf_tail_call(ctx, &skip_handler, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
