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
#include "bpf/lib/roots.h"
#include "bpf/lib/syscalls.h"

/* What the system call says of the change. */
static __always_inline void describe(struct change *change, const struct syscall *call,
				     enum change_class class)
{
	change->nr = call->nr;
	if (call->compat)
		change->flags |= SF_FILE_COMPAT;
	if (!call->regs)
		return;
	if (class == CHANGE_XATTR && names_acl(call))
		change->flags |= SF_FILE_ACL;
	if (call->compat)
		return;
	/* ioctl's command; else the flags of openat */
	change->arg = syscall_arg(call, class == CHANGE_SELF ? 1 : 2);
	if (change->entries) {
		change->user_hint = entry_path(call);
		change->user_to = new_path(call);
	}
}

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

/*
 * Whether an inode without a name was just removed. If not it was before, or never had
 * one (O_TMPFILE), and is no part of the rootfs; what another was renamed over is gone
 * as well, and the other's event reports it.
 */
static __always_inline bool loses_name(const struct syscall *call, struct dentry *named)
{
	switch (operation_of(call)) {
	case SF_OP_unlink:
	case SF_OP_rmdir:
		return true;
	case SF_OP_rename:
		return false;
	default:
		return named && !unhashed(named);
	}
}

/*
 * Whether the name that is known of a file may not be the one that a call is about. An
 * overlay inode keeps the dentry that it was first found by, whichever of its names is
 * linked, moved or removed; of the upper inode itself any dentry is found. The number of
 * links changes before ctime does or, with some filesystems, after it.
 */
static __always_inline bool has_more_names(struct inode *inode, struct inode *upper, enum sf_op op,
					   bool direct)
{
	struct hlist_node *dentry = FIELD(inode, i_dentry.first);
	u32 links = FIELD(upper, i_nlink);

	if (S_ISDIR(FIELD(inode, i_mode)))
		return false;
	if (links > 1 || (dentry && FIELD(dentry, next)))
		return true;
	return links && (op == SF_OP_unlink || (op == SF_OP_link && direct));
}

/* Whether a dentry that is not to be found by its name never was: see unhashed(). */
static __always_inline bool made_nameless(struct dentry *dentry)
{
	char first = 0;

	bpf_probe_read_kernel(&first, sizeof(first), FIELD(dentry, d_name.name));
	return first == '#'; /* d_tmpfile() */
}

/* Not static: the verifier then looks at it once in each program, and not for each way
 * that leads to it. Pointers as arguments of such are of 5.12. */
__noinline int report_ctime(struct change *change, const struct sf_change_key *key, u32 repeats)
{
	if (change)
		report_change(change, key, repeats);
	return 0;
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

/* Finds the root of a change by its name; not static, likewise. */
__noinline int root_above(struct change *change, u32 dev, enum elsewhere before, bool keep)
{
	struct dentry *named;

	if (!change)
		return 0;
	named = CAST(dentry, change->named);
	return find_root(&change->root, FIELD(named, d_inode), dev, current_task(), before, keep);
}

/* So many directories may be above one that is remembered by place_mark(): as many as
 * find_root() asks for the host. A loop since 5.3. */
#define PLACE_LEVELS 8

/*
 * Stands for a directory where it is, for one tick of the clock, and until a further root
 * is registered: by itself and all the directories above it, so that who was moved is
 * another. 0: it lies too deep. As in change_mark(), a difference of pointers is a number.
 */
static __always_inline u64 place_mark(struct dentry *directory)
{
	struct inode *inode = FIELD(directory, d_inode);
	u64 place = (u64)directory;

	asm volatile("%0 -= %1" : "+r"(place) : "r"(FIELD(directory, d_sb)));
	place = place * 0x9e3779b97f4a7c15 + FIELD(inode, i_ino);
	place = place * 0x9e3779b97f4a7c15 + FIELD(inode, i_generation);
	for (int i = 0; i < PLACE_LEVELS; i++) {
		struct dentry *above = FIELD(directory, d_parent);
		u64 step = (u64)above;

		if (above == directory) {
			place ^= place >> 32;
			place += (u64)roots_made() << 32;
			return ((place ^ bpf_jiffies64()) * 0xc2b2ae3d27d4eb4f) | 1;
		}
		asm volatile("%0 -= %1" : "+r"(step) : "r"(directory));
		place = place * 0x9e3779b97f4a7c15 + step;
		directory = above;
	}
	return 0;
}

/* The directory by whose place it is known where an inode lies: its own, or the one
 * that has a file's only name. NULL: none. */
static __always_inline struct dentry *place_of(struct inode *inode, struct dentry *named)
{
	struct hlist_node *alias;

	if (S_ISDIR(FIELD(inode, i_mode)))
		return named;
	alias = FIELD(inode, i_dentry.first);
	if (FIELD(inode, i_nlink) > 1 || !alias || FIELD(alias, next))
		return NULL;
	return FIELD(named, d_parent);
}

static __always_inline int upper_changed(struct inode *inode, const struct syscall *call, u64 mark)
{
	struct sf_latest *here = latest_here();
	struct task_struct *task = current_task();
	struct change change = {};
	struct sf_change_key fold = {};
	struct sf_inode_key key = {};
	struct sf_inode_state *known;
	enum change_class class;
	enum elsewhere where;
	struct dentry *place;
	u64 elsewhere = 0;
	bool inner;
	u32 repeats;
	u32 dev;

	/* In this order: overlay's own work on files, which each write through
	 * overlay brings along, costs no look-up. */
	change.mode = inode->i_mode;
	/* override_creds() in fs/overlayfs: overlay works as the mounter. */
	inner = FIELD(task, cred) != FIELD(task, real_cred);
	if (inner && !S_ISDIR(change.mode) && !completes_elsewhere(call))
		return 0;
	if (is_whiteout(inode))
		return 0; /* its directory changes as well */
	change.named = some_dentry(inode);
	if (!change.named)
		return 0; /* being made: nobody knows yet where */
	if (!inode->i_nlink && !loses_name(call, change.named))
		return 0;
	/* The host's own, which are most of what comes here: nearly all of them in a
	 * directory of which this was just found. */
	place = inner ? NULL : place_of(inode, change.named);
	if (place)
		elsewhere = place_mark(place);
	if (elsewhere && here && here->elsewhere == elsewhere)
		return 0;
	dev = inode_dev(inode);
	if (!bpf_map_lookup_elem(&upper_devs, &dev)) {
		if (here && elsewhere)
			here->elsewhere = elsewhere;
		return 0;
	}
	inode_place(&key, inode, dev);
	known = bpf_map_lookup_elem(&upper_inodes, &key);
	if (known && known->generation == inode->i_generation) {
		change.root = known->root;
	} else {
		where = lies_elsewhere(&key, inode);
		if (where == SURELY && !elsewhere)
			return 0;
		/* It may have been moved since it was marked: its directories are asked
		 * before this is said of others in the same place. */
		if (where == SURELY)
			where = UNKNOWN;
		if (!root_above(&change, dev, where, !inner)) {
			if (here && elsewhere && where == UNKNOWN)
				here->elsewhere = elsewhere;
			return 0;
		}
	}
	class = classify(call);
	fill_inode(&change.inode, inode);
	/* By AIO the overlay inode changes in the caller's name, too: once is enough. */
	change.inner = inner && (S_ISDIR(change.mode) || call->nr != __NR_io_submit);
	if (!inner)
		change.flags |= SF_FILE_DIRECT;
	/* Overlay's own work on a directory is about an entry, whatever the call:
	 * a chmod copies its file up first. What concerns the directory itself
	 * comes as an overlay event too. */
	change.entries = S_ISDIR(change.mode) && (inner || class >= CHANGE_WRITE);
	describe(&change, call, class);
	if (reported_already(&change, &fold, &repeats)) {
		if (mark && !change.entries)
			remember_folded(mark, &fold);
		return 0;
	}
	if (!inner)
		change.ctime_ns = inode_ctime(inode);
	if (has_more_names(inode, inode, operation_of(call), !inner))
		change.flags |= SF_FILE_MORE_NAMES;
	report_ctime(&change, &fold, repeats);
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

/* A function of its own: what repeats the latest write shall not pay for its stack. */
static __noinline int changed(struct inode *inode, const struct syscall *call, s64 ctime_ns,
			      u64 mark)
{
	u32 state = inode_state(inode);

	inode = CAST(inode, inode);
	/* An inode being loaded, not made: what every first look at a file does. */
	if ((state & config.inode_new) && !(state & config.inode_creating))
		return done();
	if (inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC)
		overlay_changed(inode, call, state, ctime_ns, mark);
	else
		upper_changed(inode, call, mark);
	return done();
}

/* Overlay sets the ctime of its inode before each write and after it, and more than once
 * for a change of attributes. */
static __always_inline int ctime_changed(struct inode *inode, s64 ctime_ns, struct sf_latest *here)
{
	struct syscall call;
	u64 mark = 0;

	read_syscall(&call);
	if (is_write(&call))
		mark = change_mark(inode, 0);
	else if (sets_attribute(&call))
		mark = change_mark(inode, call.nr);
	if (mark && repeats_latest(here, mark))
		return 0;
	return changed(inode, &call, ctime_ns, mark);
}

/*
 * A program that is preempted (newer kernels do) is not run for anybody else on that
 * CPU before it is resumed, and a change by whoever is scheduled meanwhile would go
 * unseen. So there are two each, where all of the machine's changes come by, the
 * agent's own among them: the first leaves word that it takes a change on, the second
 * takes on what the first has left no word of.
 */
static __always_inline int first_changed(enum sf_pair pair, struct inode *inode, s64 ctime_ns)
{
	struct sf_latest *here = latest_here();

	if (here)
		here->taken[pair] = bpf_get_current_pid_tgid();
	return ctime_changed(inode, ctime_ns, here);
}

static __always_inline int second_changed(enum sf_pair pair, struct inode *inode, s64 ctime_ns)
{
	struct sf_latest *here = latest_here();

	if (here && here->taken[pair] == bpf_get_current_pid_tgid()) {
		here->taken[pair] = 0;
		return 0;
	}
	return ctime_changed(inode, ctime_ns, here);
}

static __always_inline s64 nanoseconds(const struct timespec64 *time)
{
	return time->tv_sec * (s64)SECOND_NS + time->tv_nsec;
}

/* Overlay's inodes, for the most part. */
SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(stillframe_ctime_set, struct inode *inode, struct timespec64 *ctime)
{
	return first_changed(SF_PAIR_SET, inode, nanoseconds(ctime));
}

SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(stillframe_ctime_set_second, struct inode *inode, struct timespec64 *ctime)
{
	return second_changed(SF_PAIR_SET, inode, nanoseconds(ctime));
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(stillframe_ctime_xchg, struct inode *inode)
{
	return first_changed(SF_PAIR_XCHG, inode, 0);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(stillframe_ctime_xchg_second, struct inode *inode)
{
	return second_changed(SF_PAIR_XCHG, inode, 0);
}

/* The same value again: the second write within a clock tick. */
SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(stillframe_ctime_skip, struct inode *inode)
{
	return first_changed(SF_PAIR_SKIP, inode, 0);
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(stillframe_ctime_skip_second, struct inode *inode)
{
	return second_changed(SF_PAIR_SKIP, inode, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
