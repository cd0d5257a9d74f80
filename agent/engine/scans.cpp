// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/scans.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "agent/base/log.h"

namespace stillframe::engine {
namespace {

std::size_t entries_in(const drift::ScanResult& scan) { return scan.size(); }

std::size_t entries_in(const drift::PartialResult& part) {
  std::size_t entries = 0;
  for (const auto& directory : part.directories) {
    entries += directory.size();
  }
  return entries;
}

template <typename Result>
void count(AgentStats& stats, const Result& result,
           const ContainerInfo& container) {
  ++stats.scans;
  stats.scan_entries += entries_in(result);
  stats.scan_seconds += static_cast<double>(result.duration_ns) / 1e9;
  if (result.errors.empty()) return;
  ++stats.scan_errors;
  log_warn("a scan could not read everything: what was known is kept",
           {{"container", container.id},
            {"name", container.name},
            {"error", drift::text_of(result.errors.front())},
            {"errors", result.errors.size()},
            {"hint", "it is tried again"}});
}

}  // namespace

Scans::Scans(Context& context, Router& router, Population& population,
             ScanRunner& runner)
    : context_(context),
      router_(router),
      population_(population),
      runner_(runner) {}

void Scans::start(const ContainerPtr& container) {
  auto work = container->take_scan();
  if (!work) return;
  runner_.submit(container->scanner(), std::move(*work), container->urgent(),
                 [this, container](Scanned scanned) {
                   finish(container, std::move(scanned));
                 });
}

void Scans::finish_updates(const ContainerPtr& container) {
  while (auto over = container->take_update_over(context_.now())) {
    const std::uint64_t id = over->id;
    if (over->packages.empty()) {
      container->update_over(id, {});
      continue;
    }
    runner_.read(
        [scanner = container->scanner(), over = std::move(*over)] {
          return drift::read_packages(scanner->layers(), over.packages);
        },
        [container, id](std::vector<PackageChange> packages) {
          container->update_over(id, std::move(packages));
        });
  }
}

void Scans::finish(const ContainerPtr& container, Scanned scanned) {
  std::visit(
      [&](const auto& result) {
        count(context_.stats, result, container->info());
      },
      scanned);
  context_.changed = true;
  router_.drain();                       // may remove the container
  std::optional<std::uint64_t> started;  // of a full one
  if (const auto* full = std::get_if<drift::ScanResult>(&scanned)) {
    started = full->started_boot_ns;
  }
  if (population_.may_be_going(container)) {
    // What is missing may be the runtime's work: who is removed is known by
    // what was there before.
    std::visit([](auto& result) { drift::give_up(result); }, scanned);
    container->request_thorough_scan();
    started.reset();
  }
  container->apply(std::move(scanned));
  if (!started || container->removed()) return;
  if (container->answer_waiting(container, *started)) start(container);
}

void Scans::await(const ContainerPtr& container, Reply<ContainerPtr> reply) {
  population_.look_for_rootfs(container, context_.now());
  router_.look_at_environment(container);  // may remove the container
  container->await_scan(container, std::move(reply));
  start(container);
}

}  // namespace stillframe::engine
