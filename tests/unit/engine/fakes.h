// SPDX-License-Identifier: Apache-2.0
//
// The engine's ports as tests play them: a clock that is set, a kernel side and
// a container source that say what a test wants, and scans that are
// carried out and handed back when the test says so. Scanner, drift and event
// log are the real ones, on directories of a temporary folder.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/engine/core.h"

namespace stillframe::engine::test {

class FakeClock : public Clock {
 public:
  std::uint64_t boot_ns() const override { return boot; }
  std::uint64_t mono_ns() const override { return boot; }
  WallTime wall() const override { return {wall_ns}; }
  void pass(std::uint64_t ns) {
    boot += ns;
    wall_ns += static_cast<std::int64_t>(ns);
  }

  std::uint64_t boot = 1'000'000'000'000;
  std::int64_t wall_ns = 1'700'000'000'000'000'000;
};

class FakeKernel : public sensors::KernelSide {
 public:
  int poll_fd() const override { return -1; }
  std::size_t drain(const std::function<void(Observation&&)>& sink,
                    std::size_t limit) override;
  std::vector<SensorStatus> status() const override { return {}; }
  bool reconsider() override { return false; }
  bool watch_plain(bool wanted) override;
  sensors::KernelCounters counters() const override { return count; }
  void add_root(const UpperRoot& root, bool, bool, WallTime) override {
    held.insert(root);
  }
  void ignore_root(const UpperRoot&) override {}
  void remove_root(const UpperRoot& root) override { held.erase(root); }
  std::vector<UpperRoot> roots() const override {
    return {held.begin(), held.end()};
  }
  bool add_inode(const UpperRoot&, const InodeId&, bool) override {
    return true;
  }
  void add_cgroup(std::uint64_t cgroup, const UpperRoot&, std::uint32_t,
                  std::uint64_t) override {
    cgroups.insert(cgroup);
  }
  void remove_cgroup(std::uint64_t cgroup) override { cgroups.erase(cgroup); }
  void watch_limits(std::uint64_t cgroup,
                    const std::vector<std::string>&) override {
    limits_of.insert(cgroup);
  }
  void forget_limits(std::uint64_t cgroup) override { limits_of.erase(cgroup); }
  LimitsObservation limits(std::uint64_t, bool) override { return {}; }
  void follow(std::uint32_t pid, std::uint64_t, std::uint64_t, std::uint64_t,
              bool, bool) override {
    followed.insert(pid);
  }
  void containers_known() override {
    ++said_known;
    if (began_meanwhile) began_meanwhile();
  }
  std::uint64_t lives_since_ns() const override { return lives_since; }

  std::deque<Observation> waiting;  // what drain() gives
  sensors::KernelCounters count;
  std::unordered_set<UpperRoot> held;  // roots
  std::set<std::uint64_t> cgroups;
  std::set<std::uint64_t> limits_of;
  std::set<std::uint32_t> followed;
  std::uint64_t lives_since = 0;
  int said_known = 0;
  std::function<void()> began_meanwhile;  // just before it was said
  bool plain = false;
};

class FakeSource : public containers::ContainerSource {
 public:
  containers::Listing<ContainerRecord> running_besides(
      const std::unordered_set<std::uint64_t>& left_out) const override;
  containers::Listing<ContainerRecord> stopped() const override;
  Result<std::optional<ContainerRecord>> resolve(
      const LiveObservation& seen) const override;
  Result<ContainerInfo> refresh(const ContainerRecord& record) const override;
  bool names_touched() const override { return std::exchange(touched, false); }
  std::map<std::string, std::string> new_names() const override;
  Result<bool> exists(const ContainerRecord& record) const override;
  Result<bool> init_alive(const ContainerRecord& record) const override;
  Result<ContainerRecord> look_again(
      const ContainerRecord& known) const override;
  Result<std::vector<Member>> members(const ContainerRecord&) const override {
    return within;
  }
  std::optional<Program> program(std::uint32_t) const override { return {}; }
  Result<std::vector<std::uint64_t>> cgroups(
      const ContainerRecord& record) const override {
    return std::vector<std::uint64_t>{record.cgroup};
  }
  Result<std::vector<MountEntry>> mounts(
      const ContainerRecord&) const override {
    return std::vector<MountEntry>();
  }
  Result<std::vector<std::string>> limit_directories(
      const ContainerRecord&) const override {
    return std::vector<std::string>();
  }
  Result<bool> device_allowed(const ContainerRecord&,
                              const DeviceObservation&) const override {
    return true;
  }

  std::map<std::string, ContainerRecord> known;  // by key: what the machine has
  std::vector<Member> within;                    // of each container
  std::vector<ContainerRecord> posing;           // cgroups with names of others
  mutable bool touched = false;                  // somebody's name was
  // What exists(), look_again() and resolve() fail with.
  std::optional<Error> failing;
  std::optional<Error> unlisted;  // what running_besides() could not read
  bool builds = false;  // what begins to live is a step of an image build
};

// Jobs wait until the test carries them out, and results until it hands them
// back.
class ManualRunner : public ScanRunner {
 public:
  void submit(std::shared_ptr<drift::Scanner> scanner, drift::ScanWork work,
              bool urgent, Task<void(Scanned)> done) override;
  void read(std::function<Packages()> read,
            Task<void(Packages)> done) override {
    done(read());
  }
  bool carry_out();  // the next job; false: there is none
  bool hand_back();  // the next result
  void finish_all();
  void drop_all();

  std::size_t submitted = 0;
  std::size_t urgent = 0;

 private:
  struct Job {
    std::shared_ptr<drift::Scanner> scanner;
    drift::ScanWork work;
    Task<void(Scanned)> done;
  };
  std::deque<Job> jobs_;
  std::deque<std::pair<Scanned, Task<void(Scanned)>>> results_;
};

// Counts the answers to one request.
template <typename T>
struct Asked {
  std::shared_ptr<std::vector<Result<T>>> answers =
      std::make_shared<std::vector<Result<T>>>();

  Reply<T> reply() const {
    return Reply<T>([answers = answers](Result<T> answer) {
      answers->push_back(std::move(answer));
    });
  }
  bool once() const { return answers->size() == 1; }
  const Result<T>& answer() const { return answers->front(); }
};

// A machine with an agent on it.
class World {
 public:
  World();
  ~World();

  // A container of the machine that the agent does not know of yet: an id, or
  // containerd's namespace, a slash and an id. The same again is a new
  // container with a rootfs of its own.
  ContainerRecord make(const std::string& key);
  // The kernel side saw its first exec.
  void live(const ContainerRecord& record);
  void exit(const ContainerRecord& record);
  void remove(const ContainerRecord& record);  // the runtime's `rm`
  void restart(ContainerRecord record);
  // Changes a file of the container, as the runtime's own directory shows it.
  static void write(const ContainerRecord& record, const std::string& name);
  FileObservation wrote(const ContainerRecord& record,
                        const std::string& name) const;
  void settle();  // turns and scans until nothing is due
  // As the agent does it: no scan, then no container.
  void stop() {
    runner.drop_all();
    core.reset();
    archive.reset();
  }
  // Another agent on the same state, which looks for containers first.
  void start_again();
  ContainerView view(const std::string& key);
  std::vector<std::string>
  kinds();  // of the events so far, lifecycle and agent

  std::string folder;
  FakeClock clock;
  FakeKernel kernel;
  FakeSource source;
  ManualRunner runner;
  Settings settings;
  std::unique_ptr<EventLog> events;
  std::unique_ptr<archive::Archive> archive;
  std::unique_ptr<Core> core;

 private:
  void start();

  unsigned made_ = 0;
};

}  // namespace stillframe::engine::test
