// SPDX-License-Identifier: Apache-2.0
//
// The seam to container runtimes: one implementation per way of keeping
// metadata on disk. None talks to the runtime or takes its locks, so what is
// read may be half written: it is checked, and read again later. What a file
// does not hold is an empty answer; a file that could not be read is an error,
// and never "there is no such container".
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/listing.h"
#include "agent/model/container.h"

namespace stillframe::containers {

struct RuntimeQuery {
  std::string id;
  std::string cgroup_path;            // empty: not running
  std::string space = {};             // ContainerInfo::space; empty: not known
  std::optional<unsigned> user = {};  // whose it is sure to be
};

struct RuntimeMetadata {
  ContainerInfo info;
  OverlayLayers layers;  // empty where the runtime's files do not say
  std::string rootfs;    // where the host mounts it, if anywhere
  std::string bundle;    // directory of its OCI config, where one is named
  std::string hostname;  // the host's file that it has at /etc/hostname
  bool build = false;    // a step of an image build: no container of its own
  Preparation asked;
  bool rootless = false;  // said by a user's files, true of that user's only
  std::optional<unsigned> user;  // which, where that is known
  std::uint32_t init_pid = 0;
  std::uint64_t init_start_ticks = 0;
  std::vector<std::string> trouble;
  // Something of it could not be read: there may be more to it than this.
  std::optional<Error> unread;

  // Keeps `error`, met while reading `what`: as trouble, and as unread unless
  // it only says that something is not there.
  void note(const std::string& what, const Error& error) {
    trouble.push_back(what + ": " + error.message);
    if (error.code != 0 && !is_absence(error.code) && !unread) unread = error;
  }
};

// None: the runtime does not know the container.
using MetadataResult = Result<std::optional<RuntimeMetadata>>;

// A process, which its number alone is not.
struct InitRef {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  auto operator<=>(const InitRef&) const = default;
};

struct KnownCgroups {
  // Cgroup path -> id of the container that a runtime put there.
  std::map<std::string, std::string> ids;
  // Cgroup path -> the first process of that container, wherever it is by now;
  // of those alone that are root's: a user may name any process.
  std::map<std::string, InitRef> inits = {};
  std::vector<Error> errors = {};
};

class RuntimeResolver {
 public:
  virtual ~RuntimeResolver() = default;

  // Whether it keeps containers of ContainerInfo::runtime `runtime`.
  virtual bool serves(std::string_view runtime) const = 0;

  virtual MetadataResult find(const RuntimeQuery& query) = 0;

  // What another's files say of a container that may be one of ours, kept in a
  // place that we did not know of. True: find() may say more now.
  virtual bool learn(const RuntimeMetadata& /*known*/) { return false; }

  // A low-level runtime was run as root with its states in `directory`.
  virtual void learn_states(const std::string& /*directory*/) {}
  // Of the states in such directories the one of that init. Which there are
  // depends on who was seen: a container is not to be called after them.
  // `users`: who may have started it, whose own files are believed then.
  virtual std::optional<RuntimeMetadata> of_init(
      std::uint32_t /*pid*/, std::uint64_t /*start_ticks*/,
      const std::set<unsigned>& /*users*/) {
    return std::nullopt;
  }

  // Adds what it has of a container that another one knows.
  virtual void complete(RuntimeMetadata& /*known*/) {}

  // For containers whose path says nothing.
  virtual KnownCgroups cgroups() { return {}; }

  // As far as that can be known without a look at all containers: the one that
  // this runtime put into exactly that cgroup. None: ask cgroups().
  virtual std::optional<std::string> owner_of(const std::string& /*cgroup*/) {
    return std::nullopt;
  }

  // All containers with a rootfs on disk, running or not.
  virtual Listing<RuntimeMetadata> stored() { return {}; }

  // What containers are called by now, by id. Asked for often: reads only what
  // was rewritten since.
  virtual std::map<std::string, std::string> names() { return {}; }

  // The directories of the files that this is read from, if they are of root's
  // own: what others rewrite all day is looked at when it is asked for.
  virtual std::vector<std::string> name_places() { return {}; }

  // Directories that overlay mounts' relative paths start from.
  virtual std::vector<std::string> layer_roots() { return {}; }

  // The upper directories below the layer roots.
  virtual Listing<std::string> uppers() { return {}; }
};

}  // namespace stillframe::containers
