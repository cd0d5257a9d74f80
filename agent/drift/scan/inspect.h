// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/base/fd.h"
#include "agent/drift/entry.h"
#include "agent/drift/scan/baseline.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/known_files.h"
#include "agent/drift/scan/scanner.h"

namespace stillframe::drift {

// A directory of the rootfs that is being read.
struct UpperDir {
  Fd fd;
  InodeId inode;
  SharedPath::DirectoryPtr place;  // inside the rootfs; null: its root
  std::uint64_t path_digest = 0;   // see KnownFiles
  unsigned depth = 0;              // of the root
  bool carried = false;  // not in the upper directory: there is no descriptor
  bool fresh = false;    // nothing in it can be known
  InodeId carrier;       // of what comes along with it, see Entry
  std::unique_ptr<Baseline::Dir> below;

  std::string path() const { return place ? place->text() : ""; }
};

// An entry, and how to go on from it when it is a directory; or that it is as
// it was reported before.
struct Inspected {
  Entry entry;
  Baseline::Onward onward;
  std::optional<Unchanged> unchanged;
};

// How a name came to be looked at: its directory has it, or the kernel side has
// reported what has it. By then it knows the inode, or has no room for it
// (admitted() in bpf/lib/change.h).
enum class Found { listed, reported };

// Looks at one entry at a time.
class Inspector {
 public:
  Inspector(Scanner::Registrar registrar, Baseline& baseline, KnownFiles& files)
      : registrar_(std::move(registrar)), baseline_(baseline), files_(files) {}

  void begin(long fs_magic, WallTime now, Faults* faults);

  // None when there is nothing of that name, which is not an error: it may have
  // been there a moment ago; or nothing that is of interest. It has failed when
  // that is not known, or not how the entry differs; then `faults` says so, and
  // that what was known of it stands.
  Tried<std::optional<Inspected>> inspect(const UpperDir& dir,
                                          const std::string& name,
                                          Found found_by = Found::listed);
  Entry inspect_root(const RootFile& root);

 private:
  Tried<std::optional<Inspected>> look(const UpperDir& dir,
                                       const std::string& name, Found found_by);
  Tried<std::optional<Inspected>> examine(const UpperDir& dir,
                                          const std::string& name,
                                          UpperFile file, bool carried);
  std::optional<Inspected> glance(const UpperDir& dir, const std::string& name,
                                  const struct stat& st, Found found_by) const;
  bool unchanged(const UpperDir& dir, const std::string& name,
                 const struct stat& st) const;
  void remember(const UpperDir& dir, const struct stat& st,
                const Entry& entry) const;
  Tried<std::optional<Inspected>> absent(const UpperDir& dir,
                                         const std::string& name);

  Scanner::Registrar registrar_;
  Baseline& baseline_;
  KnownFiles& files_;
  long fs_magic_ = 0;
  WallTime now_;  // as the scan began
  Faults* faults_ = nullptr;
};

}  // namespace stillframe::drift
