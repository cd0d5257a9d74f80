// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/announcer.h"

#include <utility>

#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {

void Announcer::operation(Operation about) {
  std::string path = new_directories_.path_in(about.parent, about.name);
  if (path.empty() && about.inode == books_.tree.root()) path = "/";
  const bool maybe_runtimes =
      !about.live && !path.empty() && judge_.runtime_writes_at(path);
  if (path.empty() || !about.kind || maybe_runtimes) {
    defer({std::move(about), maybe_runtimes});
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

void Announcer::defer(Deferred event) {
  if (deferred_.size() >= kMaxDeferred) {
    const Deferred oldest = std::move(deferred_.front());
    deferred_.pop_front();
    release(oldest);
  }
  deferred_.push_back(std::move(event));
}

void Announcer::scanned(std::uint64_t started,
                        const std::function<bool(const InodeId&)>& pending) {
  std::deque<Deferred> waiting;
  waiting.swap(deferred_);
  for (auto& event : waiting) {
    const auto& about = event.about;
    const bool shown = about.boot_ns < started && !pending(about.parent);
    if (shown || about.boot_ns + kPatienceNs < started) {
      release(event);
    } else {
      deferred_.push_back(std::move(event));
    }
  }
}

// Says what is known by now, even if that is no more than the name.
void Announcer::release(const Deferred& event) {
  const auto& about = event.about;
  const Entry* entry = books_.tree.find(about.inode);
  std::string path = new_directories_.path_in(about.parent, about.name);
  if (path.empty() && entry != nullptr) path = books_.tree.path_of(*entry);
  if (path.empty()) path = about.name;
  if (entry != nullptr && event.maybe_runtimes &&
      verdicts_.row(*entry, path).judgement.verdict == Verdict::runtime) {
    return;
  }
  if (about.kind) {
    operation(*about.kind, path, about);
    return;
  }
  if (entry != nullptr && entry->change == Change::none) return;
  const auto kinds = entry == nullptr ? KindList() : state_kinds(*entry);
  operation(kinds.empty() ? Kind::unknown_change : kinds.worst(), path, about);
}

void Announcer::found(MutationEvent event, const policy::Judgement& judged,
                      ActorId by, const std::vector<ActorId>& all,
                      const InodeId& inode) {
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

void Announcer::emit(MutationEvent event, const policy::Judgement& judged,
                     ActorId by) {
  event.verdict = judged.verdict;
  event.rule = judged.rule;
  event.actor = books_.actors.get(by);
  if (judged.verdict == Verdict::violation) {
    history_.violated(event.time, event.time, by);
  }
  if (sink_) sink_(event);
}

}  // namespace stillframe::drift
