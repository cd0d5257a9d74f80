// SPDX-License-Identifier: Apache-2.0
//
// Layer trees in a temporary directory, made by hand or through a real overlay
// mount. Lower files all carry the same old mtime.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "agent/drift/scan/runtime_diff.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/tree.h"

namespace stillframe::drift::test {

inline constexpr long kOldTime = 1577836800;  // 2020-01-01
inline constexpr long kOldNs = 123456789;

inline constexpr const RuntimeTraits& kPodman = traits_of(Runtime::podman);
inline constexpr const RuntimeTraits& kDocker = traits_of(Runtime::docker);
inline constexpr const RuntimeTraits& kNoTool = traits_of(Runtime::unknown);

// Fails the test, naming errno, unless `ok`.
void must(bool ok, const std::string& what);

void put(const std::string& path, const std::string& content);  // 0644
void append(const std::string& path, const std::string& content);
void make_dir(const std::string& path, mode_t mode = 0755);  // with parents
void whiteout(const std::string& path);
void set_xattr(const std::string& path, const std::string& name,
               const std::string& value);
void set_mtime(const std::string& path, long seconds, long ns);
void remove_tree(const std::string& path);

class Layers : public ::testing::Test {
 protected:
  Layers();
  ~Layers() override;

  // Layer 0 is the topmost.
  std::string lower(int layer, const std::string& path = "") const;
  std::string upper(const std::string& path = "") const;
  void age_lowers();  // sets all mtimes
  // Mounts the overlay and returns its root; empty when that is not allowed.
  std::string mount_overlay(const std::string& options = "");
  OverlayLayers layers() const;  // with options_
  UpperTree scan_tree();
  // A time that divides what was done before the call from what is done after:
  // ctimes come from a clock of some milliseconds (current_time() in
  // fs/inode.c).
  WallTime let_time_pass() const;

  std::string base_;
  int lower_count_ = 3;
  bool mounted_ = false;
  OverlayLayers options_;  // how it is mounted
};

// "content time": the bits set, in a fixed order.
std::string bits(const Difference& differs);
// As the tool prints them.
std::vector<std::string> tool_lines(const UpperTree& tree,
                                    const RuntimeTraits& runtime);
// One line per entry: all that a comparison of two trees should look at.
std::vector<std::string> dump(const UpperTree& tree);

}  // namespace stillframe::drift::test
