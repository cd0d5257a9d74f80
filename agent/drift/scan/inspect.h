// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/fd.h"
#include "agent/drift/entry.h"
#include "agent/drift/scan/compare.h"
#include "agent/drift/scan/inventory.h"
#include "agent/drift/scan/layers.h"
#include "agent/drift/scan/scanner.h"

namespace stillframe::drift {

// An open upper directory and what lies below it.
struct UpperDir {
  Fd fd;
  InodeId inode;
  std::string path;  // inside the rootfs, "" is its root; for messages
  LowerView view;    // what its entries are compared with
  // Nothing of the lower layers shines through: it is opaque or lies in an
  // opaque one. Its entries are compared with the image all the same.
  bool pure = false;
  // Of a plain rootfs: the same directory in the inventory, its parent's one
  // and its name there; how deep it lies.
  Inventory::Directory known = Inventory::kNone;
  Inventory::Directory above = Inventory::kNone;
  std::string name;
  unsigned depth = 0;
  // It, or one on the way to it, may be another one than the image's, or its
  // names changed: look closely.
  bool suspect = false;
};

// A rootfs that is no overlay, and what is known of how it was.
struct PlainRootfs {
  WallTime since;  // what changed later is not the image's as it was
  dev_t dev = 0;   // as stat(2) has it: what is mounted in it is left out
  Inventory* inventory = nullptr;  // null: there is a directory to compare with
  bool building = false;           // the inventory is being made by this scan
};

// An entry, and how to go on from it when it is a directory.
struct Inspected {
  Entry entry;
  bool pure = false;
  bool suspect = false;
};

// What stat(2) tells of an entry.
void fill(const struct stat& st, Entry* entry);

// Looks at one upper entry at a time.
class Inspector {
 public:
  Inspector(Scanner::Registrar registrar, ScanLimits limits)
      : registrar_(std::move(registrar)), limits_(limits), comparer_(limits) {}

  void begin(long fs_magic, const LowerLayers* layers,
             std::vector<std::string>* errors);
  void end(bool full);
  // From begin() on; null: an upper directory.
  void set_plain(const PlainRootfs* plain) { plain_ = plain; }

  // Of a plain rootfs: the items of a directory that the image held, as far as
  // can be told now, and the names that are missing in it.
  std::vector<Inventory::Item> present(const UpperDir& dir,
                                       const std::vector<DirectoryName>& names);
  std::vector<std::string> missing(const UpperDir& dir,
                                   const std::vector<DirectoryName>& names);

  // None when there is nothing of that name, which is no error: it may have
  // been there a moment ago. Of a plain rootfs also none for what is still the
  // image's, directories aside; and something for a name that is gone.
  std::optional<Inspected> inspect(const UpperDir& dir,
                                   const std::string& name);
  Entry inspect_root(const UpperDir& root);

  // How often something could not be read since begin().
  std::size_t troubles() const { return troubles_; }
  void trouble(const std::string& path, const char* what, int error);

 private:
  std::optional<Inspected> inspect_plain(const UpperDir& dir,
                                         const std::string& name);
  bool untouched(const UpperDir& dir, const std::string& name,
                 const struct stat& st) const;
  std::optional<Inspected> gone(const UpperDir& dir, const std::string& name);
  void compare_known(const struct stat& st,
                     const std::optional<Inventory::Item>& known,
                     Entry* entry) const;
  void compare_copy(const UpperFile& file, const UpperDir& dir,
                    const std::string& name, Entry* entry);
  void compare(const UpperFile& file, const UpperDir& dir,
               const std::string& name, Inspected* out);
  void whiteout(const UpperDir& dir, const std::string& name, Entry* entry);
  void note_hidden(const UpperFile& file, const UpperDir& dir,
                   const std::string& name, Entry* entry);

  Scanner::Registrar registrar_;
  ScanLimits limits_;
  Comparer comparer_;
  long fs_magic_ = 0;
  const LowerLayers* layers_ = nullptr;
  const PlainRootfs* plain_ = nullptr;
  std::vector<std::string>* errors_ = nullptr;
  std::size_t troubles_ = 0;
};

}  // namespace stillframe::drift
