// SPDX-License-Identifier: Apache-2.0
//
// Reads an upper directory and compares it with the lower layers. The container
// is the adversary and may change anything while we read: every step goes
// through a directory descriptor with no symbolic link followed, and what moved
// under our hands is reported as stale, not guessed. What cannot be read is
// left as it was known: see Unread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/model/container.h"

namespace stillframe::drift {

struct ScanLimits {
  std::size_t max_entries = 1'000'000;
  // So many entries make a part large enough: see PartialResult::later.
  std::size_t enough_entries = 8192;
  // Larger files are compared by parts, a scan after the other: of all of them
  // together, no more than so much in each.
  std::uint64_t max_compare_bytes = 64u << 20;
  std::uint64_t max_step_bytes = 8u << 20;
};

// A part of the upper directory to look at again.
struct PartialTask {
  SharedPath directory;            // path inside the rootfs; "" is its root
  InodeId inode;                   // the upper inode expected there
  bool full = false;               // all entries, and names that are gone
  std::vector<std::string> names;  // else: just these
};

struct PartialResult {
  // Entries found in it; one that is a directory not known before is followed
  // by everything below it, unless that is left for `later`.
  struct Directory : Met {
    InodeId inode;
    bool full = false;  // all names of it were read
    // The directory is not there any more, is another one, or could not be
    // reached (then `complete` is false): look wider.
    bool stale = false;
    Entry self;                     // the directory's own entry, read again
    std::vector<std::string> gone;  // of the names asked for
  };
  // In the order of the tasks; none when nothing could be looked at.
  std::vector<Directory> directories;
  // It was large enough before all was looked at, so that no more than so much
  // lies beside the tree that is to take it in: the other tasks, and these
  // directories, which are new, are left for the next.
  bool enough = false;
  std::vector<InodeId> later;
  std::vector<ScanError> errors;  // the first hundred
  std::vector<Unread> unread;
  bool complete = true;  // as in ScanResult
  bool exhausted = false;
  bool stopped = false;  // asked to stop: directories is empty
  std::uint64_t started_boot_ns = 0;
  std::uint64_t duration_ns = 0;
};

// As if it had been asked to stop: nothing of it counts. What the scanner takes
// for reported is so no more, and a thorough scan is due.
void give_up(ScanResult& scan);
void give_up(PartialResult& part);

// One container's scanner; used by one thread at a time. Keeps nothing open
// between scans. Remembers which files it has compared, by inode and ctime, so
// that an unchanged file is not read twice, and what it has reported, so that
// what is unchanged is not reported again: its results are to be applied to one
// tree in their order, all but those that were stopped.
class Scanner {
 public:
  // Called for each upper inode *before* it (or, of a directory, its contents)
  // is read: whoever watches inodes registers it here, so that a change after
  // our look is an event. Returns whether it was not known until then.
  using Registrar = std::function<bool(const InodeId& inode, bool directory)>;

  // For a rootfs that is not an overlay (OverlayLayers::plain).
  struct Start {
    // When the container began to live, or its rootfs was made as a copy: what
    // changed later is not the image's. 0: not known, so now.
    WallTime since;
    // Where its inventory is kept; empty: in memory only.
    std::string inventory;
    // Until when its runtime may have made and removed names at the top of it,
    // if the container was seen to begin to live then; 0: it was not.
    WallTime prepared;
  };

  Scanner(OverlayLayers layers, Registrar registrar, const Clock& clock,
          ScanLimits limits = {}, const Start& start = {});
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  // Asked to stop, both return within some 10 ms with nothing but
  // complete = false and stopped = true.
  // `thorough`: also what is as it was reported before is looked at in full,
  // and reported.
  ScanResult scan(const std::stop_token& stop, bool thorough = false);
  PartialResult scan(const std::vector<PartialTask>& tasks,
                     const std::stop_token& stop);

  const OverlayLayers& layers() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::drift
