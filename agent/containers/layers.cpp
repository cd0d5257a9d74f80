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

Result<bool> is_wanted(const std::string& path, const UpperRoot& wanted) {
  const auto root = upper_root_of(path);
  if (root) return !wanted || same_root(*root, wanted);
  if (is_absence(root.error().code)) return false;
  return tl::unexpected<Error>(root.error());
}

// Fails with ENOENT: it is in none of the places; with another code where one
// of them could not be looked at.
Result<std::string> find_upper(const std::string& text,
                               const std::string& prefix,
                               const std::vector<std::string>& roots,
                               const UpperRoot& wanted) {
  std::vector<std::string> places;
  // Kernels before 6.5 show the path with its backslash escapes, later ones
  // without: what exists decides.
  for (const auto& form : {text, overlay_unescape(text)}) {
    if (starts_with(form, "/")) {
      places.push_back(prefix + form);
      continue;
    }
    for (const auto& root : roots) places.push_back(root + "/" + form);
  }
  std::optional<Error> unread;
  for (const auto& place : places) {
    const auto found = is_wanted(place, wanted);
    if (found && *found) return place;
    if (!found && !unread) unread = found.error();
  }
  if (unread) return tl::unexpected<Error>(std::move(*unread));
  return fail("upper directory " + text, ENOENT);
}

// All relative paths of one mount start from the same directory. None: not from
// this one.
Result<std::optional<std::vector<std::string>>> directories_from(
    const std::vector<std::string>& texts, const std::string& prefix,
    const std::string& base) {
  std::vector<std::string> lower;
  for (const auto& text : texts) {
    const bool absolute = starts_with(text, "/");
    std::string path = (absolute ? prefix : base + "/") + text;
    const auto there = is_directory(path);
    if (!there) return tl::unexpected<Error>(there.error());
    if (!*there) return std::nullopt;
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
  if (!upper) return tl::unexpected<Error>(upper.error());
  std::vector<std::string> bases;
  std::string ancestor = *upper;
  for (int i = 0; i < kAncestors; ++i) {
    const std::size_t slash = ancestor.rfind('/');
    if (slash == std::string::npos || slash == 0) break;
    ancestor.resize(slash);
    bases.push_back(ancestor);
  }
  bases.insert(bases.end(), roots.begin(), roots.end());
  std::optional<Error> unread;
  for (const auto& base : bases) {
    auto lower = directories_from(options.lower, prefix, base);
    auto data = directories_from(options.data, prefix, base);
    if (lower && *lower && data && *data) {
      OverlayLayers layers{*upper, std::move(**lower)};
      layers.data = std::move(**data);
      return layers;
    }
    if (!lower && !unread) unread = lower.error();
    if (!data && !unread) unread = data.error();
  }
  if (unread) return tl::unexpected<Error>(std::move(*unread));
  return fail("lower directories of " + *upper, ENOENT);
}

}  // namespace stillframe::containers
