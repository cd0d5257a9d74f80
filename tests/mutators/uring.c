// SPDX-License-Identifier: Apache-2.0
//
// Changes asked for through io_uring. Raw system calls: a ring of one request
// needs no library, and the program stays static.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mutate.h"

struct ring {
  int fd;
  bool polled;  // a kernel thread picks requests up
  char* queues;
  struct io_uring_sqe* entries;
  struct io_uring_params params;
};

static unsigned* field(const struct ring* ring, unsigned offset) {
  return (unsigned*)(void*)(ring->queues + offset);
}

static int open_ring(struct ring* ring, bool polled) {
  *ring = (struct ring){.polled = polled};
  if (polled) {
    ring->params.flags = IORING_SETUP_SQPOLL;
    ring->params.sq_thread_idle = 1000;
  }
  ring->fd = (int)syscall(SYS_io_uring_setup, 1, &ring->params);
  if (ring->fd < 0) {
    // Seccomp profiles and kernel.io_uring_disabled answer EPERM.
    if (errno == EPERM) return unsupported("io_uring is forbidden here");
    return failed("io_uring_setup");
  }
  if (!(ring->params.features & IORING_FEAT_SINGLE_MMAP)) {
    return unsupported("io_uring without a single mapping");
  }
  size_t submission = ring->params.sq_off.array + sizeof(unsigned);
  size_t completion = ring->params.cq_off.cqes +
                      ring->params.cq_entries * sizeof(struct io_uring_cqe);
  size_t size = submission > completion ? submission : completion;
  void* queues = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
  void* entries =
      mmap(NULL, sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
  if (queues == MAP_FAILED || entries == MAP_FAILED) return failed("mmap");
  ring->queues = queues;
  ring->entries = entries;
  return kDone;
}

// Submits one request and waits for its result; negative: -errno.
static int submit(struct ring* ring, const struct io_uring_sqe* request) {
  ring->entries[0] = *request;
  *field(ring, ring->params.sq_off.array) = 0;
  __atomic_store_n(field(ring, ring->params.sq_off.tail),
                   *field(ring, ring->params.sq_off.tail) + 1,
                   __ATOMIC_RELEASE);
  unsigned flags = IORING_ENTER_GETEVENTS;
  if (ring->polled) flags |= IORING_ENTER_SQ_WAKEUP;
  if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, flags, NULL, 0) < 0) {
    return -errno;
  }
  unsigned* head = field(ring, ring->params.cq_off.head);
  unsigned mask = *field(ring, ring->params.cq_off.ring_mask);
  struct io_uring_cqe* results =
      (struct io_uring_cqe*)(void*)(ring->queues + ring->params.cq_off.cqes);
  int result = results[*head & mask].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return result;
}

static int ask(struct ring* ring, const struct io_uring_sqe* request,
               const char* what, int* result) {
  int value = submit(ring, request);
  if (result) *result = value;
  if (value >= 0) return kDone;
  // An opcode that the kernel does not know is EINVAL.
  if (value == -EINVAL) return unsupported(what);
  errno = -value;
  return failed(what);
}

static int ask_once(const struct io_uring_sqe* request, const char* what) {
  struct ring ring;
  int outcome = open_ring(&ring, false);
  return outcome == kDone ? ask(&ring, request, what, NULL) : outcome;
}

static uint64_t address(const void* pointer) { return (uintptr_t)pointer; }

static int write_by(struct ring* ring, const char* path) {
  struct io_uring_sqe request = {.opcode = IORING_OP_WRITE,
                                 .fd = open_or_exit(path, O_WRONLY),
                                 .addr = address(kPayload),
                                 .len = (uint32_t)kPayloadSize};
  return ask(ring, &request, "write", NULL);
}

static int uring_write(int argc, char** argv) {
  (void)argc;
  struct ring ring;
  int outcome = open_ring(&ring, false);
  return outcome == kDone ? write_by(&ring, argv[0]) : outcome;
}

static int uring_write_sqpoll(int argc, char** argv) {
  (void)argc;
  struct ring ring;
  int outcome = open_ring(&ring, true);
  return outcome == kDone ? write_by(&ring, argv[0]) : outcome;
}

// By one of the ring's worker threads.
static int uring_write_async(int argc, char** argv) {
  (void)argc;
  struct ring ring;
  int outcome = open_ring(&ring, false);
  if (outcome != kDone) return outcome;
  struct io_uring_sqe request = {.opcode = IORING_OP_WRITE,
                                 .flags = IOSQE_ASYNC,
                                 .fd = open_or_exit(argv[0], O_WRONLY),
                                 .addr = address(kPayload),
                                 .len = (uint32_t)kPayloadSize};
  return ask(&ring, &request, "write", NULL);
}

// Opened and written through the ring.
static int uring_create(int argc, char** argv) {
  (void)argc;
  struct ring ring;
  int outcome = open_ring(&ring, false);
  if (outcome != kDone) return outcome;
  struct io_uring_sqe request = {.opcode = IORING_OP_OPENAT,
                                 .fd = AT_FDCWD,
                                 .addr = address(argv[0]),
                                 .len = 0644,
                                 .open_flags = O_WRONLY | O_CREAT | O_EXCL};
  int fd;
  outcome = ask(&ring, &request, "openat", &fd);
  if (outcome != kDone) return outcome;
  struct io_uring_sqe content = {.opcode = IORING_OP_WRITE,
                                 .fd = fd,
                                 .addr = address(kPayload),
                                 .len = (uint32_t)kPayloadSize};
  return ask(&ring, &content, "write", NULL);
}

static int uring_open_wronly(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {.opcode = IORING_OP_OPENAT,
                                 .fd = AT_FDCWD,
                                 .addr = address(argv[0]),
                                 .open_flags = O_WRONLY};
  return ask_once(&request, "openat");
}

static int uring_fallocate(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {.opcode = IORING_OP_FALLOCATE,
                                 .fd = open_or_exit(argv[0], O_RDWR),
                                 .off = 0,
                                 .addr = 1 << 16};
  return ask_once(&request, "fallocate");
}

static int uring_rename(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {.opcode = IORING_OP_RENAMEAT,
                                 .fd = AT_FDCWD,
                                 .addr = address(argv[0]),
                                 .len = (uint32_t)AT_FDCWD,
                                 .off = address(argv[1])};
  return ask_once(&request, "renameat");
}

static int uring_unlink(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {
      .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = address(argv[0])};
  return ask_once(&request, "unlinkat");
}

static int uring_mkdir(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {.opcode = IORING_OP_MKDIRAT,
                                 .fd = AT_FDCWD,
                                 .addr = address(argv[0]),
                                 .len = 0755};
  return ask_once(&request, "mkdirat");
}

static int uring_symlink(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {.opcode = IORING_OP_SYMLINKAT,
                                 .fd = AT_FDCWD,
                                 .addr = address(argv[0]),
                                 .addr2 = address(argv[1])};
  return ask_once(&request, "symlinkat");
}

static int uring_link(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {.opcode = IORING_OP_LINKAT,
                                 .fd = AT_FDCWD,
                                 .addr = address(argv[0]),
                                 .len = (uint32_t)AT_FDCWD,
                                 .addr2 = address(argv[1])};
  return ask_once(&request, "linkat");
}

static int uring_setxattr(int argc, char** argv) {
  (void)argc;
  struct io_uring_sqe request = {.opcode = IORING_OP_SETXATTR,
                                 .addr = address("user.stillframe"),
                                 .addr2 = address(kPayload),
                                 .addr3 = address(argv[0]),
                                 .len = (uint32_t)kPayloadSize};
  return ask_once(&request, "setxattr");
}

const struct operation uring_operations[] = {
    {"uring_write", 1, "FILE", uring_write},
    {"uring_write_sqpoll", 1, "FILE", uring_write_sqpoll},
    {"uring_write_async", 1, "FILE", uring_write_async},
    {"uring_create", 1, "FILE", uring_create},
    {"uring_open_wronly", 1, "FILE", uring_open_wronly},
    {"uring_fallocate", 1, "FILE", uring_fallocate},
    {"uring_rename", 2, "FROM TO", uring_rename},
    {"uring_unlink", 1, "FILE", uring_unlink},
    {"uring_mkdir", 1, "DIRECTORY", uring_mkdir},
    {"uring_symlink", 2, "TARGET NAME", uring_symlink},
    {"uring_link", 2, "FILE NAME", uring_link},
    {"uring_setxattr", 1, "FILE", uring_setxattr},
    {NULL, 0, NULL, NULL},
};
