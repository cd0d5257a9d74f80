// SPDX-License-Identifier: Apache-2.0
//
// LXC's own tools, and Incus and LXD, which run LXC's containers and keep what
// they know of them elsewhere: lxc.container.conf(5), Incus'
// internal/server/backup/config. Their containers are found by name, which is
// unique within each; who works by hand may give LXC's the name of one of
// Incus'.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

// What of an LXC configuration says where the rootfs lies.
struct LxcRootfs {
  std::string path;   // of a directory; of an overlay: its upper one
  std::string lower;  // empty: it is no overlay
};

// None: it names none, or one that is no directory (a block device, zfs, …).
std::optional<LxcRootfs> parse_lxc_config(std::string_view text);

// What backup.yaml of Incus and LXD says of the image.
struct IncusImage {
  std::string name;         // "Debian bookworm amd64"; empty: it has none
  std::string fingerprint;  // hex
};

Result<IncusImage> parse_incus_backup(const std::string& text);

class LxcResolver : public RuntimeResolver {
 public:
  explicit LxcResolver(std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  MetadataResult find(const RuntimeQuery& query) override;
  Listing<RuntimeMetadata> stored() override;

 private:
  MetadataResult find_lxc(const std::string& name) const;
  MetadataResult find_incus(const std::string& top, std::string_view runtime,
                            const std::string& name) const;
  Result<std::string> lxc_path() const;

  std::string prefix_;
};

}  // namespace stillframe::containers
