/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shares of the maps that containers fill (bpf/events.h), so that what one of them does
 * without end takes no room from the others. Two CPUs may take the last place at once:
 * the maps are bounded by themselves.
 */
#ifndef STILLFRAME_BPF_LIB_SHARES_H
#define STILLFRAME_BPF_LIB_SHARES_H

#include "bpf/lib/maps.h"

static __always_inline s32 tally(enum sf_tally which)
{
	u32 key = which;
	s32 *value = bpf_map_lookup_elem(&tallies, &key);

	return value ? *value : 0;
}

static __always_inline void add_to_tally(enum sf_tally which, s32 by)
{
	u32 key = which;
	s32 *value = bpf_map_lookup_elem(&tallies, &key);

	if (value)
		__sync_fetch_and_add(value, by);
}

/* Of processes: whether a family that has so many may have another. */
static __always_inline bool may_follow(s32 own)
{
	if (own < SF_PROCESSES_LEAST)
		return true;
	return own < SF_PROCESSES_MOST &&
	       tally(SF_TALLY_PROCESSES) + tally(SF_TALLY_PROCESSES_ADOPTED) <
		   SF_PROCESSES_ROOM / 2;
}

/* Of cgroups within a container that has so many: whether another one may be known. Who
 * works in one that is not is known by descent. */
static __always_inline bool may_have_child(u32 own)
{
	if (own < SF_CHILDREN_LEAST)
		return true;
	return own < SF_CHILDREN_MOST &&
	       tally(SF_TALLY_CHILDREN) + tally(SF_TALLY_CHILDREN_ADOPTED) < SF_CGROUPS_ROOM / 2;
}

/* A file that is not known is found by its directory, and nothing is lost by it. */
static __always_inline void count_unlisted(u32 mode)
{
	if (S_ISDIR(mode))
		count_loss(SF_LOSS_inodes_full);
	else
		count(&counters, SF_COUNTER_UNLISTED, 1);
}

/* Makes known that an inode lies under a root, whose state is `owner`. The last of the
 * room is for directories. */
static __always_inline void know_inode(const struct sf_inode *inode, u32 mode,
				       const struct sf_inode *root, struct sf_root_state *owner)
{
	u32 kept_back = S_ISDIR(mode) ? 0 : SF_INODES_KEPT_BACK;
	struct sf_inode_key key = {.ino = inode->ino, .dev = inode->dev};
	struct sf_inode_state state = {.root = *root, .generation = inode->generation};
	struct sf_inode_state *known = bpf_map_lookup_elem(&upper_inodes, &key);

	if (known && known->generation == state.generation)
		return;
	/* A number that is used again takes the place of the former. */
	if (known) {
		bpf_map_update_elem(&upper_inodes, &key, &state, BPF_ANY);
		return;
	}
	if (owner->inodes >= SF_INODES_LEAST &&
	    (owner->inodes + kept_back >= SF_INODES_MOST ||
	     tally(SF_TALLY_INODES) + tally(SF_TALLY_INODES_SCANNED) + kept_back >=
		 SF_INODES_ROOM / 2)) {
		count_unlisted(mode);
		return;
	}
	if (bpf_map_update_elem(&upper_inodes, &key, &state, BPF_ANY)) {
		count_unlisted(mode);
		return;
	}
	__sync_fetch_and_add(&owner->inodes, 1);
	add_to_tally(SF_TALLY_INODES, 1);
}

#endif
