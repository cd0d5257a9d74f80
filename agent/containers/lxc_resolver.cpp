// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/lxc_resolver.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <sstream>
#include <vector>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/directory.h"
#include "agent/containers/resolvers.h"
#include "agent/containers/workload.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxConfig = 1u << 20;
constexpr const char* kLxcPath = "/var/lib/lxc";
constexpr const char* kLxcSettings = "/etc/lxc/lxc.conf";

struct Daemon {
  std::string_view top;
  std::string_view runtime;
};
constexpr std::array kDaemons = {
    Daemon{"/var/lib/incus", to_string(Runtime::incus)},
    Daemon{"/var/lib/lxd", to_string(Runtime::lxd)},
    Daemon{"/var/snap/lxd/common/lxd", to_string(Runtime::lxd)}};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// The last value of that key; none: it is not set.
std::optional<std::string> setting(std::string_view text,
                                   std::string_view key) {
  std::optional<std::string> value;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || line.front() == '#') continue;
    if (trimmed(line.substr(0, equals)) != key) continue;
    value = std::string(trimmed(line.substr(equals + 1)));
  }
  return value;
}

bool is_path(std::string_view text) { return starts_with(text, "/"); }

// The pairs below the map `container: config:`, as they come.
class ConfigReader : public YAML::EventHandler {
 public:
  const IncusImage& image() const { return image_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { value(""); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { value(""); }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string& text) override {
    value(text);
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(false);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(true);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    bool map = false;
    bool key_read = false;
    std::string key;
  };

  void open(bool map) { levels_.push_back({map, false, {}}); }

  void close() {
    levels_.pop_back();
    if (!levels_.empty()) levels_.back().key_read = false;
  }

  void value(const std::string& text) {
    if (levels_.empty() || !levels_.back().map) return;
    Level& level = levels_.back();
    if (!level.key_read) {
      level.key = text;
      level.key_read = true;
      return;
    }
    level.key_read = false;
    if (levels_.size() != 3 || levels_[0].key != "container" ||
        levels_[1].key != "config") {
      return;
    }
    if (level.key == "volatile.base_image") image_.fingerprint = text;
    if (level.key == "image.description") image_.name = text;
  }

  std::vector<Level> levels_;
  IncusImage image_;
};

}  // namespace

std::optional<LxcRootfs> parse_lxc_config(std::string_view text) {
  auto value = setting(text, "lxc.rootfs.path");
  if (!value) value = setting(text, "lxc.rootfs");  // before LXC 2.1
  if (!value) return std::nullopt;
  if (is_path(*value)) return LxcRootfs{*value, ""};
  const auto colon = value->find(':');
  if (colon == std::string::npos) return std::nullopt;
  const std::string kind = value->substr(0, colon);
  const std::string rest = value->substr(colon + 1);
  if (kind == "dir" && is_path(rest)) return LxcRootfs{rest, ""};
  if (kind != "overlay" && kind != "overlayfs") return std::nullopt;
  const auto between = rest.rfind(":/");
  if (between == std::string::npos || !is_path(rest)) return std::nullopt;
  return LxcRootfs{rest.substr(between + 1), rest.substr(0, between)};
}

Result<IncusImage> parse_incus_backup(const std::string& text) {
  std::istringstream input(text);
  ConfigReader reader;
  try {
    YAML::Parser parser(input);
    parser.HandleNextDocument(reader);
  } catch (const YAML::Exception& error) {
    return fail(std::string("not YAML: ") + error.what(), EBADMSG);
  }
  return reader.image();
}

LxcResolver::LxcResolver(std::string host_prefix)
    : prefix_(std::move(host_prefix)) {}

bool LxcResolver::serves(std::string_view runtime) const {
  const Runtime one = runtime_from(runtime);
  return one == Runtime::lxc || one == Runtime::lxd || one == Runtime::incus;
}

// Where lxc-create(1) puts containers if nobody says otherwise.
Result<std::string> LxcResolver::lxc_path() const {
  const auto text = read_file(prefix_ + kLxcSettings, kMaxConfig);
  if (!text && !is_absence(text.error().code)) {
    return tl::unexpected<Error>(text.error());
  }
  const auto path =
      text ? setting(*text, "lxc.lxcpath") : std::optional<std::string>{};
  return path && is_path(*path) ? *path : std::string(kLxcPath);
}

MetadataResult LxcResolver::find_lxc(const std::string& name) const {
  const auto top = lxc_path();
  if (!top) return tl::unexpected<Error>(top.error());
  const auto text =
      read_file(prefix_ + *top + "/" + name + "/config", kMaxConfig);
  if (!text && is_absence(text.error().code)) return std::nullopt;
  if (!text) return tl::unexpected<Error>(text.error());
  RuntimeMetadata known;
  known.info.id = known.info.name = known.info.workload = name;
  known.info.runtime = to_string(Runtime::lxc);
  const auto rootfs = parse_lxc_config(*text);
  if (!rootfs) {
    known.trouble.emplace_back("its rootfs is neither a directory nor overlay");
    return known;
  }
  known.layers.upper = prefix_ + rootfs->path;
  known.layers.plain = rootfs->lower.empty();
  if (!known.layers.plain) {
    known.layers.lower.push_back(prefix_ + rootfs->lower);
  }
  return known;
}

MetadataResult LxcResolver::find_incus(const std::string& top,
                                       std::string_view runtime,
                                       const std::string& name) const {
  const std::string directory = prefix_ + top + "/containers/" + name;
  const auto there = is_directory(directory);
  if (!there) return tl::unexpected<Error>(there.error());
  if (!*there) return std::nullopt;
  RuntimeMetadata known;
  known.info.id = known.info.name = known.info.workload = name;
  known.info.runtime = runtime;
  known.rootfs = top + "/containers/" + name + "/rootfs";
  known.layers = {prefix_ + known.rootfs, {}, true};
  const auto text = read_file(directory + "/backup.yaml", kMaxConfig);
  const auto image =
      text ? parse_incus_backup(*text) : tl::unexpected<Error>(text.error());
  if (image) {
    known.info.image = image->name;
    known.info.image_id = image->fingerprint;
  } else {
    known.note("backup.yaml", image.error());
  }
  return known;
}

MetadataResult LxcResolver::find(const RuntimeQuery& query) {
  if (!is_plain_name(query.id)) return std::nullopt;
  // Names are those of one user's containers; what is read here is root's.
  const auto by_cgroup = user_of_cgroup(query.cgroup_path);
  const auto user = by_cgroup ? by_cgroup : query.user;
  if (user.value_or(0) != 0) return std::nullopt;
  auto found = find_lxc(query.id);
  for (const Daemon& daemon : kDaemons) {
    if (found && *found) break;
    auto more = find_incus(std::string(daemon.top), daemon.runtime, query.id);
    if (found || (more && *more)) found = std::move(more);
  }
  return found;
}

// Those that are overlays. Of a stopped one that is a directory there is
// nothing to compare it with: what is known of it goes on when it starts.
Listing<RuntimeMetadata> LxcResolver::stored() {
  Listing<RuntimeMetadata> all;
  const auto top = lxc_path();
  if (!top) note_error(all.errors, top.error());
  if (!top) return all;
  const auto names = subdirectories(prefix_ + *top);
  if (!names) note_error(all.errors, names.error());
  if (!names) return all;
  for (const auto& name : *names) {
    if (!is_plain_name(name)) continue;
    auto found = find_lxc(name);
    if (!found) note_error(all.errors, found.error());
    if (!found || !*found || (*found)->layers.lower.empty()) continue;
    all.items.push_back(std::move(**found));
  }
  return all;
}

std::unique_ptr<RuntimeResolver> make_lxc_resolver(const ResolverPlace& place) {
  return std::make_unique<LxcResolver>(place.host_prefix);
}

}  // namespace stillframe::containers
