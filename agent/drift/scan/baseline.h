// SPDX-License-Identifier: Apache-2.0
//
// What a rootfs is compared with. There are three: the lower layers of an
// overlay mount, the image's directory that a rootfs is a copy of, and an
// inventory that was taken of it. The scanner knows only this.
//
// To add one: derive from Baseline and Baseline::Dir, and let
// make_baseline() choose it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/drift/entry.h"
#include "agent/drift/scan/compare.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/scanner.h"

namespace stillframe::drift {

// The open root of what is scanned.
struct RootFile {
  UpperFile file;
  InodeId inode;
  std::string path;  // on the host
  long fs_magic = 0;
};

class Baseline {
 public:
  // What compare() found about a directory that enter() is to know again.
  struct Onward {
    bool enter = false;    // enough is known to look into it
    bool pure = false;     // nothing of the lower layers shines through
    bool suspect = false;  // it or one above it may be another than the image's
    bool brought = false;  // it came along with a directory that was moved
  };
  // Something that overlay shows and the upper directory does not hold.
  struct Shone {
    Fd fd;  // O_PATH
    bool lower =
        false;  // of a lower layer; else one more name of an upper file
  };

  // A directory of the rootfs, as the baseline has it. Each entry of it goes
  // through passes_over(), then compare(), or gone() if there is none.
  class Dir {
   public:
    virtual ~Dir() = default;

    // Still the image's by a mere look, or not of the rootfs: no entry of its
    // own. `dir` is the rootfs' directory.
    virtual Tried<bool> passes_over(int dir, const std::string& name);
    // Whether a file that the image does not have is known by what stat(2) says
    // of it, as long as this directory is where it is.
    virtual bool compares_with_image_alone() const { return false; }
    // Where that is so: whether it is such a file. Then `entry` has how it
    // differs, and nobody needs to open it.
    virtual Tried<bool> is_new(const std::string& name, const struct stat& st,
                               Entry* entry);
    // Says how `file` differs; what is known of it when that fails stays in
    // `entry`, and where the image's could not be looked up, change is none.
    virtual Tried<> compare(const UpperFile& file, const std::string& name,
                            Entry* entry, Onward* onward) = 0;
    // A name that the rootfs does not have: whether that makes it a deletion,
    // and with what mode it was there.
    virtual Tried<std::optional<std::uint32_t>> gone(const std::string& name);
    // Such a name that is to have an entry all the same.
    virtual Tried<std::optional<Shone>> shone(const std::string& name);
    // The directory has been listed: its names, and which ones are to be asked
    // for besides.
    virtual Tried<> listed(int dir, const std::vector<std::string>& names);
    virtual Tried<std::vector<std::string>> missing(
        const std::vector<std::string>& names);
    // All of them have been looked at; its own are those from `first` on.
    virtual void compared(const UpperFile& dir, const std::string& path,
                          const std::deque<Entry>& entries, std::size_t first);

    // A subdirectory; null when it is not of the rootfs.
    virtual Tried<std::unique_ptr<Dir>> enter(const std::string& name,
                                              const std::string& redirect,
                                              Onward onward,
                                              const struct stat& st) = 0;
  };

  virtual ~Baseline() = default;

  // Before and after each scan. Nothing can be compared when begin() is false,
  // and why is in `faults`. `everything`:
  // all was scanned, and nothing failed.
  virtual bool begin(const RootFile& root, bool full, std::stop_token stop,
                     Faults* faults) = 0;
  virtual void end(bool everything) = 0;

  virtual std::unique_ptr<Dir> root() = 0;
  virtual Tried<> compare_root(const RootFile& root, Entry* entry) = 0;

  // Whether a device 0/0 stands for something deleted, and with what mode.
  virtual bool has_whiteouts() const { return false; }
  // Whether somebody who watches inodes is to know of one so far down.
  virtual bool to_watch(unsigned depth, bool directory) const = 0;
  // See ScanResult.
  virtual std::string unknowable() const { return ""; }
  virtual bool by_trees() const { return false; }
};

std::unique_ptr<Baseline> make_baseline(const OverlayLayers& layers,
                                        const ScanLimits& limits,
                                        const Scanner::Start& start,
                                        const Clock& clock);

}  // namespace stillframe::drift
