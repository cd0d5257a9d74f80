// SPDX-License-Identifier: Apache-2.0
//
// The directory of last states, one file for each container that is gone:
//
//   01764453112000000000-3f2a….last
//
// named by when that was, and by what its files were called while it was there.
// Nothing of it is held in memory. From any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/archive/format.h"
#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace stillframe::archive {

constexpr std::string_view kSuffix = ".last";

struct Bounds {
  std::chrono::milliseconds retention{std::chrono::hours(24 * 90)};
  std::uint64_t most_bytes = 64 << 20;
  std::size_t most_files = 4096;
};

class Shelf {
 public:
  Shelf(std::string directory, Bounds bounds, Format format,
        const Clock& clock);

  // On the disk when it returns. `name`: of its files.
  Result<> put(std::string_view name, WallTime gone, std::string_view packed);
  // Takes in what was kept of one at `path` while it was there, unless there is
  // a later state of it here.
  Result<> take_in(const std::string& path, std::string_view name);
  // By id, a unique prefix of it, or name: of several with one name the latest.
  // Nothing: there is none.
  Result<std::optional<DiffAnswer>> find(const std::string& container);
  // Of all, the latest first.
  Result<GoneContainers> heads();
  // Removes what is too old. With too many, or too much, the image that has
  // most of it gives up its oldest, until an eighth is free: so nobody pushes
  // out what is known of others by starting containers.
  Result<> prune();
  // Whether it is to be pruned now.
  bool full();

  // What was set apart, since the last call.
  std::vector<std::string> take_trouble();
  const Format& format() const { return format_; }

 private:
  struct File {
    std::string name;
    WallTime gone;
    std::uint64_t bytes = 0;  // of whole blocks
    bool state = false;       // a last state, not what was set apart
  };

  Result<std::vector<File>> list() const;
  Result<DiffAnswer> head_of(const std::string& file);
  Result<DiffAnswer> read(const File& file);
  void set_apart(const std::string& file, const Error& why);
  Result<> remove(const File& file);
  Result<> make_room(std::vector<File> files);
  bool has_later(std::string_view name, WallTime as_of);

  const std::string directory_;
  const Bounds bounds_;
  const Format format_;
  const Clock& clock_;

  std::mutex mutex_;  // the members below
  std::vector<std::string> trouble_;
  // Since the last look at all: no less than there is.
  std::uint64_t bytes_ = 0;
  std::size_t files_ = 0;
};

}  // namespace stillframe::archive
