// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/container_list.h"

#include "agent/model/container_name.h"

namespace stillframe::socket_api {

ContainerList list_containers(const Snapshot& snapshot,
                              const std::vector<DiffAnswer>& gone,
                              const Query& query) {
  const auto wanted = [&query](const ContainerView& view) {
    return (query.space.empty() || namespace_of(view.info) == query.space) &&
           query.containers.wants(view);
  };
  // Who asks whether they run means those that do not, too; and a program reads
  // that of each.
  const bool stopped = query.all || query.output == Output::json ||
                       query.containers.asks_for("running");
  ContainerList list;
  for (const auto& view : snapshot.containers) {
    if (view.gone || !wanted(view)) continue;
    if (view.running || stopped) {
      list.rows.push_back({view, std::nullopt});
      continue;
    }
    ++list.stopped;
    if (view.state == ContainerState::mutated) ++list.stopped_mutated;
  }
  for (const auto& last : gone) {
    if (wanted(last.container))
      list.rows.push_back({last.container, last.gone});
  }
  if (query.order) query.order->sort(list.rows);
  return list;
}

}  // namespace stillframe::socket_api
