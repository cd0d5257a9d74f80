// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/xattr.h"

#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

constexpr std::string_view kTrusted = "trusted.overlay.";
// Attributes of a mount inside the container are stored under this prefix.
constexpr std::string_view kEscaped = "trusted.overlay.overlay.";
constexpr std::string_view kUser = "user.overlay.";
constexpr std::array<std::string_view, 10> kUserOwn = {
    "opaque", "origin",   "impure",   "nlink",    "uuid",
    "upper",  "protattr", "whiteout", "metacopy", "redirect"};

bool overlay_own(std::string_view name) {
  if (starts_with(name, kTrusted)) return !starts_with(name, kEscaped);
  if (!starts_with(name, kUser)) return false;
  name.remove_prefix(kUser.size());
  return std::find(kUserOwn.begin(), kUserOwn.end(), name) != kUserOwn.end();
}

}  // namespace

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::string proc_path(int fd, std::string_view name) {
  return proc_path(fd).append("/").append(name);
}

Tried<XattrNames> XattrNames::of(std::string path, bool follow) {
  XattrNames out;
  out.path_ = std::move(path);
  out.follow_ = follow;
  std::array<char, 1024> small;
  const auto list = follow ? ::listxattr : ::llistxattr;
  ssize_t size = list(out.path_.c_str(), small.data(), small.size());
  if (size >= 0) {
    out.names_.assign(small.data(), static_cast<std::size_t>(size));
    return out;
  }
  if (errno == ERANGE) {
    out.names_.resize(XATTR_LIST_MAX);
    size = list(out.path_.c_str(), out.names_.data(), out.names_.size());
  }
  const int error = errno;
  out.names_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size >= 0 || error == ENOTSUP) return out;
  if (error != E2BIG && error != ERANGE) return failed("listxattr", error);
  out.too_many_ = true;
  return out;
}

bool XattrNames::has(std::string_view name) const {
  if (too_many_) {
    const auto get = follow_ ? ::getxattr : ::lgetxattr;
    return get(path_.c_str(), std::string(name).c_str(), nullptr, 0) >= 0;
  }
  std::string_view rest(names_);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('\0'));
    if (one == name) return true;
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return false;
}

Tried<std::string> XattrNames::value(const char* name) const {
  const auto get = follow_ ? ::getxattr : ::lgetxattr;
  std::string out(256, '\0');
  ssize_t size = get(path_.c_str(), name, out.data(), out.size());
  if (size < 0 && errno == ERANGE) {
    out.resize(XATTR_SIZE_MAX);
    size = get(path_.c_str(), name, out.data(), out.size());
  }
  if (size < 0 && errno != ENODATA && errno != ENOTSUP) {
    return failed("getxattr");
  }
  out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return out;
}

Tried<std::vector<XattrNames::Pair>> XattrNames::visible() const {
  std::vector<Pair> out;
  std::string_view rest(names_);
  while (!rest.empty()) {
    const std::string one(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (overlay_own(one)) continue;
    auto bytes = value(one.c_str());
    if (!bytes) return failed(bytes);
    out.emplace_back(one, *std::move(bytes));
  }
  std::sort(out.begin(), out.end());
  return out;
}

Tried<OverlayMarks> overlay_marks(const XattrNames& names) {
  OverlayMarks marks;
  if (names.has("trusted.overlay.opaque")) {
    const auto value = names.value("trusted.overlay.opaque");
    if (!value) return failed(value);
    marks.opaque = marks.trusted_opaque = *value == "y";
    marks.xwhiteouts = *value == "x";
  }
  if (names.has("user.overlay.opaque")) {
    const auto value = names.value("user.overlay.opaque");
    if (!value) return failed(value);
    marks.opaque |= *value == "y";
  }
  if (names.has("trusted.overlay.redirect")) {
    auto value = names.value("trusted.overlay.redirect");
    if (!value) return failed(value);
    marks.redirect = *std::move(value);
  }
  marks.metacopy = names.has("trusted.overlay.metacopy");
  return marks;
}

}  // namespace stillframe::drift
