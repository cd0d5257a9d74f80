// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/storage_conf.h"

#include <optional>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/base/toml.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxImageStores = 64;

}  // namespace

Result<StorageConf> parse_storage_conf(std::string_view text,
                                       const std::string& name) {
  const auto file = parse_toml(text, name);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto set = [&](std::string_view key) {
    auto value = (*file)["storage"][key].value_or(std::string());
    return starts_with(value, "/") ? value : std::string();
  };
  StorageConf conf{set("graphroot"), set("runroot")};
  const auto add = [&](const std::optional<std::string>& path) {
    if (!path || !starts_with(*path, "/")) return;
    if (conf.image_stores.size() >= kMaxImageStores) return;
    conf.image_stores.push_back(*path);
  };
  add((*file)["storage"]["imagestore"].value<std::string>());
  const auto options = (*file)["storage"]["options"];
  for (const auto& table : {options, options["overlay"]}) {
    add(table["imagestore"].value<std::string>());
    const auto* list = table["additionalimagestores"].as_array();
    if (list == nullptr) continue;
    for (const auto& one : *list) add(one.value<std::string>());
  }
  return conf;
}

Result<StorageConf> read_storage_conf(const std::string& host_prefix) {
  StorageConf conf;
  // The one in /etc replaces all of the other.
  for (const char* path :
       {"/etc/containers/storage.conf", "/usr/share/containers/storage.conf"}) {
    const auto text = read_file(host_prefix + path);
    if (!text && is_absence(text.error().code)) continue;
    if (!text) return tl::unexpected<Error>(text.error());
    const auto parsed = parse_storage_conf(*text, path);
    if (!parsed) return parsed;
    conf = *parsed;
    break;
  }
  if (conf.graph_root.empty()) conf.graph_root = "/var/lib/containers/storage";
  if (conf.run_root.empty()) conf.run_root = "/run/containers/storage";
  return conf;
}

}  // namespace stillframe::containers
