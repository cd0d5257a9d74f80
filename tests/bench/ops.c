// SPDX-License-Identifier: Apache-2.0
//
// Repeats one operation and prints what it costs this process: nanoseconds of
// its own processor time per operation, best of several rounds.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char* directory;
static char file[4096];
static int descriptor;

static void do_getpid(void) { syscall(SYS_getpid); }

static void do_stat(void) {
  struct stat st;
  if (stat(file, &st) != 0) exit(1);
}

static void do_open_read_close(void) {
  char byte;
  int fd = open(file, O_RDONLY);
  if (fd < 0 || read(fd, &byte, 1) != 1) exit(1);
  close(fd);
}

static void do_write(void) {
  if (pwrite(descriptor, "x", 1, 0) != 1) exit(1);
}

static void do_create_unlink(void) {
  char name[4200];
  snprintf(name, sizeof name, "%s/bench-new", directory);
  int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0) exit(1);
  close(fd);
  if (unlink(name) != 0) exit(1);
}

static void do_fork_exec(void) {
  pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "ops", "exit", (char*)NULL);
    _exit(1);
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) exit(1);
}

static const struct {
  const char* name;
  void (*run)(void);
  int times;
} operations[] = {
    {"getpid", do_getpid, 200000},
    {"stat", do_stat, 50000},
    {"open-read-close", do_open_read_close, 20000},
    {"write", do_write, 30000},
    {"create-unlink", do_create_unlink, 3000},
    {"fork-exec", do_fork_exec, 200},
};

// Children count: fork-exec is mostly theirs.
static double processor_ns(void) {
  struct timespec own;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  return (double)own.tv_sec * 1e9 + (double)own.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "exit") == 0) return 0;
  if (argc != 2) {
    fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  directory = argv[1];
  snprintf(file, sizeof file, "%s/bench-file", directory);
  descriptor = open(file, O_RDWR | O_CREAT, 0600);
  if (descriptor < 0 || write(descriptor, "x", 1) != 1) {
    perror(file);
    return 1;
  }
  for (size_t i = 0; i < sizeof operations / sizeof *operations; ++i) {
    double best = 0;
    for (int round = 0; round < 5; ++round) {
      const double start = processor_ns();
      for (int n = 0; n < operations[i].times; ++n) operations[i].run();
      const double each = (processor_ns() - start) / operations[i].times;
      if (round == 0 || each < best) best = each;
    }
    printf("%s %.1f\n", operations[i].name, best);
  }
  unlink(file);
  return 0;
}
