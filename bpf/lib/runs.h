/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs of tools in containers: which process began one, and who descends from it. The
 * first tool of a tree names it: apt runs dpkg, which runs a script that runs anything.
 * An interpreter may be a tool by its command line, which the agent judges; so a tool
 * that it runs begins a run of its own, and the agent gets to know within which.
 */
#ifndef STILLFRAME_BPF_LIB_RUNS_H
#define STILLFRAME_BPF_LIB_RUNS_H

#include "bpf/lib/change.h"

/* The beginning of a command line; how long that is. */
static __always_inline u32 read_argv(char argv[SF_ARGV_LEN], struct mm_struct *mm)
{
	u64 start, len;

	if (!mm)
		return 0;
	start = WALK(mm, arg_start);
	len = WALK(mm, arg_end) - start;
	if (len > SF_ARGV_LEN - 1)
		len = SF_ARGV_LEN - 1;
	/* A power of two less one: a bound that the verifier can see. */
	len &= SF_ARGV_LEN - 1;
	if (!bpf_probe_read_user(argv, len, (const void *)start))
		return len;
	count_loss(SF_LOSS_read_failed);
	return 0;
}

/* By the name that the program just run has given the task. */
static __always_inline u32 tool_of(struct task_struct *task)
{
	char name[SF_COMM_LEN] __attribute__((aligned(8)));
	bool ended = false;
	u32 *tool;

	read_comm(name, task);
	/* Until 6.7 __set_task_comm() leaves behind what the former name had there. */
#pragma unroll
	for (int i = 0; i < SF_COMM_LEN; i++) {
		ended |= !name[i];
		if (ended)
			name[i] = 0;
	}
	tool = bpf_map_lookup_elem(&tools, name);
	return tool ? *tool : SF_TOOL_NONE;
}

/* Whether there was room for it. */
static __always_inline bool send_run(struct task_struct *task, u64 within,
				     const struct sf_inode *root)
{
	struct sf_run_event *event;

	if (too_many_of(root))
		return false;
	event = reserve_event(struct sf_run_event, sizeof(*event));
	if (!event)
		return false;
	fill_header(&event->header, SF_EVENT_RUN, sizeof(*event), root, task);
	event->within = within;
	event->reserved = 0;
	event->argv_len = read_argv(event->argv, WALK(task, mm));
	submit_event(event);
	return true;
}

/* What runs within a session is reported. A workload's own is no update: who descends
 * from it is known all the same. */
static __always_inline int note_run(struct task_struct *task, const struct sf_inode *root)
{
	struct sf_followed *followed = followed_itself(task);
	u64 within, started;
	u32 tool;

	if (!followed)
		return 0;
	within = followed->run;
	if (within && sf_run_tool(within) != SF_TOOL_INTERPRETER)
		return 0;
	tool = tool_of(task);
	if (!tool || (tool == SF_TOOL_INTERPRETER && !followed->session))
		return 0;
	started = start_time(WALK(task, group_leader)) / 1000;
	followed->run = sf_run(started, (u64)tool);
	if (!followed->session)
		return 0;
	/* Where the beginning was not reported the end is not either: that event asks for no
	 * share. */
	if (send_run(task, within, root))
		followed->flags |= SF_FOLLOWED_RUN;
	return 0;
}

/* A child is of its parent's run. */
static __always_inline void inherit_run(u32 child, u64 run)
{
	struct sf_followed *followed;

	if (!run)
		return;
	followed = bpf_map_lookup_elem(&processes, &child);
	if (followed)
		followed->run = run;
}

#endif
