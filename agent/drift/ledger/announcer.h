// SPDX-License-Identifier: Apache-2.0
//
// Mutations as they go out: each is reported once, whether an operation, a scan
// or both saw it, and not before its path, kind and verdict are known. What no
// scan can place any more is reported with its like, as a number of changes
// below the nearest directory that is known: never by a name alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/queue.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/directory_paths.h"
#include "agent/drift/ledger/history.h"
#include "agent/drift/ledger/judge.h"
#include "agent/drift/ledger/reported.h"
#include "agent/drift/ledger/verdicts.h"
#include "agent/model/mutation.h"

namespace stillframe::drift {

// An operation that was observed, as far as it is known by itself.
struct Operation {
  std::uint64_t boot_ns = 0;
  InodeId inode;
  InodeId parent;
  std::string name;
  std::optional<Kind> kind;
  ActorId actor = 0;
  std::uint64_t count = 1;
  std::string from = {};  // a rename's former path
  bool live = false;      // the container had begun to run
};

class Announcer {
 public:
  using Sink = std::function<void(const MutationEvent&)>;
  static constexpr std::size_t kMaxDeferredBytes = 1u << 20;
  static constexpr std::size_t kMaxUnplaced = 256;
  // How long an event waits at most while scans fail.
  static constexpr std::uint64_t kPatienceNs = 10'000'000'000;

  Announcer(const Books& books, const DirectoryPaths& directories,
            const Judge& judge, Verdicts& verdicts, History& history, Sink sink)
      : books_(books),
        directories_(directories),
        judge_(judge),
        verdicts_(verdicts),
        history_(history),
        sink_(std::move(sink)) {}

  // An operation: reported now, or deferred until a scan has shown the rest.
  void operation(Operation about);
  void operation(Kind kind, const std::string& path, const Operation& about);
  // What a scan has found; with or without a judgement of the path. `all`:
  // whoever may have been the one, and `by` what they have in common.
  void found(MutationEvent event, const policy::Judgement& judged, ActorId by,
             const std::vector<ActorId>& all, const InodeId& inode);
  void found(MutationEvent event, ActorId by, const std::vector<ActorId>& all,
             const InodeId& inode);
  // At once.
  void report(MutationEvent event, ActorId by);
  // Whether an operation was reported as that of late, by whomever.
  bool reported(const std::string& path, Kind kind) const {
    return reported_.operation(path, kind, books_.clock.boot_ns());
  }

  // A scan that began at `started` was taken in; `pending`: what the directory
  // holds is still not known.
  void scanned(std::uint64_t started,
               const std::function<bool(const InodeId&)>& pending);
  void expire() { reported_.expire(books_.clock.boot_ns()); }

 private:
  struct Deferred {
    Operation about;
    std::string path;  // where that was, if it was known then
  };
  // Operations of one actor in one directory that wait for its path alone.
  struct Unplaced {
    InodeId directory;
    std::uint64_t since_ns = 0;  // boot time of the first
    std::uint64_t boot_ns = 0;   // of the latest
    std::uint64_t count = 0;
  };
  static std::size_t bytes_of(const Deferred& event);
  policy::Judgement judge(const MutationEvent& event, ActorId by) const;
  policy::Judgement judge_below(const std::string& directory, Origin origin,
                                bool directly) const;
  void emit(MutationEvent event, const policy::Judgement& judged, ActorId by);
  void defer(Deferred event);
  void release(const Deferred& event);
  bool changed_since(const Operation& about, const Entry* now,
                     const std::string& path) const;
  void unplaced(const Operation& about);
  void report_unplaced(const Unplaced& some, ActorId by);

  const Books& books_;
  const DirectoryPaths& directories_;
  const Judge& judge_;
  Verdicts& verdicts_;
  History& history_;
  Sink sink_;
  Queue<Deferred> deferred_;
  std::size_t deferred_bytes_ = 0;
  std::map<std::pair<std::uint64_t, ActorId>, Unplaced> unplaced_;
  Reported reported_;
};

}  // namespace stillframe::drift
