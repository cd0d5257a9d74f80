// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/engine/context.h"
#include "agent/engine/reply.h"
#include "agent/engine/router.h"
#include "agent/engine/scan_runner.h"

namespace stillframe::engine {

// Sends out the scans that are due and takes the results back: waiting events
// first, so that what caused a change is known when the change is.
class Scans {
 public:
  // All outlive it.
  Scans(Context& context, Router& router, Population& population,
        ScanRunner& runner);

  // Starts the scan that is due, if none is under way.
  void start(const ContainerPtr& container);
  // Reads which packages an update has changed that is over.
  void finish_updates(const ContainerPtr& container);
  // Answers with the container once a full scan that began from now on has been
  // applied; with an error when the container is removed before that.
  void await(const ContainerPtr& container, Reply<ContainerPtr> reply);

 private:
  void finish(const ContainerPtr& container, Scanned scanned);

  Context& context_;
  Router& router_;
  Population& population_;
  ScanRunner& runner_;
};

}  // namespace stillframe::engine
