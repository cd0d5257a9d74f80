// SPDX-License-Identifier: Apache-2.0
//
// Which packages an update changed, by what it changed: package managers keep
// files of their own for each. All of it is the container's to write: names
// and versions are texts that describe, bounded in size.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/container.h"
#include "agent/model/update.h"
#include "agent/model/words.h"

namespace stillframe::drift {

enum class PackageManager : std::uint8_t { dpkg, apk, pip, npm, gem };

// What a changed path says of a package.
struct PackageHint {
  PackageManager manager = PackageManager::dpkg;
  std::string name{};     // of apk none: its database has them all
  std::string version{};  // where the path has it
  std::string file{};     // to be read for what is not known; empty: nothing is
  bool removed = false;
  bool operator==(const PackageHint&) const = default;
};

// None: the path says nothing of a package.
std::optional<PackageHint> package_at(std::string_view path, Kind kind);

using Versions = std::map<std::string, std::string, std::less<>>;

// dpkg's status file: of those that are installed, by name.
Versions dpkg_versions(std::string_view status);
// apk's list of what is installed, by name.
Versions apk_versions(std::string_view installed);
// What npm's package.json names as its version; empty: nothing.
std::string npm_version(std::string_view package_json);

// What became of those that hints name, with what the rootfs has on them.
// Reads no more than so many files, of bounded size; follows no symbolic link.
std::vector<PackageChange> read_packages(const OverlayLayers& layers,
                                         const std::vector<PackageHint>& hints);

}  // namespace stillframe::drift
