// SPDX-License-Identifier: Apache-2.0
//
// What people ask: each request scans what it is about, then answers once. The
// agent's state is looked at when the answer is made, not when it was asked.
#pragma once

#include <string>
#include <vector>

#include "agent/base/task.h"
#include "agent/engine/context.h"
#include "agent/engine/fleet.h"
#include "agent/engine/reply.h"
#include "agent/engine/scans.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

class Requests {
 public:
  // All outlive it.
  Requests(Context& context, Fleet& fleet, Population& population,
           Scans& scans);

  void diff(const std::string& container, DiffPart part,
            Reply<DiffAnswer> reply);
  // What the policy makes of an absolute path.
  void explain(const std::string& container, const std::string& path,
               Reply<ExplainAnswer> reply);
  // A policy that would allow what changed in the workload's containers.
  void suggest(const std::string& workload, Reply<std::string> reply);
  // Scans all. A container removed meanwhile is no reason to fail: the answer
  // is about those that are left.
  void scan_all(Reply<void> reply);

 private:
  // Has all of them scanned, then answers with those that are left,
  // or an error when the agent stops.
  void scan_each(const std::vector<ContainerPtr>& containers,
                 Reply<std::vector<ContainerPtr>> reply);

  Context& context_;
  Fleet& fleet_;
  Population& population_;
  Scans& scans_;
};

}  // namespace stillframe::engine
