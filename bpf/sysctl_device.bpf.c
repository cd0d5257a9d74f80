// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kernel parameters and devices: cgroup/sysctl and cgroup/dev programs, attached at
 * the root of the unified hierarchy (on the container's own cgroup a runtime's
 * update would detach them), see each access; the container is known by its cgroup.
 * Both always agree: with programs on several levels all have to.
 */
#include "bpf/lib/change.h"

#define SYSCTL_ALLOW 1
#define DEVICE_ALLOW 1

SEC("cgroup/sysctl")
int stillframe_sysctl(struct bpf_sysctl *ctx)
{
	u64 id = bpf_get_current_cgroup_id();
	struct sf_cgroup_state *state;
	struct sf_sysctl_event *event;

	if (!ctx->write)
		return SYSCTL_ALLOW;
	state = bpf_map_lookup_elem(&cgroups, &id);
	if (!state || !(state->flags & SF_CGROUP_LIVE) || too_many_of(&state->root))
		return SYSCTL_ALLOW;
	event = reserve_event(struct sf_sysctl_event, sizeof(*event));
	if (!event)
		return SYSCTL_ALLOW;
	fill_header(&event->header, SF_EVENT_SYSCTL, sizeof(*event), &state->root, current_task());
	if (bpf_sysctl_get_name(ctx, event->name, sizeof(event->name), 0) < 0 ||
	    bpf_sysctl_get_new_value(ctx, event->value, sizeof(event->value)) < 0)
		count_loss(SF_LOSS_read_failed);
	submit_event(event);
	return SYSCTL_ALLOW;
}

/* Devices of which each container has nodes: null, zero, full, random, urandom,
 * tty, console, ptmx and terminals (Documentation/admin-guide/devices.txt). */
static __always_inline bool harmless(u32 major, u32 minor)
{
	switch (major) {
	case 1:
		return minor == 3 || minor == 5 || (minor >= 7 && minor <= 9);
	case 5:
		return minor <= 2;
	case 136:
		return true;
	default:
		return false;
	}
}

/* Whether a runtime's own program has refused it already: those on the container's
 * cgroup run before ours. Without that helper (before 5.18) it is reported. */
static __always_inline bool refused(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_retval) &&
	       bpf_get_retval() < 0;
}

SEC("?cgroup/dev")
int stillframe_device(struct bpf_cgroup_dev_ctx *ctx)
{
	u32 access = ctx->access_type >> 16;
	bool block = (ctx->access_type & 0xffff) == BPF_DEVCG_DEV_BLOCK;
	struct sf_change_key key = {};
	struct sf_device_event *event;
	struct sf_cgroup_state *state;
	struct task_struct *task;
	u32 repeats;
	u64 id;

	/* A disk that is written to, or a node that is made. */
	if (!(access & (BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)))
		return DEVICE_ALLOW;
	if (!block && (!(access & BPF_DEVCG_ACC_MKNOD) || harmless(ctx->major, ctx->minor)))
		return DEVICE_ALLOW;
	task = current_task();
	id = cgroup_id(cgroup_of(task));
	state = bpf_map_lookup_elem(&cgroups, &id);
	if (!state || !(state->flags & SF_CGROUP_LIVE) || refused())
		return DEVICE_ALLOW;
	key.ino = id;
	key.generation = ctx->minor;
	key.dev = ctx->major << 1 | block;
	key.actor = WALK(task, tgid);
	key.nr = FOLD_NR(FOLD_DEVICE, access);
	if (reported(&key, &repeats))
		return DEVICE_ALLOW;
	event = reserve_news(struct sf_device_event, sizeof(*event), &key);
	if (!event)
		return DEVICE_ALLOW;
	fill_header(&event->header, SF_EVENT_DEVICE, sizeof(*event), &state->root, task);
	event->block = block;
	event->major = ctx->major;
	event->minor = ctx->minor;
	event->access = access;
	submit_event(event);
	return DEVICE_ALLOW;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
