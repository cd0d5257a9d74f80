// SPDX-License-Identifier: Apache-2.0
//
// The limits sensor: the control files of containers' cgroups. Needs no kernel
// side: fanotify reports writes to them and who wrote, on a mark of each
// directory, else inotify that there was one. Where that is not to be had
// either they are read when asked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/model/observation.h"
#include "agent/sensors/write_watch.h"

namespace stillframe::sensors {

// Whether a file of a cgroup holds a limit that somebody sets.
bool is_limit_file(std::string_view name);

// The limit files in these directories. Of files with one name in several
// directories the first counts. What could not be looked at is logged.
struct LimitFiles {
  struct File {
    std::uint64_t inode;
    std::uint16_t name;  // its place among all names there are
    std::uint16_t directory;
  };
  std::vector<std::string> directories;
  std::vector<std::uint64_t> devices;  // of each
  std::vector<File> files;
};
LimitFiles list_limits(std::vector<std::string> directories);

// Their values, without the newline at the end. What cannot be read just now is
// left out, which says nothing of its value: it is logged, and the rest is not
// complete, unless it is gone.
struct Limits {
  std::map<std::string, std::string> values;
  bool complete = true;
};
Limits read_limits(const LimitFiles& files);

class LimitWatch {
 public:
  static constexpr std::uint32_t kServant = 1;  // systemd

  // `clock` outlives this. Without `describe` nobody is named; `servant`: as
  // WriteWatch has it.
  explicit LimitWatch(const Clock& clock, DescribeProcess describe = {},
                      std::uint32_t servant = kServant);

  // Empty: writes are reported. Else why not.
  const std::string& trouble() const { return trouble_; }
  // Empty: who writes is reported, too. Else why not.
  const std::string& nameless() const { return nameless_; }
  std::vector<int> poll_fds() const;

  // Watches a container's directories from now on. Fails where writes to some
  // of them will not be reported; they are read when asked anyway.
  Result<> watch(std::uint64_t cgroup,
                 const std::vector<std::string>& directories);
  void forget(std::uint64_t cgroup);

  // The limits of a container as they are. Empty: not watched, or nothing was
  // written to them since they were seen last, here or by drain().
  LimitsObservation look(std::uint64_t cgroup);
  // Has all be read by the next look: not each write is reported (one through
  // another mount of the hierarchy that a cgroup namespace has for itself, one
  // by io_submit(2)).
  void doubt(std::uint64_t cgroup);

  // Those of all whose control files were written to since they were seen
  // last. Returns how many.
  std::size_t drain(const std::function<void(Observation&&)>& sink);

 private:
  struct Watched {
    LimitFiles files;
    std::vector<int> watches;
    std::map<std::string, std::vector<std::optional<Writer>>> writers;
    bool anybody = false;   // others, who are not known, may have written
    bool reported = false;  // writes to all of them are
    bool changed = true;    // not seen since they were written to
  };

  // Writes to one of its directories are another's by the kernel, or nobody's.
  void not_reported(std::uint64_t cgroup);
  void take_reports(bool now);
  void take_written(bool now);
  void take_noticed();
  void written(std::uint64_t cgroup, bool named);
  LimitsObservation see(std::uint64_t cgroup, Watched& watched);

  const Clock& clock_;
  const std::uint32_t servant_;
  std::string trouble_;
  std::string nameless_;
  std::unique_ptr<WriteWatch> writes_;
  // Without fanotify it reports writes; with it, that a directory is gone.
  Fd inotify_;
  std::unordered_map<std::uint64_t, Watched> containers_;
  std::unordered_map<int, std::uint64_t> by_watch_;
  std::set<std::uint64_t> written_;  // to be looked at by drain()
};

}  // namespace stillframe::sensors
