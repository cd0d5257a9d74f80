// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/container_view.h"

namespace stillframe::socket_api {

// Which containers are wanted, by KEY=VALUE. As docker and podman have it: of
// several values of one key any will do, each key has to be met, and so has
// each label.
//
//   id                           the beginning of it
//   name, image                  any part of it
//   namespace, pod, workload     all of it
//   runtime, state, running
//   label                        NAME, or NAME=VALUE
class ContainerFilter {
 public:
  // In alphabetical order.
  static std::vector<std::string_view> keys();

  // The error is one printable line, and names the keys or values there are.
  Result<> add(std::string_view text);

  bool wants(const ContainerView& view) const;
  bool asks_for_any() const { return !wanted_.empty(); }
  bool asks_for(const std::string& key) const { return wanted_.contains(key); }

 private:
  std::map<std::string, std::vector<std::string>> wanted_;  // by key
};

}  // namespace stillframe::socket_api
