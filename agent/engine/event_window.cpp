// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/event_window.h"

#include <map>
#include <string>

namespace stillframe::engine {
namespace {

// A node of a map, without what it holds.
constexpr std::size_t kNode = 32;

template <typename... Texts>
std::size_t sizes(const Texts&... texts) {
  return (texts.size() + ...);
}

std::size_t size_of(const NameList& names) {
  std::size_t sum = 0;
  for (const auto& name : names.all()) sum += sizeof(std::string) + name.size();
  return sum;
}

std::size_t size_of(const std::map<std::string, std::string>& map) {
  std::size_t sum = 0;
  for (const auto& entry : map) {
    sum += kNode + sizeof entry + sizes(entry.first, entry.second);
  }
  return sum;
}

}  // namespace

std::size_t size_of(const StreamEvent& event, const StreamEvent* before) {
  return sizeof event + size_of(event.facts) +
         sizes(event.kind, event.rule, event.path, event.from, event.detail) +
         size_of_shared(event, before);
}

std::size_t size_of_shared(const StreamEvent& event,
                           const StreamEvent* before) {
  std::size_t sum = 0;
  if (event.update) {
    sum += sizeof(Update) + sizes(event.update->tool, event.update->command);
    for (const auto& package : event.update->packages) {
      sum += sizeof package +
             sizes(package.manager, package.name, package.version);
    }
  }
  if (!event.actor || (before != nullptr && before->actor &&
                       before->actor->shares(*event.actor))) {
    return sum;
  }
  const Actor& actor = **event.actor;
  sum += sizeof actor + sizes(actor.tool, actor.comm, actor.exe, actor.user);
  sum += size_of(actor.ancestors);
  if (actor.login) sum += sizes(actor.login->user);
  if (actor.session) {
    sum += sizes(actor.session->first_cmd, actor.session->tty,
                 actor.session->request_uid) +
           size_of(actor.session->ancestors);
  }
  return sum;
}

}  // namespace stillframe::engine
