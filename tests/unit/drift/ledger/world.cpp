// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/drift/ledger/world.h"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>

namespace stillframe::drift::test {

std::string parent_path(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

Actor actor(std::string comm, Origin origin, std::uint32_t pid) {
  Actor a;
  a.origin = origin;
  a.comm = std::move(comm);
  a.pid = pid;
  return a;
}

World::World(const ContainerDrift::Options& options_in, std::string runtime)
    : options{.max_records = options_in.max_records,
              .state_file = options_in.state_file,
              .clock = clock} {
  Entry root;
  root.inode = {kRoot, 7};
  root.mode = kDirectory;
  root.links = 2;
  entries["/"] = root;
  record.info.id = "c0ffee";
  record.info.runtime = std::move(runtime);
  record.root.inode = root.inode;
  record.init_pid = 1;
  make();
}

void World::make() {
  drift.emplace(
      record, policy, [this](const MutationEvent& e) { events.push_back(e); },
      options);
}

void World::restart() {
  const auto written = drift->flush();
  if (!written) throw std::runtime_error(written.error().message);
  drift.reset();
  events.clear();
  make();
}

Entry& World::put(const std::string& path, std::uint64_t ino, Change change,
                  std::uint32_t mode) {
  Entry e;
  e.inode = {ino, 7};
  e.parent = entries.at(parent_path(path)).inode;
  e.name = name_of(path);
  e.mode = mode;
  e.links = S_ISDIR(mode) ? 2 : 1;
  e.size = S_ISREG(mode) ? 5 : 0;
  e.change = change;
  if (change == Change::added || change == Change::deleted)
    e.shown_by_runtime = change;
  e.ctime = wall(now);
  return entries[path] = e;
}

Entry& World::whiteout(const std::string& path, std::uint32_t mode) {
  Entry& e = put(path, 999'999, Change::deleted, mode);
  e.whiteout = true;
  return e;
}

void World::take(const std::string& path) {
  std::erase_if(entries, [&](const auto& one) {
    return one.first == path || one.first.rfind(path + "/", 0) == 0;
  });
}

void World::move(const std::string& from, const std::string& to) {
  std::map<std::string, Entry> moved;
  for (const auto& [path, entry] : entries) {
    if (path != from && path.rfind(from + "/", 0) != 0) continue;
    moved[to + path.substr(from.size())] = entry;
  }
  take(from);
  moved[to].parent = entries.at(parent_path(to)).inode;
  moved[to].name = name_of(to);
  entries.merge(moved);
}

WallTime World::wall(std::uint64_t boot_ns) const {
  return clock.wall_at(boot_ns);
}

FileObservation World::seen(FileOp op, const std::string& path,
                            std::uint64_t ino) {
  FileObservation o;
  o.boot_ns = tick();
  o.root = record.root;
  o.inode = {ino, 7};
  if (path != "/") {
    const auto it = entries.find(parent_path(path));
    if (it != entries.end()) o.parent = it->second.inode;
    o.name = name_of(path);
  }
  o.op = op;
  o.mode = op == FileOp::mkdir || op == FileOp::rmdir ? kDirectory : kFile;
  o.ctime = wall(o.boot_ns);
  o.live = true;
  o.created = op == FileOp::create || op == FileOp::mkdir ||
              op == FileOp::mknod || op == FileOp::symlink;
  return o;
}

FileObservation World::entries_seen(FileOp op, const std::string& directory,
                                    const std::string& hint) {
  FileObservation o = seen(op, directory, entries.at(directory).inode.ino);
  o.mode = kDirectory;
  o.entries = true;
  o.created = false;
  o.hint = hint;
  return o;
}

ScanResult World::full_scan() {
  ScanResult scan;
  scan.root = record.root.inode;
  scan.started_boot_ns = tick();
  scan.duration_ns = 1;
  scan.plain = record.layers.plain;
  scan.entries.push_back(entries.at("/"));
  for (auto& e : below("/", true)) scan.entries.push_back(e);
  return scan;
}

std::vector<Entry> World::below(const std::string& directory, bool deep) const {
  std::vector<Entry> out;
  const std::string prefix = directory == "/" ? "/" : directory + "/";
  for (auto it = entries.upper_bound(prefix);
       it != entries.end() && it->first.rfind(prefix, 0) == 0; ++it) {
    if (!deep && it->first.find('/', prefix.size()) != std::string::npos) {
      continue;
    }
    out.push_back(it->second);
  }
  return out;
}

PartialResult World::part_of(const ScanWork& work) {
  PartialResult part;
  part.started_boot_ns = tick();
  part.duration_ns = 1;
  const auto with_new = [&](PartialResult::Directory& to, const Entry& entry,
                            const std::string& path) {
    to.entries.push_back(entry);
    if (!entry.directory() || entry.whiteout) return;
    // As the scanner does: new ones and those that moved are followed.
    if (drift->tree().path_of(entry.inode) == path) return;
    for (auto& e : below(path, true)) to.entries.push_back(e);
  };
  for (const auto& task : work.parts) {
    PartialResult::Directory d;
    d.inode = task.inode;
    d.full = task.full;
    const std::string path =
        task.directory.empty() ? "/" : task.directory.text();
    const auto self = entries.find(path);
    if (self == entries.end() || !(self->second.inode == task.inode)) {
      d.stale = true;
      part.directories.push_back(d);
      continue;
    }
    d.self = self->second;
    const std::string prefix = path == "/" ? "/" : path + "/";
    if (task.full) {
      for (const auto& e : below(path, false)) with_new(d, e, prefix + e.name);
    }
    for (const auto& name : task.names) {
      const auto found = entries.find(prefix + name);
      if (found == entries.end()) {
        d.gone.push_back(name);
      } else {
        with_new(d, found->second, found->first);
      }
    }
    part.directories.push_back(std::move(d));
  }
  return part;
}

World::Scans World::settle() {
  Scans scans;
  for (int i = 0; i < 100; ++i) {
    tick();
    drift->caught_up(clock.boot_ns());
    const ScanWork work = drift->take_work();
    if (!work) return scans;
    if (work.full) {
      ++scans.full;
      drift->applied(full_scan());
    } else {
      ++scans.part;
      drift->applied(part_of(work));
    }
  }
  return scans;
}

std::vector<std::string> World::tool_lines() const {
  std::vector<std::string> out;
  for (const auto& line : drift->runtime_lines()) out.push_back(line.text());
  return out;
}

const PathChange* World::row(const std::string& path) {
  const ChangeList now = drift->diff();
  rows_.assign(now.begin(), now.end());
  for (const auto& one : rows_) {
    if (one.path == path) return &one;
  }
  return nullptr;
}

std::string World::former(const std::string& path) {
  const PathChange* one = row(path);
  return one != nullptr && one->from ? one->from->text() : "";
}

std::vector<std::string> World::kinds(const std::string& path) {
  std::vector<std::string> out;
  if (const auto* one = row(path)) {
    for (const Kind kind : one->kinds.list()) out.emplace_back(to_string(kind));
  }
  return out;
}

std::vector<std::string> World::who(const std::string& path) {
  std::vector<std::string> out;
  if (const auto* one = row(path)) {
    for (const auto& a : one->actors) {
      out.push_back(std::string(to_string(a.origin)) +
                    (a.comm.empty() ? "" : ":" + a.comm) +
                    (a.ambiguous ? "?" : ""));
    }
  }
  return out;
}

std::vector<std::string> World::reported() const {
  std::vector<std::string> out;
  for (const auto& e : events) {
    out.push_back(std::string(to_string(e.kind)) + " " + e.path + " by " +
                  (e.actor->comm.empty()
                       ? std::string(to_string(e.actor->origin))
                       : e.actor->comm) +
                  (e.actor->ambiguous ? "?" : "") + " " +
                  std::string(to_string(e.verdict)));
  }
  return out;
}

NoDescriptors::NoDescriptors() {
  ::getrlimit(RLIMIT_NOFILE, &before_);
  rlimit none = before_;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
}

NoDescriptors::~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

ScratchDirectory::ScratchDirectory() {
  std::string name =
      (std::filesystem::temp_directory_path() / "ledger.XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace stillframe::drift::test
