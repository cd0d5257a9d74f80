/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A change known by the inode whose ctime was set (6.13): what the system call in
 * progress says of it, and where an inode lies that is not an overlay's.
 */
#ifndef STILLFRAME_BPF_LIB_CTIME_H
#define STILLFRAME_BPF_LIB_CTIME_H

#include "bpf/lib/roots.h"
#include "bpf/lib/syscalls.h"

/* Whether the current task does overlay's own work: override_creds() in fs/overlayfs, which
 * works as the mounter. */
static __always_inline bool works_for_overlay(void)
{
	struct task_struct *task = current_task();

	return FIELD(task, cred) != FIELD(task, real_cred);
}

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

/* Not static: the verifier then looks at it once in each program, and not for each way
 * that leads to it. Pointers as arguments of such are of 5.12. */
__noinline int report_ctime(struct change *change, const struct sf_change_key *key, u32 repeats)
{
	if (change)
		report_change(change, key, repeats);
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

/*
 * The mark of the place where an inode lies; 0: it has none. Of what another than overlay
 * does, which is mostly the host's and mostly in a directory of which was just found that
 * it lies in no upper one: see known_elsewhere().
 */
static __always_inline u64 mark_of_place(struct inode *inode)
{
	struct dentry *named = some_dentry(inode);
	struct dentry *place = named ? place_of(inode, named) : NULL;

	return place ? place_mark(place) : 0;
}

static __always_inline bool known_elsewhere(struct sf_latest *here, u64 place)
{
	return place && here && here->elsewhere == place;
}

static __always_inline void remember_elsewhere(struct sf_latest *here, u64 place)
{
	if (here && place)
		here->elsewhere = place;
}

/* An inode changed that is not an overlay's. `inner`: overlay's own work, as in struct
 * change; `place`: mark_of_place(); `mark`: as for remember_folded(), or 0. */
static __always_inline int upper_changed(struct inode *inode, const struct syscall *call,
					 bool inner, u64 place, u64 mark)
{
	struct sf_latest *here = latest_here();
	struct change change = {};
	struct sf_change_key fold = {};
	struct sf_inode_key key = {};
	struct sf_inode_state *known;
	enum change_class class;
	enum elsewhere where;
	u32 repeats;
	u32 dev;

	change.mode = inode->i_mode;
	if (is_whiteout(inode))
		return 0; /* its directory changes as well */
	change.named = some_dentry(inode);
	if (!change.named)
		return 0; /* being made: nobody knows yet where */
	if (!inode->i_nlink && !loses_name(call, change.named))
		return 0;
	dev = inode_dev(inode);
	if (!bpf_map_lookup_elem(&upper_devs, &dev)) {
		remember_elsewhere(here, place);
		return 0;
	}
	inode_place(&key, inode, dev);
	known = bpf_map_lookup_elem(&upper_inodes, &key);
	if (known && known->generation == inode->i_generation) {
		change.root = known->root;
	} else {
		where = lies_elsewhere(&key, inode);
		if (where == SURELY && !place)
			return 0;
		/* It may have been moved since it was marked: its directories are asked
		 * before this is said of others in the same place. */
		if (where == SURELY)
			where = UNKNOWN;
		if (!root_above(&change, dev, where, !inner)) {
			if (where == UNKNOWN)
				remember_elsewhere(here, place);
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

/*
 * A program that is preempted (newer kernels do) is not run for anybody else on that
 * CPU before it is resumed, and a change by whoever is scheduled meanwhile would go
 * unseen. So there are two each, where all of the machine's changes come by, the
 * agent's own among them: the first leaves word that it takes a change on, the second
 * takes on what the first has left no word of.
 */
static __always_inline void take_on(struct sf_latest *here, enum sf_pair pair)
{
	if (here)
		here->taken[pair] = bpf_get_current_pid_tgid();
}

static __always_inline bool taken_on(struct sf_latest *here, enum sf_pair pair)
{
	if (!here || here->taken[pair] != bpf_get_current_pid_tgid())
		return false;
	here->taken[pair] = 0;
	return true;
}

/*
 * What both of a pair do with a change that is news: a program that they end in by a tail
 * call, so that the verifier looks at it once. Each still counts as running by itself, and
 * so the second is run for whom the first is not. Filled by the agent before any of them
 * is attached, and held for as long: the call cannot fail.
 */
#define HANDLED_BY(name)                                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                             \
		__uint(max_entries, 1);                                                            \
		__type(key, u32);                                                                  \
		__type(value, u32);                                                                \
	} name SEC(".maps")

#endif
