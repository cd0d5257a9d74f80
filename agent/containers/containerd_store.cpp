// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/containerd_store.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "agent/base/text.h"
#include "agent/containers/bolt_file.h"
#include "agent/containers/json.h"

namespace stillframe::containers {
namespace {

using nlohmann::json;

constexpr std::string_view kVersion = "v1";
constexpr const char* kContainerMetadata =
    "io.cri-containerd.container.metadata";
constexpr const char* kSandboxMetadata = "io.cri-containerd.sandbox.metadata";
// An index names manifests, and those a config.
constexpr int kMaxHops = 3;

std::string text(const std::optional<std::string_view>& value) {
  return std::string(value.value_or(""));
}

std::string bare_digest(std::string digest) {
  if (starts_with(digest, "sha256:")) digest.erase(0, 7);
  return digest;
}

// A length as protobuf writes it; takes it off `bytes`.
std::optional<std::size_t> take_varint(std::string_view& bytes) {
  std::size_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (bytes.empty()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// The value of a protobuf Any, whose two fields are both bytes: 1 is its type's
// name, 2 what it holds. Of a CRI extension that is JSON.
json any_json(std::string_view bytes) {
  constexpr char kTypeUrl = 0x0a;
  constexpr char kValue = 0x12;
  while (!bytes.empty()) {
    const char tag = bytes.front();
    bytes.remove_prefix(1);
    const auto size = take_varint(bytes);
    if ((tag != kTypeUrl && tag != kValue) || !size || *size > bytes.size()) {
      break;
    }
    if (tag == kValue) {
      auto value = json::parse(bytes.substr(0, *size), nullptr, false);
      return value.is_object() ? value : json();
    }
    bytes.remove_prefix(*size);
  }
  return {};
}

// One look at the database, within one namespace.
class Look {
 public:
  Look(BoltFile& file, std::string_view space) : file_(file), space_(space) {}

  std::optional<ContainerdEntry> container(std::string_view id) {
    const auto made = of(id, "createdat");
    if (!made) return std::nullopt;
    ContainerdEntry entry;
    entry.made = *made;
    entry.image = text(of(id, "image"));
    entry.snapshotter = text(of(id, "snapshotter"));
    entry.snapshot = text(of(id, "snapshotKey"));
    entry.labels = file_.values({kVersion, space_, "containers", id, "labels"});
    const json sandbox = extension(id, kSandboxMetadata);
    const json container = extension(id, kContainerMetadata);
    entry.sandbox = !sandbox.is_null();
    if (entry.sandbox) {
      entry.pod_labels = labels_of(sandbox);
    } else if (!container.is_null()) {
      entry.image_id = bare_digest(text_of(container, "ImageRef"));
      name_as_asked(container, entry.image);
      const std::string pod = text_of(container, "SandboxID");
      entry.pod_labels = labels_of(extension(pod, kSandboxMetadata));
    }
    if (entry.image_id.empty()) entry.image_id = image_id(entry);
    return entry;
  }

 private:
  // Of an image with several names containerd notes any. What was asked for is
  // often no name but an id.
  void name_as_asked(const json& metadata, std::string& image) {
    const auto& asked = member(member(metadata, "Config"), "image");
    for (const char* key : {"image", "user_specified_image"}) {
      auto name = text_of(asked, key);
      if (file_.get({kVersion, space_, "images", name, "target"}, "digest")) {
        image = std::move(name);
      }
    }
  }

  std::optional<std::string_view> of(std::string_view id,
                                     std::string_view key) {
    return file_.get({kVersion, space_, "containers", id}, key);
  }

  json extension(std::string_view id, const char* name) {
    const auto any =
        file_.get({kVersion, space_, "containers", id, "extensions"}, name);
    return any ? member(any_json(*any), "Metadata") : json();
  }

  static std::map<std::string, std::string> labels_of(const json& metadata) {
    return text_map(member(member(metadata, "Config"), "labels"));
  }

  // The image of a container that CRI knows nothing of. A tag may have moved
  // since it was made: then its name leads to a config of other layers than
  // those that the container's own lies on.
  std::string image_id(const ContainerdEntry& entry) {
    const std::string digest = text(file_.get(
        {kVersion, space_, "images", entry.image, "target"}, "digest"));
    if (digest.empty()) return "";
    const std::string parent = text(file_.get(
        {kVersion, space_, "snapshots", entry.snapshotter, entry.snapshot},
        "parent"));
    unpacked_ = "containerd.io/gc.ref.snapshot." + entry.snapshotter;
    return bare_digest(config_on(digest, parent, kMaxHops));
  }

  // containerd's garbage collector goes by labels: from an index to manifests,
  // from a manifest to its config, from there to the topmost of its layers.
  std::string config_on(const std::string& digest, const std::string& layer,
                        int hops) {
    const auto labels =
        file_.values({kVersion, space_, "content", "blob", digest, "labels"});
    const auto unpacked = labels.find(unpacked_);
    if (unpacked != labels.end()) {
      return unpacked->second == layer ? digest : "";
    }
    if (hops == 0) return "";
    for (const auto& [label, target] : labels) {
      if (!starts_with(label, "containerd.io/gc.ref.content.config") &&
          !starts_with(label, "containerd.io/gc.ref.content.m.")) {
        continue;
      }
      auto found = config_on(target, layer, hops - 1);
      if (!found.empty()) return found;
    }
    return "";
  }

  BoltFile& file_;
  std::string_view space_;
  std::string unpacked_;  // the label of a config's topmost layer
};

}  // namespace

Result<std::optional<ContainerdEntry>> ContainerdStore::find(
    const std::string& space, const std::string& id) const {
  auto found = BoltFile::consult(database(), [&](BoltFile& file) {
    return Look(file, space).container(id);
  });
  if (!found && is_absence(found.error().code)) return std::nullopt;
  return found;
}

Result<std::vector<std::string>> ContainerdStore::spaces_of(
    const std::string& id) const {
  auto found = BoltFile::consult(database(), [&](BoltFile& file) {
    std::vector<std::string> spaces;
    for (const auto& space : file.names({kVersion})) {
      if (file.get({kVersion, space, "containers", id}, "createdat")) {
        spaces.push_back(space);
      }
    }
    return spaces;
  });
  if (!found && is_absence(found.error().code)) {
    return std::vector<std::string>{};
  }
  return found;
}

std::string containerd_root_of(std::string_view upper) {
  constexpr std::string_view kPlugin = "/io.containerd.snapshotter.v1.";
  if (!ends_with(upper, "/fs")) return "";
  const auto plugin = upper.rfind(kPlugin);
  if (plugin == std::string_view::npos || plugin == 0) return "";
  const auto parts = split(upper.substr(plugin + kPlugin.size()), '/');
  const bool snapshot = parts.size() == 4 && parts[1] == "snapshots";
  return snapshot ? std::string(upper.substr(0, plugin)) : "";
}

}  // namespace stillframe::containers
