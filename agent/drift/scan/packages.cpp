// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/packages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/base/fd.h"
#include "agent/drift/scan/directory.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxName = 214;  // npm's longest
constexpr std::size_t kMaxDatabase = 16u << 20;
constexpr std::size_t kMaxDescription = 256u << 10;
constexpr std::size_t kMaxInstalled = 20'000;
constexpr std::size_t kMaxFiles = 256;
constexpr std::size_t kMaxPackages = 1024;
constexpr std::string_view kDpkgInfo = "/var/lib/dpkg/info/";
constexpr std::string_view kDpkgStatus = "/var/lib/dpkg/status";
// The second one since /usr was merged in Alpine 3.22.
constexpr std::array<std::string_view, 2> kApkInstalled = {
    "/lib/apk/db/installed", "/usr/lib/apk/db/installed"};

// Letters that names and versions of packages are made of.
bool well_named(std::string_view text) {
  constexpr std::string_view kOthers = "+-._~:@/!";
  return !text.empty() && text.size() <= kMaxName &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') ||
                  kOthers.find(c) != std::string_view::npos;
         });
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

bool is_removal(Kind kind) {
  return kind == Kind::file_delete || kind == Kind::dir_delete;
}

std::optional<PackageHint> checked(PackageHint hint) {
  if (!well_named(hint.name) ||
      (!hint.version.empty() && !well_named(hint.version))) {
    return std::nullopt;
  }
  return hint;
}

// /var/lib/dpkg/info/NAME.list or NAME:ARCHITECTURE.list
std::optional<PackageHint> dpkg_at(std::string_view path) {
  if (!path.starts_with(kDpkgInfo)) return std::nullopt;
  path.remove_prefix(kDpkgInfo.size());
  if (!take_suffix(path, ".list") || path.find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  path = path.substr(0, path.find(':'));
  return checked({.manager = PackageManager::dpkg,
                  .name = std::string(path),
                  .file = std::string(kDpkgStatus)});
}

// …/site-packages/NAME-VERSION.dist-info, or what lies in it
std::optional<PackageHint> pip_at(std::string_view path, Kind kind) {
  constexpr std::string_view kEnd = ".dist-info";
  const auto end = path.find(kEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const auto rest = path.substr(end + kEnd.size());
  if (!rest.empty() && rest != "/METADATA") return std::nullopt;
  path = path.substr(0, end);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos ||
      !path.substr(0, slash).ends_with("-packages")) {
    return std::nullopt;
  }
  const auto name = path.substr(slash + 1);
  const auto dash = name.rfind('-');
  // What is being removed lies under such a name meanwhile.
  if (dash == std::string_view::npos || name.starts_with('~')) {
    return std::nullopt;
  }
  return checked({.manager = PackageManager::pip,
                  .name = std::string(name.substr(0, dash)),
                  .version = std::string(name.substr(dash + 1)),
                  .removed = is_removal(kind)});
}

// …/node_modules/NAME/package.json or …/node_modules/@SCOPE/NAME/package.json
std::optional<PackageHint> npm_at(std::string_view path, Kind kind) {
  constexpr std::string_view kDirectory = "/node_modules/";
  const auto start = path.rfind(kDirectory);
  if (start == std::string_view::npos) return std::nullopt;
  auto name = path.substr(start + kDirectory.size());
  if (!take_suffix(name, "/package.json")) return std::nullopt;
  const auto slashes = std::count(name.begin(), name.end(), '/');
  if (slashes != (name.starts_with('@') ? 1 : 0)) return std::nullopt;
  return checked({.manager = PackageManager::npm,
                  .name = std::string(name),
                  .file = is_removal(kind) ? "" : std::string(path),
                  .removed = is_removal(kind)});
}

// …/specifications/NAME-VERSION.gemspec
std::optional<PackageHint> gem_at(std::string_view path, Kind kind) {
  if (!take_suffix(path, ".gemspec")) return std::nullopt;
  constexpr std::string_view kDirectory = "/specifications/";
  const auto start = path.rfind(kDirectory);
  if (start == std::string_view::npos) return std::nullopt;
  const auto name = path.substr(start + kDirectory.size());
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos ||
      name.find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  return checked({.manager = PackageManager::gem,
                  .name = std::string(name.substr(0, dash)),
                  .version = std::string(name.substr(dash + 1)),
                  .removed = is_removal(kind)});
}

std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view value_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) return {};
  line.remove_prefix(key.size());
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

// A regular file in `root`; nothing where it is none, or none of bounded size.
std::string read_below(const std::string& root, std::string_view path,
                       std::size_t limit) {
  const Fd top = open_directory(AT_FDCWD, root.c_str());
  if (top < 0) return {};
  const auto slash = path.rfind('/');
  const Fd directory = open_below(top, std::string(path.substr(0, slash)));
  if (directory < 0) return {};
  const std::string name(path.substr(slash + 1));
  const Fd file(
      ::openat(directory, name.c_str(),
               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct stat st{};
  if (file < 0 || ::fstat(file, &st) != 0 || !S_ISREG(st.st_mode) ||
      st.st_size < 0 || static_cast<std::uint64_t>(st.st_size) > limit) {
    return {};
  }
  std::string text(static_cast<std::size_t>(st.st_size), '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t n = ::pread(file, text.data() + got, text.size() - got,
                              static_cast<off_t>(got));
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  text.resize(got);
  return text;
}

// As the image has it: of the topmost layer.
std::string read_lower(const OverlayLayers& layers, std::string_view path) {
  for (const auto& layer : layers.lower) {
    std::string text = read_below(layer, path, kMaxDatabase);
    if (!text.empty()) return text;
  }
  return {};
}

std::vector<PackageChange> compare(const Versions& before,
                                   const Versions& now) {
  std::vector<PackageChange> changes;
  for (const auto& [name, version] : now) {
    const auto former = before.find(name);
    if (former != before.end() && former->second == version) continue;
    changes.push_back({"apk", name, version, false});
  }
  for (const auto& [name, version] : before) {
    if (!now.contains(name)) changes.push_back({"apk", name, "", true});
  }
  return changes;
}

constexpr std::string_view name_of(PackageManager manager) {
  constexpr std::array<std::string_view, 5> kNames = {"dpkg", "apk", "pip",
                                                      "npm", "gem"};
  return kNames[static_cast<std::size_t>(manager)];
}

class Reader {
 public:
  explicit Reader(const OverlayLayers& layers) : layers_(layers) {}

  void add(const PackageHint& hint) {
    if (hint.manager == PackageManager::apk) return add_apk(hint.file);
    PackageChange change{std::string(name_of(hint.manager)), hint.name,
                         hint.version, hint.removed};
    if (hint.manager == PackageManager::dpkg) {
      const auto& installed = dpkg();
      const auto version = installed.find(hint.name);
      change.removed = version == installed.end();
      if (!change.removed) change.version = version->second;
    } else if (!hint.file.empty() && files_ < kMaxFiles) {
      ++files_;
      change.version =
          npm_version(read_below(layers_.upper, hint.file, kMaxDescription));
    }
    if (change.removed) change.version.clear();
    add(std::move(change));
  }

  std::vector<PackageChange> take() {
    std::vector<PackageChange> all;
    for (auto& [key, change] : changes_) all.push_back(std::move(change));
    return all;
  }

 private:
  // What came later counts; but a new version of a package is no removal of it.
  void add(PackageChange change) {
    if (changes_.size() >= kMaxPackages) return;
    auto& known = changes_[{change.manager, change.name}];
    if (known.name.empty() || !change.removed) known = std::move(change);
  }

  const Versions& dpkg() {
    if (!dpkg_) {
      std::string status = read_below(layers_.upper, kDpkgStatus, kMaxDatabase);
      if (status.empty()) status = read_lower(layers_, kDpkgStatus);
      dpkg_ = dpkg_versions(status);
    }
    return *dpkg_;
  }

  void add_apk(const std::string& file) {
    const auto before = apk_versions(read_lower(layers_, file));
    // Of a rootfs that is not an overlay it is not known.
    if (before.empty()) return;
    for (auto& change :
         compare(before,
                 apk_versions(read_below(layers_.upper, file, kMaxDatabase)))) {
      add(std::move(change));
    }
  }

  const OverlayLayers& layers_;
  std::optional<Versions> dpkg_;
  std::size_t files_ = 0;
  std::map<std::pair<std::string, std::string>, PackageChange> changes_;
};

}  // namespace

std::optional<PackageHint> package_at(std::string_view path, Kind kind) {
  for (const auto& installed : kApkInstalled) {
    if (path == installed) {
      return PackageHint{.manager = PackageManager::apk,
                         .file = std::string(path)};
    }
  }
  if (auto hint = dpkg_at(path)) return hint;
  if (auto hint = pip_at(path, kind)) return hint;
  if (auto hint = npm_at(path, kind)) return hint;
  return gem_at(path, kind);
}

Versions dpkg_versions(std::string_view status) {
  Versions found;
  std::string_view name;
  std::string_view version;
  bool installed = false;
  while (!status.empty() && found.size() < kMaxInstalled) {
    const auto line = take_line(status);
    if (const auto value = value_of(line, "Package:"); !value.empty()) {
      name = value;
    } else if (const auto state = value_of(line, "Status:"); !state.empty()) {
      installed = state.ends_with(" installed");
    } else if (const auto is = value_of(line, "Version:"); !is.empty()) {
      version = is;
    }
    if (!line.empty() && !status.empty()) continue;
    if (installed && well_named(name) && well_named(version)) {
      found[std::string(name)] = version;
    }
    name = version = {};
    installed = false;
  }
  return found;
}

Versions apk_versions(std::string_view installed) {
  Versions found;
  std::string_view name;
  while (!installed.empty() && found.size() < kMaxInstalled) {
    const auto line = take_line(installed);
    if (line.empty()) name = {};
    if (line.starts_with("P:")) name = line.substr(2);
    if (line.starts_with("V:") && well_named(name) &&
        well_named(line.substr(2))) {
      found[std::string(name)] = line.substr(2);
    }
  }
  return found;
}

std::string npm_version(std::string_view package_json) {
  const auto value = nlohmann::json::parse(package_json, nullptr, false);
  if (!value.is_object()) return {};
  const auto version = value.find("version");
  if (version == value.end() || !version->is_string()) return {};
  const auto& text = version->get_ref<const std::string&>();
  return well_named(text) ? text : std::string();
}

std::vector<PackageChange> read_packages(
    const OverlayLayers& layers, const std::vector<PackageHint>& hints) {
  Reader reader(layers);
  for (const auto& hint : hints) reader.add(hint);
  return reader.take();
}

}  // namespace stillframe::drift
