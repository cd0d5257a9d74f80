// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/kind_list.h"
#include "agent/model/shared_path.h"
#include "agent/model/words.h"

namespace stillframe {

// Names that many share: copies are cheap, and equal if the names are.
class NameList {
 public:
  using All = std::vector<std::string>;

  NameList() = default;  // none
  explicit NameList(All all) {
    if (!all.empty()) all_ = std::make_shared<const All>(std::move(all));
  }

  bool empty() const { return !all_; }
  const All& all() const {
    static const All kNone;
    return all_ ? *all_ : kNone;
  }
  bool operator==(const NameList& other) const {
    return all_ == other.all_ || all() == other.all();
  }

 private:
  std::shared_ptr<const All> all_;
};

// Everything that came in through one exec or nsenter.
struct Session {
  std::uint64_t id = 0;
  std::string first_cmd;
  std::string tty;  // "pts3", or empty
  std::uint32_t uid = 0;
  WallTime start;
  // Names of who called for it, outermost first, as `sshd`, `bash`, `sudo`,
  // `podman`; empty: not known. What the runtime runs for itself is left out.
  NameList ancestors;
  // What is in its environment as the number of a request that the API server
  // has audited: said by the container's environment, and no proof.
  std::string request_uid;
  bool operator==(const Session&) const = default;
};

// Who had logged in to the host, whatever sudo or su made of them since, as the
// kernel keeps it for audit.
struct Login {
  std::uint32_t uid = 0;
  std::uint32_t session = 0;  // audit's; logind's, where that runs
  std::string user;           // what the host calls them; empty: not known
  bool operator==(const Login&) const = default;
};

// Who did it.
struct Actor {
  Origin origin = Origin::unattributed;
  std::string tool;  // apt, dpkg, cp, shell, …; empty: none recognised
  std::string comm;
  std::string exe;  // full path where it could still be read, else its name
  std::uint32_t pid = 0;
  std::uint32_t uid = 0;
  std::string user;            // of the host; empty: none, or not the host's
  std::optional<Login> login;  // none: not known
  bool ambiguous = false;      // one of several that touched the directory
  std::uint64_t update = 0;    // the Update that it is part of; 0: of none
  std::optional<Session> session;
  // As a session's, of one that is in no session.
  NameList ancestors;
  bool operator==(const Actor&) const = default;
};

// Who wrote limits, by control file.
using LimitActors = std::map<std::string, Actor>;

// One of them. Copies share it: of a flood of events most have the same.
class SharedActor {
 public:
  SharedActor() = default;  // nobody is known
  explicit SharedActor(Actor actor)
      : actor_(std::make_shared<const Actor>(std::move(actor))) {}

  const Actor& operator*() const {
    static const Actor kNobody;
    return actor_ ? *actor_ : kNobody;
  }
  const Actor* operator->() const { return &**this; }
  bool shares(const SharedActor& other) const { return actor_ == other.actor_; }

 private:
  std::shared_ptr<const Actor> actor_;
};

// Several who did it, who came last at the end. Copies share them: of a hundred
// thousand changes most have the same.
class ActorList {
 public:
  using All = std::vector<Actor>;

  ActorList() = default;
  explicit ActorList(All all)
      : all_(std::make_shared<const All>(std::move(all))) {}
  ActorList(std::initializer_list<Actor> all) : ActorList(All(all)) {}

  bool empty() const { return all().empty(); }
  std::size_t size() const { return all().size(); }
  All::const_iterator begin() const { return all().begin(); }
  All::const_iterator end() const { return all().end(); }
  const Actor& back() const { return all().back(); }
  const Actor& at(std::size_t index) const { return all().at(index); }
  // The same of those that share all; null: nobody.
  const void* id() const { return all_.get(); }

 private:
  const All& all() const {
    static const All kNone;
    return all_ ? *all_ : kNone;
  }
  std::shared_ptr<const All> all_;
};

enum class Change : char {
  none = ' ',
  added = 'A',
  changed = 'C',
  deleted = 'D'
};

// One changed path of a container, as `diff` shows it. Kept small: an answer
// may have a hundred thousand.
struct PathChange {
  SharedPath path;                         // inside the container, raw bytes
  std::shared_ptr<const SharedPath> from;  // a rename's former path, or null
  KindList kinds;
  std::string rule;  // the policy rule that decided, or empty
  WallTime first_seen;
  WallTime last_seen;
  std::uint64_t count = 0;
  ActorList actors;  // none: only what is in the directory changed
  std::uint32_t actors_left_out = 0;  // who came too, and are not kept
  Change change = Change::changed;
  Class mutation_class = Class::content;
  Verdict verdict = Verdict::violation;
  bool shown_by_runtime = true;  // false: the container's own tool hides it
};

// One line of what the container's own tool prints: a letter and a path.
struct RuntimeLine {
  Change change = Change::none;
  SharedPath path;
  std::string text() const {
    return std::string{static_cast<char>(change), ' '} + path.text();
  }
};

// A mutation as it happens: an entry of the event stream.
struct MutationEvent {
  WallTime time;
  Kind kind = Kind::unknown_change;
  Verdict verdict = Verdict::violation;
  std::string rule;
  std::string path;
  std::string from;
  std::string detail;  // sysctl value and the like
  // What has a name of its own: the old and the new value of a limit.
  std::map<std::string, std::string> facts;
  std::uint64_t count = 1;
  SharedActor actor;
};

}  // namespace stillframe
