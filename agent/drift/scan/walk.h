// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/drift/scan/baseline.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/inspect.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/seen_directories.h"

namespace stillframe::drift {

// Goes through the directories of a rootfs. The container may move them
// meanwhile: what is not where it was listed is left as it was known, whoever
// changed that changed the parent, too, which is watched already.
class Walker {
 public:
  Walker(Baseline& baseline, Inspector& inspector, SeenDirectories& seen,
         const ScanLimits& limits)
      : baseline_(baseline),
        inspector_(inspector),
        seen_(seen),
        limits_(limits) {}

  // Before each scan; `root` stays open until it ends.
  void begin(const RootFile& root, std::stop_token stop, Faults* faults);

  // The root and everything below it.
  void everything(std::vector<Entry>* entries);
  PartialResult::Directory part(const PartialTask& task);

 private:
  // A directory on the way down, and what is still to be visited in it.
  struct Pending {
    std::string name;
    std::string redirect;
    InodeId inode;
    Baseline::Onward onward;
    bool carried = false;
    InodeId carrier;
  };
  struct Frame {
    UpperDir dir;
    std::vector<Pending> pending;
  };

  bool stopping() const { return stop_.stop_requested(); }
  std::optional<UpperDir> open_root();
  std::optional<UpperDir> enter(const UpperDir& parent, const Pending& child);
  bool reopen(Frame* frame);
  bool list(Frame* frame, bool descend_all, std::vector<Entry>* entries);
  bool list_missing(Frame* frame, const std::vector<std::string>& names,
                    bool descend_all, std::vector<Entry>* entries);
  static Pending pending(const Inspected& found);
  void take(Frame* frame, Inspected found, bool descend_all,
            std::vector<Entry>* entries);
  void walk(Frame first, std::vector<Entry>* entries);
  std::optional<UpperDir> find_directory(const PartialTask& task, Entry* self);
  void look_at_names(UpperDir dir, const PartialTask& task,
                     PartialResult::Directory* out);

  Baseline& baseline_;
  Inspector& inspector_;
  SeenDirectories& seen_;
  const ScanLimits& limits_;

  // Of the scan under way.
  RootFile root_;
  std::stop_token stop_;
  Faults* faults_ = nullptr;
};

}  // namespace stillframe::drift
