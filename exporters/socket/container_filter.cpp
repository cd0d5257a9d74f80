// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/container_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "agent/base/suggestion.h"
#include "agent/base/text.h"
#include "agent/model/container_name.h"
#include "agent/model/runtime.h"
#include "agent/model/words.h"

namespace stillframe::socket_api {
namespace {

using Match = bool (*)(const ContainerView& view, std::string_view value);

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool has_label(const ContainerView& view, std::string_view wanted) {
  const auto equals = wanted.find('=');
  const auto& labels = view.info.labels;
  const auto found = labels.find(std::string(wanted.substr(0, equals)));
  return found != labels.end() && (equals == std::string_view::npos ||
                                   found->second == wanted.substr(equals + 1));
}

struct Key {
  std::string_view name;
  Match match;
};

constexpr std::array kKeys = {
    Key{"id",
        [](const ContainerView& view, std::string_view value) {
          return starts_with(view.info.id, value);
        }},
    Key{"image",
        [](const ContainerView& view, std::string_view value) {
          return holds(view.info.image, value);
        }},
    Key{"label", has_label},
    Key{"name",
        [](const ContainerView& view, std::string_view value) {
          return holds(view.info.name, value);
        }},
    Key{"namespace",
        [](const ContainerView& view, std::string_view value) {
          return namespace_of(view.info) == value;
        }},
    Key{"pod", [](const ContainerView& view,
                  std::string_view value) { return view.info.pod == value; }},
    Key{"running",
        [](const ContainerView& view, std::string_view value) {
          return view.running == (value == "true");
        }},
    Key{"runtime",
        [](const ContainerView& view, std::string_view value) {
          return view.info.runtime == value;
        }},
    Key{"state",
        [](const ContainerView& view, std::string_view value) {
          return to_string(view.state) == value;
        }},
    Key{"workload",
        [](const ContainerView& view, std::string_view value) {
          return view.info.workload == value;
        }},
};

const Key* key_named(std::string_view name) {
  const auto found =
      std::find_if(kKeys.begin(), kKeys.end(),
                   [&](const Key& key) { return key.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

Result<> check_value(std::string_view key, const std::string& value) {
  if (value.empty()) return fail(std::string(key) + "= needs a value");
  if (key == "running" && value != "true" && value != "false") {
    return fail("running is true or false, not " + display(value));
  }
  if (key == "state" && !state_from(value)) {
    return fail("state is still, mutated or unknown, not " + display(value));
  }
  if (key == "runtime" && std::find(kRuntimeNames.begin(), kRuntimeNames.end(),
                                    value) == kRuntimeNames.end()) {
    return fail("there is no runtime " + display(value) + ": " +
                suggestion(value, kRuntimeNames));
  }
  return {};
}

}  // namespace

std::vector<std::string_view> ContainerFilter::keys() {
  std::vector<std::string_view> names;
  for (const Key& key : kKeys) names.push_back(key.name);
  return names;
}

Result<> ContainerFilter::add(std::string_view text) {
  const auto equals = text.find('=');
  const std::string name(text.substr(0, equals));
  if (equals == std::string_view::npos || key_named(name) == nullptr) {
    return fail(fmt::format("{} is not KEY=VALUE with one of the keys {}",
                            display(text), fmt::join(keys(), ", ")));
  }
  std::string value(text.substr(equals + 1));
  if (auto good = check_value(name, value); !good) return good;
  wanted_[name].push_back(std::move(value));
  return {};
}

bool ContainerFilter::wants(const ContainerView& view) const {
  return std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& wanted) {
    const auto& [name, values] = wanted;
    const Match match = key_named(name)->match;
    const auto meets = [&](const std::string& value) {
      return match(view, value);
    };
    return name == "label" ? std::all_of(values.begin(), values.end(), meets)
                           : std::any_of(values.begin(), values.end(), meets);
  });
}

}  // namespace stillframe::socket_api
