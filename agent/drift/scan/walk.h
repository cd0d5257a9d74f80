// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
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
  void everything(Met* met);
  // New directories of one that is large enough without them: to `later`.
  PartialResult::Directory part(const PartialTask& task,
                                std::vector<InodeId>* later);
  // After each: nothing is held open between scans.
  void end() { leave_way(); }

 private:
  // A directory on the way down, and what is still to be visited in it.
  struct Pending {
    std::string name;
    std::string redirect;
    InodeId inode;
    Baseline::Onward onward;
    bool carried = false;
    InodeId carrier;
    bool fresh = false;  // nothing of it is known, from elsewhere either
  };
  using DirPtr = std::shared_ptr<UpperDir>;
  struct Frame {
    DirPtr dir;
    std::vector<Pending> pending;
  };
  // A directory on the way to the one that was looked at last, and how deep.
  struct Step {
    std::size_t depth = 0;
    DirPtr dir;
    Entry self;
  };

  bool stopping() const { return stop_.stop_requested(); }
  DirPtr open_root();
  DirPtr enter(const UpperDir& parent, const Pending& child);
  bool reopen(Frame* frame);
  bool list(Frame* frame, bool descend_all, Met* met);
  bool list_missing(Frame* frame, const std::vector<std::string>& names,
                    bool descend_all, Met* met);
  static Pending pending(const Inspected& found, bool fresh);
  void take(Frame* frame, Inspected found, bool descend_all, Met* met);
  void walk(Frame first, Met* met);
  bool postpone(const Pending& child, const Met& met);
  void leave_way();
  bool begin_way(const std::vector<std::string_view>& names);
  DirPtr find_directory(const PartialTask& task, Entry* self);
  void look_at_names(DirPtr dir, const PartialTask& task,
                     PartialResult::Directory* out);

  Baseline& baseline_;
  Inspector& inspector_;
  SeenDirectories& seen_;
  const ScanLimits& limits_;

  // Of the scan under way.
  RootFile root_;
  std::stop_token stop_;
  Faults* faults_ = nullptr;
  std::vector<InodeId>* later_ = nullptr;  // null: nothing is postponed
  // Directories that changed at about the same time mostly lie near each other:
  // each is found from where the last one's way parts from its own, or a chain
  // of them would cost the square of its depth. Of that way all names, and the
  // last few steps.
  std::vector<std::string> way_;
  std::vector<Step> steps_;
};

}  // namespace stillframe::drift
