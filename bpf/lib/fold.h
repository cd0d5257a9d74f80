/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Folding: what repeats within a second is counted, not reported again. Whoever reports
 * a thing takes its key first (`reported()`), and reserves its event with the same
 * key: where there is no room for the event the key is given back there, so that the
 * next repeat tries again. That one place is `reserve_news()`.
 *
 * A file may become another by what is folded after the agent has looked at it: the
 * first repeat is therefore reported too, with word that more may follow unreported
 * (`change_reported()`), and the agent looks once more when that second is over. Not so
 * a repeat within the same tick, which is over before the first look (LOOK_AFTER_NS):
 * a single write sets the ctime twice, and shall not cost two events.
 */
#ifndef STILLFRAME_BPF_LIB_FOLD_H
#define STILLFRAME_BPF_LIB_FOLD_H

#include "bpf/lib/maps.h"

#define SECOND_NS 1000000000ull
/* The agent does not look earlier: DirtySet::kDebounceNs. */
#define LOOK_AFTER_NS 5000000ull

/*
 * What a key of `changes` is about, in sf_change_key.nr. From 0 on it is the number of
 * a system call; below, one of these. All that share the map stand here, each kind with
 * room for as many as FOLD_ROOM different ones, so that no two can be the same key.
 */
#define FOLD_ROOM 64
enum fold {
	FOLD_SYSCALL,	/* none of its own: a system call, a page fault, neither of them */
	FOLD_OPERATION, /* enum sf_op, where the program knows it; actor: the process */
	FOLD_EXEC,	/* enum sf_exec_kind; actor: the session */
	FOLD_LIBRARY,	/* enum sf_exec_kind; actor: the session */
	FOLD_MEMORY,	/* enum sf_memory_op; actor: the process */
	FOLD_DEVICE,	/* BPF_DEVCG_ACC_*; actor: the process */
	FOLD_COUNT,
};
#define FOLD_NR(kind, which) (-(s32)((kind) * FOLD_ROOM + (which)))

SF_STATIC_ASSERT(SF_OP_COUNT <= FOLD_ROOM, "room for each operation");
SF_STATIC_ASSERT(-SF_NR_NONE < FOLD_ROOM, "pseudo system calls come first");
SF_STATIC_ASSERT(FOLD_COUNT *FOLD_ROOM < SF_CHANGE_INNER, "flags are added to it");

static __always_inline struct sf_latest *latest_here(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&latest, &zero);
}

/* What was folded by the mark of the latest change alone (bpf/lib/change.h) is counted
 * with the rest. */
static __always_inline void settle_latest(void)
{
	struct sf_latest *last = latest_here();
	struct sf_change_state *state;
	struct sf_change_key key;

	if (!last)
		return;
	last->folded = 0;
	if (!last->repeats)
		return;
	key = last->key;
	state = bpf_map_lookup_elem(&changes, &key);
	if (state)
		__sync_fetch_and_add(&state->repeats, last->repeats);
	last->repeats = 0;
}

/* Nanoseconds, in steps of the kernel's tick: to tell one second from the next, at the
 * price of a load where the exact clock is a call. */
static __always_inline u64 rough_clock(void)
{
	return bpf_jiffies64() * config.tick_ns;
}

static __always_inline bool same_tick(u64 then, u64 now)
{
	return then == now && config.tick_ns < LOOK_AFTER_NS;
}

/* In place of a number of repeats: of this second it is the first, and others may follow
 * unreported. */
#define REPEATS_FOLLOW 0xffffffffu

enum folding {
	FOLDING_COUNTS,	 /* what repeats within a second is counted */
	FOLDING_PENDING, /* and as long as the agent has not taken the event out, or it
			  * would have removed the key */
	FOLDING_WARNS,	 /* and the first repeat is reported as such */
	FOLDING_NEW,	 /* of something that is being made: whatever the key stood for */
};

/* Whether this was reported already and only needs counting. On return of false
 * *repeats is what has been folded since, or REPEATS_FOLLOW, and the key is taken. */
static __always_inline bool folded(const struct sf_change_key *key, enum folding how, u32 *repeats)
{
	u64 now = rough_clock();
	struct sf_change_state fresh = {.sent_ns = now};
	struct sf_change_state *last;

	settle_latest();
	last = bpf_map_lookup_elem(&changes, key);
	*repeats = 0;
	if (!last) {
		bpf_map_update_elem(&changes, key, &fresh, BPF_ANY);
		return false;
	}
	if (how != FOLDING_NEW && (how == FOLDING_PENDING || now - last->sent_ns < SECOND_NS)) {
		if (how == FOLDING_WARNS && !last->warned && !same_tick(last->sent_ns, now)) {
			last->warned = 1;
			*repeats = REPEATS_FOLLOW;
			return false;
		}
		__sync_fetch_and_add(&last->repeats, 1);
		return true;
	}
	if (how != FOLDING_NEW)
		*repeats = last->repeats;
	last->repeats = 0;
	last->warned = 0;
	last->sent_ns = now;
	return false;
}

/* What nobody looks at again. */
static __always_inline bool reported(const struct sf_change_key *key, u32 *repeats)
{
	return folded(key, FOLDING_COUNTS, repeats);
}

/* A change of a file. */
static __always_inline bool change_reported(const struct sf_change_key *key, u32 *repeats)
{
	return folded(key, FOLDING_WARNS, repeats);
}

/* Gives a key back: the next repeat is news again. */
static __always_inline void give_back(const struct sf_change_key *key)
{
	bpf_map_delete_elem(&changes, key);
}

/* reserve_event() for what was folded by `key`; NULL: it was not. */
#define reserve_news(type, size, key)                                                              \
	({                                                                                         \
		const struct sf_change_key *taken = (key);                                         \
		type *news = reserve_event(type, size);                                            \
		if (!news && taken)                                                                \
			give_back(taken);                                                          \
		news;                                                                              \
	})

#endif
