// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kernel parameters: a cgroup/sysctl program, attached at the root of the
 * unified hierarchy (on the container's own cgroup a runtime's update would
 * detach it), sees each access; the container is told by its cgroup.
 */
#include "bpf/process.h"

#define SYSCTL_ALLOW 1

SEC("cgroup/sysctl")
int stillframe_sysctl(struct bpf_sysctl *ctx)
{
	u64 id = bpf_get_current_cgroup_id();
	struct sf_cgroup_state *state;
	struct sf_sysctl_event *event;

	if (!ctx->write)
		return SYSCTL_ALLOW;
	state = bpf_map_lookup_elem(&cgroups, &id);
	if (!state || !(state->flags & SF_CGROUP_LIVE))
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
