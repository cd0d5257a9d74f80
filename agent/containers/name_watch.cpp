// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/name_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <set>

namespace stillframe::containers {
namespace {

// Each counts against a limit that all of root's programs share.
constexpr std::size_t kMaxWatches = 4096;

}  // namespace

NameWatch::NameWatch() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

void NameWatch::watch(const std::vector<std::string>& directories) {
  if (inotify_ < 0) return;
  const std::set<std::string> wanted(directories.begin(), directories.end());
  for (auto it = watches_.begin(); it != watches_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    // Fails where the directory is gone: the kernel has removed it itself.
    static_cast<void>(::inotify_rm_watch(inotify_, it->second));
    directories_.erase(it->second);
    it = watches_.erase(it);
  }
  for (const auto& directory : wanted) {
    if (watches_.contains(directory)) continue;
    if (watches_.size() >= kMaxWatches) return;
    const int number = ::inotify_add_watch(inotify_, directory.c_str(),
                                           IN_MOVED_TO | IN_ONLYDIR);
    // Without one, names are asked for by those who want to know them.
    if (number < 0) continue;
    // Another path of a directory that is watched already is none of its own.
    if (!directories_.emplace(number, directory).second) continue;
    watches_.emplace(directory, number);
  }
}

bool NameWatch::touched() {
  if (inotify_ < 0) return false;
  bool touched = false;
  std::array<char, 16'384> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_, buffer.data(), buffer.size());
    if (size <= 0) return touched;
    std::size_t at = 0;
    while (at + sizeof(inotify_event) <= static_cast<std::size_t>(size)) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      touched = touched || (event.mask & (IN_MOVED_TO | IN_Q_OVERFLOW)) != 0;
      const auto gone = directories_.find(event.wd);
      if ((event.mask & IN_IGNORED) == 0 || gone == directories_.end()) {
        continue;
      }
      // It may be there again, as another directory.
      watches_.erase(gone->second);
      directories_.erase(gone);
    }
  }
}

}  // namespace stillframe::containers
