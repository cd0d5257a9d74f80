// SPDX-License-Identifier: Apache-2.0
//
// What a scan found different, and whose work it was: matches it with the
// records, and with those seen at work in a directory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/base/queue.h"
#include "agent/drift/ledger/announcer.h"
#include "agent/drift/ledger/awaited.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/candidates.h"
#include "agent/drift/ledger/executions.h"
#include "agent/drift/ledger/records.h"
#include "agent/drift/ledger/scan_plan.h"
#include "agent/drift/ledger/unsettled.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

class Attribution {
 public:
  Attribution(Books& books, const ScanPlan& plan,
              const UnsettledOperations& unsettled, Verdicts& verdicts,
              Records& records, Announcer& announcer)
      : books_(books),
        plan_(plan),
        unsettled_(unsettled),
        verdicts_(verdicts),
        records_(records),
        announcer_(announcer) {}

  // Somebody changed an entry of the directory `seen.inode`.
  void at_work(const FileObservation& seen, ActorId by);

  // The tree has taken in a scan that began at `started`.
  void take_in(const UpperTree::Delta& delta, std::uint64_t started,
               Executions& executions, bool everything);
  // What those did who were at work before `started` has been seen.
  void settle(const InodeId& directory, std::uint64_t started);
  void settle_all(std::uint64_t started);
  void drop(const InodeId& directory) { candidates_.drop(directory); }
  // Others may have been at work until then, unseen.
  void lost(std::uint64_t until_ns) { candidates_.lost(until_ns); }

  // Comes before what was seen is recorded: a scan may have found it already.
  void reported(const FileObservation& seen);
  // What was found and still has no report is recorded without one: what has
  // waited long enough, or all.
  void give_up_waiting(std::uint64_t now);
  void give_up_waiting();
  std::uint64_t next_boot_ns() const { return awaited_.next_boot_ns(); }

 private:
  // Who is recorded for a difference, and who goes out with its event: what
  // all of them have in common.
  struct Culprits {
    std::vector<ActorId> all;
    ActorId named = 0;
  };
  // What is to be recorded of a difference.
  struct Explanation {
    KindList kinds;
    WallTime time;
    std::uint64_t boot_ns = 0;  // 0: nobody was seen
    Culprits by;
  };
  Explanation explain(const Entry& entry, const std::optional<Choice>& choice);
  // A difference as a scan found it; `from`: where it was moved from.
  struct Found {
    const Entry& entry;
    std::string path;
    std::string from;
    bool appeared = false;
    std::uint64_t started = 0;  // of the scan
  };
  void attribute(const Entry& entry, bool appeared, std::uint64_t started);
  // `waited`: since when for the report of it; null: it may wait.
  void attribute(const Found& found, const Awaited* waited);
  void record(const Found& found, const std::optional<Choice>& choice);
  void vanished(const std::string& path, const Entry& entry,
                std::uint64_t started, const Awaited* waited);
  void rejudge_outlived();
  bool done_since(const Awaited& one) const;
  static bool may_have_come(const Awaited& one, const Choice& choice);
  // Whose work it is, of those seen by now; `waited`: null if it has not.
  static std::optional<Choice> after_waiting(const Awaited* waited,
                                             std::optional<Choice> seen);
  void take_up(const Awaited& one);
  bool accounted(const Entry& entry, const Record& record,
                 std::uint64_t started, bool moved) const;
  bool here(const Found& found) const;
  bool young(const Entry& entry) const;
  static bool moved_in(const Choice& choice);
  bool put_there(const Entry& entry) const;
  bool only_named(const Found& found) const;
  bool linked_there(const Entry& entry, const Choice& choice) const;
  std::string_view name_above(const Entry& entry) const;
  void note_taken_again(const InodeId& directory, std::uint64_t started);
  bool changed_by_others(const Choice& choice, const Entry& entry) const;
  bool begun(const Choice& choice, const Entry& entry) const;
  bool linked_maybe(const Choice& choice, const Found& found) const;
  bool being_removed(const Entry& entry, std::uint64_t started) const;
  std::int64_t changed_at(const Entry& entry) const;
  std::optional<Choice> choose(const Entry& entry, bool appeared) const;
  std::optional<Choice> brought_by(const Entry& entry) const;
  void note_coming(const Found& found);
  void note_departure(const std::string& path, const Entry& entry);
  void note_return(const Entry& entry);
  std::optional<Choice> takers(const Entry& directory) const;
  std::optional<Choice> recorded_takers(const RecordKey& place) const;
  std::optional<Choice> with_takers(Choice seen, const Entry& entry) const;
  std::optional<Choice> choose_linker(const Entry& entry) const;
  std::optional<Choice> linkers(const Entry& entry,
                                std::optional<Choice> choice) const;
  bool names_image_file(const Entry& entry) const;
  bool has_older_name(const Entry& entry) const;
  void note_name(const Found& found, const Awaited* waited);
  void note_name_of_nobody(const Found& found, const Awaited* waited);
  void note_origin(const Found& found, const Record& known,
                   const Awaited* waited);
  void report_name(const Found& found, Kind kind, const std::string& from,
                   const std::optional<Choice>& choice);
  std::string take_lost(const InodeId& inode);
  bool take_lost(const InodeId& inode, const std::string& path);
  Record* add(const RecordKey& key, WallTime time, const Culprits& by);
  Culprits who(const std::optional<Choice>& choice) const;

  Books& books_;
  const ScanPlan& plan_;
  const UnsettledOperations& unsettled_;
  Verdicts& verdicts_;
  Records& records_;
  Announcer& announcer_;
  Candidates candidates_;
  AwaitedReports awaited_;
  // During one take_in: who moved a directory in, and so all in it; and the
  // former path of what was moved.
  std::unordered_map<std::uint64_t, Choice> inherited_;
  std::unordered_map<std::uint64_t, std::string> moved_;
  // Directories that went lately, and their paths; generations tell them from
  // others that get their inode numbers.
  static constexpr std::size_t kMostDeparted = 64;
  static constexpr std::size_t kMostDepartedPath = 4096;
  Queue<std::pair<InodeId, std::string>> departed_;
  // By directory and name, the directories that went: others may be there now.
  std::map<std::pair<std::uint64_t, std::string>, InodeId> former_;
  // Of files with several names: those that went, and how many came.
  std::unordered_map<std::uint64_t, std::set<std::string>> lost_;
  std::unordered_map<std::uint64_t, std::size_t> gained_;
  // Inodes of which a name went and others are there: to be judged again.
  std::unordered_set<InodeId> outlived_;
  // By directory, the names at which there was something else.
  std::unordered_map<std::uint64_t, std::unordered_set<std::string>> vacated_;
};

}  // namespace stillframe::drift
