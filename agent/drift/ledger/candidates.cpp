// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/candidates.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <set>

namespace stillframe::drift {
namespace {

bool can_make(FileOp op, std::uint32_t mode) {
  switch (op) {
    case FileOp::mkdir:
      return S_ISDIR(mode);
    case FileOp::symlink:
      return S_ISLNK(mode);
    case FileOp::open:
    case FileOp::create:
      return S_ISREG(mode);
    case FileOp::mknod:
      return !S_ISDIR(mode) && !S_ISLNK(mode);
    default:
      return false;
  }
}

// One more of the same.
void later(Candidate& known, const Candidate& again) {
  known.last_ns = std::max(known.last_ns, again.last_ns);
  known.until_ns = std::max(known.until_ns, again.until_ns);
}

bool names(const Candidate& candidate, const std::string& name) {
  return candidate.hint == name ||
         (!candidate.to.empty() && candidate.to == name);
}

// Whether it may have been about any name: what it named could not be read
// whole, or it is not known by its system call (io_uring), or that has its path
// where it is not read (bind(2)).
bool may_be_any(const Candidate& candidate) {
  const bool unread =
      candidate.op == FileOp::unknown || candidate.op == FileOp::mknod;
  return candidate.cut || (unread && candidate.hint.empty());
}

bool takes_away(FileOp op) {
  return op == FileOp::unknown || op == FileOp::rename ||
         op == FileOp::unlink || op == FileOp::rmdir;
}

// Whether what it gave a name to is in a directory of another name, unless the
// path went by a symbolic link.
bool leads_elsewhere(const Candidate& candidate, std::string_view directory) {
  return !candidate.above.empty() && !directory.empty() &&
         candidate.above != directory;
}

std::optional<Choice> choice_of(const std::vector<const Candidate*>& some) {
  std::set<ActorId> actors;
  std::vector<Candidate> all;
  all.reserve(some.size());
  for (const auto* one : some) {
    actors.insert(one->actor);
    all.push_back(*one);
  }
  if (actors.empty() || actors.size() > Candidates::kMaxPerChoice) {
    return std::nullopt;
  }
  return Choice(std::move(all));
}

}  // namespace

Choice::Choice(std::vector<Candidate> all) : all_(std::move(all)) {
  std::sort(all_.begin(), all_.end(),
            [](const auto& a, const auto& b) { return a.last_ns < b.last_ns; });
}

bool Choice::ambiguous() const {
  return doubted_ ||
         std::any_of(all_.begin(), all_.end(), [this](const auto& c) {
           return c.actor != latest().actor;
         });
}

std::optional<FileOp> Choice::op() const {
  const FileOp first = all_.front().op;
  const bool same = std::all_of(all_.begin(), all_.end(),
                                [&](const auto& c) { return c.op == first; });
  return same ? std::optional(first) : std::nullopt;
}

bool Choice::live() const {
  return std::any_of(all_.begin(), all_.end(),
                     [](const auto& c) { return c.live; });
}

bool Choice::direct() const {
  return std::all_of(all_.begin(), all_.end(),
                     [](const auto& c) { return c.direct; });
}

bool Choice::all_named(const std::string& name) const {
  return std::all_of(all_.begin(), all_.end(),
                     [&](const auto& c) { return names(c, name); });
}

bool Choice::linked(const std::string& name, std::string_view directory) const {
  const auto links = [&](const auto& c) {
    return c.op == FileOp::link && c.hint == name &&
           !leads_elsewhere(c, directory);
  };
  return std::any_of(all_.begin(), all_.end(), links) &&
         std::all_of(all_.begin(), all_.end(), [&](const auto& c) {
           return links(c) || c.op == FileOp::unknown;
         });
}

bool can_leave(FileOp op, const Entry& entry, bool direct) {
  // Nothing is known of it, or it moves what there is, whatever that is.
  if (op == FileOp::unknown || op == FileOp::rename) return true;
  if (entry.whiteout || entry.differs.opaque) {
    // Overlay puts an opaque directory in the place of one that it removes.
    const bool removes = op == FileOp::unlink || op == FileOp::rmdir;
    if (removes) return true;
    // Where there are no whiteouts a name that is missing is no file at all.
    if (entry.whiteout) {
      return direct && entry.inode &&
             (op == FileOp::mknod || op == FileOp::link);
    }
    return can_make(op, entry.mode);
  }
  // Whatever is done below a directory copies it up; not one in the place of
  // something else.
  if (entry.directory() && entry.change != Change::added &&
      !entry.differs.type) {
    return true;
  }
  if (op == FileOp::link) return !entry.directory();
  if (entry.change != Change::added && op == FileOp::open) {
    return !entry.directory();
  }
  return can_make(op, entry.mode);
}

std::string base_name(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path
                                                     : path.substr(slash + 1));
}

std::string parent_name(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return "";
  return base_name(path.substr(0, slash));
}

void Candidates::add(const InodeId& directory, Candidate candidate) {
  candidate.until_ns = std::max(candidate.until_ns, candidate.last_ns);
  if (in_all_ >= kMaxInAll && !by_directory_.contains(directory.ino)) {
    full_ns_ = std::max(full_ns_, candidate.until_ns);
    return;
  }
  if (at(directory) == nullptr) drop(directory);
  auto& here = by_directory_[directory.ino];
  if (here.directory.generation == 0) here.directory = directory;
  auto& list = here.all;
  const auto same = std::find_if(list.begin(), list.end(), [&](const auto& c) {
    return c.actor == candidate.actor && c.op == candidate.op &&
           c.live == candidate.live && c.above == candidate.above &&
           c.hint == candidate.hint && c.to == candidate.to &&
           c.cut == candidate.cut;
  });
  if (same != list.end()) {
    later(*same, candidate);
    return;
  }
  if (list.size() < kMaxPerDirectory && in_all_ < kMaxInAll) {
    list.push_back(std::move(candidate));
    ++in_all_;
    return;
  }
  // Full: one actor's hints are worth less than another actor.
  const auto merged =
      std::find_if(list.begin(), list.end(), [&](const auto& c) {
        return c.actor == candidate.actor && c.op == candidate.op;
      });
  if (merged != list.end()) {
    drop(here, *merged);
    later(*merged, candidate);
    merged->hint = candidate.hint;
    merged->to = candidate.to;
    merged->cut = candidate.cut;
    merged->above = candidate.above;
    return;
  }
  if (list.empty()) {  // the room is taken by other directories
    here.crowded_ns = std::max(here.crowded_ns, candidate.until_ns);
    drop(here, candidate);
    return;
  }
  here.crowded_ns = std::max(here.crowded_ns, list.front().until_ns);
  drop(here, list.front());
  list.erase(list.begin());
  list.push_back(std::move(candidate));
}

void Candidates::drop(AtWork& here, const Candidate& candidate) {
  here.dropped_ns = std::max(here.dropped_ns, candidate.until_ns);
  if (here.dropped.size() >= kMaxDroppedNames || may_be_any(candidate)) {
    here.any_dropped = true;
    return;
  }
  for (const auto* name : {&candidate.hint, &candidate.to}) {
    here.dropped.insert(std::hash<std::string>()(*name));
  }
}

bool Candidates::maybe_dropped(const AtWork& here,
                               const std::string& name) const {
  return full_ns_ != 0 || here.any_dropped ||
         here.dropped.contains(std::hash<std::string>()(name));
}

const Candidates::AtWork* Candidates::at(const InodeId& directory) const {
  const auto it = by_directory_.find(directory.ino);
  const bool same =
      it != by_directory_.end() && same_inode(it->second.directory, directory);
  return same ? &it->second : nullptr;
}

std::optional<Choice> Candidates::choose(
    const InodeId& directory, const Entry& entry,
    std::optional<std::int64_t> made_at_boot_ns) const {
  const AtWork* here = at(directory);
  if (here == nullptr) return std::nullopt;
  std::vector<const Candidate*> fitting;
  std::vector<const Candidate*> hinted;
  for (const auto& c : here->all) {
    if (made_at_boot_ns &&
        static_cast<std::int64_t>(c.first_ns) > *made_at_boot_ns + kSlackNs) {
      continue;
    }
    if (!can_leave(c.op, entry, c.direct)) continue;
    fitting.push_back(&c);
    if (names(c, entry.name)) hinted.push_back(&c);
  }
  if (!hinted.empty()) {
    // Of several who named it the one who is left may be the innocent.
    if (maybe_dropped(*here, entry.name)) return std::nullopt;
    for (const auto* c : fitting) {
      if (may_be_any(*c) && !names(*c, entry.name)) hinted.push_back(c);
    }
    return choice_of(hinted);
  }
  // It may have been one who was not seen, or could not be kept.
  if (lost_ns_ != 0 || full_ns_ != 0 || here->crowded_ns != 0) {
    return std::nullopt;
  }
  return choice_of(fitting);
}

std::optional<Choice> Candidates::anyone(const InodeId& directory) const {
  const AtWork* here = at(directory);
  if (here == nullptr || lost_ns_ != 0 || full_ns_ != 0 ||
      here->crowded_ns != 0) {
    return std::nullopt;
  }
  std::vector<const Candidate*> all;
  for (const auto& c : here->all) all.push_back(&c);
  return choice_of(all);
}

std::vector<Candidates::TakenAgain> Candidates::taken_again(
    const InodeId& directory, std::string_view called, std::uint64_t until_ns,
    const std::function<bool(const std::string& name, std::uint64_t given_ns)>&
        asked_for) const {
  std::vector<TakenAgain> out;
  const AtWork* here = at(directory);
  if (here == nullptr) return out;
  std::vector<const Candidate*> takers;
  for (const auto& c : here->all) {
    if (may_be_any(c) && takes_away(c.op)) takers.push_back(&c);
  }
  if (takers.empty()) return out;
  for (const auto& c : here->all) {
    const std::string& name = c.op == FileOp::rename ? c.to : c.hint;
    const bool gives = c.op == FileOp::link || c.op == FileOp::rename;
    if (!gives || name.empty() || leads_elsewhere(c, called) ||
        c.first_ns >= until_ns || !asked_for(name, c.first_ns)) {
      continue;
    }
    std::vector<const Candidate*> since;
    for (const auto* taker : takers) {
      if (taker->until_ns > c.first_ns) since.push_back(taker);
    }
    if (auto by = choice_of(since)) {
      out.push_back({name, c.first_ns, std::move(*by)});
    }
  }
  return out;
}

bool Candidates::anyone_links(const InodeId& directory) const {
  const AtWork* here = at(directory);
  return here != nullptr &&
         std::any_of(here->all.begin(), here->all.end(),
                     [](const auto& c) { return c.op == FileOp::link; });
}

std::vector<InodeId> Candidates::directories() const {
  std::vector<InodeId> out;
  out.reserve(by_directory_.size());
  for (const auto& [_, here] : by_directory_) out.push_back(here.directory);
  return out;
}

bool Candidates::nobody_in(const InodeId& directory) const {
  return lost_ns_ == 0 && full_ns_ == 0 && at(directory) == nullptr;
}

bool Candidates::settle(AtWork& here, std::uint64_t started) {
  in_all_ -= std::erase_if(here.all,
                           [&](const auto& c) { return c.until_ns < started; });
  if (here.crowded_ns < started) here.crowded_ns = 0;
  if (here.dropped_ns < started) {
    here.dropped_ns = 0;
    here.dropped.clear();
    here.any_dropped = false;
  }
  return !here.all.empty() || here.crowded_ns != 0 || here.dropped_ns != 0;
}

void Candidates::settle(const InodeId& directory, std::uint64_t started) {
  const auto it = by_directory_.find(directory.ino);
  if (it != by_directory_.end() && !settle(it->second, started)) {
    by_directory_.erase(it);
  }
}

void Candidates::settle_all(std::uint64_t started) {
  for (auto it = by_directory_.begin(); it != by_directory_.end();) {
    it = settle(it->second, started) ? std::next(it) : by_directory_.erase(it);
  }
  if (lost_ns_ < started) lost_ns_ = 0;
  if (full_ns_ < started) full_ns_ = 0;
}

void Candidates::drop(const InodeId& directory) {
  const auto it = by_directory_.find(directory.ino);
  if (it == by_directory_.end()) return;
  in_all_ -= it->second.all.size();
  by_directory_.erase(it);
}

void Candidates::lost(std::uint64_t until_ns) {
  lost_ns_ = std::max(lost_ns_, until_ns);
  by_directory_.clear();
  in_all_ = 0;
}

}  // namespace stillframe::drift
