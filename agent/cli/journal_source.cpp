// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/journal_source.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "agent/journal/directory.h"

namespace stillframe::cli {
namespace {

bool has_journal(const std::string& directory) {
  const auto listing = journal::list_segments(directory);
  return (listing &&
          !(listing->segments.empty() && listing->refused.empty())) ||
         exists(directory + '/' + std::string(journal::kCheckpointFile)) ||
         exists(directory + '/' + std::string(journal::kPrunedFile));
}

}  // namespace

bool exists(const std::string& path) {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0;
}

std::string journal_directory(const std::string& given) {
  const std::string inner = given + "/journal";
  return !has_journal(given) && exists(inner) ? inner : given;
}

Result<std::vector<journal::Key>> read_keys(
    const std::vector<std::string>& files) {
  std::vector<journal::Key> keys;
  for (const auto& file : files) {
    auto key = journal::Key::read_public(file);
    if (!key) return fail(key, "--key");
    keys.push_back(std::move(*key));
  }
  return keys;
}

Progress::Progress(int fd, std::string doing)
    : fd_(fd), doing_(std::move(doing)), terminal_(::isatty(fd) == 1) {}

Progress::~Progress() {
  if (percent_ != kNothing) write("\r\x1b[K");
}

void Progress::show(std::uint64_t done, std::uint64_t of) {
  const std::uint64_t percent =
      of == 0 ? 100 : std::min<std::uint64_t>(100, done * 100 / of);
  if (!terminal_ || percent == percent_) return;
  percent_ = percent;
  write(fmt::format("\r{}: {} %", doing_, percent));
}

// Nothing is lost if it cannot be shown.
void Progress::write(const std::string& text) const {
  [[maybe_unused]] const auto n = ::write(fd_, text.data(), text.size());
}

}  // namespace stillframe::cli
