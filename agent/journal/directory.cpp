// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <tuple>

#include "agent/base/text.h"

namespace stillframe::journal {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

Result<> check_regular(int directory, const char* name) {
  struct stat st{};
  if (::fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(name, errno);
  }
  if (S_ISREG(st.st_mode)) return {};
  return fail(std::string(name) + (S_ISLNK(st.st_mode)
                                       ? " is a symbolic link"
                                       : " is not a regular file"));
}

}  // namespace

Result<Listing> list_segments(const std::string& directory) {
  const Dir dir(::opendir(directory.c_str()));
  if (dir == nullptr) return fail(printable(directory), errno);
  Listing listing;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const auto segment = parse_segment_name(entry->d_name);
    if (!segment) continue;
    const auto regular = check_regular(::dirfd(dir.get()), entry->d_name);
    if (regular) {
      listing.segments.push_back(*segment);
    } else if (!is_absence(regular.error().code)) {  // removed meanwhile
      listing.refused.push_back(regular.error());
    }
  }
  if (errno != 0) return fail(printable(directory), errno);
  std::sort(listing.segments.begin(), listing.segments.end(),
            [](const SegmentName& a, const SegmentName& b) {
              return std::tie(a.first, a.closed) < std::tie(b.first, b.closed);
            });
  std::sort(
      listing.refused.begin(), listing.refused.end(),
      [](const Error& a, const Error& b) { return a.message < b.message; });
  return listing;
}

}  // namespace stillframe::journal
