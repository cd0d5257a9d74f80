/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Code: programs run in a container that its image does not hold as such. */
#ifndef STILLFRAME_BPF_CODE_H
#define STILLFRAME_BPF_CODE_H

#include "bpf/lifecycle.h"

struct exec {
	struct task_struct *task;
	struct linux_binprm *bprm;
	struct sf_inode root;
	struct sf_inode inode;
	struct sf_inode directory;
	u32 kind;
	bool starts_life;
};

static __always_inline void send_exec(const struct exec *exec)
{
	struct sf_exec_event *event = reserve_event(struct sf_exec_event, sizeof(*event));

	if (!event)
		return;
	fill_header(&event->header, SF_EVENT_EXEC, sizeof(*event), &exec->root, exec->task);
	event->inode = exec->inode;
	event->directory = exec->directory;
	event->kind = exec->kind;
	event->starts_life = exec->starts_life;
	event->path[0] = 0;
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), exec->bprm->filename) < 0)
		count_loss(SF_LOSS_read_failed);
	submit_event(event);
}

static __always_inline bool is_memfd(struct file *file)
{
	char name[8] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), file->f_path.dentry->d_name.name);
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' &&
	       name[4] == 'd' && name[5] == ':';
}

/* Judges the executable. Returns false for one that the image holds. */
static __always_inline bool foreign(struct exec *exec)
{
	struct file *file = exec->bprm->file;
	struct inode *inode = file->f_inode;
	struct super_block *sb = inode->i_sb;
	struct sf_root_state *root;
	struct inode *upper;

	fill_inode(&exec->inode, inode);
	if (inode->i_nlink == 0) {
		exec->kind =
		    sb->s_magic == TMPFS_MAGIC && is_memfd(file) ? SF_EXEC_MEMFD : SF_EXEC_DELETED;
		return true;
	}
	if (sb != exec->task->fs->root.mnt->mnt_sb) {
		exec->kind = SF_EXEC_VOLUME;
		return true;
	}
	if (!is_overlay(sb)) {
		/* A volume may be on the filesystem that the rootfs is on, too: what
		 * tells them apart is the mount. */
		if (file->f_path.mnt != exec->task->fs->root.mnt) {
			exec->kind = SF_EXEC_VOLUME;
			return true;
		}
		/* The image's own programs were there before life began. */
		root = bpf_map_lookup_elem(&roots, &exec->root);
		if (!root || inode_ctime(inode) <= root->since_ns)
			return false;
		exec->kind = SF_EXEC_UPPER;
		return true;
	}
	upper = upper_inode(inode);
	if (!upper)
		return false;
	fill_inode(&exec->inode, upper);
	exec->kind = SF_EXEC_UPPER;
	return true;
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
	struct vfsmount *root_mount = exec->task->fs->root.mnt;
	struct dentry *pwd;
	u32 repeats;

	key.actor = (u32)session;
	if (foreign(exec)) {
		key.ino = exec->inode.ino;
		key.generation = exec->inode.generation;
		key.dev = exec->inode.dev;
		key.nr = NR_EXEC(exec->kind);
		if (!reported(&key, false, &repeats))
			send_exec(exec);
	}
	/* A script: the file is its interpreter by now, and only the path is left
	 * of it. The kernel's own copy, so it cannot change; the agent looks
	 * whether it lies in the upper directory. */
	if (exec->bprm->interp == exec->bprm->filename)
		return;
	exec->kind = SF_EXEC_SCRIPT;
	__builtin_memset(&exec->inode, 0, sizeof(exec->inode));
	pwd = exec->task->fs->pwd.dentry;
	if (is_overlay(pwd->d_inode->i_sb)) {
		struct inode *upper = upper_inode(pwd->d_inode);

		if (upper)
			fill_inode(&exec->directory, upper);
	} else if (exec->task->fs->pwd.mnt == root_mount) {
		fill_inode(&exec->directory, pwd->d_inode);
	}
	key.ino = path_hash(exec->bprm->filename);
	key.generation = (u32)exec->directory.ino;
	key.dev = (u32)exec->root.ino;
	key.nr = NR_EXEC(SF_EXEC_SCRIPT);
	if (!reported(&key, false, &repeats))
		send_exec(exec);
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

#endif
