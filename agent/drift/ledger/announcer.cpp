// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/announcer.h"

#include <algorithm>
#include <utility>

#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {

void Announcer::operation(Operation about) {
  std::string path = directories_.path_in(about.parent, about.name);
  if (path.empty() && about.inode == books_.tree.root()) path = "/";
  // While the container does not run it may be the runtime's own work.
  if (path.empty() || !about.kind || !about.live) {
    defer({std::move(about), std::move(path)});
  } else {
    operation(*about.kind, path, about);
  }
}

void Announcer::operation(Kind kind, const std::string& path,
                          const Operation& about) {
  const Actor& who = books_.actors.get(about.actor);
  if (!reported_.by_operation({path, kind, who.pid, about.inode},
                              about.boot_ns)) {
    return;
  }
  MutationEvent event;
  event.time = books_.clock.wall_at(about.boot_ns);
  event.kind = kind;
  event.path = path;
  event.from = about.from;
  event.count = about.count;
  report(std::move(event), about.actor);
}

std::size_t Announcer::bytes_of(const Deferred& event) {
  return sizeof event + event.path.size() + event.about.name.size() +
         event.about.from.size();
}

void Announcer::defer(Deferred event) {
  deferred_bytes_ += bytes_of(event);
  deferred_.push_back(std::move(event));
  while (deferred_bytes_ > kMaxDeferredBytes) {
    const Deferred oldest = std::move(deferred_.front());
    deferred_.pop_front();
    deferred_bytes_ -= bytes_of(oldest);
    release(oldest);
  }
}

void Announcer::scanned(std::uint64_t started,
                        const std::function<bool(const InodeId&)>& pending) {
  Queue<Deferred> waiting;
  waiting.swap(deferred_);
  deferred_bytes_ = 0;
  for (auto& event : waiting) {
    const auto& about = event.about;
    const bool shown = about.boot_ns < started && !pending(about.parent);
    if (shown || about.boot_ns + kPatienceNs < started) {
      release(event);
    } else {
      defer(std::move(event));
    }
  }
  for (auto it = unplaced_.begin(); it != unplaced_.end();) {
    const auto at = it++;
    const Unplaced& some = at->second;
    const bool shown = some.boot_ns < started && !pending(some.directory);
    if (!shown && some.since_ns + kPatienceNs >= started) continue;
    report_unplaced(some, at->first.second);
    unplaced_.erase(at);
  }
}

// Says what is known by now.
void Announcer::release(const Deferred& event) {
  const auto& about = event.about;
  const Entry* entry = books_.tree.find(about.inode);
  std::string path = event.path;
  if (path.empty()) path = directories_.path_in(about.parent, about.name);
  if (path.empty() && entry != nullptr) path = books_.tree.path_of(*entry);
  if (path.empty()) {
    unplaced(about);
    return;
  }
  if (entry != nullptr && !about.live &&
      verdicts_.row(*entry, path).judgement.verdict == Verdict::runtime) {
    return;
  }
  if (!about.live && changed_since(about, entry, path)) return;
  if (about.kind) {
    operation(*about.kind, path, about);
    return;
  }
  if (entry != nullptr && entry->change == Change::none) return;
  const auto kinds = entry == nullptr ? KindList() : state_kinds(*entry);
  operation(kinds.empty() ? Kind::unknown_change : kinds.worst(), path, about);
}

// Whether what somebody made where runtimes write has been changed or taken
// away since: what it was then is not known any more.
bool Announcer::changed_since(const Operation& about, const Entry* now,
                              const std::string& path) const {
  const bool runtimes =
      judge_.runtime_writes_at(path) ||
      books_.actors.get(about.actor).origin == Origin::runtime;
  if (!runtimes || now == nullptr) return runtimes;
  const Record* r = books_.ledger.find(key_of(*now));
  return r != nullptr && r->live;
}

void Announcer::unplaced(const Operation& about) {
  const bool room = unplaced_.size() < kMaxUnplaced ||
                    unplaced_.contains({about.parent.ino, about.actor});
  const InodeId directory = room ? about.parent : InodeId{};
  Unplaced& some = unplaced_[{directory.ino, about.actor}];
  if (some.count == 0) some.since_ns = about.boot_ns;
  some.directory = directory;
  some.boot_ns = std::max(some.boot_ns, about.boot_ns);
  some.count += about.count;
}

void Announcer::report_unplaced(const Unplaced& some, ActorId by) {
  std::string path = directories_.path_in(some.directory, "");
  const bool directly = !path.empty();
  if (!directly) path = "/";
  MutationEvent event;
  event.time = books_.clock.wall_at(some.boot_ns);
  event.kind = Kind::unknown_change;
  event.path = path;
  event.detail = "changes below it, of names that are not known";
  event.count = some.count;
  const auto judged = judge_below(path, books_.actors.get(by).origin, directly);
  emit(std::move(event), judged, by);
}

void Announcer::found(MutationEvent event, const policy::Judgement& judged,
                      ActorId by, const std::vector<ActorId>& all,
                      const InodeId& inode) {
  if (event.path.empty()) {  // its directory is gone by now
    Operation about;
    about.boot_ns = books_.clock.boot_ns();
    about.actor = by;
    unplaced(about);
    return;
  }
  bool news = true;
  for (const ActorId id : all) {
    const Actor& who = books_.actors.get(id);
    if (who.origin == Origin::unattributed) continue;
    const bool fresh = reported_.by_scan(
        {event.path, event.kind, who.pid, inode}, books_.clock.boot_ns());
    news = news && fresh;
  }
  if (news) emit(std::move(event), judged, by);
}

void Announcer::found(MutationEvent event, ActorId by,
                      const std::vector<ActorId>& all, const InodeId& inode) {
  const auto judged = judge(event, by);
  found(std::move(event), judged, by, all, inode);
}

void Announcer::report(MutationEvent event, ActorId by) {
  const auto judged = judge(event, by);
  emit(std::move(event), judged, by);
}

policy::Judgement Announcer::judge(const MutationEvent& event,
                                   ActorId by) const {
  return judge_.verdict(event.kind, books_.actors.get(by).origin, event.path);
}

// Whatever the name: tolerated only if any would be.
policy::Judgement Announcer::judge_below(const std::string& directory,
                                         Origin origin, bool directly) const {
  const std::string any =
      directory == "/" ? "/\x01\x01" : directory + "/\x01\x01";
  auto judged = judge_.verdict(Kind::unknown_change, origin, any);
  if (directly) return judged;
  auto deeper = judge_.verdict(Kind::unknown_change, origin, any + "/\x01\x01");
  return worse(deeper.verdict, judged.verdict) ? deeper : judged;
}

void Announcer::emit(MutationEvent event, const policy::Judgement& judged,
                     ActorId by) {
  event.verdict = judged.verdict;
  event.rule = judged.rule;
  event.actor = books_.actors.share(by);
  if (judged.verdict == Verdict::violation) {
    history_.violated(event.time, event.time, by);
  }
  if (sink_) sink_(event);
}

}  // namespace stillframe::drift
