// SPDX-License-Identifier: Apache-2.0
//
// Repeats one operation and prints what it costs this process and its children:
// nanoseconds of processor time per operation, the median of several rounds
// after one that does not count. Where a virtual nanosecond is an instruction,
// that is a number of instructions.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kRounds = 6, kFirstFiles = 50 };

static const char* directory;
static char file[4096];
static int descriptor;
static const char* set = "";
static int first_file;

static void give_up(const char* what) {
  perror(what);
  exit(1);
}

static void do_getpid(void) { syscall(SYS_getpid); }

static void do_stat(void) {
  struct stat st;
  if (stat(file, &st) != 0) give_up("stat");
}

static void do_open_read_close(void) {
  char byte;
  int fd = open(file, O_RDONLY);
  if (fd < 0 || read(fd, &byte, 1) != 1) give_up("read");
  close(fd);
}

static void do_mmap_read(void) {
  volatile char* page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, descriptor, 0);
  if (page == MAP_FAILED) give_up("mmap");
  (void)page[0];
  munmap((void*)page, 4096);
}

static void do_write(void) {
  if (pwrite(descriptor, "x", 1, 0) != 1) give_up("write");
}

static void do_create_unlink(void) {
  char name[4200];
  snprintf(name, sizeof name, "%s/bench-new", directory);
  int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0) give_up("create");
  close(fd);
  if (unlink(name) != 0) give_up("unlink");
}

static void do_rename(void) {
  static char other[4200];
  if (other[0] == 0) snprintf(other, sizeof other, "%s/bench-moved", directory);
  if (rename(file, other) != 0 || rename(other, file) != 0) give_up("rename");
}

static void do_chmod(void) {
  static unsigned times;
  if (fchmod(descriptor, ++times & 1 ? 0640 : 0600) != 0) give_up("chmod");
}

static void do_fork_exec(void) {
  pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "ops", "exit", (char*)NULL);
    _exit(1);
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) give_up("child");
}

static void name_first(char* name, size_t size, const char* of, int number) {
  snprintf(name, size, "%s/first-%s-%d", directory, of, number);
}

// Opens, writes and closes a file that nobody has touched since `prepare`.
static void do_first_write(void) {
  char name[4200];
  name_first(name, sizeof name, set, first_file++);
  int fd = open(name, O_WRONLY);
  if (fd < 0 || write(fd, "x", 1) != 1) give_up("first write");
  close(fd);
}

static const struct operation {
  const char* name;
  void (*run)(void);
  int times;
} operations[] = {
    {"getpid", do_getpid, 200000},
    {"stat", do_stat, 50000},
    {"open-read-close", do_open_read_close, 20000},
    {"mmap-read", do_mmap_read, 20000},
    {"write", do_write, 30000},
    {"chmod", do_chmod, 20000},
    {"rename-and-back", do_rename, 3000},
    {"create-unlink", do_create_unlink, 3000},
    {"fork-exec", do_fork_exec, 200},
};
static const struct operation first_write = {"first-write", do_first_write,
                                             kFirstFiles};

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

// Children count: fork-exec is mostly theirs.
static double processor_ns(void) {
  struct timespec own;
  struct rusage children;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return (double)own.tv_sec * 1e9 + (double)own.tv_nsec +
         (seconds(children.ru_utime) + seconds(children.ru_stime)) * 1e9;
}

static int by_value(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static void measure(const struct operation* operation, int divisor) {
  double each[kRounds];
  int times = operation->times / divisor;
  if (times == 0) times = 1;
  for (int round = 0; round < kRounds; ++round) {
    const double start = processor_ns();
    for (int n = 0; n < times; ++n) operation->run();
    each[round] = (processor_ns() - start) / times;
  }
  // The first round fills caches and tables.
  qsort(each + 1, kRounds - 1, sizeof *each, by_value);
  printf("%s %.1f\n", operation->name, each[1 + (kRounds - 1) / 2]);
}

static void prepare(void) {
  for (int number = 0; number < kRounds * kFirstFiles; ++number) {
    char name[4200];
    name_first(name, sizeof name, set, number);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1) give_up(name);
    close(fd);
  }
}

// What an unpacking program does: `count` files, a thousand in each directory.
static void make_files(int count) {
  char name[4200];
  for (int number = 0; number < count; ++number) {
    const int above = number / 1000;
    snprintf(name, sizeof name, "%s/%d", directory, above);
    if (number % 1000 == 0 && mkdir(name, 0755) != 0) give_up(name);
    snprintf(name, sizeof name, "%s/%d/f%d", directory, above, number);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0 || write(fd, "x", 1) != 1) give_up(name);
    close(fd);
  }
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "exit") == 0) return 0;
  if (argc < 2 || argc > 4) {
    fprintf(stderr,
            "usage: %s DIRECTORY [DIVISOR [SET]]\n"
            "       %s prepare DIRECTORY SET\n"
            "       %s files DIRECTORY COUNT\n"
            "DIVISOR: do everything that many times less often.\n"
            "SET: also write to the files that `prepare` made by that name.\n",
            argv[0], argv[0], argv[0]);
    return 2;
  }
  if (argc == 4 && strcmp(argv[1], "prepare") == 0) {
    directory = argv[2];
    set = argv[3];
    prepare();
    return 0;
  }
  if (argc == 4 && strcmp(argv[1], "files") == 0) {
    directory = argv[2];
    make_files(atoi(argv[3]));
    return 0;
  }
  directory = argv[1];
  const int divisor = argc > 2 ? atoi(argv[2]) : 1;
  if (divisor < 1) return 2;
  snprintf(file, sizeof file, "%s/bench-file", directory);
  descriptor = open(file, O_RDWR | O_CREAT, 0600);
  if (descriptor < 0 || write(descriptor, "x", 1) != 1) give_up(file);
  for (size_t i = 0; i < sizeof operations / sizeof *operations; ++i) {
    measure(&operations[i], divisor);
  }
  if (argc == 4) {
    set = argv[3];
    measure(&first_write, 1);
  }
  unlink(file);
  return 0;
}
