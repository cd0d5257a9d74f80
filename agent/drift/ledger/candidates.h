// SPDX-License-Identifier: Apache-2.0
//
// Who changed something in a directory when the event could not say what: until
// the directory has been looked at again, each of them may have been the one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/drift/ledger/actors.h"
#include "agent/model/inode.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

struct Candidate {
  ActorId actor = 0;
  FileOp op = FileOp::unknown;
  std::uint64_t first_ns = 0;  // boot time
  std::uint64_t last_ns = 0;
  // Until then the kernel side has folded what else it did into this.
  std::uint64_t until_ns = 0;
  std::string hint;  // base name of the path the caller passed
  std::string to;    // of a rename: that of the new one
  // Of who gives a name: that of the directory which the path says it is in.
  // Empty: it does not.
  std::string above;
  bool cut = false;     // what it passed could not be read whole
  bool direct = false;  // past the overlay
  bool live = false;
};

// Whoever may have been the one, the latest of them last. Never empty.
class Choice {
 public:
  explicit Choice(std::vector<Candidate> all);

  const std::vector<Candidate>& all() const { return all_; }
  const Candidate& latest() const { return all_.back(); }
  bool ambiguous() const;            // more than one actor, or doubted
  void doubt() { doubted_ = true; }  // it may have been nobody of them
  // They moved the directory, or one above it, in which it came along.
  void note_brought() { brought_ = true; }
  bool brought() const { return brought_; }
  // What they did, if all of them did the same.
  std::optional<FileOp> op() const;
  bool live() const;    // any of them
  bool direct() const;  // all of them
  bool all_named(const std::string& name) const;
  // Whether one of them gave a file that name by link(2), in the directory that
  // is called so, and of the others nothing is known that could have made one.
  bool linked(const std::string& name, std::string_view directory) const;

 private:
  std::vector<Candidate> all_;
  bool doubted_ = false;
  bool brought_ = false;
};

// Whether such an operation on one of a directory's entries can have left this
// entry there, as new as it is: by the type of the file and by what became of
// it. `direct`: past the overlay, where a whiteout is a device like any other.
bool can_leave(FileOp op, const Entry& entry, bool direct = false);

class Candidates {
 public:
  // A script's every command is an actor of its own, and many of them may come
  // between two looks.
  static constexpr std::size_t kMaxPerDirectory = 256;
  static constexpr std::size_t kMaxInAll = 16'384;
  // Of more actors than that nobody is named.
  static constexpr std::size_t kMaxPerChoice = 16;
  // Of those that could not be kept, the names that they gave.
  static constexpr std::size_t kMaxDroppedNames = 1024;
  // The kernel stamps ctime with a coarse clock, a little behind.
  static constexpr std::int64_t kSlackNs = 1'000'000'000;

  void add(const InodeId& directory, Candidate candidate);

  // Those in the directory who may have made the entry what it is: whoever
  // named it, or may have by a path that was cut short; else all whose
  // operation fits. When `made_at_boot_ns` is given, those that began later
  // than that cannot have. None: nobody who was seen.
  std::optional<Choice> choose(
      const InodeId& directory, const Entry& entry,
      std::optional<std::int64_t> made_at_boot_ns) const;
  // Whoever did anything there.
  std::optional<Choice> anyone(const InodeId& directory) const;

  // A name that somebody gave to something there, when, and all who may have
  // taken that away since by a call that does not say which name it was about.
  struct TakenAgain {
    std::string name;
    std::uint64_t given_ns = 0;  // boot time
    Choice by;
  };
  // Of those before `until_ns`, and of names that are asked for; `called` is
  // the directory's own name.
  std::vector<TakenAgain> taken_again(
      const InodeId& directory, std::string_view called, std::uint64_t until_ns,
      const std::function<bool(const std::string& name,
                               std::uint64_t given_ns)>& asked_for) const;
  // Whether somebody was seen to give something there a further name.
  bool anyone_links(const InodeId& directory) const;
  // All directories in which somebody was seen.
  std::vector<InodeId> directories() const;

  // Nobody was seen there, and nobody who was is forgotten.
  bool nobody_in(const InodeId& directory) const;

  // A scan that began at `started` has shown what those did of whom nothing
  // came later.
  void settle(const InodeId& directory, std::uint64_t started);
  void settle_all(std::uint64_t started);
  void drop(const InodeId& directory);
  // Others may have been at work anywhere until then, unseen: only who named an
  // entry can be known, until everything was looked at by a scan that began
  // later.
  void lost(std::uint64_t until_ns);

 private:
  struct AtWork {
    InodeId directory;
    std::vector<Candidate> all;
    std::uint64_t crowded_ns = 0;  // more than could be kept, until then
    // Until when names were dropped, and hashes of those that could not be
    // kept with whoever gave them.
    std::uint64_t dropped_ns = 0;
    std::unordered_set<std::size_t> dropped;
    bool any_dropped = false;  // and names cut short, or not kept either
  };
  // Null: nobody was seen in it, whoever was in one that had its number before.
  const AtWork* at(const InodeId& directory) const;
  static void drop(AtWork& here, const Candidate& candidate);
  // Whether somebody who is not known any more may have named it.
  bool maybe_dropped(const AtWork& here, const std::string& name) const;
  // False: nothing is left to be known of it.
  bool settle(AtWork& here, std::uint64_t started);

  std::unordered_map<std::uint64_t, AtWork> by_directory_;
  std::size_t in_all_ = 0;
  std::uint64_t lost_ns_ = 0;
  std::uint64_t full_ns_ = 0;  // there was no room for a directory, until then
};

// The last component of a path, without trailing slashes; and the one before.
std::string base_name(std::string_view path);
std::string parent_name(std::string_view path);

}  // namespace stillframe::drift
