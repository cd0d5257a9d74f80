/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel parameters: a cgroup/sysctl program, attached at the root of the
 * unified hierarchy (on the container's own cgroup a runtime's update would
 * detach it), sees each access; the container is told by its cgroup.
 */
#ifndef STILLFRAME_BPF_KERNEL_H
#define STILLFRAME_BPF_KERNEL_H

#include "bpf/lifecycle.h"

#define SYSCTL_ALLOW 1

SEC("cgroup/sysctl")
int stillframe_sysctl(struct bpf_sysctl *ctx)
{
	u64 id = bpf_get_current_cgroup_id();
	struct sf_cgroup_state *state;
	struct sf_scratch *s;

	if (!ctx->write)
		return SYSCTL_ALLOW;
	state = bpf_map_lookup_elem(&cgroups, &id);
	if (!state || !(state->flags & SF_CGROUP_LIVE))
		return SYSCTL_ALLOW;
	s = get_scratch();
	if (!s)
		return SYSCTL_ALLOW;
	fill_header(&s->sysctl.header, SF_EVENT_SYSCTL, sizeof(s->sysctl), &state->root,
		    bpf_get_current_task_btf());
	if (bpf_sysctl_get_name(ctx, s->sysctl.name, sizeof(s->sysctl.name), 0) < 0 ||
	    bpf_sysctl_get_new_value(ctx, s->sysctl.value, sizeof(s->sysctl.value)) < 0)
		count_loss(SF_LOSS_read_failed);
	submit(&s->sysctl, sizeof(s->sysctl));
	return SYSCTL_ALLOW;
}

#endif
