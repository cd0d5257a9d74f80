// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/layers.h"

#include <algorithm>
#include <optional>

#include "agent/base/text.h"
#include "agent/containers/directory.h"
#include "agent/model/inode_identity.h"

namespace stillframe::containers {
namespace {

// containerd stands up to two levels above a snapshot's fs directory.
constexpr int kAncestors = 3;

bool is_wanted(const std::string& path, const UpperRoot& wanted) {
  const auto root = upper_root_of(path);
  return root && (!wanted || same_root(*root, wanted));
}

std::optional<std::string> find_upper(const std::string& text,
                                      const std::string& prefix,
                                      const std::vector<std::string>& roots,
                                      const UpperRoot& wanted) {
  // Kernels before 6.5 show the path with its backslash escapes, later ones
  // without: what exists decides.
  for (const auto& form : {text, overlay_unescape(text)}) {
    if (starts_with(form, "/")) {
      if (is_wanted(prefix + form, wanted)) return prefix + form;
      continue;
    }
    for (const auto& root : roots) {
      const std::string path = root + "/" + form;
      if (is_wanted(path, wanted)) return path;
    }
  }
  return std::nullopt;
}

// All relative paths of one mount start from the same directory.
std::optional<std::vector<std::string>> lower_from(
    const OverlayOptions& options, const std::string& prefix,
    const std::string& base) {
  std::vector<std::string> lower;
  for (const auto& text : options.lower) {
    const bool absolute = starts_with(text, "/");
    std::string path = (absolute ? prefix : base + "/") + text;
    if (!is_directory(path)) return std::nullopt;
    lower.push_back(std::move(path));
  }
  return lower;
}

}  // namespace

Result<OverlayLayers> find_layers(const OverlayOptions& options,
                                  const std::string& prefix,
                                  const std::vector<std::string>& roots,
                                  const UpperRoot& wanted) {
  if (options.upper.empty()) return fail("a read-only overlay has no upper");
  const auto upper = find_upper(options.upper, prefix, roots, wanted);
  if (!upper) return fail("upper directory " + options.upper, ENOENT);
  std::vector<std::string> bases;
  std::string ancestor = *upper;
  for (int i = 0; i < kAncestors; ++i) {
    const std::size_t slash = ancestor.rfind('/');
    if (slash == std::string::npos || slash == 0) break;
    ancestor.resize(slash);
    bases.push_back(ancestor);
  }
  bases.insert(bases.end(), roots.begin(), roots.end());
  for (const auto& base : bases) {
    if (auto lower = lower_from(options, prefix, base)) {
      return OverlayLayers{*upper, std::move(*lower)};
    }
  }
  return fail("lower directories of " + *upper, ENOENT);
}

}  // namespace stillframe::containers
