/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All maps and load-time constants. Sizes are for a node with some hundred
 * containers; together they stay below 10 MiB, which until 6.0 are taken at once
 * (agent/sensors/kernel_facts.h). Whatever does not fit is counted
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

/* Every event, by enum sf_event_type. Written by all programs, read by the agent as it
 * comes. Half of it is for whoever comes first, the rest in shares (ring_takes()). What finds no
 * room is counted as lost (ringbuf_full), and a scan follows. */
#define SF_RING_SIZE (4 << 20)
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SF_RING_SIZE);
} events SEC(".maps");

/* What went missing, by enum sf_loss. Written by all programs, read by the agent at each
 * scrape; only grows. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SF_LOSS_COUNT);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

/* What was done, by enum sf_counter. Written by all programs, read by the agent at each
 * scrape; only grows. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SF_COUNTER_COUNT);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

/* Upper roots, by (dev, ino, generation): whether they live, and their share of events.
 * Made by root_state() at the first sight of an overlay and at the first exec, or by
 * the agent; read by all that report a change. The agent removes them with the
 * container; a full map counts as loss (roots_full). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sf_inode);
	__type(value, struct sf_root_state);
} roots SEC(".maps");

/* Upper roots that are nobody's yet and that a container's own task was first to work in:
 * overlays that it mounts for itself, perhaps without end. The least used are evicted,
 * and so take no room from `roots`, to which the agent adds what becomes a container's. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct sf_inode);
	__type(value, struct sf_root_state);
} passing_roots SEC(".maps");

/* Inodes known to lie in an upper directory, by (dev, ino), and the root they lie under:
 * made by overlay's events and by the agent's scans, read where an inode changes without
 * overlay (page faults, writes straight into the upper directory); spares them the walk
 * to the root. The agent removes them with the container. In shares (sf_root_state.inodes);
 * a directory that is over one counts as loss (inodes_full), a file (SF_COUNTER_UNLISTED)
 * is still found by its directory. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SF_INODES_ROOM);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sf_inode_key);
	__type(value, struct sf_inode_state);
} upper_inodes SEC(".maps");

/* Device numbers of filesystems that hold upper directories: the first test for
 * all other inodes. Made by root_state() and by the agent, read by the files programs;
 * never removed, since a device has further containers. What finds no room among 64 is
 * seen by scans. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u32);
} upper_devs SEC(".maps");

/* Inodes on such filesystems that were changed and lie in no upper directory, by
 * (dev, ino): volumes, the host's own files. Made and read by find_root() and its
 * callers; spares them the walk, as long as no further root was registered: a directory
 * that was extracted a moment ago may become one. The least used are evicted. */
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

/* How often a root was registered: one number, raised by these programs and by the
 * agent, read with `not_upper`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} roots_registered SEC(".maps");

/* Cgroups of containers and those below them, by id in the observed hierarchy:
 * made at the first exec and at mkdir, or by the agent for those that ran before; read
 * by all programs to know a container's task; removed at rmdir, or by the agent where
 * it was no container. Those within containers are in shares (sf_cgroup_state.children).
 * A full map counts as loss (cgroups_full). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SF_CGROUPS_ROOM);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct sf_cgroup_state);
} cgroups SEC(".maps");

/* Whether the agent has made known which containers ran before it: one number, written by
 * the agent once, read at execs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} containers_known SEC(".maps");

/* Mount namespaces of live containers, by inode number: made at the first exec, or by
 * the agent for those that ran before; read by the mounts programs and by
 * check_mounts(); removed at the end of init or, at the latest, of the cgroup. A full
 * map counts as loss (mounts_full). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct sf_mount_ns);
} mount_namespaces SEC(".maps");

/* Processes in containers, by thread-group id, and the session each belongs to:
 * made at exec and fork (or by the agent at start), read for each event's actor,
 * removed at exit. In shares (sf_cgroup_state.processes); what is over one counts as loss
 * (processes_full), and is known by its ancestors. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SF_PROCESSES_ROOM);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct sf_followed);
} processes SEC(".maps");

/* Processes that ended lately, on the host, too, by the remainder of their thread-group id:
 * written at each exit, read by the agent where a report names a process that is gone. Each
 * takes the place of the one before. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SF_ENDED_ROOM);
	__type(key, u32);
	__type(value, struct sf_ended);
} ended SEC(".maps");

/* Tools, by the names of the programs that they are known by (bpf/tools.h): written by the
 * agent once, read at execs in containers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, char[SF_COMM_LEN]);
	__type(value, u32);
} tools SEC(".maps");

/* How full those in shares are, by enum sf_tally, and read there before they are filled. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SF_TALLY_COUNT);
	__type(key, u32);
	__type(value, s32);
} tallies SEC(".maps");

/* What was reported lately, by struct sf_change_key (kinds: bpf/lib/fold.h): at most one
 * event a second, of files two, repeats counted. For directories that changed because of an entry:
 * one event until the agent has taken it out (and removed the key), so that a rescan
 * always follows the last change. Written and read by reported(); the least used are
 * evicted, and then reported once more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sf_change_key);
	__type(value, struct sf_change_state);
} changes SEC(".maps");

/* Programs of which there are two at the same tracepoint: see bpf/files_ctime.bpf.c. */
enum sf_pair { SF_PAIR_SET, SF_PAIR_XCHG, SF_PAIR_SKIP, SF_PAIR_COUNT };

/* What each CPU has just done; written and read by these programs alone. Whoever is
 * preempted may find another's: they differ in the words that stand for who and what. */
struct sf_latest {
	/* What was folded last, see change_mark(); 0: nothing. Most writes repeat it, and
	 * then need nothing of the above. */
	u64 folded;
	struct sf_change_key key;
	u32 repeats; /* folded here, and not yet in `changes` */
	u32 reserved;
	u64 elsewhere; /* a directory that lies in no upper one, see place_mark(); 0: none */
	u64 taken[SF_PAIR_COUNT]; /* for whom a first program has taken a change on */
};

/* One for each CPU. */
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
