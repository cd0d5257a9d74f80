// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/rootfs_search.h"

#include <sys/stat.h>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroupless.h"
#include "agent/containers/host_path.h"
#include "agent/containers/layers.h"
#include "agent/model/inode_identity.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxMounts = 32'768;
constexpr const char* kOverlay = "overlay";
constexpr const char* kFuse = "fuse";

std::string above(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// "ID/diff" of "/var/lib/containers/storage/overlay/ID/diff".
std::string last_two(const std::string& path) {
  const std::string parent = above(path);
  const std::size_t slash = parent.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// A mount does not show what is the module's default.
bool redirects_by_default(const std::string& prefix) {
  const auto text =
      read_file(prefix + "/sys/module/overlay/parameters/redirect_dir");
  return text && starts_with(*text, "Y");
}

}  // namespace

RootfsSearch::RootfsSearch(Host host, const ContainerCgroup& container,
                           const RuntimeMetadata& known, const UpperRoot& seen,
                           ContainerRecord& record)
    : host_(host),
      container_(container),
      known_(known),
      seen_(seen),
      wanted_(seen),
      record_(record) {}

// An absence is an answer; anything else leaves open what is there.
void RootfsSearch::note(const Error& error) {
  if (error.code == 0 || is_absence(error.code)) return;
  record_.trouble.push_back(error.message);
}

// The mount of the root, as init sees it.
std::optional<Mount> RootfsSearch::read_mounts() {
  if (!container_.init) return std::nullopt;
  const auto mounts = host_.proc.mounts(container_.init->pid);
  if (!mounts) {
    note(mounts.error());
    return std::nullopt;
  }
  mounts_read_ = true;
  record_.mounts = mount_points(*mounts, kMaxMounts);
  if (record_.mounts.size() == kMaxMounts) {
    record_.trouble.emplace_back("more mounts than are kept");
  }
  const Mount* root = mount_at(*mounts, "/");
  return root == nullptr ? std::nullopt : std::optional(*root);
}

// Its init is gone: the host may still have the rootfs mounted.
std::optional<Mount> RootfsSearch::stored_mount() {
  if (known_.rootfs.empty()) return std::nullopt;
  const auto mounts = host_.proc.host_mounts();
  if (!mounts) {
    note(mounts.error());
    return std::nullopt;
  }
  const Mount* found = mount_at(*mounts, known_.rootfs);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

// A plain rootfs is proven by what its process has for a root.
void RootfsSearch::find_wanted(const std::optional<Mount>& root) {
  if (wanted_ || !container_.init) return;
  if (!known_.layers.plain && (!root || root->type == kOverlay)) return;
  const auto identity = host_.proc.root(container_.init->pid);
  if (identity) {
    wanted_ = *identity;
  } else {
    note(identity.error());
    unproven_ = !is_absence(identity.error().code);
  }
}

// Of what has no cgroup of its own the kernel names no upper directory, and the
// runtime's files and the mount's options are a user's. It has to be the
// user's, and where all layers are on one filesystem the overlay's root has its
// number.
bool RootfsSearch::is_inits_own(const std::string& upper,
                                const UpperRoot& identity) const {
  if (!is_cgroupless(container_.cgroup)) return true;
  struct stat st{};
  return container_.init && ::stat(upper.c_str(), &st) == 0 &&
         st.st_ino == identity.inode.ino &&
         st.st_ino == container_.init->root_ino &&
         (st.st_uid == container_.init->root_uid ||
          st.st_uid == container_.init->uid);
}

bool RootfsSearch::accept(const OverlayLayers& layers) {
  if (unproven_) return false;
  const auto identity = upper_root_of(layers.upper);
  if (!identity) note(identity.error());
  if (!identity || (wanted_ && !same_root(*identity, wanted_))) return false;
  if (!is_inits_own(layers.upper, *identity)) return false;
  if (!record_.root) record_.root = *identity;
  record_.layers = layers;
  return true;
}

// Whether what the runtime's files name as the rootfs is what its processes
// have.
Standing RootfsSearch::standing(const std::optional<Mount>& root) {
  if (container_.name.vouched) return Standing::confirmed;
  const auto named = upper_root_of(known_.layers.upper);
  if (known_.layers.empty() || !named) return Standing::unproven;
  UpperRoot shown = wanted_;
  if (!shown && root && root->type == kOverlay) {
    const auto layers = mounted_layers(*root);
    const auto mounted =
        layers ? upper_root_of(layers->upper) : Result<UpperRoot>(UpperRoot{});
    shown = mounted.value_or(UpperRoot{});
  }
  // What is mounted by a program shows no inode of its upper directory.
  if (root && starts_with(root->type, kFuse)) return Standing::unproven;
  if (shown) {
    return same_root(*named, shown) ? Standing::confirmed : Standing::doubtful;
  }
  // Runtimes mount what a container has for a root.
  const bool another = root ? root->type != kOverlay : mounts_read_;
  return another ? Standing::doubtful : Standing::unproven;
}

// Whoever mounted the rootfs wrote the paths of its layers as they are where it
// stands: of a container within a container, in the outer one, where its parent
// is.
void RootfsSearch::find_makers_mounts() {
  if (!container_.init) return;
  const auto parent = host_.proc.read(container_.init->ppid);
  if (!parent || !host_.proc.has_own_root(*parent) ||
      parent->mount_ns == container_.init->mount_ns) {
    return;
  }
  auto mounts = host_.proc.mounts(parent->pid);
  if (!mounts) note(mounts.error());
  if (mounts) makers_mounts_ = *std::move(mounts);
}

// Whether it is of this upper directory, and its lower layers are not the
// directories that the runtime's files name: those with data-only layers, as
// composefs has them.
bool RootfsSearch::has_other_layers(const Mount& mount) const {
  if (mount.type != kOverlay || known_.layers.plain) return false;
  const auto options = parse_overlay(mount);
  return !options.data.empty() && last_two(overlay_unescape(options.upper)) ==
                                      last_two(known_.layers.upper);
}

// The runtime's files are believed before the mount's options: a container with
// the right to mount can give itself a root whose options name any path.
void RootfsSearch::run() {
  record_.root = seen_;
  const auto root = read_mounts();
  find_makers_mounts();
  find_wanted(root);
  record_.standing = standing(root);
  const auto mount = root ? root : stored_mount();
  const bool known = !known_.layers.empty() &&
                     !(mount && has_other_layers(*mount)) &&
                     accept(known_.layers);
  if (known || (mount && accept_mount(*mount))) {
    if (mount) note_options(*mount);
    return;
  }
  if (seen_) accept_seen();
}

// Those of the mount of this very upper directory only: see run().
void RootfsSearch::note_options(const Mount& mount) {
  OverlayLayers& layers = record_.layers;
  if (layers.plain || mount.type != kOverlay) return;
  const auto options = parse_overlay(mount);
  const std::string upper = overlay_unescape(options.upper);
  const std::string work = overlay_unescape(options.work);
  if (last_two(upper) != last_two(layers.upper)) return;
  layers.userxattr = options.userxattr;
  layers.redirects =
      (options.redirect_dir.empty() ? redirects_by_default(host_.prefix)
                                    : options.redirect_dir == "on");
  // One lies next to the other wherever runtimes make them.
  if (above(work) == above(upper) && !work.empty()) {
    layers.work = above(layers.upper) + work.substr(above(work).size());
  }
}

bool RootfsSearch::accept_mount(const Mount& mount) {
  if (mount.type != kOverlay) return accept_directory(mount);
  if (!container_.name.outer.empty() && !seen_ && !makers_mounts_) {
    record_.trouble.emplace_back(
        "a container within a container: its layers' paths are not the host's");
    return false;
  }
  return accept_overlay(mount);
}

bool RootfsSearch::accept_directory(const Mount& mount) {
  for (const auto& path : directories(mount)) {
    if (!wanted_ || !accept({path, {}, true})) continue;
    record_.layers.served = starts_with(mount.type, kFuse);
    return true;
  }
  record_.trouble.push_back("its rootfs, of type " + display(mount.type) +
                            ", is in no place that the host sees");
  return false;
}

bool RootfsSearch::accept_overlay(const Mount& mount) {
  const auto layers = mounted_layers(mount);
  if (layers) return accept(*layers);
  if (layers.error().code != 0 && !is_absence(layers.error().code)) {
    note(layers.error());
  } else {
    record_.trouble.push_back(layers.error().message);
  }
  return false;
}

// Layers by a mount's options. Whoever mounted it by hand may have stood in the
// bundle or next to the rootfs.
Result<OverlayLayers> RootfsSearch::mounted_layers(const Mount& mount) {
  const auto options = parse_overlay(mount);
  if (makers_mounts_) return makers_layers(options);
  auto layers =
      find_layers(options, host_.prefix, host_.files.layer_roots(), seen_);
  if (layers || known_.bundle.empty()) return layers;
  std::vector<std::string> guesses{host_.prefix + known_.bundle};
  if (const auto slash = known_.rootfs.rfind('/');
      slash != std::string::npos && slash != 0) {
    guesses.push_back(host_.prefix + known_.rootfs.substr(0, slash));
  }
  auto guessed = proven(find_layers(options, host_.prefix, guesses, seen_));
  return guessed ? guessed : layers;
}

// Where the host sees them.
Result<OverlayLayers> RootfsSearch::makers_layers(
    const OverlayOptions& options) {
  const auto hosts = host_.proc.host_mounts();
  if (!hosts) return tl::unexpected<Error>(hosts.error());
  const auto directories = [&](const std::string& path) {
    return host_directories(path, *makers_mounts_, *hosts, host_.prefix);
  };
  OverlayOptions here = options;
  for (auto* layers : {&here.lower, &here.data}) {
    for (auto& lower : *layers) {
      auto found = directories(lower);
      if (found.empty()) {
        return fail("lower directory " + lower +
                        " of the container that it runs in, in no place of the "
                        "host",
                    ENOENT);
      }
      lower = std::move(found.front());
    }
  }
  for (auto& path : directories(overlay_unescape(options.upper))) {
    here.upper = std::move(path);
    auto layers = proven(find_layers(here, "", {}, seen_));
    if (layers) layers->within = true;
    if (layers || !is_absence(layers.error().code)) return layers;
  }
  return fail("upper directory " + options.upper +
                  " of the container that it runs in, in no place of the host",
              ENOENT);
}

// A guess is proven by the inode: where all layers are on one filesystem, the
// overlay's root has the upper's number.
Result<OverlayLayers> RootfsSearch::proven(Result<OverlayLayers> guessed) {
  if (!guessed) {
    note(guessed.error());
    return guessed;
  }
  const auto identity = upper_root_of(guessed->upper);
  if (!identity) note(identity.error());
  if (seen_ || (identity && container_.init &&
                identity->inode.ino == container_.init->root_ino)) {
    return guessed;
  }
  return fail("nothing proves that its upper directory is " + guessed->upper,
              ENOENT);
}

// Where a rootfs that is a directory may be.
std::vector<std::string> RootfsSearch::directories(const Mount& root) {
  std::vector<std::string> paths;
  if (!known_.rootfs.empty()) paths.push_back(host_.prefix + known_.rootfs);
  const auto mounts = host_.proc.host_mounts();
  if (!mounts) {
    note(mounts.error());
    return paths;
  }
  for (const auto& path : host_paths(root, *mounts)) {
    paths.push_back(host_.prefix + path);
  }
  return paths;
}

void RootfsSearch::accept_seen() {
  if (!known_.rootfs.empty() &&
      accept({host_.prefix + known_.rootfs, {}, true})) {
    return;
  }
  const auto stored = host_.files.layers_of(seen_);
  if (!stored) note(stored.error());
  if (stored && *stored && accept(**stored)) return;
  record_.trouble.push_back(
      "the upper directory that the kernel names, inode " +
      std::to_string(seen_.inode.ino) + ", is in no known place");
}

}  // namespace stillframe::containers
