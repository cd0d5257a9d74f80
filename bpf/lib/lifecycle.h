/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A container's life: it begins at the first exec of a task whose root is neither
 * the host's nor a live container's, which descends from no container, in a cgroup
 * that is not known yet. From that instant its changes count, without a word from userspace; the
 * agent, which gets the same event, finds out who it is and takes it back if it was no container.
 *
 * Not before the agent has said which containers run already (containers_known): whoever is
 * first to run something in one of those begins nothing.
 */
#ifndef STILLFRAME_BPF_LIB_LIFECYCLE_H
#define STILLFRAME_BPF_LIB_LIFECYCLE_H

#include "bpf/lib/change.h"
#include "bpf/lib/runs.h"
#include "bpf/lib/whose.h"

static __always_inline struct cgroup *parent_cgroup(struct cgroup *cgroup)
{
	/* self is the first member of struct cgroup (include/linux/cgroup-defs.h) */
	struct cgroup_subsys_state *parent = WALK(cgroup, self.parent);

	return parent ? WALK(parent, cgroup) : NULL;
}

static __always_inline void read_cgroup_name(char *out, u32 size, struct cgroup *cgroup)
{
	out[0] = 0;
	if (cgroup && bpf_probe_read_kernel_str(out, size, BPF_CORE_READ(cgroup, kn, name)) < 0)
		count_loss(SF_LOSS_read_failed);
}

static __always_inline bool knows_containers(void)
{
	u32 zero = 0;
	u32 *known = bpf_map_lookup_elem(&containers_known, &zero);

	return known && *known;
}

/* Files are stamped by a clock that ticks: what was made just now may look this
 * much older (HZ=100). */
#define TICK_NS 10000000ll

static __always_inline void forget(u32 tgid, const struct sf_followed *followed)
{
	bool counted = !(followed->flags & SF_FOLLOWED_ADOPTED);
	struct sf_cgroup_state *family = family_of(followed->cgroup);

	if (bpf_map_delete_elem(&processes, &tgid))
		return;
	add_to_tally(SF_TALLY_PROCESSES, -1);
	if (family && counted)
		__sync_fetch_and_add(&family->processes, -1);
}

/* Who begins a life or a session is followed however many there are: it comes from the
 * host, and all that descend from it are known by it. Not static: see followed_ancestor(). */
__noinline int follow(u32 tgid, u64 session, u64 cgroup, u32 flags, u32 started)
{
	struct sf_followed followed = {
	    .session = session, .cgroup = cgroup, .flags = flags, .started = started};
	/* The number may have been another's, whose end was missed. */
	struct sf_followed *former = bpf_map_lookup_elem(&processes, &tgid);
	struct sf_cgroup_state *family;

	if (former)
		forget(tgid, former);
	family = family_of(cgroup);
	if ((!flags && family && !may_follow(family->processes)) ||
	    bpf_map_update_elem(&processes, &tgid, &followed, BPF_ANY)) {
		count_loss(SF_LOSS_processes_full);
		if (family)
			family->crowd = 1;
		return 0;
	}
	add_to_tally(SF_TALLY_PROCESSES, 1);
	if (family)
		__sync_fetch_and_add(&family->processes, 1);
	return 0;
}

static __always_inline void watch_mounts(struct sf_cgroup_state *state, struct task_struct *task,
					 u64 cgroup)
{
	struct nsproxy *nsproxy = WALK(task, nsproxy);
	struct sf_mount_ns fresh = {.root = state->root, .cgroup = cgroup};
	struct mnt_namespace *mounts;

	if (!nsproxy)
		return;
	mounts = WALK(nsproxy, mnt_ns);
	state->mnt_ns = WALK(mounts, ns.inum);
	fresh.changes = WALK(mounts, event);
	if (bpf_map_update_elem(&mount_namespaces, &state->mnt_ns, &fresh, BPF_ANY))
		count_loss(SF_LOSS_mounts_full);
}

/* The number is free as soon as init is gone, and may be another container's by the time
 * its cgroup goes. */
static __always_inline void forget_mounts(u32 mnt_ns, u64 cgroup)
{
	struct sf_mount_ns *known = bpf_map_lookup_elem(&mount_namespaces, &mnt_ns);

	if (known && known->cgroup == cgroup)
		bpf_map_delete_elem(&mount_namespaces, &mnt_ns);
}

/*
 * Where nothing reports mounts as they are made: have the container's become others
 * since somebody last looked? The kernel counts their changes, for those who poll
 * /proc/PID/mounts. Asked at the end of whoever may have made one, and at execs.
 */
static __always_inline void check_mounts(struct task_struct *task)
{
	struct nsproxy *nsproxy = WALK(task, nsproxy);
	struct sf_mounts_event *event;
	struct mnt_namespace *mounts;
	struct sf_mount_ns *known;
	struct sf_inode root;
	u64 changes;
	u32 inum;

	if (!nsproxy)
		return;
	mounts = WALK(nsproxy, mnt_ns);
	inum = WALK(mounts, ns.inum);
	if (inum == config.host_mnt_ns)
		return;
	known = bpf_map_lookup_elem(&mount_namespaces, &inum);
	if (!known)
		return;
	changes = WALK(mounts, event);
	if (known->changes == changes)
		return;
	root = known->root;
	if (too_many_of(&root))
		return; /* and it is asked again */
	event = reserve_event(struct sf_mounts_event, sizeof(*event));
	if (!event)
		return;
	known->changes = changes;
	fill_header(&event->header, SF_EVENT_MOUNTS_TOUCHED, sizeof(*event), &root, task);
	event->cgroup = known->cgroup;
	submit_event(event);
}

/* `before`: what the cgroup was known as, if it was. */
static __always_inline int begin_life(struct task_struct *task, struct cgroup *cgroup, u64 id,
				      const struct sf_cgroup_state *before)
{
	struct sf_cgroup_state state = {
	    .family = id,
	    .flags = SF_CGROUP_LIVE,
	    .init = task->tgid,
	};
	struct super_block *sb = task->fs->root.mnt->mnt_sb;
	struct sf_live_event *event;
	struct sf_root_state *root;
	u32 plain = 0;

	if (before) {
		state.family = before->family;
		state.children = before->children;
		state.processes = before->processes;
		state.crowd = before->crowd;
	}
	if (is_overlay(sb)) {
		upper_root(&state.root, sb); /* none: a read-only overlay */
		state.rootfs_dev = sb->s_dev;
	} else {
		/* The rootfs is a directory: what lies in it is all there is. */
		fill_inode(&state.root, task->fs->root.dentry->d_inode);
		plain = SF_ROOT_PLAIN;
	}
	if (state.root.ino) {
		root = root_state(&state.root);
		if (root) {
			root->flags |= SF_ROOT_LIVE | plain;
			if (!root->since_ns)
				root->since_ns = (s64)bpf_ktime_get_boot_ns() +
						 config.real_minus_boot_ns - TICK_NS;
		}
	}
	watch_mounts(&state, task, id);
	if (bpf_map_update_elem(&cgroups, &id, &state, BPF_ANY)) {
		count_loss(SF_LOSS_cgroups_full);
		return 0;
	}
	follow(task->tgid, 0, id, SF_FOLLOWED_INIT, start_ticks(task));
	event = reserve_event(struct sf_live_event, sizeof(*event));
	if (!event)
		return 0;
	fill_header(&event->header, SF_EVENT_LIVE, sizeof(*event), &state.root, task);
	read_cgroup_name(event->name, sizeof(event->name), cgroup);
	read_cgroup_name(event->parent, sizeof(event->parent), parent_cgroup(cgroup));
	submit_event(event);
	return 0;
}

/*
 * By whom it was called: now, since the runtime that ran it is about to end. How many they
 * are. The machine's init is nobody's caller: what lost its parent comes to it.
 */
static __always_inline u32 read_callers(struct sf_caller callers[SF_CALLERS],
					struct task_struct *task)
{
	u32 tgid;

	for (u32 i = 0; i < SF_CALLERS; i++) {
		task = WALK(task, real_parent);
		if (!task)
			return i;
		task = WALK(task, group_leader);
		tgid = WALK(task, tgid);
		if (tgid <= 1)
			return i;
		callers[i].pid = tgid;
		read_comm(callers[i].comm, task);
		callers[i].reserved = 0;
	}
	return SF_CALLERS;
}

/* The beginning of an environment; how long it is, or SF_ENV_LEN where there is more. */
static __always_inline u32 read_env(char env[SF_ENV_LEN], struct mm_struct *mm)
{
	u64 start, all, len;

	if (!mm)
		return 0;
	start = WALK(mm, env_start);
	all = WALK(mm, env_end) - start;
	len = all;
	if (len > SF_ENV_LEN - 1)
		len = SF_ENV_LEN - 1;
	/* A power of two less one: a bound that the verifier can see. */
	len &= SF_ENV_LEN - 1;
	if (!bpf_probe_read_user(env, len, (const void *)start))
		return all > SF_ENV_LEN - 1 ? SF_ENV_LEN : len;
	count_loss(SF_LOSS_read_failed);
	return 0;
}

/* `family`: the cgroup to follow it by. One below it may go while the session lives. */
static __always_inline void begin_session(struct task_struct *task, u64 family,
					  const struct sf_inode *root)
{
	struct sf_session_event *event;
	u64 session = start_time(task->group_leader) / 1000;
	struct tty_struct *tty;

	follow(task->tgid, session, family, SF_FOLLOWED_LEADER, start_ticks(task));
	event = reserve_event(struct sf_session_event, sizeof(*event));
	if (!event)
		return;
	fill_header(&event->header, SF_EVENT_SESSION, sizeof(*event), root, task);
	event->tty[0] = 0;
	tty = task->signal->tty;
	if (tty)
		bpf_probe_read_kernel_str(event->tty, SF_TTY_LEN, tty->name);
	event->argv_len = read_argv(event->argv, WALK(task, mm));
	/* Read now: what runs in the container may set a login where there was none. So may
	 * who entered it have done before: see docs/events.md. */
	read_login(&event->login, task);
	event->reserved = 0;
	event->callers_count = read_callers(event->callers, task);
	event->env_len = read_env(event->env, WALK(task, mm));
	submit_event(event);
}

#endif
