/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel functions that change a file say of the change: the parts that
 * are the same whether overlay's own functions are watched or the VFS's.
 */
#ifndef STILLFRAME_BPF_LIB_OPERATIONS_H
#define STILLFRAME_BPF_LIB_OPERATIONS_H

#include "bpf/lib/change.h"

/*
 * A word of a trampoline's context, one further where the function has one argument
 * more than its oldest form: the idmapping before all others, or a last one before
 * the result. Loads of our own making: the compiler would merge the two into one
 * with a variable offset, which the verifier refuses for a context.
 */
#define CONTEXT_WORD(function, n)                                                                  \
	({                                                                                         \
		u64 word;                                                                          \
		if (config.extra & (1ull << SF_FUNCTION_##function))                               \
			asm volatile("%0 = *(u64 *)(%1 + %2)"                                      \
				     : "=r"(word)                                                  \
				     : "r"(ctx), "i"(8 * (n) + 8));                                \
		else                                                                               \
			asm volatile("%0 = *(u64 *)(%1 + %2)"                                      \
				     : "=r"(word)                                                  \
				     : "r"(ctx), "i"(8 * (n)));                                    \
		word;                                                                              \
	})

/* An argument, by its position in the oldest form. */
#define ARG(function, n) CONTEXT_WORD(function, n)

/* What the function returned: the word behind its arguments. */
#define RETURNED(function) ((long)CONTEXT_WORD(function, SF_ARGUMENTS_##function))

/* Bytes moved, or a request that goes on elsewhere: then it will be done in the
 * name of whoever asked. */
static __always_inline bool moved_bytes(long result)
{
	return result > 0 || result == -EIOCBQUEUED;
}

/*
 * What follows is in functions of its own where it can be: with all of it in each of
 * twenty programs the objects would be several times as large. What they return is
 * handed on: of what nobody asks for the compiler leaves a register as it is, and where a
 * pointer is in it the verifier refuses that.
 */
static __noinline int report_operation(struct change *change, const struct sf_change_key *key,
				       u32 repeats)
{
	report_change(change, key, repeats);
	return done();
}

static __always_inline enum sf_op attribute_op(unsigned int valid)
{
	if (valid & ATTR_SIZE)
		return SF_OP_truncate;
	/* Before the mode: a change of owner takes set-uid bits away, too. */
	if (valid & (ATTR_UID | ATTR_GID))
		return SF_OP_chown;
	if (valid & ATTR_MODE)
		return SF_OP_chmod;
	if (valid & (ATTR_ATIME | ATTR_MTIME))
		return SF_OP_utimes;
	/* What a write takes away: the file's capabilities are an attribute. */
	return SF_OP_xattr;
}

/* "system.posix_acl_access" or "…_default" */
static __always_inline enum sf_op xattr_op(const char *attribute)
{
	const char acl[] = "system.posix_acl_";
	char name[20] = {};

	if (bpf_probe_read_kernel_str(name, sizeof(name), attribute) < 0) {
		count_loss(SF_LOSS_read_failed);
		return SF_OP_xattr;
	}
	for (unsigned int i = 0; i < sizeof(acl) - 1; i++) {
		if (name[i] != acl[i])
			return SF_OP_xattr;
	}
	return SF_OP_acl;
}

/* What is known of an operation on an inode before it is known to be news. */
static __always_inline void operation_key(struct sf_change_key *key, struct inode *upper, u32 dev,
					  enum sf_op op)
{
	key->ino = FIELD(upper, i_ino);
	key->generation = FIELD(upper, i_generation);
	key->dev = dev;
	key->actor = bpf_get_current_pid_tgid() >> 32;
	key->nr = FOLD_NR(FOLD_OPERATION, op);
}

static __noinline int inode_news(struct inode *inode, struct inode *upper,
				 const struct sf_change_key *key, u32 op, u32 repeats)
{
	struct change change = {.op = op, .nr = FOLD_NR(FOLD_OPERATION, op)};
	struct layer layer;

	/* Without a name it is not a part of the rootfs any more, or not yet. */
	if (!FIELD(upper, i_nlink) || !upper_layer(&layer, WALK(inode, i_sb)))
		return done();
	change.root = layer.root;
	change.common = layer.common;
	change.named = some_dentry(inode);
	fill_inode_on(&change.inode, upper, layer.common);
	change.mode = WALK(inode, i_mode);
	change.ctime_ns = inode_ctime(upper);
	return report_operation(&change, key, repeats);
}

/* An upper inode changed, known by its overlay inode, of which the kernel knows the
 * type: it comes from the arguments. */
static __always_inline int inode_changed(struct inode *inode, enum sf_op op)
{
	struct sf_change_key key = {};
	u64 mark = change_mark(inode, op);
	struct inode *upper;
	u32 repeats;

	if (repeats_latest(latest_here(), mark))
		return 0;
	upper = upper_inode(inode);
	if (!upper)
		return 0;
	operation_key(&key, upper, inode->i_sb->s_dev, op);
	if (change_reported(&key, &repeats)) {
		remember_folded(mark, &key);
		return 0;
	}
	return inode_news(inode, upper, &key, op, repeats);
}

/* The rootfs whose upper layer a file was opened in. Overlay opens it by the path that it
 * has in the overlay, since 6.5 by that on its own mount of the layer. */
static __always_inline bool opened_by_overlay(struct sf_inode *root, struct file *file)
{
	struct dentry *dentry = FIELD(file, f_path.dentry);
	struct super_block *sb = FIELD(dentry, d_sb);

	if (is_overlay(sb))
		return upper_root(root, sb);
	return root_of_layer(root, FIELD(file, f_path.mnt));
}

/* An upper inode changed, known by itself: page faults and the work that overlay hands
 * down. */
static __always_inline int upper_inode_changed(struct file *file, enum sf_op op)
{
	struct inode *inode = file->f_inode;
	struct change change = {.op = op, .nr = FOLD_NR(FOLD_OPERATION, op)};
	struct sf_change_key key = {};
	struct sf_inode_key place = {};
	struct sf_inode_state *known;
	u32 dev = inode_dev(inode);
	u64 mark = change_mark(inode, op);
	u32 repeats;

	if (inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC)
		return 0; /* the outer half of the same */
	if (repeats_latest(latest_here(), mark))
		return 0;
	if (!inode->i_nlink)
		return 0;
	if (!opened_by_overlay(&change.root, file)) {
		/* By whoever reaches into the upper directory itself. */
		if (!bpf_map_lookup_elem(&upper_devs, &dev))
			return 0;
		place.ino = inode->i_ino;
		place.dev = dev;
		known = bpf_map_lookup_elem(&upper_inodes, &place);
		if (!known || known->generation != inode->i_generation)
			return 0;
		change.root = known->root;
	}
	operation_key(&key, inode, dev, op);
	if (change_reported(&key, &repeats)) {
		remember_folded(mark, &key);
		return 0;
	}
	/* Until 6.4 the path of such a file is that in the overlay, later the upper
	 * one, which may be nameless. */
	change.named = FIELD(file, f_path.dentry);
	if (unhashed(change.named))
		change.named = NULL;
	fill_inode(&change.inode, inode);
	change.mode = inode->i_mode;
	return report_operation(&change, &key, repeats);
}

static __noinline int entry_made_in(const struct layer *layer, struct dentry *entry,
				    struct inode *inode, enum sf_op op, u32 flags)
{
	struct change change = {.op = op, .nr = FOLD_NR(FOLD_OPERATION, op), .flags = flags};
	struct inode *upper = inode ? upper_inode(inode) : NULL;

	if (!upper)
		return done();
	change.root = layer->root;
	change.common = layer->common;
	change.named = entry;
	change.typed = entry;
	fill_inode_on(&change.inode, upper, layer->common);
	change.mode = WALK(inode, i_mode);
	return report_operation(&change, NULL, 0);
}

/* An inode got a name: created, linked or renamed to it. Both come by their types. */
static __always_inline int entry_made(struct dentry *entry, struct inode *inode, enum sf_op op,
				      u32 flags)
{
	struct layer layer;

	if (!upper_layer(&layer, WALK(entry, d_sb)))
		return 0;
	return entry_made_in(&layer, entry, inode, op, flags);
}

/* A name was taken away for good. Of a file of the image there is no upper inode. */
static __always_inline int entry_removed(struct dentry *entry, enum sf_op op)
{
	struct change change = {.op = op, .nr = FOLD_NR(FOLD_OPERATION, op)};
	struct inode *inode = WALK(entry, d_inode);
	struct inode *upper;
	struct layer layer;

	if (!inode || !upper_layer(&layer, WALK(entry, d_sb)))
		return 0;
	change.root = layer.root;
	change.common = layer.common;
	change.named = entry;
	change.typed = entry;
	change.mode = WALK(inode, i_mode);
	upper = upper_inode(inode);
	if (upper)
		fill_inode_on(&change.inode, upper, layer.common);
	return report_operation(&change, NULL, 0);
}

/* Something happened to an entry of an overlay's directory, and a look at the
 * upper one will show what there is now. `typed`: the entry, where it has its type. */
static __noinline int entry_touched(const struct layer *layer, struct dentry *entry,
				    struct dentry *typed, enum sf_op op)
{
	struct change change = {
	    .op = op, .nr = FOLD_NR(FOLD_OPERATION, op), .entries = true, .entry = entry};
	struct inode *directory;
	struct inode *upper;

	if (typed) {
		change.typed = WALK(typed, d_parent);
		change.named = change.typed;
		directory = WALK(change.typed, d_inode);
		APART(directory);
	} else {
		change.named = FIELD(entry, d_parent);
		directory = FIELD(change.named, d_inode);
	}
	upper = upper_inode(directory);
	if (!upper)
		return done();
	change.root = layer->root;
	change.common = layer->common;
	fill_inode_on(&change.inode, upper, layer->common);
	change.mode = S_IFDIR;
	return report_operation(&change, NULL, 0);
}

/* What a rename has moved: `change` is of it, with its new name. Dentries have their types. */
struct move {
	struct dentry *from; /* has the name that it had */
	struct dentry *directory;
	struct sf_inode origin; /* the upper inode of that */
};

/* The directory may get another name meanwhile, for which there is no room. */
static __always_inline void read_moved_name(char *out, u32 room, struct dentry *dentry)
{
	long len = bpf_probe_read_kernel_str(out, room, text_of_name(dentry, dentry));

	if (len > 0 && (len < room || room == SF_NAME_LEN))
		return;
	out[0] = 0;
	count_loss(SF_LOSS_read_failed);
}

/* Fills in what both forms of the event have. `room` is that for a name. */
static __always_inline void fill_move(struct sf_rename_event *event, const struct change *change,
				      const struct move *move, u32 room)
{
	fill_header(&event->header, SF_EVENT_RENAME,
		    offsetof(struct sf_rename_event, text) + 3 * room, &change->root,
		    current_task());
	event->inode = change->inode;
	event->origin = move->origin;
	event->mode = change->mode;
	event->flags = change->flags;
	/* Most are moved within a directory. */
	if (WALK(change->typed, d_parent) == move->directory) {
		event->parent = move->origin;
	} else {
		__builtin_memset(&event->parent, 0, sizeof(event->parent));
		fill_parent(&event->parent, change->typed, change->typed, change->common);
	}
	/* These two stay as they are as long as their directories are locked. */
	if (config.reads == SF_READS_CAST && room == LOADED_NAME) {
		load_name(event->text, WALK(change->typed, d_name.name));
		load_name(event->text + 2 * room, WALK(move->from, d_name.name));
	} else {
		read_moved_name(event->text, room, change->typed);
		read_moved_name(event->text + 2 * room, room, move->from);
	}
	__builtin_memset(&event->above, 0, sizeof(event->above));
	event->text[room] = 0;
	if (move->origin.ino == change->root.ino)
		return;
	fill_parent(&event->above, move->directory, move->directory, change->common);
	read_moved_name(event->text + room, room, move->directory);
}

static __always_inline bool is_short(struct dentry *dentry)
{
	return length_of_name(dentry, dentry) + 1 < SF_SHORT_NAME;
}

static __always_inline void send_move(const struct change *change, const struct move *move)
{
	struct sf_rename_event *event;

	if (is_short(change->typed) && is_short(move->from) && is_short(move->directory)) {
		event = reserve_event(struct sf_rename_event,
				      offsetof(struct sf_rename_event, text) + 3 * SF_SHORT_NAME);
		if (!event)
			return;
		fill_move(event, change, move, SF_SHORT_NAME);
	} else {
		event = reserve_event(struct sf_rename_event, sizeof(*event));
		if (!event)
			return;
		fill_move(event, change, move, SF_NAME_LEN);
	}
	submit_event(event);
}

/* One event for both places: who acted is half of what an event costs. */
static __noinline int entry_renamed(const struct layer *layer, struct dentry *from,
				    struct dentry *to)
{
	struct change change = {};
	struct inode *inode = WALK(from, d_inode);
	struct inode *upper = inode ? upper_inode(inode) : NULL;
	struct sf_root_state *root;
	struct move move;

	if (!upper)
		return done();
	move.from = from;
	move.directory = WALK(from, d_parent);
	fill_inode_on(&change.inode, upper, layer->common);
	change.mode = WALK(inode, i_mode);
	upper = upper_inode(WALK(move.directory, d_inode));
	/* Both have been copied up, or nothing was moved. */
	if (!upper)
		return done();
	fill_inode_on(&move.origin, upper, layer->common);
	change.root = layer->root;
	change.common = layer->common;
	change.typed = to;
	root = admitted(&change, NULL);
	if (!root)
		return done();
	if (!(root->flags & SF_ROOT_PASSING))
		know_inode(&move.origin, S_IFDIR, &change.root, root);
	send_move(&change, &move);
	return done();
}

static __always_inline int entry_moved(struct dentry *from, struct dentry *to, bool exchanged)
{
	struct layer layer;

	if (!upper_layer(&layer, WALK(from, d_sb)))
		return 0;
	if (!exchanged)
		return entry_renamed(&layer, from, to);
	entry_made_in(&layer, to, WALK(from, d_inode), SF_OP_rename, 0);
	return entry_made_in(&layer, from, WALK(to, d_inode), SF_OP_rename, 0);
}

/* A file or directory of the image was copied up; `inode` is the overlay's. The
 * upper dentry may be nameless: the overlay's own shows where. */
static __always_inline int copied_up(const struct layer *layer, struct inode *inode,
				     struct inode *upper)
{
	struct dentry *entry = some_dentry(inode);
	struct sf_root_state *state;
	struct sf_inode id;
	int done;

	if (!entry || !upper)
		return 0;
	done = entry_touched(layer, entry, NULL, SF_OP_open);
	/* Stores through a mapping of the upper file itself are known by nothing else. */
	state = bpf_map_lookup_elem(&roots, &layer->root);
	if (!state)
		return done;
	fill_inode_on(&id, upper, layer->common);
	know_inode(&id, FIELD(inode, i_mode), &layer->root, state);
	return done;
}

#endif
