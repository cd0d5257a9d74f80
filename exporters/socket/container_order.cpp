// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/container_order.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <tuple>

#include "agent/base/text.h"
#include "agent/model/container_name.h"
#include "exporters/console/actor.h"

namespace stillframe::socket_api {
namespace {

// What rows are compared by.
struct Rank {
  bool nothing = false;
  std::int64_t number = 0;
  std::string text;
};

Rank by(const std::string& text) { return {text.empty(), 0, text}; }
Rank by(WallTime time) { return {time.ns == 0, time.ns, {}}; }

// Worst first, as who sorts by it wants to see it.
std::int64_t badness(ContainerState state) {
  switch (state) {
    case ContainerState::mutated:
      return 0;
    case ContainerState::unknown:
      return 1;
    case ContainerState::still:
      break;
  }
  return 2;
}

// Youngest first: of one that is gone the age is how long it has been so.
Rank age(const ContainerRow& row) {
  if (row.gone) return {false, -row.gone->since.ns, {}};
  return {row.view.started.ns == 0, -row.view.started.ns, {}};
}

struct Column {
  std::string_view name;
  Rank (*rank)(const ContainerRow& row);
};

constexpr std::array kColumns = {
    Column{"container", [](const auto& row) { return by(row.view.info.id); }},
    Column{"namespace",
           [](const auto& row) { return by(namespace_of(row.view.info)); }},
    Column{"pod", [](const auto& row) { return by(row.view.info.pod); }},
    Column{"name", [](const auto& row) { return by(row.view.info.name); }},
    Column{"state",
           [](const auto& row) {
             return Rank{false, badness(row.view.state), {}};
           }},
    Column{"paths",
           [](const auto& row) {
             return Rank{row.view.state == ContainerState::unknown,
                         static_cast<std::int64_t>(row.view.mutated_paths),
                         {}};
           }},
    Column{"image", [](const auto& row) { return by(row.view.info.image); }},
    Column{"image-id",
           [](const auto& row) { return by(row.view.info.image_id); }},
    Column{"runtime",
           [](const auto& row) { return by(row.view.info.runtime); }},
    Column{"workload",
           [](const auto& row) { return by(row.view.info.workload); }},
    Column{"last-actor",
           [](const auto& row) {
             const auto& actor = row.view.last_actor;
             return by(actor ? console::who_briefly(*actor) : std::string());
           }},
    Column{"first-mutation",
           [](const auto& row) { return by(row.view.first_mutation); }},
    Column{"started", [](const auto& row) { return by(row.view.started); }},
    Column{"age", age},
};

}  // namespace

std::vector<std::string_view> ContainerOrder::columns() {
  std::vector<std::string_view> names;
  for (const Column& column : kColumns) names.push_back(column.name);
  return names;
}

Result<ContainerOrder> ContainerOrder::parse(std::string_view text) {
  ContainerOrder order;
  order.descending_ = text.starts_with('-');
  // As it is written in the table's head, too.
  const std::string name = to_lower(text.substr(order.descending_ ? 1 : 0));
  const auto found =
      std::find_if(kColumns.begin(), kColumns.end(),
                   [&](const Column& column) { return column.name == name; });
  if (found == kColumns.end()) {
    return fail(fmt::format("{} is not one of the columns {}, or -COLUMN",
                            display(text), fmt::join(columns(), ", ")));
  }
  order.column_ = static_cast<std::size_t>(found - kColumns.begin());
  return order;
}

void ContainerOrder::sort(std::vector<ContainerRow>& rows) const {
  const auto rank = kColumns.at(column_).rank;
  std::vector<std::pair<Rank, ContainerRow>> ranked;
  ranked.reserve(rows.size());
  for (auto& row : rows) {
    Rank of_row = rank(row);
    ranked.emplace_back(std::move(of_row), std::move(row));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [this](const auto& a, const auto& b) {
                     if (a.first.nothing != b.first.nothing)
                       return b.first.nothing;
                     const auto& less = descending_ ? b.first : a.first;
                     const auto& more = descending_ ? a.first : b.first;
                     return std::tie(less.number, less.text) <
                            std::tie(more.number, more.text);
                   });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = std::move(ranked[i].second);
  }
}

}  // namespace stillframe::socket_api
