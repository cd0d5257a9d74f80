// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/fd.h"
#include "agent/drift/entry.h"
#include "agent/drift/scan/compare.h"
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
};

// An entry, and how to go on from it when it is a directory.
struct Inspected {
  Entry entry;
  bool pure = false;
};

// Looks at one upper entry at a time.
class Inspector {
 public:
  Inspector(Scanner::Registrar registrar, ScanLimits limits)
      : registrar_(std::move(registrar)), limits_(limits), comparer_(limits) {}

  void begin(long fs_magic, const LowerLayers* layers,
             std::vector<std::string>* errors);
  void end(bool full);

  // None when there is nothing of that name, which is no error: it may have
  // been there a moment ago.
  std::optional<Inspected> inspect(const UpperDir& dir,
                                   const std::string& name);
  Entry inspect_root(const UpperDir& root);

  // How often something could not be read since begin().
  std::size_t troubles() const { return troubles_; }
  void trouble(const std::string& path, const char* what, int error);

 private:
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
  std::vector<std::string>* errors_ = nullptr;
  std::size_t troubles_ = 0;
};

}  // namespace stillframe::drift
