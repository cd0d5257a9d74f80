/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A change of an upper inode, from the program that saw it to the ring buffer: the
 * same for all implementations of the files sensor.
 */
#ifndef STILLFRAME_BPF_LIB_CHANGE_H
#define STILLFRAME_BPF_LIB_CHANGE_H

#include "bpf/lib/fold.h"
#include "bpf/lib/overlay.h"
#include "bpf/lib/process.h"
#include "bpf/lib/shares.h"

/* Of the current task. Its pointers are numbers to a function that gets it from another:
 * CAST() gives them their types again. */
struct change {
	struct sf_inode root;
	struct sf_inode inode; /* the upper inode that changed; none: it has none */
	struct dentry *named;  /* has its name, in the overlay or below it; NULL: unknown */
	struct dentry *typed;  /* the same, where it has its type (WALK()); else NULL */
	const void *user_hint; /* in the caller's memory: the entry's path */
	const void *user_to;   /* of a rename: the new one */
	struct dentry *entry;  /* instead of user_hint: the entry itself */
	s64 ctime_ns;
	u64 arg;
	s32 nr;
	u32 op;
	u32 mode;
	u32 flags;
	u32 common;   /* common_dev() of where the inode is; 0: not known */
	bool entries; /* a directory, because of an entry: which one is not sure */
	bool inner;   /* overlay's own work on the upper inode */
};

static __always_inline void change_key(struct sf_change_key *key, const struct change *change)
{
	key->ino = change->inode.ino;
	key->generation = change->inode.generation;
	key->dev = change->inode.dev;
	key->actor = bpf_get_current_pid_tgid() >> 32;
	key->nr = change->nr;
	if (change->entries)
		key->nr += SF_CHANGE_ENTRIES;
	else if (change->inner)
		key->nr += SF_CHANGE_INNER;
}

/*
 * Stands for one thread doing the same to one inode within one tick of the clock. The inode
 * comes typed from the arguments; the difference of two pointers is a number to the
 * verifier, which forbids all else. Its memory may be another's a moment later; but
 * what makes that one, or takes it into the rootfs, is reported in between, and a report
 * forgets the mark.
 */
static __always_inline u64 change_mark(struct inode *inode, u32 what)
{
	u64 place = (u64)inode;

	asm volatile("%0 -= %1" : "+r"(place) : "r"(inode->i_sb));
	place *= 0x9e3779b97f4a7c15;
	place ^= bpf_get_current_pid_tgid() * 0xc2b2ae3d27d4eb4f;
	place ^= what * 0xff51afd7ed558ccd;
	return (place ^ bpf_jiffies64() * 0x165667b19e3779f9) | 1;
}

/* Whether what this CPU has folded last is just repeated. */
static __always_inline bool repeats_latest(struct sf_latest *last, u64 mark)
{
	if (!last || last->folded != mark)
		return false;
	last->repeats++;
	return true;
}

static __always_inline void remember_folded(u64 mark, const struct sf_change_key *key)
{
	struct sf_latest *last = latest_here();

	if (!last)
		return;
	last->folded = 0;
	last->key = *key;
	last->folded = mark;
}

/* Whether the ring buffer takes another event from who has caused so many in this second:
 * all that come while it is less than half full, and then no more than a share each. Its
 * last quarter is for those who have caused few. */
static __always_inline bool ring_takes(u32 used)
{
	bool in_share = used < config.budget_per_second;
	u64 size, taken;

	if (in_share && used < SF_EVENTS_LEAST)
		return true;
	size = bpf_ringbuf_query(&events, BPF_RB_RING_SIZE);
	taken = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	return taken < size / 2 || (in_share && taken < size - size / 4);
}

/* Whether an event is over the container's share; reports once per second that it is
 * used up, so that a scan makes good what is suppressed. */
static __always_inline bool over_budget(struct sf_root_state *state, const struct sf_inode *root)
{
	struct sf_budget_event *event;
	u64 now = rough_clock();

	if (now - state->window_ns >= SECOND_NS) {
		state->window_ns = now;
		state->used = 0;
		state->suppressed = 0;
	}
	if (__builtin_expect(ring_takes(state->used), 1)) {
		__sync_fetch_and_add(&state->used, 1);
		return false;
	}
	count(&counters, SF_COUNTER_SUPPRESSED, 1);
	state->suppressed++;
	if (state->suppressed > 1)
		return true;
	event = reserve_event(struct sf_budget_event, sizeof(*event));
	if (!event) {
		state->suppressed = 0; /* the next one tries again */
		return true;
	}
	fill_header(&event->header, SF_EVENT_BUDGET, sizeof(*event), root, current_task());
	event->suppressed = state->suppressed;
	submit_event(event);
	return true;
}

/* Not static: see followed_ancestor(). */
__noinline int too_many(u64 ino, u32 generation, u32 dev)
{
	struct sf_inode root = {.ino = ino, .generation = generation, .dev = dev};
	struct sf_root_state *state = bpf_map_lookup_elem(&roots, &root);

	return state && over_budget(state, &root);
}

/* Of what is no change of a file: whether the container that it happens in has used up its
 * share. */
static __always_inline bool too_many_of(const struct sf_inode *root)
{
	return too_many(root->ino, root->generation, root->dev);
}

/* Not on the stack, of which there is little. */
const struct sf_root_state fresh_root = {};
const struct sf_root_state passing_root = {.flags = SF_ROOT_PASSING};

/* The state of an upper root, made when this is the first we see of it: a mount
 * that a runtime is still preparing. */
static __always_inline struct sf_root_state *root_state(const struct sf_inode *root)
{
	struct sf_root_state *state = bpf_map_lookup_elem(&roots, root);
	u32 dev = root->dev;
	u32 one = 1;

	if (state)
		return state;
	bpf_map_update_elem(&upper_devs, &dev, &one, BPF_ANY);
	bpf_map_update_elem(&roots, root, &fresh_root, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&roots, root); /* perhaps another CPU was first */
	if (!state) {
		count_loss(SF_LOSS_roots_full);
		return NULL;
	}
	know_inode(root, S_IFDIR, root, state);
	count_root(); /* it can be found from here on */
	return state;
}

/* Like root_state(), but a container takes no more than a passing note of what is not
 * its own. `payer`: by whose share of events the change goes. */
static __always_inline struct sf_root_state *root_of_change(const struct change *change,
							    struct sf_inode *payer)
{
	struct sf_root_state *state = bpf_map_lookup_elem(&roots, &change->root);
	struct task_struct *task = current_task();
	struct sf_followed *followed;
	struct sf_cgroup_state *home;
	bool crowd = false;
	u64 cgroup;

	*payer = change->root;
	if (state)
		return state;
	followed = followed_as(task, &crowd);
	home = home_of(task, &followed, &cgroup);
	if (!home)
		return root_state(&change->root);
	*payer = home->root;
	state = bpf_map_lookup_elem(&passing_roots, &change->root);
	if (state)
		return state;
	bpf_map_update_elem(&passing_roots, &change->root, &passing_root, BPF_NOEXIST);
	return bpf_map_lookup_elem(&passing_roots, &change->root);
}

/* A dentry, where it has its type: see WALK(). What all may be cast to needs no such
 * difference. */
static __always_inline struct dentry *if_typed(struct dentry *typed)
{
	return config.reads == SF_READS_WALK ? typed : NULL;
}

/* Where ways by types and by copies meet the compiler would have one load for both, which
 * the verifier refuses. */
#define APART(value) asm volatile("" : "+r"(value))

/* The upper directory that a name lies in. `common`: see fill_inode_on(). */
static __always_inline void fill_parent(struct sf_inode *out, struct dentry *named,
					struct dentry *maybe_typed, u32 common)
{
	struct dentry *typed = if_typed(maybe_typed);
	struct super_block *sb;
	struct dentry *above;
	struct inode *parent;
	u64 magic;

	if (typed) {
		above = WALK(typed, d_parent);
		parent = WALK(above, d_inode);
		sb = WALK(above, d_sb);
		magic = WALK(sb, s_magic);
		APART(parent);
		APART(magic);
	} else {
		above = FIELD(named, d_parent);
		parent = FIELD(above, d_inode);
		sb = FIELD(above, d_sb);
		magic = FIELD(sb, s_magic);
	}
	/* What was changed has been copied up, and before it its directory. */
	if (parent && magic == OVERLAYFS_SUPER_MAGIC)
		parent = upper_inode(parent);
	if (parent)
		fill_inode_on(out, parent, common);
}

static __always_inline u32 length_of_name(struct dentry *named, struct dentry *maybe_typed)
{
	struct dentry *typed = if_typed(maybe_typed);
	u32 length;

	if (!typed)
		return FIELD(named, d_name.len);
	length = WALK(typed, d_name.len);
	APART(length);
	return length;
}

static __always_inline const unsigned char *text_of_name(struct dentry *named,
							 struct dentry *maybe_typed)
{
	struct dentry *typed = if_typed(maybe_typed);
	const unsigned char *text;

	if (!typed)
		return FIELD(named, d_name.name);
	text = WALK(typed, d_name.name);
	APART(text);
	return text;
}

/* Fills in what both forms of a file event have. `room` is that for names. */
static __always_inline void fill_change(struct sf_file_event *event, const struct change *change,
					u32 repeats, u32 room)
{
	struct dentry *named = CAST(dentry, change->named);
	struct dentry *entry = CAST(dentry, change->entry);
	u32 size = 0;
	long len;

	fill_header(&event->header, SF_EVENT_FILE, offsetof(struct sf_file_event, text) + room,
		    &change->root, current_task());
	event->inode = change->inode;
	__builtin_memset(&event->parent, 0, sizeof(event->parent));
	event->ctime_ns = change->ctime_ns;
	event->arg = change->arg;
	event->nr = change->nr;
	event->op = change->op;
	event->repeats = repeats;
	event->mode = change->mode;
	event->flags = change->flags;
	if (repeats == REPEATS_FOLLOW) {
		event->repeats = 0;
		event->flags |= SF_FILE_FOLLOW;
	}
	event->name_len = 0;
	event->hint_len = 0;
	if (named && event->inode.ino != change->root.ino) {
		fill_parent(&event->parent, named, change->typed, change->common);
		len =
		    bpf_probe_read_kernel_str(event->text, room < SF_NAME_LEN ? room : SF_NAME_LEN,
					      text_of_name(named, change->typed));
		if (len > 0 && len <= SF_NAME_LEN) {
			size = (u32)len - 1; /* without the NUL: at most 255 */
			event->name_len = size;
		} else {
			count_loss(SF_LOSS_read_failed);
		}
	}
	if (room < sizeof(event->text))
		return;
	/* size <= 255: the verifier wants to see it, the compiler knows it already. */
	asm volatile("" : "+r"(size));
	size &= SF_NAME_LEN - 1;
	if (change->user_hint)
		len = bpf_probe_read_user_str(event->text + size, SF_HINT_LEN, change->user_hint);
	else if (entry)
		len = bpf_probe_read_kernel_str(event->text + size, SF_HINT_LEN,
						FIELD(entry, d_name.name));
	else
		return;
	/* A page that is not there cannot be fetched here, and one that is may end there:
	 * whoever calls chooses where the path lies. */
	if (len <= 0 || len >= SF_HINT_LEN) {
		event->flags |= SF_FILE_HINT_CUT;
		return;
	}
	event->hint_len = len - 1;
	if (!change->user_to)
		return;
	size += (u32)len & (SF_HINT_LEN - 1);
	asm volatile("" : "+r"(size));
	size &= 2 * SF_HINT_LEN - 1;
	len = bpf_probe_read_user_str(event->text + size, SF_HINT_LEN, change->user_to);
	if (len <= 0 || len >= SF_HINT_LEN)
		event->flags |= SF_FILE_HINT_CUT;
	else
		event->hint_len += len;
}

static __always_inline void send_change(const struct change *change,
					const struct sf_change_key *key, u32 repeats)
{
	struct dentry *named = CAST(dentry, change->named);
	struct sf_file_event *event;

	/* Most names are short, and then most of the room would be wasted. */
	if (!change->user_hint && !change->entry &&
	    (!named || length_of_name(named, change->typed) < SF_SHORT_TEXT)) {
		event = reserve_news(struct sf_file_event,
				     offsetof(struct sf_file_event, text) + SF_SHORT_TEXT, key);
		if (!event)
			return;
		fill_change(event, change, repeats, SF_SHORT_TEXT);
	} else {
		event = reserve_news(struct sf_file_event, sizeof(struct sf_file_event), key);
		if (!event)
			return;
		fill_change(event, change, repeats, sizeof(event->text));
	}
	submit_event(event);
}

/* Whether this change was reported already and is only counted. Needs of it the inode,
 * nr, entries, inner and SF_FILE_CREATED: all that a repeated change should cost. */
static __always_inline bool reported_already(const struct change *change, struct sf_change_key *key,
					     u32 *repeats)
{
	enum folding how = change->entries ? FOLDING_PENDING : FOLDING_WARNS;

	change_key(key, change);
	/* A new file is always news: the key of an inode that was just freed may be
	 * the same but for its generation. */
	if (change->flags & SF_FILE_CREATED)
		how = FOLDING_NEW;
	return folded(key, how, repeats);
}

/* The root of a change that is to be sent, NULL: it is not. `key`: by which it was folded;
 * NULL: it was not. */
static __always_inline struct sf_root_state *admitted(struct change *change,
						      const struct sf_change_key *key)
{
	struct sf_inode payer;
	struct sf_root_state *root = root_of_change(change, &payer);
	struct sf_root_state *paying = root;

	settle_latest();
	if (root && (root->flags & SF_ROOT_IGNORE))
		return NULL;
	if (root && change->inode.ino && !(root->flags & SF_ROOT_PASSING))
		know_inode(&change->inode, change->mode, &change->root, root);
	/* Of a container whose rootfs cannot be changed there is none. */
	if (root && (root->flags & SF_ROOT_PASSING))
		paying = bpf_map_lookup_elem(&roots, &payer) ?: root;
	if (!root || over_budget(paying, &payer)) {
		/* The agent gives back such a key when it takes the event out, and
		 * of this one there is none. */
		if (key && change->entries)
			give_back(key);
		return NULL;
	}
	if (root->flags & SF_ROOT_LIVE)
		change->flags |= SF_FILE_LIVE;
	return root;
}

/* `key`: likewise. */
static __always_inline void report_change(struct change *change, const struct sf_change_key *key,
					  u32 repeats)
{
	if (!admitted(change, key))
		return;
	if (change->entries)
		change->flags |= SF_FILE_ENTRIES;
	send_change(change, key, repeats);
}

#endif
