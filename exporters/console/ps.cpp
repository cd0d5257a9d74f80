// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/console.h"
#include "exporters/console/table.h"

namespace stillframe::console {
namespace {

Cell state_cell(const ContainerView& view) {
  if (view.state == ContainerState::mutated) return {"mutated", Color::red};
  return {"still", Color::green};
}

std::string age(const ContainerView& view, WallTime now) {
  if (!view.running) return "stopped";
  if (view.started.ns == 0) return "?";
  return short_age(now.ns - view.started.ns);
}

struct Group {
  std::uint64_t containers = 0;
  std::uint64_t running = 0;
  std::uint64_t mutated = 0;
  std::uint64_t paths = 0;
  std::set<std::string> images;
};

std::string images_text(const std::set<std::string>& images) {
  std::string out;
  for (const auto& image : images) {
    if (!out.empty()) out += ", ";
    out += display(image);
  }
  return out;
}

}  // namespace

std::string ps_table(const Snapshot& snapshot, WallTime now,
                     const Style& style) {
  if (snapshot.containers.empty()) return {};
  Table table(
      {"CONTAINER", "NAME", "STATE", "PATHS", "IMAGE", "LAST ACTOR", "AGE"});
  table.allow_shrinking(4, 12);
  for (const auto& view : snapshot.containers) {
    std::string paths = std::to_string(view.mutated_paths);
    if (!view.complete) paths += '+';
    table.add(
        {{short_id(view.info.id), Color::none},
         {display(view.info.name), Color::none},
         state_cell(view),
         {std::move(paths), Color::none},
         {display(view.info.image), Color::none},
         {view.last_actor ? who_briefly(*view.last_actor) : "-", Color::none},
         {age(view, now), Color::none}});
  }
  return table.render(style);
}

std::string workloads_table(const Snapshot& snapshot, const Style& style) {
  if (snapshot.containers.empty()) return {};
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const auto& view : snapshot.containers) {
    Group& group = groups[{view.info.workload, view.info.pod_namespace}];
    ++group.containers;
    group.running += view.running ? 1 : 0;
    group.mutated += view.state == ContainerState::mutated ? 1 : 0;
    group.paths += view.mutated_paths;
    group.images.insert(view.info.image);
  }
  Table table({"WORKLOAD", "NAMESPACE", "CONTAINERS", "RUNNING", "MUTATED",
               "PATHS", "IMAGES"});
  table.allow_shrinking(6, 12);
  for (const auto& [key, group] : groups) {
    table.add({{key.first.empty() ? "-" : display(key.first), Color::none},
               {key.second.empty() ? "-" : display(key.second), Color::none},
               {std::to_string(group.containers), Color::none},
               {std::to_string(group.running), Color::none},
               {std::to_string(group.mutated),
                group.mutated != 0 ? Color::red : Color::green},
               {std::to_string(group.paths), Color::none},
               {images_text(group.images), Color::none}});
  }
  return table.render(style);
}

}  // namespace stillframe::console
