// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The inline functions of bpf/lib as programs that a test can run: SEC("syscall"), which
 * runs in the name of whoever calls BPF_PROG_TEST_RUN. Nothing here is attached.
 */
#include "bpf/lib/lifecycle.h"
#include "bpf/lib/roots.h"
#include "bpf/lib/syscalls.h"
#include "tests/bpf/kernel/inlines.h"

SEC("syscall")
int fold(struct test_fold *test)
{
	struct sf_change_key key = test->key;
	struct sf_exit_event *event;
	u32 repeats;

	test->sent = 0;
	test->folded = folded(&key,
			      test->pending ? FOLDING_PENDING
			      : test->file  ? FOLDING_WARNS
					    : FOLDING_COUNTS,
			      &repeats);
	test->repeats = repeats;
	if (test->folded)
		return 0;
	event = reserve_news(struct sf_exit_event, sizeof(*event), &key);
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	submit_event(event);
	test->sent = 1;
	return 0;
}

SEC("syscall")
int change(struct test_change *test)
{
	struct change change = {};
	struct sf_change_key key = {};
	u32 repeats;

	change.root = test->root;
	change.inode = test->inode;
	change.nr = test->nr;
	change.entries = test->entries;
	change.mode = test->mode;
	change.user_hint = (const void *)test->hint;
	change.user_to = (const void *)test->to;
	test->folded = reported_already(&change, &key, &repeats);
	if (!test->folded)
		report_change(&change, &key, repeats);
	return 0;
}

SEC("syscall")
int child(struct test_child *test)
{
	test->may = may_have_child(test->own);
	return 0;
}

SEC("syscall")
int budget(struct test_budget *test)
{
	struct sf_inode root = test->root;

	test->over = too_many_of(&root);
	return 0;
}

SEC("syscall")
int life(struct test_follow *test)
{
	struct sf_followed *known;
	u32 tgid = test->tgid;

	if (!test->ends) {
		follow(tgid, 0, test->cgroup, test->flags, test->started);
		return 0;
	}
	known = bpf_map_lookup_elem(&processes, &tgid);
	if (known)
		forget(tgid, known);
	return 0;
}

static __always_inline struct file *file_of(u32 fd)
{
	struct task_struct *task = current_task();
	struct files_struct *files = FIELD(task, files);
	struct fdtable *table = FIELD(files, fdt);
	struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), FIELD(table, fd) + fd);
	return file ? CAST(file, file) : NULL;
}

SEC("syscall")
int names(struct test_file *test)
{
	struct sf_library_event *event = reserve_event(struct sf_library_event, sizeof(*event));
	struct file *file;

	if (!event)
		return 0;
	file = file_of(test->fd);
	if (!file) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	__builtin_memset(&event->header, 0, sizeof(event->header));
	event->header.type = SF_EVENT_LIBRARY;
	read_names(event->names, &event->names_size, FIELD(file, f_path.mnt),
		   FIELD(file, f_path.dentry));
	submit_event(event);
	return 0;
}

SEC("syscall")
int judge(struct test_file *test)
{
	struct task_struct *task = current_task();
	struct file *file = file_of(test->fd);
	struct rootfs rootfs = {.root = test->root, .dev = test->dev};
	struct fs_struct *fs = FIELD(task, fs);
	struct dentry *directory = FIELD(fs, root.dentry);
	struct foreign found = {};
	struct code_file code = {};

	if (!file)
		return 0;
	code.mnt = FIELD(file, f_path.mnt);
	code.dentry = FIELD(file, f_path.dentry);
	code.inode = FIELD(file, f_inode);
	code.root.mnt = FIELD(fs, root.mnt);
	code.root.directory = FIELD(directory, d_inode);
	test->found = is_foreign(&found, &code, &rootfs);
	test->kind = found.kind;
	test->inode = found.inode;
	return 0;
}

SEC("syscall")
int root_above(struct test_file *test)
{
	struct file *file = file_of(test->fd);
	struct sf_inode root = {};

	if (!file)
		return 0;
	test->found =
	    find_root(&root, FIELD(file, f_inode), test->dev, current_task(), UNKNOWN, false);
	test->root = root;
	return 0;
}

/* The registers are those of bpf(2) itself: the test sees to it that they differ. */
SEC("syscall")
int system_call(struct test_syscall *test)
{
	struct syscall call = {.nr = test->nr, .compat = test->compat};
	u32 op = operation_of(&call);
	s32 entry = -1;
	u64 path;

	test->changes = classify(&call);
	test->writes = is_write(&call);
	asm volatile("" : "+r"(op)); /* one store: see below */
	test->op = op;
	/* Typed on every kernel that has such programs. */
	call.regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	path = (u64)entry_path(&call);
	for (int i = 3; path && i >= 0; i--) {
		if (path == syscall_arg(&call, i))
			entry = i;
		/* One store for all of them: with one each the compiler would compute
		 * its place, which the verifier refuses for a context. */
		asm volatile("" : "+r"(entry));
	}
	test->entry = entry;
	return 0;
}

SEC("syscall")
int process(struct test_process *test)
{
	struct task_struct *task = current_task();
	struct cgroup *cgroup = cgroup_of(task);
	struct sf_process process;
	char name[SF_CGROUP_LEN];

	fill_process(&process, task);
	test->process = process;
	read_cgroup_name(name, sizeof(name), cgroup);
	__builtin_memcpy(test->cgroup, name, sizeof(name));
	read_cgroup_name(name, sizeof(name), parent_cgroup(cgroup));
	__builtin_memcpy(test->parent_cgroup, name, sizeof(name));
	return 0;
}

/* The current task has run a program, and then forked. */
SEC("syscall")
int tool(struct test_tool *test)
{
	struct task_struct *task = current_task();
	struct sf_inode root = test->root;
	struct sf_followed *followed;
	struct sf_process process;

	note_run(task, &root);
	fill_process(&process, task);
	test->run = process.run;
	inherit_run(test->child, process.run);
	followed = followed_itself(task);
	test->flags = followed ? followed->flags : 0;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
