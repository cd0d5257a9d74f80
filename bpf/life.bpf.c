// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lifecycle and code: what every kernel with BTF must run. The maps that all objects
 * share are made with this one. Of code: programs run in a container that its image
 * does not hold as such.
 *
 * kernel/fork.c, kernel/exit.c, fs/exec.c, kernel/cgroup/cgroup.c.
 */
#include "bpf/lib/foreign.h"
#include "bpf/lib/lifecycle.h"

SEC("tp_btf/sched_process_fork")
int BPF_PROG(stillframe_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = parent->tgid;
	struct sf_followed *followed;

	if (child->tgid == (int)tgid)
		return 0; /* a thread */
	followed = bpf_map_lookup_elem(&processes, &tgid);
	if (followed) {
		follow(child->tgid, followed->session, followed->cgroup, 0);
	} else {
		/* The number may have been another's, whose end was missed. */
		tgid = child->tgid;
		bpf_map_delete_elem(&processes, &tgid);
	}
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(stillframe_exit, struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct sf_followed *followed;
	struct sf_cgroup_state *cgroup;
	struct sf_root_state *root;
	struct sf_exit_event *event;
	struct sf_inode none = {};
	u32 mnt_ns;

	check_mounts(task);
	followed = bpf_map_lookup_elem(&processes, &tgid);
	if (!followed)
		return 0;
	/* do_exit() has counted this thread out already: 0 means the last one. */
	if (task->signal->live.counter > 0)
		return 0;
	if (followed->flags & (SF_FOLLOWED_INIT | SF_FOLLOWED_LEADER)) {
		u64 id = followed->cgroup;
		u32 init = !!(followed->flags & SF_FOLLOWED_INIT);

		cgroup = bpf_map_lookup_elem(&cgroups, &id);
		if (cgroup && init) {
			/* A new init in the same cgroup begins a new life. */
			cgroup->flags &= ~SF_CGROUP_LIVE;
			mnt_ns = cgroup->mnt_ns;
			bpf_map_delete_elem(&mount_namespaces, &mnt_ns);
			root = bpf_map_lookup_elem(&roots, &cgroup->root);
			if (root)
				root->flags &= ~SF_ROOT_LIVE;
		}
		event = reserve_event(struct sf_exit_event, sizeof(*event));
		if (event) {
			fill_header(&event->header, SF_EVENT_EXIT, sizeof(*event),
				    cgroup ? &cgroup->root : &none, task);
			event->init = init;
			event->reserved = 0;
			submit_event(event);
		}
	}
	bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

static __always_inline void send_cgroup(struct cgroup *cgroup, u64 id, u32 removed,
					const struct sf_inode *root)
{
	struct sf_cgroup_event *event = reserve_event(struct sf_cgroup_event, sizeof(*event));

	if (!event)
		return;
	fill_header(&event->header, SF_EVENT_CGROUP, sizeof(*event), root, current_task());
	event->cgroup = id;
	event->removed = removed;
	event->reserved = 0;
	read_cgroup_name(event->name, sizeof(event->name), cgroup);
	submit_event(event);
}

/* A cgroup below a container's belongs to it (systemd or a nested manager). */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(stillframe_cgroup_mkdir, struct cgroup *cgroup)
{
	struct sf_cgroup_state state = {};
	struct sf_cgroup_state *above;
	u64 id;

	if (cgroup->root->hierarchy_id != config.observed_hierarchy)
		return 0;
	id = cgroup_id(parent_cgroup(cgroup));
	above = bpf_map_lookup_elem(&cgroups, &id);
	if (!above)
		return 0;
	state = *above;
	state.flags |= SF_CGROUP_CHILD;
	id = cgroup_id(cgroup);
	if (bpf_map_update_elem(&cgroups, &id, &state, BPF_ANY))
		count_loss(SF_LOSS_cgroups_full);
	send_cgroup(cgroup, id, 0, &state.root);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(stillframe_cgroup_rmdir, struct cgroup *cgroup)
{
	struct sf_cgroup_state *state;
	struct sf_inode root;
	u32 mnt_ns;
	u64 id;

	if (cgroup->root->hierarchy_id != config.observed_hierarchy)
		return 0;
	id = cgroup_id(cgroup);
	state = bpf_map_lookup_elem(&cgroups, &id);
	if (!state)
		return 0;
	root = state->root;
	mnt_ns = state->mnt_ns;
	if (!(state->flags & SF_CGROUP_CHILD))
		bpf_map_delete_elem(&mount_namespaces, &mnt_ns);
	bpf_map_delete_elem(&cgroups, &id);
	send_cgroup(cgroup, id, 1, &root);
	return 0;
}

/* A program that a task of a container runs. */
struct exec {
	struct task_struct *task;
	struct linux_binprm *bprm;
	struct sf_inode root;
	struct foreign code;
	struct sf_inode directory; /* of a script: the working directory, if it may lie there */
	bool starts_life;
};

static __always_inline void send_exec(const struct exec *exec, const struct sf_change_key *key)
{
	struct sf_exec_event *event = reserve_news(struct sf_exec_event, sizeof(*event), key);

	if (!event)
		return;
	fill_header(&event->header, SF_EVENT_EXEC, sizeof(*event), &exec->root, exec->task);
	event->inode = exec->code.inode;
	event->directory = exec->directory;
	event->kind = exec->code.kind;
	event->starts_life = exec->starts_life;
	event->path[0] = 0;
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), exec->bprm->filename) < 0)
		count_loss(SF_LOSS_read_failed);
	submit_event(event);
}

/* FNV-1a over the path's first bytes: folds repeats of the same script. */
static __always_inline u64 path_hash(const char *path)
{
	char text[64] = {};
	u64 hash = 14695981039346656037ull;

	bpf_probe_read_kernel_str(text, sizeof(text), path);
	for (int i = 0; i < 64; i++) {
		if (!text[i])
			break;
		hash = (hash ^ (u8)text[i]) * 1099511628211ull;
	}
	return hash;
}

static __always_inline void judge_exec(struct exec *exec, u64 session)
{
	struct sf_change_key key = {};
	struct code_file file = {
	    .mnt = exec->bprm->file->f_path.mnt,
	    .dentry = exec->bprm->file->f_path.dentry,
	    .inode = exec->bprm->file->f_inode,
	    .root = exec->task->fs->root.mnt,
	};
	struct dentry *pwd;
	u32 repeats;

	key.actor = (u32)session;
	if (is_foreign(&exec->code, &file, &exec->root)) {
		key.ino = exec->code.inode.ino;
		key.generation = exec->code.inode.generation;
		key.dev = exec->code.inode.dev;
		key.nr = FOLD_NR(FOLD_EXEC, exec->code.kind);
		if (!reported(&key, &repeats))
			send_exec(exec, &key);
	}
	/* A script: the file is its interpreter by now, and only the path is left
	 * of it. The kernel's own copy, so it cannot change; the agent looks
	 * whether it lies in the upper directory. */
	if (exec->bprm->interp == exec->bprm->filename)
		return;
	exec->code.kind = SF_EXEC_SCRIPT;
	__builtin_memset(&exec->code.inode, 0, sizeof(exec->code.inode));
	pwd = exec->task->fs->pwd.dentry;
	if (is_overlay(pwd->d_inode->i_sb)) {
		struct inode *upper = upper_inode(pwd->d_inode);

		if (upper)
			fill_inode(&exec->directory, upper);
	} else if (exec->task->fs->pwd.mnt == file.root) {
		fill_inode(&exec->directory, pwd->d_inode);
	}
	key.ino = path_hash(exec->bprm->filename);
	key.generation = (u32)exec->directory.ino;
	key.dev = (u32)exec->root.ino;
	key.nr = FOLD_NR(FOLD_EXEC, SF_EXEC_SCRIPT);
	if (!reported(&key, &repeats))
		send_exec(exec, &key);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(stillframe_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct exec exec = {.task = task, .bprm = bprm};
	struct cgroup *cgroup = cgroup_of(task);
	u64 id = cgroup_id(cgroup);
	struct sf_cgroup_state *state = bpf_map_lookup_elem(&cgroups, &id);
	struct sf_followed *followed;
	u32 tgid = task->tgid;

	if (!cgroup || !has_own_root(task))
		return 0;
	if (!state || !(state->flags & SF_CGROUP_LIVE)) {
		if (!state && !parent_cgroup(cgroup))
			return 0; /* the root cgroup is the host's */
		begin_life(task, cgroup, id);
		exec.starts_life = true;
		state = bpf_map_lookup_elem(&cgroups, &id);
		if (!state)
			return 0;
	}
	check_mounts(task);
	exec.root = state->root;
	followed = bpf_map_lookup_elem(&processes, &tgid);
	if (!followed) {
		begin_session(task, id, &exec.root);
		followed = bpf_map_lookup_elem(&processes, &tgid);
	}
	judge_exec(&exec, followed ? followed->session : 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
