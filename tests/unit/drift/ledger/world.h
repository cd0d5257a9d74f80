// SPDX-License-Identifier: Apache-2.0
//
// A container made by hand: what its upper directory holds is a list of
// entries, which scans report and operations change.
#pragma once

#include <sys/resource.h>
#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/ledger/container_drift.h"
#include "tests/unit/drift/ledger/fake_clock.h"

namespace stillframe::drift::test {

constexpr std::uint64_t kRoot = 2;
constexpr std::uint32_t kFile = S_IFREG | 0644;
constexpr std::uint32_t kDirectory = S_IFDIR | 0755;

Actor actor(std::string comm, Origin origin = Origin::exec,
            std::uint32_t pid = 100);

class World {
 public:
  // What is kept and how much; the clock is the world's own.
  explicit World(const ContainerDrift::Options& options = {},
                 std::string runtime = "podman");

  // The upper directory. Directories have to be made before what is in them.
  Entry& put(const std::string& path, std::uint64_t ino, Change change,
             std::uint32_t mode = kFile);
  Entry& whiteout(const std::string& path, std::uint32_t mode = kFile);
  void take(const std::string& path);  // with all below it
  Entry& at(const std::string& path) { return entries.at(path); }
  void move(const std::string& from, const std::string& to);

  // Boot time: begins well in the past, so that all that is marked is due.
  std::uint64_t tick() {
    clock.advance(1'000'000);
    return now += 1'000'000;
  }
  WallTime wall(std::uint64_t boot_ns) const;

  FileObservation seen(FileOp op, const std::string& path, std::uint64_t ino);
  FileObservation entries_seen(FileOp op, const std::string& directory,
                               const std::string& hint = "");

  ScanResult full_scan();
  PartialResult part_of(const ScanWork& work);
  // Takes what work is due and hands in its result, until there is none; how
  // many scans of each sort that took.
  struct Scans {
    int full = 0;
    int part = 0;
  };
  Scans settle();
  // The agent was killed and is started again.
  void restart();

  // What the container's own tool would print.
  std::vector<std::string> tool_lines() const;
  const PathChange* row(const std::string& path);
  std::vector<std::string> kinds(const std::string& path);
  std::string former(const std::string& path);  // its former path, or empty
  std::vector<std::string> who(const std::string& path);
  // "file_create /x by sh violation", in order.
  std::vector<std::string> reported() const;

  std::map<std::string, Entry> entries;  // by path; "/" is the root
  std::uint64_t now = 1'000'000'000;
  ContainerRecord record;
  policy::PolicyPtr policy = std::make_shared<const policy::Policy>();
  FakeClock clock;
  ContainerDrift::Options options;
  std::vector<MutationEvent> events;
  std::optional<ContainerDrift> drift;

 private:
  void make();
  std::vector<Entry> below(const std::string& directory, bool deep) const;
  std::vector<PathChange> rows_;
};

std::string parent_path(const std::string& path);
std::string name_of(const std::string& path);

// As long as it lives nothing can be opened.
class NoDescriptors {
 public:
  NoDescriptors();
  ~NoDescriptors();
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

// A directory of the test's own, removed with all in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

}  // namespace stillframe::drift::test
