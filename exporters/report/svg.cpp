// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/base/text.h"
#include "exporters/report/words.h"

namespace stillframe::report {
namespace {

constexpr double kWidth = 1100;
constexpr double kLabel = 250;  // of that, for names on the left
constexpr double kLane = 20;
constexpr double kAxis = 26;
constexpr std::size_t kLabelChars = 34;
// What is narrower is drawn so wide if it is a mutation, and not at all else.
constexpr double kNarrowest = 1;
constexpr int kTicks = 6;
constexpr std::int64_t kMostBars = 62;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kDayNs = 86'400 * kSecondNs;

// Cut between characters.
std::string label(const std::string& text) {
  std::size_t chars = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && ++chars > kLabelChars) {
      return html_text(text.substr(0, i)) + "…";
    }
  }
  return html_text(text);
}

class Axis {
 public:
  Axis(Period period, double left) : period_(period), left_(left) {}

  double x(WallTime time) const {
    const double all =
        std::max<double>(1, static_cast<double>(period_.until.ns) -
                                static_cast<double>(period_.since.ns));
    const double at = static_cast<double>(time.ns - period_.since.ns) / all;
    return left_ + std::clamp(at, 0.0, 1.0) * (kWidth - left_);
  }

  std::string ticks(double height) const {
    std::string out;
    const std::int64_t step = (period_.until.ns - period_.since.ns) / kTicks;
    for (int i = 0; i <= kTicks; ++i) {
      const WallTime time{period_.since.ns + step * i};
      const double at = x(time);
      const char* anchor = i == 0 ? "start" : i == kTicks ? "end" : "middle";
      out += fmt::format(
          "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" "
          "y2=\"{1:.0f}\"/><text class=\"tick\" x=\"{0:.1f}\" y=\"{2:.0f}\" "
          "text-anchor=\"{3}\">{4}</text>",
          at, height, height + 16, anchor, tick_text(time, step));
    }
    return out;
  }

 private:
  static std::string tick_text(WallTime time, std::int64_t step) {
    const std::string text = rfc3339(time);
    if (step >= kDayNs) return text.substr(0, 10);
    if (step >= 60 * kSecondNs)
      return text.substr(5, 5) + ' ' + text.substr(11, 5);
    return text.substr(11, 8);
  }

  Period period_;
  double left_;
};

std::string stretches_svg(const ContainerReport& container, const Axis& axis,
                          double y, double height) {
  std::string out;
  double drawn_until = 0;
  for (const auto& stretch : container.stretches) {
    const double from = axis.x(stretch.since);
    double to = axis.x(stretch.until);
    const bool mutated = stretch.condition == Condition::mutated;
    if (to - from < kNarrowest) {
      if (!mutated || from < drawn_until) continue;
      to = from + kNarrowest;
    }
    if (mutated) drawn_until = to;
    out += fmt::format(
        "<rect class=\"c-{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{:.1f}\"><title>{}: {} to {}</title></rect>",
        to_string(stretch.condition), from, y, to - from, height,
        to_string(stretch.condition), rfc3339(stretch.since).substr(0, 19),
        rfc3339(stretch.until).substr(0, 19));
  }
  return out;
}

std::string svg(double height, const std::string& title,
                const std::string& body) {
  return fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" "
      "aria-label=\"{2}\">{3}</svg>",
      kWidth, height, title, body);
}

// How long a bar is, so that there are not too many.
std::int64_t step_for(std::int64_t all_ns) {
  constexpr std::array<std::int64_t, 8> kMinutes = {
      1, 5, 15, 60, 6 * 60, 24 * 60, 7 * 24 * 60, 30 * 24 * 60};
  for (const std::int64_t minutes : kMinutes) {
    const std::int64_t step = minutes * 60 * kSecondNs;
    if (all_ns / step < kMostBars) return step;
  }
  return all_ns / kMostBars + 1;
}

std::vector<const ContainerReport*> worst(const Report& report,
                                          std::size_t most) {
  std::vector<const ContainerReport*> all;
  for (const auto& node : report.nodes) {
    for (const auto& one : node.containers) {
      if (!one.stretches.empty() && !one.info.sandbox) all.push_back(&one);
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    const auto bad = [](const ContainerReport& one) {
      return std::pair(time_of(one.times, Condition::mutated),
                       time_of(one.times, Condition::unknown));
    };
    return bad(*a) > bad(*b);
  });
  if (all.size() > most) all.resize(most);
  return all;
}

}  // namespace

std::string html_text(std::string_view bytes) {
  return escape_html(printable(bytes));
}

std::string lanes_svg(const Report& report, std::size_t most) {
  const auto containers = worst(report, most);
  const Axis axis(report.period, kLabel);
  const double height = kLane * static_cast<double>(containers.size());
  std::string body = axis.ticks(height);
  double y = 0;
  for (const auto* one : containers) {
    body += fmt::format(
        "<text class=\"label\" x=\"{:.0f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kLabel - 8, y + kLane - 6, label(name_of(one->info)));
    body += stretches_svg(*one, axis, y + 3, kLane - 6);
    y += kLane;
  }
  return svg(height + kAxis, "What each container was over time", body);
}

std::string lane_svg(const ContainerReport& container, const Period& period) {
  const Axis axis(period, 0);
  return svg(14, "What it was over time",
             stretches_svg(container, axis, 0, 14));
}

std::string classes_svg(const Report& report) {
  std::map<std::string, std::map<std::string, std::uint64_t>> counts;
  std::uint64_t most = 0;
  for (const auto& node : report.nodes) {
    for (const auto& one : node.containers) {
      for (const auto& [key, count] : one.changes) {
        if (key.verdict != "violation") continue;
        counts[key.mutation_class][key.origin] += count;
      }
    }
  }
  if (counts.empty()) return {};
  for (const auto& [name, origins] : counts) {
    std::uint64_t all = 0;
    for (const auto& [origin, count] : origins) all += count;
    most = std::max(most, all);
  }
  constexpr double kLeft = 90;
  constexpr double kRight = 90;
  constexpr double kBar = 26;
  std::string body;
  double y = 0;
  for (const auto& [name, origins] : counts) {
    body += fmt::format(
        "<text class=\"label\" x=\"{:.0f}\" y=\"{:.0f}\" "
        "text-anchor=\"end\">{}</text>",
        kLeft - 8, y + 18, html_text(name));
    double x = kLeft;
    std::uint64_t all = 0;
    for (const auto& [origin, count] : origins) {
      const double width = static_cast<double>(count) /
                           static_cast<double>(most) *
                           (kWidth - kLeft - kRight);
      body += fmt::format(
          "<rect class=\"o-{0}\" x=\"{1:.1f}\" y=\"{2:.0f}\" "
          "width=\"{3:.1f}\" height=\"18\"><title>{4}, {0}: {5}</title></rect>",
          html_text(origin), x, y + 4, std::max(width, kNarrowest),
          html_text(name), count);
      x += std::max(width, kNarrowest);
      all += count;
    }
    body +=
        fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.0f}\">{}</text>",
                    x + 6, y + 18, all);
    y += kBar;
  }
  return svg(y + 4, "Violations by class and origin", body);
}

std::string updates_svg(const Report& report) {
  const std::int64_t all_ns = report.period.until.ns - report.period.since.ns;
  const std::int64_t step = step_for(all_ns);
  const auto bars = static_cast<std::size_t>((all_ns + step - 1) / step);
  struct Bar {
    std::uint64_t updates = 0;
    std::uint64_t replacements = 0;
  };
  std::vector<Bar> all(bars);
  std::uint64_t most = 0;
  const auto bar_of = [&](WallTime time) -> Bar& {
    const std::int64_t at = (time.ns - report.period.since.ns) / step;
    return all[static_cast<std::size_t>(
        std::clamp<std::int64_t>(at, 0, static_cast<std::int64_t>(bars) - 1))];
  };
  for (const auto& node : report.nodes) {
    for (const auto& one : node.containers) {
      for (const auto& update : one.updates) ++bar_of(update.started).updates;
      if (one.replaced) ++bar_of(one.replaced->time).replacements;
    }
  }
  for (const auto& bar : all) {
    most = std::max({most, bar.updates, bar.replacements});
  }
  if (most == 0) return {};
  constexpr double kLeft = 40;
  constexpr double kHeight = 120;
  const Axis axis({.since = report.period.since,
                   .until = {report.period.since.ns +
                             step * static_cast<std::int64_t>(bars)}},
                  kLeft);
  const double width = (kWidth - kLeft) / static_cast<double>(bars);
  std::string body = axis.ticks(kHeight);
  body += fmt::format(
      "<text class=\"tick\" x=\"{0:.0f}\" y=\"10\" text-anchor=\"end\">{1}"
      "</text><text class=\"tick\" x=\"{0:.0f}\" y=\"{2:.0f}\" "
      "text-anchor=\"end\">0</text>",
      kLeft - 6, most, kHeight);
  for (std::size_t i = 0; i < bars; ++i) {
    const double x = kLeft + width * static_cast<double>(i);
    const double half = std::min(width * 0.4, 30.0);
    const std::array<std::pair<std::uint64_t, const char*>, 2> two = {
        std::pair{all[i].updates, "u-in-place"},
        std::pair{all[i].replacements, "u-replaced"}};
    for (std::size_t j = 0; j < two.size(); ++j) {
      const auto& [count, name] = two[j];
      if (count == 0) continue;
      const double height =
          static_cast<double>(count) / static_cast<double>(most) * kHeight;
      body += fmt::format(
          "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
          "height=\"{:.1f}\"><title>{}</title></rect>",
          name, x + width / 2 - half + half * static_cast<double>(j),
          kHeight - height, half, height, count);
    }
  }
  return svg(kHeight + kAxis, "Updates in place and replacements over time",
             body);
}

}  // namespace stillframe::report
