// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/report.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "agent/model/container_name.h"

namespace stillframe::report {
namespace {

bool was_mutated(const ContainerReport& container) {
  return time_of(container.times, Condition::mutated) != 0 ||
         container.violations != 0;
}

void add(Times& sum, const Times& more) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
}

std::optional<double> middle(std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

class Sums {
 public:
  explicit Sums(Report& report) : report_(report) {}

  void add_container(const ContainerReport& container) {
    // A sandbox runs nothing that an image is for.
    if (container.info.sandbox && !was_mutated(container)) return;
    const bool mutated = was_mutated(container);
    ++report_.containers;
    if (mutated) ++report_.mutated;
    report_.violations += container.violations;
    report_.updates_in_place +=
        container.updates.size() + container.updates_left_out;
    if (container.replaced) ++report_.replacements;
    add(report_.times, container.times);
    add_to_workload(container, mutated);
    add_to_image(container, mutated);
  }

  void add_exception(const ExceptionRow& row) {
    auto& sum =
        exceptions_[{row.rule, row.reason, row.expires ? row.expires->ns : 0}];
    if (sum.rule.empty()) {
      sum = row;
      return;
    }
    if (row.changes != 0) {
      sum.first = sum.changes == 0 ? row.first : std::min(sum.first, row.first);
      sum.last = std::max(sum.last, row.last);
    }
    sum.changes += row.changes;
    sum.containers += row.containers;
    if (!sum.expired) sum.expired = row.expired;
  }

  void finish() {
    for (auto& [key, workload] : workloads_) {
      workload.median_to_replacement = middle(delays_[key]);
      report_.workloads.push_back(std::move(workload));
    }
    for (auto& [key, image] : images_) {
      report_.images.push_back(std::move(image));
    }
    for (auto& [key, row] : exceptions_) {
      report_.exceptions.push_back(std::move(row));
    }
  }

 private:
  using Name = std::pair<std::string, std::string>;

  void add_to_workload(const ContainerReport& container, bool mutated) {
    const Name key{namespace_of(container.info), container.info.workload};
    WorkloadReport& workload = workloads_[key];
    workload.space = key.first;
    workload.name = key.second;
    ++workload.containers;
    if (mutated) ++workload.mutated;
    add(workload.times, container.times);
    for (const auto& [change, count] : container.changes) {
      if (change.verdict == "violation") {
        workload.violations[change.mutation_class] += count;
      } else if (change.verdict == "allowed") {
        workload.allowed += count;
      }
    }
    workload.updates_in_place +=
        container.updates.size() + container.updates_left_out;
    if (container.replaced) {
      ++workload.replacements;
      if (container.replaced->image_changed) ++workload.with_new_image;
      if (container.replaced->mutated_seconds) {
        delays_[key].push_back(*container.replaced->mutated_seconds);
      }
    }
    if (!container.end && container.at_end == Condition::mutated) {
      ++workload.not_replaced;
    }
    if (!container.info.image_id.empty()) {
      workload.image_ids.insert(container.info.image_id);
    }
  }

  void add_to_image(const ContainerReport& container, bool mutated) {
    const auto& info = container.info;
    if (info.image_id.empty() && info.image.empty()) return;
    const std::string& key = info.image_id.empty() ? info.image : info.image_id;
    const auto [at, is_new] = images_.try_emplace(key);
    ImageRow& image = at->second;
    const WallTime last = container.end.value_or(report_.period.until);
    image.id = info.image_id;
    if (!info.image.empty()) image.names.insert(info.image);
    ++image.containers;
    if (mutated) ++image.mutated;
    image.first =
        is_new ? container.begin : std::min(image.first, container.begin);
    image.last = std::max(image.last, last);
  }

  Report& report_;
  std::map<Name, WorkloadReport> workloads_;
  std::map<Name, std::vector<double>> delays_;
  std::map<std::string, ImageRow> images_;
  std::map<std::tuple<std::string, std::string, std::int64_t>, ExceptionRow>
      exceptions_;
};

}  // namespace

Report make_report(Period period, std::vector<NodeReport> nodes) {
  Report report;
  report.period = period;
  report.nodes = std::move(nodes);
  Sums sums(report);
  for (auto& node : report.nodes) {
    for (auto& container : node.containers) {
      container.node = node.node;
      sums.add_container(container);
    }
    for (auto& row : node.policies) row.node = node.node;
    for (auto& row : node.gaps) row.node = node.node;
    for (const auto& [rule, row] : node.exceptions) sums.add_exception(row);
  }
  sums.finish();
  return report;
}

std::optional<double> share_still(const Times& times) {
  const double still = time_of(times, Condition::still);
  const double looked = still + time_of(times, Condition::mutated) +
                        time_of(times, Condition::unknown);
  if (looked <= 0) return std::nullopt;
  return still / looked;
}

}  // namespace stillframe::report
