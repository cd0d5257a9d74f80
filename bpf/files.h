/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files: every change of an inode sets its ctime, on every filesystem, and three
 * tracepoints (6.13, multigrain timestamps) see all of it: fs/inode.c. Overlayfs
 * copies the upper inode's attributes to its own inode after each operation, so
 * an overlay inode's ctime event names mount, upper inode and name at once.
 *
 * Two inodes fire for one change. Which one is taken:
 *  - files through overlay: the overlay inode;
 *  - directories: both, folded by the same key (the upper directory is the only
 *    one to fire when a file is merely copied up);
 *  - page faults on a shared mapping and writes straight into the upper
 *    directory: the upper inode, since there is no overlay event. Overlay's own
 *    inner work is told by its borrowed credentials and left out.
 */
#ifndef STILLFRAME_BPF_FILES_H
#define STILLFRAME_BPF_FILES_H

#include "bpf/overlay.h"
#include "bpf/process.h"
#include "bpf/syscalls.h"

#define SECOND_NS 1000000000ull

struct change {
	struct task_struct *task;
	struct syscall call;
	enum change_class class;
	struct inode *upper;   /* the upper inode that changed */
	struct dentry *dentry; /* its dentry in the upper filesystem */
	struct sf_inode root;
	s64 ctime_ns;
	u32 mode;
	u32 flags;
	bool entries; /* a directory, because of an entry: which one is not known */
	bool inner;   /* overlay's own work on the upper inode */
};

static __always_inline void change_key(struct sf_change_key *key, const struct change *change)
{
	key->ino = change->upper->i_ino;
	key->generation = change->upper->i_generation;
	key->dev = change->root.dev; /* a root lies on one device, whole */
	key->actor = change->task->tgid;
	key->nr = change->call.nr;
	if (change->entries)
		key->nr += SF_CHANGE_ENTRIES;
	else if (change->inner)
		key->nr += SF_CHANGE_INNER;
}

/* Whether this change was reported already and only needs counting. On return
 * of false *repeats is what has been folded since. */
static __always_inline bool reported(const struct sf_change_key *key, bool pending, u64 now,
				     u32 *repeats)
{
	struct sf_change_state fresh = {.sent_ns = now};
	struct sf_change_state *last = bpf_map_lookup_elem(&changes, key);

	*repeats = 0;
	if (!last) {
		bpf_map_update_elem(&changes, key, &fresh, BPF_ANY);
		return false;
	}
	if (pending || now - last->sent_ns < SECOND_NS) {
		__sync_fetch_and_add(&last->repeats, 1);
		return true;
	}
	*repeats = last->repeats;
	last->repeats = 0;
	last->sent_ns = now;
	return false;
}

/* The container's share of events; tells the agent once per second that it is
 * used up, so that a scan makes good what is suppressed. */
static __always_inline bool over_budget(struct sf_root_state *root, const struct change *change,
					u64 now)
{
	struct sf_scratch *s;

	if (now - root->window_ns >= SECOND_NS) {
		root->window_ns = now;
		root->used = 0;
		root->suppressed = 0;
	}
	if (__builtin_expect(root->used < budget_per_second, 1)) {
		__sync_fetch_and_add(&root->used, 1);
		return false;
	}
	count(&counters, SF_COUNTER_SUPPRESSED, 1);
	root->suppressed++;
	if (root->suppressed > 1)
		return true;
	s = get_scratch();
	if (s) {
		struct sf_budget_event *event = (struct sf_budget_event *)s;

		fill_header(&event->header, SF_EVENT_BUDGET, sizeof(*event), &change->root,
			    change->task);
		event->suppressed = root->suppressed;
		submit(event, sizeof(*event));
	}
	return true;
}

/* The state of an upper root, made when this is the first we see of it: a mount
 * that a runtime is still preparing. */
static __always_inline struct sf_root_state *root_state(const struct sf_inode *root)
{
	struct sf_root_state *state = bpf_map_lookup_elem(&roots, root);
	struct sf_root_state fresh = {};
	struct sf_inode_key key = {.ino = root->ino, .dev = root->dev};
	struct sf_inode_state self = {.root = *root, .generation = root->generation};
	u32 dev = root->dev;
	u32 one = 1;

	if (state)
		return state;
	bpf_map_update_elem(&upper_devs, &dev, &one, BPF_ANY);
	if (bpf_map_update_elem(&upper_inodes, &key, &self, BPF_ANY))
		count_loss(SF_LOSS_inodes_full);
	count_root(); /* it can be found from here on */
	if (bpf_map_update_elem(&roots, root, &fresh, BPF_NOEXIST)) {
		state = bpf_map_lookup_elem(&roots, root); /* another CPU was first */
		if (!state)
			count_loss(SF_LOSS_roots_full);
		return state;
	}
	return bpf_map_lookup_elem(&roots, root);
}

static __always_inline void remember_inode(const struct change *change)
{
	struct sf_inode_key key = {.ino = change->upper->i_ino, .dev = change->root.dev};
	struct sf_inode_state state = {
	    .root = change->root,
	    .generation = change->upper->i_generation,
	};
	struct sf_inode_state *known = bpf_map_lookup_elem(&upper_inodes, &key);

	if (known && known->generation == state.generation)
		return;
	if (bpf_map_update_elem(&upper_inodes, &key, &state, BPF_ANY))
		count_loss(SF_LOSS_inodes_full);
}

static __always_inline long send_change(const struct change *change, u32 repeats)
{
	struct sf_scratch *s = get_scratch();
	struct sf_file_event *event;
	struct dentry *dentry = change->dentry;
	struct inode *parent;
	const void *user;
	u64 size = 0;
	long len;

	if (!s)
		return -1;
	event = &s->file;
	fill_header(&event->header, SF_EVENT_FILE, 0, &change->root, change->task);
	fill_inode(&event->inode, change->upper);
	__builtin_memset(&event->parent, 0, sizeof(event->parent));
	event->ctime_ns = change->ctime_ns;
	event->nr = change->call.nr;
	event->arg = 0;
	event->repeats = repeats;
	event->mode = change->mode;
	event->links = change->upper->i_nlink;
	event->flags = change->flags;
	event->name_len = 0;
	event->hint_len = 0;
	if (event->inode.ino != change->root.ino) {
		parent = dentry->d_parent->d_inode;
		if (parent)
			fill_inode(&event->parent, parent);
		len = bpf_probe_read_kernel_str(event->text, SF_NAME_LEN, dentry->d_name.name);
		if (len > 0 && len <= SF_NAME_LEN) {
			size = (u64)len - 1; /* without the NUL: at most 255 */
			event->name_len = size;
		} else {
			count_loss(SF_LOSS_read_failed);
		}
	}
	if (change->call.regs && !change->call.compat) {
		/* ioctl's command; else the flags of openat */
		event->arg = syscall_arg(&change->call, change->class == CHANGE_SELF ? 1 : 2);
		user = (change->flags & SF_FILE_ENTRIES) ? entry_path(&change->call) : NULL;
		if (user && size < SF_NAME_LEN) {
			len = bpf_probe_read_user_str(event->text + size, SF_HINT_LEN, user);
			if (len > 0 && len <= SF_HINT_LEN) {
				event->hint_len = len - 1;
				size += (u64)len - 1;
			}
		}
	}
	/* size <= 255 + 255: the verifier wants to see it. */
	size &= 0x1ff;
	event->header.size = size + offsetof(struct sf_file_event, text);
	return submit(event, size + offsetof(struct sf_file_event, text));
}

static __always_inline int report(struct change *change)
{
	struct sf_root_state *root;
	struct sf_change_key key;
	u64 now = bpf_ktime_get_boot_ns();
	u32 repeats;

	change_key(&key, change);
	/* A new file is always news: the key of an inode that was just freed may
	 * be the same but for its generation. */
	if (reported(&key, change->entries, now, &repeats) && !(change->flags & SF_FILE_CREATED))
		return 0;
	root = root_state(&change->root);
	if (!root)
		return 0;
	if (root->flags & SF_ROOT_IGNORE)
		return 0;
	remember_inode(change);
	if (over_budget(root, change, now))
		return 0;
	if (root->flags & SF_ROOT_LIVE)
		change->flags |= SF_FILE_LIVE;
	if (change->entries)
		change->flags |= SF_FILE_ENTRIES;
	if (change->call.compat)
		change->flags |= SF_FILE_COMPAT;
	if (change->class == CHANGE_XATTR && change->call.regs && names_acl(&change->call))
		change->flags |= SF_FILE_ACL;
	if (send_change(change, repeats))
		bpf_map_delete_elem(&changes, &key); /* the next one tries again */
	return 0;
}

static __always_inline int overlay_changed(struct inode *inode, u32 state, s64 ctime_ns)
{
	struct change change = {};
	struct dentry *upper;

	change.task = bpf_get_current_task_btf();
	read_syscall(&change.call, change.task);
	change.class = classify(&change.call);
	if (change.class == CHANGE_READ)
		return 0;
	upper = upper_dentry(inode);
	if (!upper || !upper->d_inode)
		return 0;
	if (!upper_root(&change.root, inode->i_sb))
		return 0;
	change.upper = upper->d_inode;
	change.dentry = upper;
	change.mode = inode->i_mode;
	change.ctime_ns = ctime_ns;
	if (ctime_ns == change.upper->i_mtime_sec * (s64)SECOND_NS + change.upper->i_mtime_nsec)
		change.flags |= SF_FILE_CONTENT;
	if (state & inode_creating)
		change.flags |= SF_FILE_CREATED;
	else
		change.entries = S_ISDIR(change.mode) && change.class == CHANGE_OTHER;
	return report(&change);
}

static __always_inline struct dentry *some_dentry(struct inode *inode)
{
	struct hlist_node *node = inode->i_dentry.first;

	if (!node)
		return NULL;
	return TYPED(dentry, (void *)node - bpf_core_field_offset(struct dentry, d_u.d_alias));
}

/*
 * An inode that is not known changed on a filesystem that holds upper
 * directories: does it lie in one of them? Its parents know. For a container's
 * task up to 32 are asked, which reaches every real rootfs (deeper ones are
 * found by scan and counted); for the host's only 8, since its own files pay for
 * it once each: enough for what `mkdir -p` makes before a scan has followed.
 */
static __always_inline bool find_root(struct sf_inode *out, struct inode *inode, u32 dev,
				      int levels, bool keep)
{
	struct sf_inode_key key = {.ino = inode->i_ino, .dev = dev};
	struct sf_not_upper *not = bpf_map_lookup_elem(&not_upper, &key);
	struct sf_not_upper mark = {};
	bool btrfs = inode->i_sb->s_magic == BTRFS_SUPER_MAGIC;
	struct dentry *dentry;
	int i;

	mark.generation = inode->i_generation;
	mark.roots = roots_made();
	if (not&&not->generation == mark.generation && not->roots == mark.roots)
		return false;
	dentry = some_dentry(inode);
	if (!dentry)
		return false; /* being made: nobody can tell yet */
	for (i = 0; dentry && i < 32 && i < levels; i++) {
		struct dentry *parent = dentry->d_parent;
		struct sf_inode_key up = {.dev = key.dev};
		struct sf_inode_state *known;

		/* On another device from here on: a subvolume's root. */
		if (btrfs && dentry->d_inode &&
		    dentry->d_inode->i_ino == BTRFS_FIRST_FREE_OBJECTID) {
			dentry = NULL;
			break;
		}
		if (parent == dentry || !parent->d_inode) {
			dentry = NULL;
			break;
		}
		up.ino = parent->d_inode->i_ino;
		known = bpf_map_lookup_elem(&upper_inodes, &up);
		if (known && known->generation == parent->d_inode->i_generation) {
			*out = known->root;
			return true;
		}
		dentry = parent;
	}
	if (i == 32)
		count_loss(SF_LOSS_walk_truncated);
	/* Overlay makes directories aside and moves them in when they are done:
	 * what is true of them now will not be then. */
	if (!keep)
		return false;
	bpf_map_update_elem(&not_upper, &key, &mark, BPF_ANY);
	return false;
}

static __always_inline int upper_changed(struct inode *inode)
{
	struct change change = {};
	struct sf_inode_key key = {};
	struct sf_inode_state *known;
	u64 cgroup;
	bool inner;
	bool contained;
	u32 dev;

	/* In this order: overlay's own work on files, which each write through
	 * overlay brings along, costs no look-up. */
	change.task = bpf_get_current_task_btf();
	change.mode = inode->i_mode;
	/* override_creds() in fs/overlayfs: overlay works as the mounter. */
	inner = change.task->cred != change.task->real_cred;
	read_syscall(&change.call, change.task);
	if (inner && !S_ISDIR(change.mode) && !completes_elsewhere(&change.call))
		return 0;
	dev = inode_dev(inode);
	if (!bpf_map_lookup_elem(&upper_devs, &dev))
		return 0;
	key.ino = inode->i_ino;
	key.dev = dev;
	known = bpf_map_lookup_elem(&upper_inodes, &key);
	if (known && known->generation == inode->i_generation) {
		change.root = known->root;
	} else {
		cgroup = cgroup_id(cgroup_of(change.task));
		contained = bpf_map_lookup_elem(&cgroups, &cgroup);
		if (!find_root(&change.root, inode, dev, contained ? 32 : 8, !inner))
			return 0;
	}
	change.class = classify(&change.call);
	change.upper = inode;
	change.dentry = some_dentry(inode);
	if (!change.dentry)
		return 0;
	change.inner = inner;
	if (!inner)
		change.flags |= SF_FILE_DIRECT;
	/* Overlay's own work on a directory is about an entry, whatever the call:
	 * a chmod copies its file up first. What concerns the directory itself
	 * comes as an overlay event too. */
	change.entries = S_ISDIR(change.mode) && (inner || change.class == CHANGE_OTHER);
	return report(&change);
}

static __always_inline u32 inode_state(struct inode *inode)
{
	const struct inode___enum *typed = (const void *)inode;
	const struct inode___int *plain = (const void *)inode;

	if (bpf_core_field_exists(typed->i_state))
		return typed->i_state;
	return plain->i_state;
}

static __always_inline int ctime_changed(struct inode *inode, s64 ctime_ns)
{
	u32 state = inode_state(inode);

	/* An inode being loaded, not made: what every first look at a file does. */
	if ((state & inode_new) && !(state & inode_creating))
		return 0;
	if (inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC)
		return overlay_changed(inode, state, ctime_ns);
	return upper_changed(inode);
}

SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(stillframe_ctime_set, struct inode *inode, struct timespec64 *ctime)
{
	return ctime_changed(inode, ctime->tv_sec * (s64)SECOND_NS + ctime->tv_nsec);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(stillframe_ctime_xchg, struct inode *inode)
{
	return ctime_changed(inode, 0);
}

/* The same value again: the second write within a clock tick. */
SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(stillframe_ctime_skip, struct inode *inode)
{
	return ctime_changed(inode, 0);
}

#endif
