// SPDX-License-Identifier: Apache-2.0
//
// Changes of a file's bytes that move data inside the kernel.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mutate.h"

struct pipe_ends {
  int read;
  int write;
};

static int open_pipe(struct pipe_ends* ends) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return failed("pipe2");
  ends->read = fds[0];
  ends->write = fds[1];
  return kDone;
}

static int from_pipe_to(int pipe_end, const char* path) {
  int fd = open_or_exit(path, O_WRONLY);
  ssize_t moved = splice(pipe_end, NULL, fd, NULL, kPayloadSize, 0);
  return moved < 0 ? failed("splice") : kDone;
}

static int do_splice(int argc, char** argv) {
  (void)argc;
  struct pipe_ends ends;
  int outcome = open_pipe(&ends);
  if (outcome != kDone) return outcome;
  if (write(ends.write, kPayload, kPayloadSize) < 0) return failed("write");
  return from_pipe_to(ends.read, argv[0]);
}

static int do_vmsplice(int argc, char** argv) {
  (void)argc;
  struct pipe_ends ends;
  int outcome = open_pipe(&ends);
  if (outcome != kDone) return outcome;
  struct iovec vector = {.iov_base = (void*)(uintptr_t)kPayload,
                         .iov_len = kPayloadSize};
  if (vmsplice(ends.write, &vector, 1, 0) < 0) return failed("vmsplice");
  return from_pipe_to(ends.read, argv[0]);
}

static int do_tee(int argc, char** argv) {
  (void)argc;
  struct pipe_ends first;
  struct pipe_ends second;
  int outcome = open_pipe(&first);
  if (outcome == kDone) outcome = open_pipe(&second);
  if (outcome != kDone) return outcome;
  if (write(first.write, kPayload, kPayloadSize) < 0) return failed("write");
  if (tee(first.read, second.write, kPayloadSize, 0) < 0) return failed("tee");
  return from_pipe_to(second.read, argv[0]);
}

static int do_sendfile(int argc, char** argv) {
  (void)argc;
  int from = open_or_exit(argv[0], O_RDONLY);
  int to = open_or_exit(argv[1], O_WRONLY);
  return sendfile(to, from, NULL, kPatchOffset) < 0 ? failed("sendfile")
                                                    : kDone;
}

// Both may be refused across filesystems, and clones also within many.
static int refused_or_failed(const char* call) {
  if (errno == EXDEV || errno == EINVAL) return unsupported(call);
  return failed(call);
}

static int do_copy_file_range(int argc, char** argv) {
  (void)argc;
  int from = open_or_exit(argv[0], O_RDONLY);
  int to = open_or_exit(argv[1], O_WRONLY);
  ssize_t copied = copy_file_range(from, NULL, to, NULL, kPatchOffset, 0);
  return copied < 0 ? refused_or_failed("copy_file_range") : kDone;
}

static int ficlone(int argc, char** argv) {
  (void)argc;
  int from = open_or_exit(argv[0], O_RDONLY);
  int to = open_or_exit(argv[1], O_WRONLY);
  return ioctl(to, FICLONE, from) < 0 ? refused_or_failed("FICLONE") : kDone;
}

// Asks for what is equal to be shared: the content stays the same.
static int fideduperange(int argc, char** argv) {
  (void)argc;
  int from = open_or_exit(argv[0], O_RDONLY);
  int to = open_or_exit(argv[1], O_RDWR);
  union {  // a range, and room for the one file that it ends with
    struct file_dedupe_range range;
    char room[sizeof(struct file_dedupe_range) +
              sizeof(struct file_dedupe_range_info)];
  } request = {.range = {.src_length = kPatchOffset, .dest_count = 1}};
  request.range.info[0].dest_fd = to;
  // What the filesystem answers for each file is in the request.
  return ioctl(from, FIDEDUPERANGE, &request) < 0 ? failed("FIDEDUPERANGE")
                                                  : kDone;
}

const struct operation transfer_operations[] = {
    {"splice", 1, "FILE", do_splice},
    {"vmsplice", 1, "FILE", do_vmsplice},
    {"tee", 1, "FILE", do_tee},
    {"sendfile", 2, "SOURCE FILE", do_sendfile},
    {"copy_file_range", 2, "SOURCE FILE", do_copy_file_range},
    {"ficlone", 2, "SOURCE FILE", ficlone},
    {"fideduperange", 2, "SOURCE FILE", fideduperange},
    {NULL, 0, NULL, NULL},
};
