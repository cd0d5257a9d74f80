// SPDX-License-Identifier: Apache-2.0
//
// Changes of a file's bytes by way of a file descriptor.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mutate.h"

// What O_DIRECT asks of buffers, lengths and offsets on common block devices.
enum { kDirectAlignment = 4096 };

static int written(ssize_t count, const char* call) {
  return count < 0 ? failed(call) : kDone;
}

static int open_only(const char* path, int flags) {
  close(open_or_exit(path, flags));
  return kDone;
}

static int open_wronly(int argc, char** argv) {
  (void)argc;
  return open_only(argv[0], O_WRONLY);
}

static int open_rdwr(int argc, char** argv) {
  (void)argc;
  return open_only(argv[0], O_RDWR);
}

static int open_trunc(int argc, char** argv) {
  (void)argc;
  return open_only(argv[0], O_WRONLY | O_TRUNC);
}

static int create(int argc, char** argv) {
  (void)argc;
  return open_only(argv[0], O_WRONLY | O_CREAT | O_EXCL);
}

static int do_truncate(int argc, char** argv) {
  (void)argc;
  return truncate(argv[0], 3) < 0 ? failed("truncate") : kDone;
}

static int do_ftruncate(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_WRONLY);
  return ftruncate(fd, 3) < 0 ? failed("ftruncate") : kDone;
}

static int do_write(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_WRONLY);
  return written(write(fd, kPayload, kPayloadSize), "write");
}

static int append(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_WRONLY | O_APPEND);
  return written(write(fd, kPayload, kPayloadSize), "write");
}

static int do_pwrite(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_WRONLY);
  return written(pwrite(fd, kPayload, kPayloadSize, kPatchOffset), "pwrite");
}

static struct iovec payload_vector(void) {
  struct iovec vector = {.iov_base = (void*)(uintptr_t)kPayload,
                         .iov_len = kPayloadSize};
  return vector;
}

static int do_writev(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_WRONLY);
  struct iovec vector = payload_vector();
  return written(writev(fd, &vector, 1), "writev");
}

static int do_pwritev2(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_WRONLY);
  struct iovec vector = payload_vector();
  return written(pwritev2(fd, &vector, 1, kPatchOffset, 0), "pwritev2");
}

static int allocate(const char* path, int mode) {
  int fd = open_or_exit(path, O_RDWR);
  return fallocate(fd, mode, 0, kPatchOffset) < 0 ? failed("fallocate") : kDone;
}

static int fallocate_punch(int argc, char** argv) {
  (void)argc;
  return allocate(argv[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}

static int fallocate_zero(int argc, char** argv) {
  (void)argc;
  return allocate(argv[0], FALLOC_FL_ZERO_RANGE);
}

static int fallocate_collapse(int argc, char** argv) {
  (void)argc;
  return allocate(argv[0], FALLOC_FL_COLLAPSE_RANGE);
}

static void* direct_buffer(void) {
  void* buffer = NULL;
  if (posix_memalign(&buffer, kDirectAlignment, kDirectAlignment) != 0) abort();
  memset(buffer, 'D', kDirectAlignment);
  return buffer;
}

static int open_direct(const char* path) {
  int fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
  if (fd >= 0) return fd;
  // tmpfs before 6.5 has no O_DIRECT and says EINVAL.
  exit(errno == EINVAL ? unsupported("O_DIRECT") : failed("open O_DIRECT"));
}

static int direct_write(int argc, char** argv) {
  (void)argc;
  int fd = open_direct(argv[0]);
  return written(write(fd, direct_buffer(), kDirectAlignment), "write");
}

static int aio_write(int argc, char** argv) {
  (void)argc;
  int fd = open_direct(argv[0]);
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 1, &context) < 0) return failed("io_setup");
  struct iocb request = {.aio_fildes = (uint32_t)fd,
                         .aio_lio_opcode = IOCB_CMD_PWRITE,
                         .aio_buf = (uintptr_t)direct_buffer(),
                         .aio_nbytes = kDirectAlignment};
  struct iocb* requests[] = {&request};
  if (syscall(SYS_io_submit, context, 1, requests) != 1) {
    return failed("io_submit");
  }
  struct io_event done;
  if (syscall(SYS_io_getevents, context, 1, 1, &done, NULL) != 1) {
    return failed("io_getevents");
  }
  if (done.res >= 0) return kDone;
  errno = (int)-done.res;
  return failed("aio write");
}

static int proc_fd_reopen(int argc, char** argv) {
  (void)argc;
  char path[64];
  int fd = open_or_exit(argv[0], O_RDONLY);
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  int again = open_or_exit(path, O_WRONLY);
  return written(write(again, kPayload, kPayloadSize), "write");
}

// The file as its handle names it; or ends the program.
static int opened_by_handle(const char* path, int flags) {
  struct {
    struct file_handle handle;
    unsigned char bytes[MAX_HANDLE_SZ];
  } target = {.handle.handle_bytes = MAX_HANDLE_SZ};
  int mount_id;
  if (name_to_handle_at(AT_FDCWD, path, &target.handle, &mount_id, 0) < 0) {
    exit(failed("name_to_handle_at"));
  }
  // Anything of the filesystem will do, and the file itself is one.
  int mount = open_or_exit(path, O_RDONLY);
  int fd = open_by_handle_at(mount, &target.handle, flags | O_CLOEXEC);
  if (fd < 0) exit(failed("open_by_handle_at"));
  return fd;
}

static int open_by_handle(int argc, char** argv) {
  (void)argc;
  int fd = opened_by_handle(argv[0], O_WRONLY);
  return written(write(fd, kPayload, kPayloadSize), "write");
}

static int read_by_handle(int argc, char** argv) {
  (void)argc;
  char byte;
  return read(opened_by_handle(argv[0], O_RDONLY), &byte, 1) == 1
             ? kDone
             : failed("read");
}

const struct operation file_operations[] = {
    {"open_wronly", 1, "FILE", open_wronly},
    {"open_rdwr", 1, "FILE", open_rdwr},
    {"o_trunc", 1, "FILE", open_trunc},
    {"create", 1, "FILE", create},
    {"truncate", 1, "FILE", do_truncate},
    {"ftruncate", 1, "FILE", do_ftruncate},
    {"write", 1, "FILE", do_write},
    {"append", 1, "FILE", append},
    {"pwrite", 1, "FILE", do_pwrite},
    {"writev", 1, "FILE", do_writev},
    {"pwritev2", 1, "FILE", do_pwritev2},
    {"fallocate_punch", 1, "FILE", fallocate_punch},
    {"fallocate_zero", 1, "FILE", fallocate_zero},
    {"fallocate_collapse", 1, "FILE", fallocate_collapse},
    {"direct_write", 1, "FILE", direct_write},
    {"aio_write", 1, "FILE", aio_write},
    {"proc_fd_reopen", 1, "FILE", proc_fd_reopen},
    {"open_by_handle", 1, "FILE", open_by_handle},
    {"read_by_handle", 1, "FILE", read_by_handle},
    {NULL, 0, NULL, NULL},
};
