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

// "trusted.overlay.opaque"; of no prefix: empty.
std::string own_name(OverlayPrefix prefix, std::string_view name) {
  if (prefix == OverlayPrefix::none) return "";
  return std::string(prefix == OverlayPrefix::user ? "user" : "trusted")
      .append(".overlay.")
      .append(name);
}

// Attributes of a mount inside the container are stored once more below it:
// "trusted.overlay.overlay.".
bool overlay_own(std::string_view name, OverlayPrefix prefix) {
  return prefix != OverlayPrefix::none &&
         starts_with(name, own_name(prefix, "")) &&
         !starts_with(name, own_name(prefix, "overlay."));
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

Tried<std::vector<XattrNames::Pair>> XattrNames::visible(
    OverlayPrefix prefix) const {
  std::vector<Pair> out;
  std::string_view rest(names_);
  while (!rest.empty()) {
    const std::string one(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (overlay_own(one, prefix)) continue;
    auto bytes = value(one.c_str());
    if (!bytes) return failed(bytes);
    out.emplace_back(one, *std::move(bytes));
  }
  std::sort(out.begin(), out.end());
  return out;
}

Tried<OverlayMarks> overlay_marks(const XattrNames& names, OverlayPrefix prefix,
                                  bool has_data_layers) {
  OverlayMarks marks;
  if (prefix == OverlayPrefix::none || names.empty()) return marks;
  const auto read = [&](std::string_view name) -> Tried<std::string> {
    const std::string full = own_name(prefix, name);
    if (!names.has(full)) return std::string();
    return names.value(full.c_str());
  };
  const auto opaque = read("opaque");
  if (!opaque) return failed(opaque);
  marks.opaque = *opaque == "y";
  marks.xwhiteouts = *opaque == "x";
  auto flags = read("protattr");
  if (!flags) return failed(flags);
  marks.protattr = *std::move(flags);
  if (prefix == OverlayPrefix::user && !has_data_layers) return marks;
  auto redirect = read("redirect");
  if (!redirect) return failed(redirect);
  marks.redirect = *std::move(redirect);
  marks.metacopy = names.has(own_name(prefix, "metacopy"));
  return marks;
}

bool marks_whiteout(const XattrNames& names, OverlayPrefix prefix) {
  return prefix != OverlayPrefix::none &&
         names.has(own_name(prefix, "whiteout"));
}

}  // namespace stillframe::drift
