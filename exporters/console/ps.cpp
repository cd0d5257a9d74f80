// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "agent/base/text.h"
#include "agent/model/container_name.h"
#include "exporters/console/actor.h"
#include "exporters/console/console.h"
#include "exporters/console/table.h"

namespace stillframe::console {
namespace {

// Changed paths of a container: those known are the least there can be while
// it has not been looked at in full.
std::string paths_text(const ContainerView& view) {
  if (view.state == ContainerState::unknown) return "?";
  return std::to_string(view.mutated_paths) + (view.complete ? "" : "+");
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
  std::uint64_t unknown = 0;
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

bool any_has(const Snapshot& snapshot,
             const std::string& (*text)(const ContainerInfo& info)) {
  return std::any_of(
      snapshot.containers.begin(), snapshot.containers.end(),
      [&](const auto& view) { return !text(view.info).empty(); });
}

const std::string& pod_of(const ContainerInfo& info) { return info.pod; }

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : display(text);
}

// To the second; "-": never, or not known.
std::string moment(WallTime time) {
  constexpr std::size_t kToSeconds = 19;
  return time.ns == 0 ? "-" : rfc3339(time).substr(0, kToSeconds) + "Z";
}

// "3 containers: 1 still, 1 mutated, 1 unknown"
std::string totals(const Snapshot& snapshot, const Style& style) {
  std::array<std::uint64_t, kStateNames.size()> counts{};
  for (const auto& view : snapshot.containers) {
    ++counts[static_cast<std::size_t>(view.state)];
  }
  std::string out = counted(snapshot.containers.size(), "container") + ": ";
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto state = static_cast<ContainerState>(i);
    const std::string text =
        std::to_string(counts[i]) + ' ' + std::string(to_string(state));
    out += i == 0 ? "" : ", ";
    out +=
        paint(style, counts[i] == 0 ? Color::none : state_color(state), text);
  }
  return out;
}

}  // namespace

std::string ps_table(const Snapshot& snapshot, WallTime now, const Style& style,
                     bool wide) {
  if (snapshot.containers.empty()) return {};
  // Where some runtime has such.
  const bool spaces = any_has(snapshot, namespace_of);
  const bool pods = any_has(snapshot, pod_of);
  std::vector<std::string> columns{"CONTAINER"};
  if (spaces) columns.emplace_back("NAMESPACE");
  if (pods) columns.emplace_back("POD");
  columns.insert(columns.end(), {"NAME", "STATE", "PATHS", "IMAGE"});
  const std::size_t image = columns.size() - 1;
  if (wide) columns.insert(columns.end(), {"IMAGE ID", "RUNTIME", "WORKLOAD"});
  columns.emplace_back("LAST ACTOR");
  if (wide) columns.insert(columns.end(), {"FIRST MUTATION", "STARTED"});
  columns.emplace_back("AGE");
  Table table(std::move(columns));
  if (!wide) table.allow_shrinking(image, 12);
  for (const auto& view : snapshot.containers) {
    std::vector<Cell> row{{short_id(view.info.id), Color::none}};
    if (spaces) {
      row.push_back({or_dash(namespace_of(view.info)), Color::none});
    }
    if (pods) row.push_back({or_dash(pod_of(view.info)), Color::none});
    row.insert(row.end(),
               {{view.info.sandbox ? "(sandbox)" : display(view.info.name),
                 view.info.sandbox ? Color::dim : Color::none},
                {std::string(to_string(view.state)), state_color(view.state)},
                {paths_text(view), Color::none},
                {display(view.info.image), Color::none}});
    if (wide) {
      row.insert(row.end(),
                 {{or_dash(short_id(view.info.image_id)), Color::none},
                  {or_dash(view.info.runtime), Color::none},
                  {or_dash(view.info.workload), Color::none}});
    }
    row.push_back(
        {view.last_actor ? who_briefly(*view.last_actor) : "-", Color::none});
    if (wide) {
      row.insert(row.end(), {{moment(view.first_mutation), Color::none},
                             {moment(view.started), Color::none}});
    }
    row.push_back({age(view, now), Color::none});
    table.add(std::move(row));
  }
  Style shown = style;
  if (wide) shown.width = 0;
  return table.render(shown) + '\n' + totals(snapshot, style) + '\n';
}

std::string ps_names(const Snapshot& snapshot) {
  std::map<std::string, std::size_t> times;
  for (const auto& view : snapshot.containers) ++times[full_name(view.info)];
  std::string out;
  for (const auto& view : snapshot.containers) {
    std::string name = full_name(view.info);
    if (times[name] > 1) name = key_of(view.info);
    out += display(name) + '\n';
  }
  return out;
}

std::string workloads_table(const Snapshot& snapshot, const Style& style) {
  if (snapshot.containers.empty()) return {};
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const auto& view : snapshot.containers) {
    if (view.info.sandbox) continue;
    Group& group = groups[{view.info.workload, view.info.pod_namespace}];
    ++group.containers;
    group.running += view.running ? 1 : 0;
    group.mutated += view.state == ContainerState::mutated ? 1 : 0;
    group.unknown += view.state == ContainerState::unknown ? 1 : 0;
    group.paths += view.mutated_paths;
    group.images.insert(view.info.image);
  }
  Table table({"WORKLOAD", "NAMESPACE", "CONTAINERS", "RUNNING", "MUTATED",
               "UNKNOWN", "PATHS", "IMAGES"});
  table.allow_shrinking(7, 12);
  for (const auto& [key, group] : groups) {
    table.add({{key.first.empty() ? "-" : display(key.first), Color::none},
               {key.second.empty() ? "-" : display(key.second), Color::none},
               {std::to_string(group.containers), Color::none},
               {std::to_string(group.running), Color::none},
               {std::to_string(group.mutated),
                group.mutated != 0 ? Color::red : Color::green},
               {std::to_string(group.unknown),
                group.unknown != 0 ? Color::yellow : Color::none},
               {std::to_string(group.paths), Color::none},
               {images_text(group.images), Color::none}});
  }
  return table.render(style);
}

}  // namespace stillframe::console
