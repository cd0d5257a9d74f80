// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lifecycle and code: what every kernel with BTF must run. The maps that all objects
 * share are made with this one. Of code: programs run in a container that its image
 * does not hold as such.
 *
 * kernel/fork.c, kernel/exit.c, fs/exec.c, kernel/cgroup/cgroup.c.
 */
#include "bpf/lib/lifecycle.h"

/* A function of its own: see judge_exec(). */
static __noinline int look_at_mounts(struct task_struct *task)
{
	check_mounts(task);
	return done();
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(stillframe_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = child->tgid;
	struct sf_followed *followed;

	if (parent->tgid == (int)tgid)
		return 0; /* a thread */
	parent = CAST(task_struct, parent);
	child = CAST(task_struct, child);
	followed = followed_itself(parent);
	if (followed) {
		follow(tgid, followed->session, followed->cgroup, 0, start_ticks(child));
		inherit_run(tgid, followed->run);
	} else {
		/* The number may have been another's, whose end was missed. */
		followed = bpf_map_lookup_elem(&processes, &tgid);
		if (followed)
			forget(tgid, followed);
	}
	return 0;
}

/*
 * Who ends, for those that hear of it too late: a runtime is gone a moment after it has set a
 * limit, and who reads of that has only its number. At the end of the first thread, since
 * /proc shows what that one has. It has its namespaces and its cgroup still; not its mm.
 */
static __always_inline void note_end(struct task_struct *task, const struct sf_followed *followed)
{
	u32 tgid = task->tgid;
	u32 place = tgid % SF_ENDED_ROOM;
	struct sf_ended *entry = bpf_map_lookup_elem(&ended, &place);
	struct sf_process *process;

	if (!entry)
		return;
	process = &entry->process;
	entry->pid = 0;
	barrier();
	entry->time_ns = bpf_ktime_get_boot_ns();
	process->start_ns = start_time(task);
	process->pid = tgid;
	process->ppid = WALK(WALK(task, real_parent), tgid);
	process->uid = (u32)bpf_get_current_uid_gid();
	process->flags = in_host_mnt_ns(task) ? SF_PROCESS_HOST_MNT_NS : 0;
	/* Not what another of this number has left. */
	if (followed && followed->started == start_ticks(task)) {
		process->flags |= SF_PROCESS_IN_CONTAINER | SF_PROCESS_FOLLOWED;
		process->cgroup = followed->cgroup;
		process->session = followed->session;
	} else {
		process->cgroup = cgroup_id(cgroup_of(task));
		process->session = 0;
	}
	process->login.uid = SF_NO_LOGIN;
	process->login.session = SF_NO_LOGIN;
	if (process->flags == SF_PROCESS_HOST_MNT_NS)
		read_login(&process->login, task); /* else it may have been set within */
	read_comm(process->comm, task);
	barrier();
	entry->pid = tgid;
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

	task = CAST(task_struct, task);
	look_at_mounts(task);
	followed = bpf_map_lookup_elem(&processes, &tgid);
	if (task->pid == (int)tgid)
		note_end(task, followed);
	if (!followed)
		return 0;
	/* do_exit() has counted this thread out already: 0 means the last one. */
	if (task->signal->live.counter > 0)
		return 0;
	if (followed->started == start_ticks(task) &&
	    followed->flags & (SF_FOLLOWED_INIT | SF_FOLLOWED_LEADER | SF_FOLLOWED_RUN)) {
		u64 id = followed->cgroup;
		u32 init = !!(followed->flags & SF_FOLLOWED_INIT);

		cgroup = bpf_map_lookup_elem(&cgroups, &id);
		if (cgroup && init) {
			/* A new init in the same cgroup begins a new life. */
			cgroup->flags &= ~SF_CGROUP_LIVE;
			/* Its own still: init gives it up after this. */
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
			event->leader = !!(followed->flags & SF_FOLLOWED_LEADER);
			submit_event(event);
		}
	}
	forget(tgid, followed);
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
	struct sf_cgroup_state *top;
	u64 id;

	if (cgroup->root->hierarchy_id != config.observed_hierarchy)
		return 0;
	id = cgroup_id(parent_cgroup(cgroup));
	above = bpf_map_lookup_elem(&cgroups, &id);
	if (!above)
		return 0;
	state = *above;
	state.flags |= SF_CGROUP_CHILD;
	state.children = 0;
	state.processes = 0;
	state.crowd = 0;
	id = state.family;
	top = bpf_map_lookup_elem(&cgroups, &id);
	if (!may_have_child(top ? top->children : SF_CHILDREN_LEAST) || too_many_of(&state.root))
		return 0;
	id = cgroup_id(cgroup);
	if (bpf_map_update_elem(&cgroups, &id, &state, BPF_ANY)) {
		count_loss(SF_LOSS_cgroups_full);
		return 0;
	}
	add_to_tally(SF_TALLY_CHILDREN, 1);
	if (top)
		__sync_fetch_and_add(&top->children, 1);
	send_cgroup(cgroup, id, 0, &state.root);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(stillframe_cgroup_rmdir, struct cgroup *cgroup)
{
	struct sf_cgroup_state *state;
	struct sf_cgroup_state *top;
	struct sf_inode root;
	u64 family;
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
	family = state->family;
	if (state->flags & SF_CGROUP_CHILD)
		add_to_tally(SF_TALLY_CHILDREN, -1);
	else
		forget_mounts(mnt_ns, id);
	if (family != id) {
		top = bpf_map_lookup_elem(&cgroups, &family);
		if (top && top->children)
			__sync_fetch_and_add(&top->children, -1);
	}
	bpf_map_delete_elem(&cgroups, &id);
	send_cgroup(cgroup, id, 1, &root);
	return 0;
}

/* A program that is run by a container's task or in a container's rootfs. */
struct exec {
	struct task_struct *task;
	struct linux_binprm *bprm;
	struct task_root task_root;
	struct rootfs rootfs; /* of the container that it is judged by */
	struct foreign code;
	struct sf_inode directory; /* of a script: where its path starts */
	u32 actor;		   /* of the keys: a session, or who came from outside */
	bool starts_life;
	bool enters; /* it works in a live container, perhaps its own */
};

static __noinline int send_exec(const struct exec *exec, const struct sf_change_key *key)
{
	struct sf_exec_event *event = reserve_news(struct sf_exec_event, sizeof(*event), key);

	if (!event)
		return done();
	fill_header(&event->header, SF_EVENT_EXEC, sizeof(*event), &exec->rootfs.root, exec->task);
	event->inode = exec->code.inode;
	event->directory = exec->directory;
	event->kind = exec->code.kind;
	event->starts_life = exec->starts_life;
	event->path[0] = 0;
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), exec->bprm->filename) < 0)
		count_loss(SF_LOSS_read_failed);
	submit_event(event);
	return done();
}

/* A rootfs in a key. One that is removed leaves its inode's number to the next. */
static __always_inline u32 rootfs_number(const struct exec *exec)
{
	return (u32)exec->rootfs.root.ino ^ exec->rootfs.root.generation * 0x85ebca6bu;
}

/* The actor in a key: the same program of a volume may be run in two containers at once. */
static __always_inline u32 actor_in(const struct exec *exec)
{
	return exec->actor ^ rootfs_number(exec) * 2654435761u;
}

/* A script's path, as far as it takes to know repeats of one script from others. */
union path_start {
	char text[64];
	u64 words[8];
};

static __always_inline u64 path_hash(const union path_start *path)
{
	u64 hash = 14695981039346656037ull;

	for (int i = 0; i < 8; i++) {
		hash = (hash ^ path->words[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash;
}

/* The upper inode of a directory of the rootfs; none: nothing below it has changed. */
static __always_inline bool fill_directory(struct sf_inode *out, struct inode *directory)
{
	struct inode *own = directory;

	if (is_overlay(directory->i_sb))
		own = upper_inode(directory);
	if (own)
		fill_inode(out, own);
	return own;
}

/* Where the script's path starts. False: not in the rootfs, or where nothing changed. */
static __always_inline bool find_start(struct exec *exec, bool absolute)
{
	struct fs_struct *fs = exec->task->fs;

	if (absolute) {
		/* None stands for the rootfs' own root, which most have. */
		if (exec->task_root.directory == exec->task_root.mnt->mnt_sb->s_root->d_inode)
			return true;
		return fill_directory(&exec->directory, exec->task_root.directory);
	}
	return in_rootfs(&exec->rootfs, fs->pwd.mnt, &exec->task_root) &&
	       fill_directory(&exec->directory, fs->pwd.dentry->d_inode);
}

/* A script: the file is its interpreter by now, and only the path is left of it. The
 * kernel's own copy, so it cannot change; the agent looks whether it lies in the upper
 * directory. `interpreter`: it was reported. */
static __noinline int judge_script(struct exec *exec, u32 interpreter)
{
	struct sf_change_key key = {};
	union path_start path = {};
	u32 repeats;

	bpf_probe_read_kernel_str(path.text, sizeof(path.text), exec->bprm->filename);
	if (in_rootfs(&exec->rootfs, exec->task_root.mnt, &exec->task_root)) {
		if (!find_start(exec, path.text[0] == '/'))
			return done();
		exec->code.kind = SF_EXEC_SCRIPT;
		__builtin_memset(&exec->code.inode, 0, sizeof(exec->code.inode));
	} else {
		/* The image knows nothing by that name. */
		if (interpreter)
			return done();
		exec->code.kind = SF_EXEC_VOLUME;
	}
	key.ino = path_hash(&path);
	key.generation = (u32)exec->directory.ino;
	key.dev = rootfs_number(exec);
	key.actor = actor_in(exec);
	key.nr = FOLD_NR(FOLD_EXEC, SF_EXEC_SCRIPT);
	if (!reported(&key, &repeats) && !too_many_of(&exec->rootfs.root))
		send_exec(exec, &key);
	return done();
}

/* Whether the file was reported. */
static __noinline int judge_file(struct exec *exec)
{
	struct sf_change_key key = {};
	struct code_file file = {
	    .mnt = exec->bprm->file->f_path.mnt,
	    .dentry = exec->bprm->file->f_path.dentry,
	    .inode = exec->bprm->file->f_inode,
	    .root = exec->task_root,
	};
	bool foreign = is_foreign(&exec->code, &file, &exec->rootfs);
	u32 repeats;

	if (foreign) {
		key.ino = exec->code.inode.ino;
		key.generation = exec->code.inode.generation;
		key.dev = exec->code.inode.dev;
		key.actor = actor_in(exec);
		key.nr = FOLD_NR(FOLD_EXEC, exec->code.kind);
		if (!reported(&key, &repeats) && !too_many_of(&exec->rootfs.root))
			send_exec(exec, &key);
	}
	return foreign;
}

/* Side by side, and none within the other: until 6.12 all that is called at a time has
 * 512 bytes of stack together. */
static __always_inline void judge_exec(struct exec *exec)
{
	u32 reported = judge_file(exec);

	if (exec->bprm->interp != exec->bprm->filename)
		judge_script(exec, reported);
}

/* Whether it comes from a crowd in the container, and not from outside: where its parent
 * is shows it. */
static __always_inline bool from_crowd(struct task_struct *task, u64 cgroup)
{
	u64 above = cgroup_id(cgroup_of(WALK(task, real_parent)));
	struct sf_cgroup_state *family = family_of(cgroup);

	return family && family->crowd && family_of(above) == family;
}

/* Finds the container that the task belongs to, or has one begin to live with it.
 * False: it belongs to none. */
static __noinline bool find_home(struct exec *exec)
{
	struct task_struct *task = exec->task;
	struct cgroup *cgroup = cgroup_of(task);
	u32 tgid = task->tgid;
	bool crowd = false;
	struct sf_followed *followed = followed_as(task, &crowd);
	bool own_root = has_own_root(task, &exec->task_root);
	struct sf_cgroup_state *home;
	u64 id;

	home = home_of(task, &followed, &id);
	/* Of the host, and only put there: a runtime on its way in. */
	if (!followed && !own_root)
		return false;
	/* Of a container that may have run for long. */
	if ((!followed || !home) && !knows_containers())
		return false;
	if (!home || (!followed && !(home->flags & SF_CGROUP_LIVE))) {
		/* The root cgroup is the host's, and so is who has entered a container. */
		if (!own_root || exec->enters || !cgroup || (!home && !parent_cgroup(cgroup)))
			return false;
		begin_life(task, cgroup, id, home);
		exec->starts_life = true;
		home = bpf_map_lookup_elem(&cgroups, &id);
		if (!home)
			return false;
		followed = bpf_map_lookup_elem(&processes, &tgid);
	}
	rootfs_of(&exec->rootfs, home);
	if (!followed && !from_crowd(task, id)) {
		begin_session(task, home->family, &exec->rootfs.root);
		followed = bpf_map_lookup_elem(&processes, &tgid);
	}
	if (followed)
		exec->actor = (u32)followed->session;
	return true;
}

/* A function of its own, likewise. */
static __noinline int look_for_tool(struct task_struct *task, const struct sf_inode *root)
{
	note_run(task, root);
	return done();
}

/* Likewise. */
static __noinline bool enters(struct rootfs *entered, const struct exec *exec)
{
	return works_in(entered, exec->task, &exec->task_root);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(stillframe_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct exec exec = {.actor = task->tgid};
	struct rootfs entered = {};

	task = CAST(task_struct, task);
	exec.task = task;
	exec.bprm = CAST(linux_binprm, bprm);
	exec.task_root.mnt = task->fs->root.mnt;
	exec.task_root.directory = task->fs->root.dentry->d_inode;
	exec.enters = enters(&entered, &exec);
	if (find_home(&exec)) {
		look_at_mounts(task);
		look_for_tool(task, &exec.rootfs.root);
		judge_exec(&exec);
		if (same_inode(&entered.root, &exec.rootfs.root))
			return 0;
	}
	if (!exec.enters)
		return 0;
	exec.rootfs = entered;
	__builtin_memset(&exec.directory, 0, sizeof(exec.directory));
	judge_exec(&exec);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
