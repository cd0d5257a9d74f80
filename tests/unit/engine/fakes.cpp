// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/engine/fakes.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/model/container_name.h"
#include "agent/model/inode_identity.h"
#include "exporters/jsonl/last_state.h"

namespace stillframe::engine::test {

std::size_t FakeKernel::drain(const std::function<void(Observation&&)>& sink,
                              std::size_t limit) {
  std::size_t count_taken = 0;
  while (!waiting.empty() && count_taken < limit) {
    Observation seen = std::move(waiting.front());
    waiting.pop_front();
    ++count_taken;
    sink(std::move(seen));
  }
  return count_taken;
}

bool FakeKernel::watch_plain(bool wanted) {
  return std::exchange(plain, wanted) != wanted;
}

containers::Listing<ContainerRecord> FakeSource::running_besides(
    const std::unordered_set<std::uint64_t>& left_out) const {
  containers::Listing<ContainerRecord> found;
  if (unlisted) found.errors.push_back(*unlisted);
  for (const auto& [id, record] : known) {
    if (record.running()) found.items.push_back(record);
  }
  found.items.insert(found.items.end(), posing.begin(), posing.end());
  std::erase_if(found.items, [&](const auto& record) {
    return left_out.contains(record.cgroup);
  });
  return found;
}

containers::Listing<ContainerRecord> FakeSource::stopped() const {
  containers::Listing<ContainerRecord> found;
  for (const auto& [id, record] : known) {
    if (!record.running()) found.items.push_back(record);
  }
  return found;
}

Result<std::optional<ContainerRecord>> FakeSource::resolve(
    const LiveObservation& seen) const {
  if (failing) return tl::unexpected<Error>(*failing);
  if (builds) return std::nullopt;
  for (const auto& [id, record] : known) {
    if (record.cgroup == seen.process.cgroup) return record;
  }
  for (const auto& record : posing) {
    if (record.cgroup == seen.process.cgroup) return record;
  }
  return fail("nobody's", ENOENT);
}

Result<ContainerInfo> FakeSource::refresh(const ContainerRecord& record) const {
  const auto it = known.find(key_of(record.info));
  if (it == known.end()) return fail("nobody's", ENOENT);
  return it->second.info;
}

std::map<std::string, std::string> FakeSource::new_names() const {
  std::map<std::string, std::string> names;
  for (const auto& [id, record] : known) names[id] = record.info.name;
  return names;
}

Result<bool> FakeSource::exists(const ContainerRecord& record) const {
  if (failing) return tl::unexpected<Error>(*failing);
  const auto it = known.find(key_of(record.info));
  return it != known.end() && it->second.root == record.root;
}

Result<bool> FakeSource::init_alive(const ContainerRecord& record) const {
  for (const auto& other : posing) {
    if (other.init_pid == record.init_pid) return true;
  }
  const auto it = known.find(key_of(record.info));
  return it != known.end() && it->second.init_pid == record.init_pid;
}

Result<ContainerRecord> FakeSource::look_again(
    const ContainerRecord& record) const {
  if (failing) return tl::unexpected<Error>(*failing);
  const auto it = known.find(key_of(record.info));
  if (it == known.end()) return fail("nobody's", ENOENT);
  return it->second;
}

void ManualRunner::submit(std::shared_ptr<drift::Scanner> scanner,
                          drift::ScanWork work, bool is_urgent,
                          Task<void(Scanned)> done) {
  ++submitted;
  if (is_urgent) ++urgent;
  jobs_.push_back({std::move(scanner), std::move(work), std::move(done)});
}

bool ManualRunner::carry_out() {
  if (jobs_.empty()) return false;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  Scanned scanned;
  if (job.work.full) {
    scanned = job.scanner->scan(std::stop_token());
  } else {
    scanned = job.scanner->scan(job.work.parts, std::stop_token());
  }
  // The world's clock stands still meanwhile.
  std::visit([](auto& result) { result.duration_ns = kMillisecondNs; },
             scanned);
  results_.emplace_back(std::move(scanned), std::move(job.done));
  return true;
}

bool ManualRunner::hand_back() {
  if (results_.empty()) return false;
  auto [scanned, done] = std::move(results_.front());
  results_.pop_front();
  done(std::move(scanned));
  return true;
}

void ManualRunner::finish_all() {
  while (carry_out()) {
  }
  while (hand_back()) {
  }
}

void ManualRunner::drop_all() {
  jobs_.clear();
  results_.clear();
}

World::World() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "engineXXXXXX").string();
  folder = ::mkdtemp(pattern.data());
  std::filesystem::create_directories(folder + "/state/containers");
  settings.state_dir = folder + "/state";
  clock.boot = system_clock().boot_ns();
  clock.wall_ns = system_clock().wall().ns;
  events = std::make_unique<EventLog>(settings.state_dir);
  start();
}

void World::start() {
  archive = std::make_unique<archive::Archive>(
      archive::shelf_in(settings.state_dir), archive::Bounds(),
      archive::Format{jsonl::last_state_lines, jsonl::last_state_head,
                      jsonl::last_state_rest},
      system_clock());  // which its thread may read while a test sets ours
  core = std::make_unique<Core>(settings, clock, kernel, source, runner,
                                *events, *archive);
}

void World::start_again() {
  stop();
  start();
  core->discover();
}

World::~World() {
  stop();
  events.reset();
  std::filesystem::remove_all(folder);
}

ContainerRecord World::make(const std::string& key) {
  const auto slash = key.find('/');
  const std::string id =
      slash == std::string::npos ? key : key.substr(slash + 1);
  const unsigned number = ++made_;
  const std::string base = folder + "/" + std::to_string(number);
  std::filesystem::create_directories(base + "/upper");
  std::filesystem::create_directories(base + "/lower/etc");
  std::ofstream(base + "/lower/etc/conf") << "one\n";
  ContainerRecord record;
  record.info.id = id;
  if (id != key) record.info.space = key.substr(0, slash);
  record.info.name = "name-" + id;
  record.info.image = "image";
  record.info.runtime = "runc";
  record.info.workload = "work";
  record.cgroup = 100 + number;
  record.cgroup_path = "/" + id;
  record.init_pid = 1000 + number;
  record.init_start_ns = clock.boot;
  record.layers.upper = base + "/upper";
  record.layers.lower = {base + "/lower"};
  record.root = upper_root_of(record.layers.upper).value();
  record.standing = Standing::confirmed;
  source.known[key] = record;
  return record;
}

void World::live(const ContainerRecord& record) {
  LiveObservation seen;
  seen.boot_ns = clock.boot;
  seen.root = record.root;
  seen.cgroup_name = record.info.id;
  seen.process.cgroup = record.cgroup;
  seen.process.pid = record.init_pid;
  seen.process.start_ns = clock.boot;
  core->observe(seen);
}

void World::exit(const ContainerRecord& record) {
  source.known[key_of(record.info)].init_pid = 0;
  ExitObservation seen;
  seen.boot_ns = clock.boot;
  seen.init = true;
  seen.process.cgroup = record.cgroup;
  seen.process.pid = record.init_pid;
  core->observe(seen);
}

void World::remove(const ContainerRecord& record) {
  exit(record);
  source.known.erase(key_of(record.info));
  std::filesystem::remove_all(record.layers.upper);
  clock.pass(kSecondNs);
  core->turn();
}

void World::restart(ContainerRecord record) {
  record.init_pid += 500;
  record.cgroup += 500;
  record.init_start_ns = clock.boot;
  source.known[key_of(record.info)] = record;
  live(record);
}

void World::write(const ContainerRecord& record, const std::string& name) {
  std::ofstream(record.layers.upper + "/" + name, std::ios::app) << "x\n";
}

FileObservation World::wrote(const ContainerRecord& record,
                             const std::string& name) const {
  struct stat st{};
  ::stat((record.layers.upper + "/" + name).c_str(), &st);
  FileObservation seen;
  seen.boot_ns = clock.boot;
  seen.root = record.root;
  seen.inode = {st.st_ino, 0};
  seen.parent = record.root.inode;
  seen.name = name;
  seen.op = FileOp::create;
  seen.created = true;
  seen.mode = st.st_mode;
  seen.live = true;
  seen.process.cgroup = record.cgroup;
  seen.process.pid = record.init_pid;
  seen.process.in_container = seen.process.followed = true;
  seen.process.comm = "sh";
  return seen;
}

void World::settle() {
  // Long enough for every debounce, short of what a regular look waits for.
  int quiet = 0;
  for (int round = 0; round < 100 && quiet < 5; ++round) {
    const std::size_t before = runner.submitted;
    core->turn();
    runner.finish_all();
    quiet = runner.submitted == before ? quiet + 1 : 0;
    clock.pass(kSecondNs / 20);
  }
}

ContainerView World::view(const std::string& key) {
  const auto snapshot = core->take_snapshot();
  for (const auto& one : snapshot->containers) {
    if (key_of(one.info) == key && !one.gone) return one;
  }
  return {};
}

std::vector<std::string> World::kinds() {
  std::vector<std::string> kinds;
  const auto stream = events->subscribe(std::nullopt, false);
  while (const auto event = stream->next()) {
    kinds.push_back(event->kind);
  }
  return kinds;
}

}  // namespace stillframe::engine::test
