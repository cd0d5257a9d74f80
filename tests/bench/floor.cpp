// SPDX-License-Identifier: Apache-2.0
//
// What no agent of this kind can be cheaper than. Without arguments: holds what
// any such program holds, its libraries and a ring buffer, and waits to be
// killed. With a directory: looks at each file below it as the agent has to
// look at a new one, and prints the processor time of that in seconds.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kRing = 4 << 20;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) / 1e6;
}

void look(const std::string& path) {
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) return;
  alignas(file_handle) char room[sizeof(file_handle) + MAX_HANDLE_SZ];
  auto* const handle = reinterpret_cast<file_handle*>(room);
  while (const dirent* const entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat st{};
    int mount = 0;
    const int fd = ::dirfd(directory);
    ::fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW);
    handle->handle_bytes = MAX_HANDLE_SZ;
    ::name_to_handle_at(fd, entry->d_name, handle, &mount, 0);
    if (S_ISDIR(st.st_mode)) look(path + "/" + entry->d_name);
  }
  ::closedir(directory);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    look(argv[1]);
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::printf("%.3f\n", seconds(used.ru_utime) + seconds(used.ru_stime));
    return 0;
  }
  ::mmap(nullptr, kRing, PROT_READ | PROT_WRITE,
         MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  std::puts("ready");
  std::fflush(stdout);
  ::pause();
}
