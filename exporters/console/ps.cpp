// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <utility>
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

std::string age(const ContainerRow& row, WallTime now) {
  const ContainerView& view = row.view;
  if (row.gone) return "gone " + short_age(now.ns - row.gone->since.ns);
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

bool any_has(const ContainerList& list,
             const std::string& (*text)(const ContainerInfo& info)) {
  return std::any_of(list.rows.begin(), list.rows.end(), [&](const auto& row) {
    return !text(row.view.info).empty();
  });
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

// "3 containers: 1 still, 1 mutated, 1 unknown; 1 of them gone"
std::string totals(const ContainerList& list, const Style& style) {
  std::array<std::uint64_t, kStateNames.size()> counts{};
  std::uint64_t gone = 0;
  for (const auto& row : list.rows) {
    ++counts[static_cast<std::size_t>(row.view.state)];
    gone += row.gone ? 1 : 0;
  }
  std::string out = counted(list.rows.size(), "container") + ": ";
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto state = static_cast<ContainerState>(i);
    const std::string text =
        std::to_string(counts[i]) + ' ' + std::string(to_string(state));
    out += i == 0 ? "" : ", ";
    out +=
        paint(style, counts[i] == 0 ? Color::none : state_color(state), text);
  }
  if (gone != 0) out += "; " + std::to_string(gone) + " of them gone";
  out += '\n';
  const std::string hidden = left_out_text(list);
  return hidden.empty() ? out : out + hidden + '\n';
}

// The columns in use, and what they show of a row.
class Columns {
 public:
  void add(std::string title, std::function<Cell(const ContainerRow&)> cell) {
    titles_.push_back(std::move(title));
    cells_.push_back(std::move(cell));
  }
  std::size_t size() const { return titles_.size(); }
  const std::vector<std::string>& titles() const { return titles_; }
  std::vector<Cell> row(const ContainerRow& row) const {
    std::vector<Cell> out;
    for (const auto& cell : cells_) out.push_back(cell(row));
    return out;
  }

 private:
  std::vector<std::string> titles_;
  std::vector<std::function<Cell(const ContainerRow&)>> cells_;
};

std::string id_text(const std::string& id, bool whole) {
  if (id.empty()) return "-";
  return whole ? display(id) : short_id(id);
}

std::string last_actor(const ContainerView& view, bool wide) {
  if (!view.last_actor) return "-";
  return wide ? who(*view.last_actor) : who_briefly(*view.last_actor);
}

// Where some runtime has such.
void add_places(Columns& columns, const ContainerList& list) {
  if (any_has(list, namespace_of)) {
    columns.add("NAMESPACE", [](const auto& row) {
      return Cell{or_dash(namespace_of(row.view.info))};
    });
  }
  if (any_has(list, pod_of)) {
    columns.add("POD", [](const auto& row) {
      return Cell{or_dash(pod_of(row.view.info))};
    });
  }
}

void add_names(Columns& columns) {
  columns.add("NAME", [](const auto& row) {
    const auto& info = row.view.info;
    return info.sandbox ? Cell{"(sandbox)", Color::dim}
                        : Cell{display(info.name)};
  });
  columns.add("STATE", [](const auto& row) {
    const auto state = row.view.state;
    return Cell{std::string(to_string(state)), state_color(state)};
  });
  columns.add("PATHS",
              [](const auto& row) { return Cell{paths_text(row.view)}; });
}

// Those of `wide`, in front of who came last, which may be long.
void add_more(Columns& columns, bool whole) {
  columns.add("IMAGE ID", [whole](const auto& row) {
    return Cell{id_text(row.view.info.image_id, whole)};
  });
  columns.add("RUNTIME", [](const auto& row) {
    return Cell{or_dash(row.view.info.runtime)};
  });
  columns.add("WORKLOAD", [](const auto& row) {
    return Cell{or_dash(row.view.info.workload)};
  });
  columns.add("FIRST MUTATION", [](const auto& row) {
    return Cell{moment(row.view.first_mutation)};
  });
  columns.add("STARTED",
              [](const auto& row) { return Cell{moment(row.view.started)}; });
}

}  // namespace

std::string left_out_text(const ContainerList& list) {
  if (list.stopped == 0) return {};
  std::string out = "Not shown (--all): " + std::to_string(list.stopped) +
                    (list.stopped == 1 ? " that does" : " that do") +
                    " not run";
  if (list.stopped_mutated != 0) {
    out += ", " + std::to_string(list.stopped_mutated) + " of them mutated";
  }
  return out;
}

std::string ps_table(const ContainerList& list, WallTime now,
                     const Style& style, const PsColumns& wanted) {
  if (list.rows.empty()) return {};
  const auto [wide, whole] = wanted;
  Columns columns;
  columns.add("CONTAINER", [whole = whole](const auto& row) {
    return Cell{id_text(row.view.info.id, whole)};
  });
  add_places(columns, list);
  add_names(columns);
  const std::size_t image = columns.size();
  columns.add("IMAGE", [](const auto& row) {
    const std::string& image = row.view.info.image;
    return Cell{image.empty() ? "-" : display(image)};
  });
  if (wide) add_more(columns, whole);
  const auto add_age = [&columns, now] {
    columns.add("AGE", [now](const auto& row) { return Cell{age(row, now)}; });
  };
  if (wide) add_age();
  columns.add("LAST ACTOR", [wide = wide](const auto& row) {
    return Cell{last_actor(row.view, wide)};
  });
  if (!wide) add_age();
  Table table(columns.titles());
  if (!wide && !whole) table.allow_shrinking(image, 12);
  for (const auto& row : list.rows) table.add(columns.row(row));
  return table.render(style) + '\n' + totals(list, style);
}

std::string ps_names(const ContainerList& list) {
  std::map<std::string, std::size_t> times;
  for (const auto& row : list.rows) ++times[full_name(row.view.info)];
  std::string out;
  for (const auto& row : list.rows) {
    std::string name = full_name(row.view.info);
    if (times[name] > 1) name = key_of(row.view.info);
    out += display(name) + '\n';
  }
  return out;
}

std::string ps_ids(const ContainerList& list, bool whole) {
  constexpr std::size_t kShort = 12;
  const auto text = [whole](const ContainerRow& row) {
    const auto& id = row.view.info.id;
    return whole ? id : id.substr(0, kShort);
  };
  std::map<std::string, std::size_t> times;
  for (const auto& row : list.rows) ++times[text(row)];
  std::string out;
  for (const auto& row : list.rows) {
    std::string id = text(row);
    if (times[id] > 1) id = key_of(row.view.info);
    out += display(id) + '\n';
  }
  return out;
}

std::string workloads_table(const ContainerList& list, const Style& style) {
  if (list.rows.empty()) return {};
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const auto& row : list.rows) {
    const ContainerView& view = row.view;
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
  std::string out = table.render(style);
  const std::string hidden = left_out_text(list);
  return hidden.empty() ? out : out + '\n' + hidden + '\n';
}

}  // namespace stillframe::console
