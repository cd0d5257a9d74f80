/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All maps and load-time constants. Sizes are for a node with some hundred
 * containers; together they stay below 10 MiB. Whatever does not fit is counted
 * in `losses` and repaired by a scan.
 */
#ifndef STILLFRAME_BPF_LIB_MAPS_H
#define STILLFRAME_BPF_LIB_MAPS_H

#include "bpf/events.h"
#include "bpf/lib/kernel_types.h"

#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* Set by the agent before loading. */
const volatile struct sf_config config SEC(".rodata.config");

/* Written by all programs, read by the agent; a full buffer counts as loss. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Written by all programs, read by the agent; key: enum sf_loss. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SF_LOSS_COUNT);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

/* Written by all programs, read by the agent; key: enum sf_counter. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SF_COUNTER_COUNT);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

/* Upper roots, by (dev, ino, generation): made here at the first sight of an
 * overlay, or by the agent; the agent removes them with the container. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sf_inode);
	__type(value, struct sf_root_state);
} roots SEC(".maps");

/* Upper inodes already known to lie in an upper directory: made here by overlay
 * events and by the agent's scans, read where an inode changes without overlay
 * (page faults, writes straight into the upper directory). Removed by the agent
 * with the container. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sf_inode_key);
	__type(value, struct sf_inode_state);
} upper_inodes SEC(".maps");

/* Device numbers of filesystems that hold upper directories: the first test for
 * all other inodes. Written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u32);
} upper_devs SEC(".maps");

/* Inodes on such filesystems that were changed and lie in no upper directory:
 * volumes, the host's own files. Spares them the walk, as long as no further root
 * was registered: a directory that was extracted a moment ago may become one. */
struct sf_not_upper {
	u32 generation;
	u32 roots; /* `roots_registered` when it was looked for */
	u32 sure;  /* all the directories above it were asked */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sf_inode_key);
	__type(value, struct sf_not_upper);
} not_upper SEC(".maps");

/* How often a root was registered, by these programs or by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} roots_registered SEC(".maps");

/* Cgroups of containers and those below them, by id in the observed hierarchy:
 * made here at the first exec and at mkdir, or by the agent for those that ran
 * before; removed at rmdir. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct sf_cgroup_state);
} cgroups SEC(".maps");

/* Mount namespaces of live containers, by inode number: made here at the first exec,
 * or by the agent for those that ran before; removed at the end of init or, at the
 * latest, of the cgroup. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct sf_mount_ns);
} mount_namespaces SEC(".maps");

/* Processes in containers, by thread-group id, and the session each belongs to:
 * made at exec and fork (or by the agent at start), removed at exit. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct sf_followed);
} processes SEC(".maps");

/* What was reported lately, by (inode, actor, system call). For files: at most
 * one event a second, repeats counted. For directories that changed because of
 * an entry: one event until the agent has taken it out (and removed the key), so
 * that a rescan always follows the last change. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sf_change_key);
	__type(value, struct sf_change_state);
} changes SEC(".maps");

/* Programs of which there are two at the same tracepoint: see bpf/files_ctime.bpf.c. */
enum sf_pair { SF_PAIR_SET, SF_PAIR_XCHG, SF_PAIR_SKIP, SF_PAIR_COUNT };

/* What each CPU has just done; written and read by these programs alone. Whoever is
 * preempted may find another's: words that stand for who and what tell. */
struct sf_latest {
	/* The write that was folded last, see write_mark(); 0: none. Most writes repeat
	 * it, and then need nothing of the above. */
	u64 write;
	struct sf_change_key key;
	u32 repeats; /* folded here, and not yet in `changes` */
	u32 reserved;
	u64 taken[SF_PAIR_COUNT]; /* for whom a first program has taken a change on */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sf_latest);
} latest SEC(".maps");

static __always_inline void count(void *map, u32 key, u64 by)
{
	u64 *value = bpf_map_lookup_elem(map, &key);

	if (value)
		*value += by;
}

static __always_inline void count_loss(enum sf_loss reason)
{
	count(&losses, reason, 1);
}

static __always_inline u32 roots_made(void)
{
	u32 zero = 0;
	u32 *made = bpf_map_lookup_elem(&roots_registered, &zero);

	return made ? *made : 0;
}

static __always_inline void count_root(void)
{
	u32 zero = 0;
	u32 *made = bpf_map_lookup_elem(&roots_registered, &zero);

	if (made)
		__sync_fetch_and_add(made, 1);
}

/* Room for an event in the ring buffer: a constant size, or none when it is full.
 * Built in place, since a program of a trampoline may be preempted and another
 * one run on the same CPU meanwhile. */
#define reserve_event(type, size)                                                                  \
	({                                                                                         \
		type *room = bpf_ringbuf_reserve(&events, (size), 0);                              \
		if (!room)                                                                         \
			count_loss(SF_LOSS_ringbuf_full);                                          \
		room;                                                                              \
	})

static __always_inline void submit_event(void *event)
{
	bpf_ringbuf_submit(event, 0);
	count(&counters, SF_COUNTER_EVENTS, 1);
}

#endif
