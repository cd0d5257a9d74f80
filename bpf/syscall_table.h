/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one table of system calls: what each says of a change in its course. A
 * description, never evidence: the change itself has been seen on the inode. Included
 * by both sides, as events.h is; whoever uses it expands it.
 *
 * X(name, changes, op, entry)
 *   changes: what it can change of a file
 *     READ   nothing: the change is overlay refreshing its own inode
 *     WRITE  the content of the file that it names, and nothing else
 *     COPY   the content of one file, reading another
 *     SELF   the inode's own attributes
 *     XATTR  the same, by attribute name
 *     OTHER  content, or a directory's entries
 *   op: the operation (SF_OPS in events.h); `open`, `xattr` and `flags` stand for calls
 *     of which an argument or the inode shows more (agent/sensors/file_op.cpp);
 *     `unknown`: the state must show it
 *   entry: the argument that holds the path of the directory entry which it makes,
 *     removes, moves or links; -1: it has none
 * What is not listed is OTHER, unknown, -1.
 */
#ifndef STILLFRAME_BPF_SYSCALL_TABLE_H
#define STILLFRAME_BPF_SYSCALL_TABLE_H

#include <asm/unistd.h>

/* Since 6.6 and 6.13; older headers lack them. The same on every architecture. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif

/* Of x86 and other old architectures only. */
#ifdef __NR_open
#define SF_OLD_SYSCALLS(X)                                                                         \
	X(open, OTHER, open, 0)                                                                    \
	X(creat, OTHER, open, 0)                                                                   \
	X(unlink, OTHER, unlink, 0)                                                                \
	X(rmdir, OTHER, rmdir, 0)                                                                  \
	X(rename, OTHER, rename, 0)                                                                \
	X(link, OTHER, link, 1)                                                                    \
	X(symlink, OTHER, symlink, 1)                                                              \
	X(mkdir, OTHER, mkdir, 0)                                                                  \
	X(mknod, OTHER, mknod, 0)                                                                  \
	X(chmod, SELF, chmod, -1)                                                                  \
	X(chown, SELF, chown, -1)                                                                  \
	X(lchown, SELF, chown, -1)                                                                 \
	X(utime, SELF, utimes, -1)                                                                 \
	X(utimes, SELF, utimes, -1)                                                                \
	X(futimesat, SELF, utimes, -1)
#else
#define SF_OLD_SYSCALLS(X)
#endif

/* Not of architectures since 5.1. */
#ifdef __NR_renameat
#define SF_RENAMEAT(X) X(renameat, OTHER, rename, 1)
#else
#define SF_RENAMEAT(X)
#endif

#define SF_SYSCALLS(X)                                                                             \
	X(read, READ, unknown, -1)                                                                 \
	X(pread64, READ, unknown, -1)                                                              \
	X(readv, READ, unknown, -1)                                                                \
	X(preadv, READ, unknown, -1)                                                               \
	X(preadv2, READ, unknown, -1)                                                              \
	X(mmap, READ, unknown, -1)                                                                 \
	X(execve, READ, unknown, -1)                                                               \
	X(execveat, READ, unknown, -1)                                                             \
	X(write, WRITE, write, -1)                                                                 \
	X(pwrite64, WRITE, write, -1)                                                              \
	X(writev, WRITE, write, -1)                                                                \
	X(pwritev, WRITE, write, -1)                                                               \
	X(pwritev2, WRITE, write, -1)                                                              \
	X(sendfile, COPY, write, -1)                                                               \
	X(splice, COPY, write, -1)                                                                 \
	X(copy_file_range, COPY, write, -1)                                                        \
	X(vmsplice, OTHER, write, -1)                                                              \
	X(fallocate, OTHER, write, -1)                                                             \
	X(io_submit, OTHER, write, -1)                                                             \
	X(process_vm_writev, OTHER, write, -1)                                                     \
	X(madvise, OTHER, write, -1)                                                               \
	X(msync, OTHER, write, -1)                                                                 \
	X(truncate, OTHER, truncate, -1)                                                           \
	X(ftruncate, OTHER, truncate, -1)                                                          \
	X(openat, OTHER, open, 1)                                                                  \
	X(openat2, OTHER, open, 1)                                                                 \
	X(unlinkat, OTHER, unlink, 1)                                                              \
	SF_RENAMEAT(X)                                                                             \
	X(renameat2, OTHER, rename, 1)                                                             \
	X(linkat, OTHER, link, 3)                                                                  \
	X(symlinkat, OTHER, symlink, 2)                                                            \
	X(mkdirat, OTHER, mkdir, 1)                                                                \
	X(mknodat, OTHER, mknod, 1)                                                                \
	X(bind, OTHER, mknod, -1)                                                                  \
	X(fchmod, SELF, chmod, -1)                                                                 \
	X(fchmodat, SELF, chmod, -1)                                                               \
	X(fchmodat2, SELF, chmod, -1)                                                              \
	X(fchown, SELF, chown, -1)                                                                 \
	X(fchownat, SELF, chown, -1)                                                               \
	X(utimensat, SELF, utimes, -1)                                                             \
	X(ioctl, SELF, flags, -1)                                                                  \
	X(setxattr, XATTR, xattr, -1)                                                              \
	X(lsetxattr, XATTR, xattr, -1)                                                             \
	X(fsetxattr, XATTR, xattr, -1)                                                             \
	X(removexattr, XATTR, xattr, -1)                                                           \
	X(lremovexattr, XATTR, xattr, -1)                                                          \
	X(fremovexattr, XATTR, xattr, -1)                                                          \
	X(setxattrat, XATTR, xattr, -1)                                                            \
	X(removexattrat, XATTR, xattr, -1)                                                         \
	SF_OLD_SYSCALLS(X)

#endif
