// SPDX-License-Identifier: Apache-2.0
//
// Operations that alone do not show whether they changed anything, or what: a
// chmod to the mode that a file has, io_uring, a 32-bit call. The next look at
// the file shows it, by what it was before.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/base/queue.h"
#include "agent/drift/entry.h"
#include "agent/drift/ledger/announcer.h"
#include "agent/drift/ledger/record.h"
#include "agent/model/inode.h"

namespace stillframe::drift {

// What an inode was when last looked at.
struct Former {
  InodeId parent;
  std::string name;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;
  std::uint64_t size = 0;
  WallTime mtime;
  KindList kinds;  // by which it differed from the image

  explicit Former(const Entry& entry);
};

struct Unsettled {
  Operation about;               // its kind: what it would be if it did it
  std::optional<Former> before;  // none: nobody had looked
  std::uint32_t mode = 0;        // when it was done
  bool made = false;             // the ledger knows how the inode came to be
  bool linked = false;           // and that it was given another name
  bool first = false;            // it made the record
};

// What it has done; none: nothing. `now`: null when it is gone.
KindList effect(const Unsettled& operation, const Entry* now);

// Other operations on the same inode, of which it is not known what each left.
struct Beside {
  KindList known;        // that they were seen to be
  bool unknown = false;  // another actor's, which may have done any of it

  // Adds those among `some`.
  void add(const Unsettled& operation, const Queue<Unsettled>& some);
};

class UnsettledOperations {
 public:
  static constexpr std::size_t kMax = 1024;
  // How long one waits at most while scans fail.
  static constexpr std::uint64_t kPatienceNs = 10'000'000'000;

  // Gives the oldest when there are too many: it waits no longer.
  std::optional<Unsettled> add(Unsettled operation);
  bool waits(const InodeId& inode) const { return first(inode) != nullptr; }
  // The first of those that wait, null if none does. Good until the next
  // change.
  const Unsettled* first(const InodeId& inode) const;
  const Queue<Unsettled>& waiting() const { return waiting_; }

  // Takes those of which a scan that began at `started` has shown the effect;
  // `pending`: what the directory holds is still not known.
  Queue<Unsettled> take(std::uint64_t started,
                        const std::function<bool(const InodeId&)>& pending);

 private:
  Queue<Unsettled> waiting_;
};

}  // namespace stillframe::drift
