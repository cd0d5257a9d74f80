// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/requests.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "agent/base/text.h"
#include "agent/engine/answer.h"
#include "agent/policy/explain.h"
#include "agent/policy/suggest.h"

namespace stillframe::engine {
namespace {

constexpr std::size_t kListedBytes = 200;

bool lies_on(std::string_view path, std::string_view mount) {
  return path.starts_with(mount) &&
         (path.size() == mount.size() || path[mount.size()] == '/');
}

// The innermost; null: none.
const MountPoint* mount_under(const std::vector<MountPoint>& mounts,
                              std::string_view path) {
  const MountPoint* found = nullptr;
  for (const auto& mount : mounts) {
    if (lies_on(path, mount.path) &&
        (found == nullptr || found->path.size() <= mount.path.size())) {
      found = &mount;
    }
  }
  return found;
}

// What is known of the path's place, beyond what changed there.
void place(ExplainAnswer& answer, const ContainerRecord& record) {
  if (const auto* mount = mount_under(record.mounts, answer.path)) {
    answer.mount = *mount;
    std::erase_if(answer.verdicts, [](const PolicyVerdict& row) {
      return row.mutation_class != Class::code;
    });
  } else if (!record.layers.served) {
    answer.init_pid = record.init_pid;
    answer.init_start_ns = record.init_start_ns;
  }
}

// Gathers the answers of several scans. Each waits with a share of this; when
// the last share is given up, the request is answered.
struct Round {
  explicit Round(Reply<std::vector<ContainerPtr>> to) : reply(std::move(to)) {}
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;
  ~Round() {
    if (stopping) return;  // the reply answers so by itself
    reply.answer(std::move(scanned));
  }

  Reply<std::vector<ContainerPtr>> reply;
  std::vector<ContainerPtr> scanned;
  bool stopping = false;
};

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (out.size() > kListedBytes) return out + "…";
    out += (out.empty() ? "; there are: " : ", ") + display(name);
  }
  return out;
}

}  // namespace

Requests::Requests(Context& context, Fleet& fleet, Population& population,
                   Scans& scans)
    : context_(context),
      fleet_(fleet),
      population_(population),
      scans_(scans) {}

void Requests::diff(const std::string& container, DiffPart part,
                    Reply<DiffAnswer> reply) {
  population_.take_new_names();
  auto chosen = fleet_.choose(container);
  if (!chosen) return reply.fail(chosen.error());
  if (!(*chosen)->running()) {
    (*chosen)->check_existence_soon();
    population_.check_existence(*chosen, context_.now());
  }
  scans_.await(*chosen,
               Reply<ContainerPtr>([part, reply = std::move(reply)](
                                       Result<ContainerPtr> scanned) mutable {
                 if (!scanned) return reply.fail(scanned.error());
                 reply.answer(answer_about(**scanned, part));
               }));
}

void Requests::explain(const std::string& container, const std::string& path,
                       Reply<ExplainAnswer> reply) {
  if (path.empty() || path[0] != '/') {
    return reply.fail({EINVAL, display(path) + " is not an absolute path"});
  }
  diff(container, DiffPart::changes,
       Reply<DiffAnswer>([this, path, reply = std::move(reply)](
                             Result<DiffAnswer> found) mutable {
         if (!found) return reply.fail(found.error());
         ExplainAnswer answer;
         answer.container = found->container.info;
         answer.path = path;
         answer.policy_file = context_.settings.policy_file;
         answer.verdicts =
             policy::explain(*context_.policy, answer.container, path);
         for (const auto& change : found->changes) {
           if (change.path == path) answer.now = change;
         }
         if (const auto one = fleet_.by_id(answer.container)) {
           place(answer, one->record());
         }
         reply.answer(std::move(answer));
       }));
}

void Requests::suggest(const std::string& workload, Reply<std::string> reply) {
  std::vector<ContainerPtr> chosen;
  std::vector<std::string> others;
  for (const auto& container : fleet_.all()) {
    const auto& name = container->info().workload;
    if (!workload.empty() && name == workload) {
      chosen.push_back(container);
    } else if (!name.empty() &&
               std::find(others.begin(), others.end(), name) == others.end()) {
      others.push_back(name);
    }
  }
  if (chosen.empty()) {
    return reply.fail({ENOENT, "no workload " + display(workload) +
                                   " on this node" + listed(others)});
  }
  scan_each(chosen,
            Reply<std::vector<ContainerPtr>>(
                [workload, reply = std::move(reply)](
                    Result<std::vector<ContainerPtr>> scanned) mutable {
                  if (!scanned) return reply.fail(scanned.error());
                  if (scanned->empty()) return reply.fail(container_is_gone());
                  std::vector<policy::SeenContainer> seen;
                  for (const auto& container : *scanned) {
                    seen.push_back({container->info(), container->diff()});
                  }
                  reply.answer(policy::suggest(workload, seen));
                }));
}

void Requests::scan_all(Reply<void> reply) {
  const std::uint64_t now = context_.now();
  population_.take_new_names();
  for (const auto& container : fleet_.all()) {
    container->check_existence_soon();
    population_.check_existence(container, now);
  }
  scan_each(fleet_.all(),
            Reply<std::vector<ContainerPtr>>(
                [reply = std::move(reply)](
                    const Result<std::vector<ContainerPtr>>& scanned) mutable {
                  if (!scanned) return reply.fail(scanned.error());
                  reply.answer({});
                }));
}

void Requests::scan_each(const std::vector<ContainerPtr>& containers,
                         Reply<std::vector<ContainerPtr>> reply) {
  const auto round = std::make_shared<Round>(std::move(reply));
  for (const auto& container : containers) {
    scans_.await(
        container,
        Reply<ContainerPtr>([round](const Result<ContainerPtr>& scanned) {
          if (scanned) {
            round->scanned.push_back(*scanned);
          } else if (scanned.error().code == agent_is_stopping().code) {
            round->stopping = true;
          }
        }));
  }
}

}  // namespace stillframe::engine
