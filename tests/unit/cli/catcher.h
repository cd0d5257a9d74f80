// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <string>

#include "agent/base/fd.h"
#include "agent/base/file.h"

namespace stillframe::cli {

// Catches what a command writes.
class Catcher {
 public:
  Catcher() : fd_(::memfd_create("caught", MFD_CLOEXEC)) {}
  int fd() const { return fd_; }
  std::string text() const {
    return *read_file("/proc/self/fd/" + std::to_string(fd_));
  }

 private:
  Fd fd_;
};

}  // namespace stillframe::cli
