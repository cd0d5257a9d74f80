// SPDX-License-Identifier: Apache-2.0
//
// Each path's verdict, kept up as tree and ledger change, and the totals over
// them: asking costs nothing. What bears on all paths at once (another policy,
// a directory that moved) makes them stale, to be judged again in one go.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/history.h"
#include "agent/drift/ledger/judge.h"
#include "agent/drift/ledger/verdict_totals.h"

namespace stillframe::drift {

class Verdicts {
 public:
  // Whether a thing without a place in the tree is as the container was started
  // with it.
  using AsAtStart = std::function<bool(const std::string& path, const Record&)>;

  Verdicts(const Books& books, Judge& judge, History& history,
           AsAtStart as_at_start);

  // How a path is judged now.
  Judged row(const Entry& entry, const std::string& path);
  Judged row(const std::string& path, const Record& record);

  // Something at this place, or of this inode, changed.
  void rejudge(const RecordKey& place);
  void rejudge(const Entry& entry);
  void rejudge_inode(const InodeId& inode);
  // These are not in the tree any more.
  void vanished(const std::vector<std::pair<std::string, Entry>>& gone);
  // Takes in what the above has changed for directories.
  void settle();

  // All paths have to be judged again: at once, or as soon as the pace allows.
  void judge_again();
  void make_stale() { stale_ = true; }
  bool stale() const { return stale_ || judge_.uncertain(); }
  std::uint64_t due_mono_ns() const;  // when, while stale
  void refresh();                     // if it is due
  void refresh_now();                 // if stale

  const VerdictTotals& totals() const { return totals_; }

 private:
  void set(const RecordKey& place, const std::optional<PathVerdict>& verdict);
  void shifted(const InodeId& inode);
  Judged row_so_far(Entry entry, const std::string& path);
  void rejudge_brought(const Entry& directory);
  void note_violation(const Record& record);
  void rebuild();

  const Books& books_;
  Judge& judge_;
  History& history_;
  AsAtStart as_at_start_;
  VerdictTotals totals_;
  std::vector<InodeId> shifts_;  // directories below which something shifted
  // Directories that brought others along, and whose work each was when these
  // were judged.
  std::unordered_map<InodeId, ActorSet> moves_;
  bool settling_ = false;
  bool stale_ = false;
  std::uint64_t rebuilt_ns_ = 0;  // monotonic
  std::uint64_t rebuild_took_ns_ = 0;
};

}  // namespace stillframe::drift
