/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one header that both sides include: what the kernel side writes into the
 * ring buffer and shares through maps. Fixed-width types, explicit padding.
 */
#ifndef STILLFRAME_BPF_EVENTS_H
#define STILLFRAME_BPF_EVENTS_H

#include <linux/types.h>

#include "bpf/tools.h"

#define SF_ABI_VERSION 5

#define SF_COMM_LEN   16
#define SF_EXE_LEN    32
#define SF_NAME_LEN   256 /* NAME_MAX and its NUL */
#define SF_HINT_LEN   256
#define SF_CGROUP_LEN 128
#define SF_ARGV_LEN   256
#define SF_TTY_LEN    16
#define SF_ENV_LEN    1024 /* the beginning of an environment */
#define SF_CALLERS    16   /* the nearest ancestors of a session's first process */

/* Everything that can go missing, by reason: per-CPU counters in map `losses`. */
#define SF_LOSS_REASONS(X)                                                                         \
	X(ringbuf_full) /* an event found no room */                                               \
	X(roots_full)	/* a rootfs could not be registered */                                     \
	X(inodes_full)	/* a directory found no room: who changes what is below may be unknown */  \
	X(cgroups_full) /* a container's cgroup could not be registered */                         \
	X(processes_full) /* a process, likewise: it is not followed */                            \
	X(read_failed)	  /* kernel or user memory could not be read */                            \
	X(walk_truncated) /* a file lies too deep to find its upper root */                        \
	X(mounts_full)	  /* a container's mounts could not be watched */                          \
	X(victims_full)	  /* whose memory is written could not be kept */

#define SF_LOSS_NAME(name) SF_LOSS_##name,
enum sf_loss { SF_LOSS_REASONS(SF_LOSS_NAME) SF_LOSS_COUNT };
#undef SF_LOSS_NAME

/* Other per-CPU counters, map `counters`. */
enum sf_counter {
	SF_COUNTER_EVENTS,     /* written to the ring buffer */
	SF_COUNTER_SUPPRESSED, /* over a container's budget */
	SF_COUNTER_UNLISTED,   /* files that found no room in `upper_inodes` */
	SF_COUNTER_COUNT,
};

/*
 * Kernel functions whose parameters moved, with the number of arguments of their
 * oldest form; the running kernel's BTF shows which have one more (sf_config.extra).
 * Since 5.12 inode operations begin with the mount's idmapping; do_page_mkwrite()
 * ends with the folio since 6.7. Without ovl_create(): it has lost its last one since, and
 * has as many as in the beginning.
 */
#define SF_FUNCTIONS(X)                                                                            \
	X(ovl_setattr, 2)                                                                          \
	X(ovl_fileattr_set, 2)                                                                     \
	X(ovl_mkdir, 3)                                                                            \
	X(ovl_symlink, 3)                                                                          \
	X(ovl_mknod, 4)                                                                            \
	X(ovl_rename, 5)                                                                           \
	X(do_page_mkwrite, 1)                                                                      \
	X(notify_change, 3)                                                                        \
	X(vfs_fileattr_set, 2)                                                                     \
	X(__vfs_setxattr_noperm, 5)                                                                \
	X(__vfs_removexattr_locked, 3)

#define SF_FUNCTION_NAME(name, arguments)  SF_FUNCTION_##name,
#define SF_FUNCTION_COUNT(name, arguments) SF_ARGUMENTS_##name = arguments,
enum sf_function { SF_FUNCTIONS(SF_FUNCTION_NAME) };
enum sf_arguments { SF_FUNCTIONS(SF_FUNCTION_COUNT) };
#undef SF_FUNCTION_NAME
#undef SF_FUNCTION_COUNT

/* How programs read kernel memory: bpf/lib/read.h. */
enum sf_reads {
	SF_READS_COPY, /* by checked copies */
	SF_READS_WALK, /* and by loads where the kernel gave the type (5.11) */
	SF_READS_CAST, /* by loads: the kernel has bpf_rdonly_cast() (6.2) */
};

/* What each object is given before it is loaded: constants to the verifier, so
 * that what does not apply to this kernel is removed as dead code. */
struct sf_config {
	__u64 host_root_ino;
	__s64 real_minus_boot_ns; /* wall time less CLOCK_BOOTTIME */
	__u32 host_root_dev;
	__u32 host_mnt_ns; /* inode number of the agent's mount namespace */
	/* The observed hierarchy: its id, and for a v1 one the controller's index in
	 * css_set.subsys; -1 for the unified hierarchy. */
	__s32 observed_hierarchy;
	__s32 observed_subsys;
	__u32 budget_per_second; /* a container's share, once the ring buffer is half full */
	__u32 inode_new;	 /* I_NEW and I_CREATING of this kernel */
	__u32 inode_creating;
	__u32 reads;   /* enum sf_reads */
	__u64 tick_ns; /* how long a jiffy is */
	__u64 extra;   /* 1 << SF_FUNCTION_x: it has one argument more */
};

enum sf_event_type {
	SF_EVENT_FILE = 1,
	SF_EVENT_EXEC,
	SF_EVENT_SYSCTL,
	SF_EVENT_LIVE,
	SF_EVENT_SESSION,
	SF_EVENT_EXIT,
	SF_EVENT_CGROUP,
	SF_EVENT_BUDGET,
	SF_EVENT_LIBRARY,
	SF_EVENT_MEMORY,
	SF_EVENT_MOUNT,
	SF_EVENT_MOUNTS_TOUCHED,
	SF_EVENT_DEVICE,
	SF_EVENT_RENAME,
	SF_EVENT_RUN,
};

/* dev is the kernel's dev_t: MAJOR << 20 | MINOR (include/linux/kdev_t.h). */
struct sf_inode {
	__u64 ino;
	__u32 generation;
	__u32 dev;
};

/* sf_process.flags */
#define SF_PROCESS_IN_CONTAINER (1u << 0) /* it is a container's, which `cgroup` names */
#define SF_PROCESS_FOLLOWED	(1u << 1) /* it descends from one; then `session` is right */
#define SF_PROCESS_HOST_MNT_NS	(1u << 2) /* in the agent's mount namespace */
#define SF_PROCESS_KERNEL	(1u << 3) /* a kernel thread: completes others' work */
#define SF_PROCESS_CROWD	(1u << 4) /* a container's, that found no room to be followed */

/* What the kernel has for a task that descends from no login. */
#define SF_NO_LOGIN (~0u)

/* Numbers that the kernel keeps for audit; both SF_NO_LOGIN, or neither. */
struct sf_login {
	__u32 uid; /* in the host's user namespace */
	__u32 session;
};

struct sf_process {
	__u64 cgroup;  /* of the container that it belongs to, else the one it is in */
	__u64 session; /* microseconds since boot at which its leader started; 0: init's own tree */
	__u64 start_ns;
	__u32 pid; /* thread-group id */
	__u32 ppid;
	__u32 uid;
	__u32 flags;
	char comm[SF_COMM_LEN];
	char parent_comm[SF_COMM_LEN];
	char exe[SF_EXE_LEN];
	__u64 run;	       /* of a tool, that it is part of: sf_run(); 0: of none */
	struct sf_login login; /* of one that descends from no container */
};

/* A process that has ended. */
struct sf_ended {
	struct sf_process process; /* without parent_comm, exe and run */
	__u64 time_ns;		   /* CLOCK_BOOTTIME */
	__u32 pid;		   /* again, written last: else the entry is half another's */
	__u32 reserved;
};

struct sf_header {
	__u16 version;
	__u16 type;
	__u32 size;    /* of the event with its header */
	__u64 time_ns; /* CLOCK_BOOTTIME */
	struct sf_inode root;
	struct sf_process process;
};

/* sf_file_event.flags */
#define SF_FILE_LIVE	   (1u << 0) /* the container had begun to live */
#define SF_FILE_CREATED	   (1u << 1) /* the inode is being made right now */
#define SF_FILE_DIRECT	   (1u << 2) /* through the upper filesystem, not overlay */
#define SF_FILE_COMPAT	   (1u << 3) /* 32-bit system call: nr is of another table */
#define SF_FILE_ENTRIES	   (1u << 4) /* a directory, changed by one of its entries */
#define SF_FILE_ACL	   (1u << 5) /* the extended attribute is a POSIX ACL */
#define SF_FILE_CONTENT	   (1u << 6) /* mtime moved with ctime: content, not attributes */
#define SF_FILE_FOLLOW	   (1u << 7) /* further ones within a second go unreported */
#define SF_FILE_HINT_CUT   (1u << 8) /* too long to be read whole, or not to be read */
#define SF_FILE_MORE_NAMES (1u << 9) /* the inode has, or had: this may be another of them */

/* The operation, where the program knows it: one name for each FileOp of the
 * agent, in its order. Unknown: the system call must show it. */
#define SF_OPS(X)                                                                                  \
	X(unknown)                                                                                 \
	X(open)                                                                                    \
	X(create)                                                                                  \
	X(write)                                                                                   \
	X(truncate)                                                                                \
	X(unlink)                                                                                  \
	X(rmdir)                                                                                   \
	X(rename)                                                                                  \
	X(link)                                                                                    \
	X(symlink)                                                                                 \
	X(mkdir)                                                                                   \
	X(mknod)                                                                                   \
	X(chmod)                                                                                   \
	X(chown)                                                                                   \
	X(xattr)                                                                                   \
	X(acl)                                                                                     \
	X(flags)                                                                                   \
	X(utimes)

#define SF_OP_NAME(name) SF_OP_##name,
enum sf_op { SF_OPS(SF_OP_NAME) SF_OP_COUNT };
#undef SF_OP_NAME

/* sf_file_event.nr, where there is no system call. */
#define SF_NR_PAGE_FAULT (-1) /* what orig_ax holds in an exception */
#define SF_NR_NONE	 (-2) /* kernel threads and io_uring workers: stale registers */

struct sf_file_event {
	struct sf_header header;
	struct sf_inode inode; /* none: a name was taken away that had no upper inode */
	struct sf_inode parent;
	__s64 ctime_ns; /* the ctime being set; 0: now */
	__u64 arg;	/* the system call's argument by which variants differ */
	__s32 nr;	/* system call, or SF_NR_…; of no meaning where `op` is known */
	__u32 op;	/* enum sf_op */
	__u32 repeats;
	__u32 mode;
	__u32 flags;
	__u16 name_len;
	__u16 hint_len;
	/* Name, then hint (of a rename two, a NUL between them); cut short if it fits. */
	char text[SF_NAME_LEN + 2 * SF_HINT_LEN];
};

/* Room for names in the short form of a file event, which most are. */
#define SF_SHORT_TEXT 64

/* Both places of a rename, where one program sees it all: what was moved, and the
 * directory that lost its name. */
struct sf_rename_event {
	struct sf_header header;
	struct sf_inode inode;
	struct sf_inode parent; /* where it is now */
	struct sf_inode origin; /* where it was */
	struct sf_inode above;	/* where that lies; none: it is the root */
	__u32 mode;
	__u32 flags; /* SF_FILE_LIVE */
	/* Its name, that of `origin` and the one that it had, each with a third of what
	 * there is of this, and with its NUL. */
	char text[3 * SF_NAME_LEN];
};

/* Room for each name in the short form of it. */
#define SF_SHORT_NAME 32

enum sf_exec_kind {
	SF_EXEC_UPPER,
	SF_EXEC_MEMFD,
	SF_EXEC_DELETED,
	SF_EXEC_VOLUME,
	SF_EXEC_SCRIPT,
};

struct sf_exec_event {
	struct sf_header header;
	struct sf_inode inode;
	struct sf_inode directory; /* of a script: where `path` starts; none: the rootfs' root */
	__u32 kind;
	__u32 starts_life;
	char path[SF_HINT_LEN];
};

struct sf_sysctl_event {
	struct sf_header header;
	char name[128];
	char value[128];
};

struct sf_live_event {
	struct sf_header header;
	char name[SF_CGROUP_LEN];
	char parent[SF_CGROUP_LEN];
};

struct sf_caller {
	char comm[SF_COMM_LEN];
	__u32 pid; /* thread-group id */
	__u32 reserved;
};

struct sf_session_event {
	struct sf_header header;
	char tty[SF_TTY_LEN];
	struct sf_login login; /* of whoever entered */
	__u32 callers_count;
	__u32 argv_len;
	__u32 reserved;
	__u32 env_len; /* SF_ENV_LEN: there is more than was read, which is one byte less */
	struct sf_caller callers[SF_CALLERS]; /* the parent first, without the machine's init */
	char argv[SF_ARGV_LEN];		      /* NUL-separated */
	char env[SF_ENV_LEN];		      /* likewise */
};

/* The first process of a tool's run has run its program; `header.process.run` is new. */
struct sf_run_event {
	struct sf_header header;
	__u64 within; /* the run that it was part of until then; 0: of none */
	__u32 argv_len;
	__u32 reserved;
	char argv[SF_ARGV_LEN]; /* NUL-separated */
};

struct sf_exit_event {
	struct sf_header header;
	__u32 init;   /* the container's init */
	__u32 leader; /* a session's; with neither, the first process of a run */
};

struct sf_cgroup_event {
	struct sf_header header;
	__u64 cgroup;
	__u32 removed;
	__u32 reserved;
	char name[SF_CGROUP_LEN];
};

struct sf_budget_event {
	struct sf_header header;
	__u64 suppressed;
};

/* Names of a path, leaf first, each with its NUL: room for the last one. */
#define SF_PATH_TEXT (512 + SF_NAME_LEN)

/* A file was mapped to run code from. */
struct sf_library_event {
	struct sf_header header;
	struct sf_inode inode;
	__u32 kind; /* enum sf_exec_kind */
	__u32 names_size;
	char names[SF_PATH_TEXT];
};

enum sf_memory_op {
	SF_MEMORY_ATTACH,
	SF_MEMORY_WRITE,
};

/* A process of a live container. */
struct sf_victim {
	struct sf_inode root;
	__u64 cgroup;
	__u64 start_ns;
	__u32 pid; /* thread-group id */
	__u32 reserved;
	char comm[SF_COMM_LEN];
	char exe[SF_EXE_LEN];
};

struct sf_memory_event {
	struct sf_header header;
	struct sf_victim victim;
	__u32 op;
	__u32 repeats;
};

enum sf_mount_op {
	SF_MOUNT_MOUNT,
	SF_MOUNT_UMOUNT,
	SF_MOUNT_MOVE,
	SF_MOUNT_PIVOT,
	SF_MOUNT_ATTRIBUTES,
};

struct sf_mount_event {
	struct sf_header header;
	__u64 cgroup; /* of the container whose mounts they are */
	__u64 flags;  /* of mount(2) or umount2(2) */
	__u32 op;
	__u32 names_size; /* 0: the root, or (ATTRIBUTES) not known */
	char type[32];
	char source[SF_HINT_LEN]; /* ATTRIBUTES: the path that the caller named */
	char names[SF_PATH_TEXT];
};

/* The number of changes to a container's mounts is not what it was. */
struct sf_mounts_event {
	struct sf_header header;
	__u64 cgroup;
};

/* sf_device_event.access: BPF_DEVCG_ACC_* of include/uapi/linux/bpf.h */
struct sf_device_event {
	struct sf_header header;
	__u32 block; /* else a character device */
	__u32 major;
	__u32 minor;
	__u32 access;
};

/* Map values and keys that userspace writes too. */

/*
 * Of a map that containers fill, half goes to whoever comes first. The rest is kept for
 * those who have little there (SF_…_LEAST), and nobody gets more than SF_…_MOST.
 */
#define SF_PROCESSES_ROOM   32768
#define SF_PROCESSES_LEAST  256
#define SF_PROCESSES_MOST   8192
#define SF_ENDED_ROOM	    512
#define SF_CGROUPS_ROOM	    8192 /* of which those within containers are in shares */
#define SF_CHILDREN_LEAST   16
#define SF_CHILDREN_MOST    1024
#define SF_INODES_ROOM	    65536
#define SF_INODES_LEAST	    512
#define SF_INODES_MOST	    32768
#define SF_INODES_KEPT_BACK 4096 /* of both, for directories */

/* As many events as anyone may cause in a second, however full the ring buffer is. */
#define SF_EVENTS_LEAST 1024

/* How full they are, map `tallies`. A number is written by one side alone, and may be
 * below zero: what one has put in, the other may take out. */
enum sf_tally {
	SF_TALLY_PROCESSES,	    /* followed by the programs, less those that ended */
	SF_TALLY_PROCESSES_ADOPTED, /* followed by the agent */
	SF_TALLY_CHILDREN,	    /* cgroups within containers, less those removed */
	SF_TALLY_CHILDREN_ADOPTED,  /* found by the agent */
	SF_TALLY_INODES,	    /* made known by the programs */
	SF_TALLY_INODES_SCANNED,    /* by the agent, less those that it removed */
	SF_TALLY_COUNT,
};

/* The container that a mount namespace belongs to. */
struct sf_mount_ns {
	struct sf_inode root;
	__u64 cgroup;
	__u64 changes; /* mnt_namespace.event when last looked at */
};

#define SF_ROOT_LIVE	(1u << 0)
#define SF_ROOT_IGNORE	(1u << 1) /* an overlay that is not a container's: the host's own */
#define SF_ROOT_PLAIN	(1u << 2) /* not an overlay: all of the image lies in it */
#define SF_ROOT_PASSING (1u << 3) /* in `passing_roots`: nothing in it is remembered */

struct sf_root_state {
	__u32 flags;
	__u32 used;	  /* events in the current window */
	__u64 window_ns;  /* when it began */
	__u64 suppressed; /* in the current window */
	/* Of a plain rootfs: programs whose ctime is later than this (wall time) are
	 * not the image's as such. 0: not known. */
	__s64 since_ns;
	__s32 inodes; /* of it that the programs made known */
	__u32 reserved;
};

struct sf_inode_key {
	__u64 ino;
	__u32 dev;
	__u32 reserved;
};

struct sf_inode_state {
	struct sf_inode root;
	__u32 generation;
	__u32 reserved;
};

#define SF_CGROUP_LIVE	(1u << 0)
#define SF_CGROUP_CHILD (1u << 1) /* below a container's own cgroup */

struct sf_cgroup_state {
	struct sf_inode root;
	/* The outermost container's own cgroup: the same for all that lie below it. */
	__u64 family;
	__u32 flags;
	__u32 init;	  /* thread-group id of the container's init */
	__u32 mnt_ns;	  /* inode number of its mount namespace; 0: not known */
	__u32 rootfs_dev; /* of its rootfs as mounted; 0: not known */
	/* Of the family, kept where it is its own: */
	__u32 children;	 /* cgroups that are known */
	__s32 processes; /* that the programs follow */
	__u32 crowd;	 /* some are not followed */
	__u32 reserved;
};

#define SF_FOLLOWED_INIT    (1u << 0)
#define SF_FOLLOWED_LEADER  (1u << 1) /* first process of a session */
#define SF_FOLLOWED_ADOPTED (1u << 2) /* by the agent: not in its container's number */
#define SF_FOLLOWED_RUN	    (1u << 3) /* first process of a tool's run */

struct sf_followed {
	__u64 session;
	__u64 cgroup; /* of the container that it descends from */
	__u32 flags;
	__u32 started; /* sf_start_ticks(): the number may be another process' by now */
	__u64 run;     /* of a tool: sf_run(); inherited by children */
};

/* When a thread group started, as precisely as /proc has it: in ticks of 10 ms, of which
 * the low bits are enough to tell one from another. */
#define sf_start_ticks(boot_ns) ((__u32)((boot_ns) / 10000000ull))

/* Added to sf_change_key.nr for a directory that changed because of an entry: it
 * may change of its own accord in the same system call. */
#define SF_CHANGE_ENTRIES 0x40000000
/* Added for a change of the upper inode in the course of a call through overlay:
 * the overlay inode's event follows and says more. */
#define SF_CHANGE_INNER 0x20000000

struct sf_change_key {
	__u64 ino;
	__u32 generation;
	__u32 dev;
	__u32 actor; /* thread-group id, or a session's low bits for execs */
	__s32 nr;
};

struct sf_change_state {
	__u64 sent_ns;
	__u32 repeats;
	__u32 warned; /* of files: a repeat in this second was reported */
};

#ifdef __cplusplus
#define SF_STATIC_ASSERT static_assert
#else
#define SF_STATIC_ASSERT _Static_assert
#endif
SF_STATIC_ASSERT(sizeof(struct sf_inode) == 16, "sf_inode");
SF_STATIC_ASSERT(sizeof(struct sf_process) == 120, "sf_process");
SF_STATIC_ASSERT(sizeof(struct sf_header) == 152, "sf_header");
SF_STATIC_ASSERT(sizeof(struct sf_change_key) == 24, "sf_change_key");
SF_STATIC_ASSERT(sizeof(struct sf_file_event) == 152 + 72 + 768, "sf_file_event");
SF_STATIC_ASSERT(sizeof(struct sf_rename_event) == 152 + 72 + 768, "sf_rename_event");
SF_STATIC_ASSERT(sizeof(struct sf_config) == 64, "sf_config");

#endif
