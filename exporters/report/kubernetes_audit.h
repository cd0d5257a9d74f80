// SPDX-License-Identifier: Apache-2.0
//
// The API server's audit log (audit.k8s.io/v1, a JSON object a line): who
// asked for `kubectl exec` and the like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "exporters/report/report.h"

namespace stillframe::report {

class KubernetesAudit {
 public:
  // How much later than the request the session's first process may begin,
  // and, as two machines' clocks differ, how much earlier.
  static constexpr std::int64_t kLatestNs = 10'000'000'000;
  static constexpr std::int64_t kEarliestNs = -2'000'000'000;

  // Reads a file besides those before. Other requests than those into a
  // container, and lines that are no events, are passed over; it fails where
  // there is no event at all.
  Result<> read(const std::string& file);
  // How many there are into containers.
  std::size_t requests() const { return requests_.size(); }
  // One line of such a file; false: it is no event.
  bool take(std::string_view line);

  // Who asked for the session, of requests into its container at its time that
  // were not refused: by the number of the request where the session has it;
  // else by the command, if that fits one user's requests only.
  std::optional<KubernetesUser> find(const ContainerInfo& container,
                                     const Session& session) const;

 private:
  struct Request {
    std::string user;
    std::string audit_id;
    std::string pod;        // "namespace/name"
    std::string container;  // empty: the pod's first
    std::string command;
    WallTime time;
    bool refused = false;
  };

  bool fits(const Request& request, const ContainerInfo& container,
            const Session& session) const;

  std::vector<Request> requests_;
  std::unordered_map<std::string, std::size_t> by_number_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_pod_;
};

}  // namespace stillframe::report
