// SPDX-License-Identifier: Apache-2.0
//
// What the commands about a journal have in common: where it is, whose keys
// sign it, and how far the reading of it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/journal/signature.h"

namespace stillframe::cli {

bool exists(const std::string& path);

// The journal of a state directory is in it. What is given is looked at first,
// so that nobody can hide a journal by another one inside it.
std::string journal_directory(const std::string& given);

Result<std::vector<journal::Key>> read_keys(
    const std::vector<std::string>& files);

// One line on a terminal, written over and over.
class Progress {
 public:
  // `doing`: "verifying"
  Progress(int fd, std::string doing);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::uint64_t done, std::uint64_t of);

 private:
  static constexpr std::uint64_t kNothing = 101;

  void write(const std::string& text) const;

  int fd_;
  std::string doing_;
  bool terminal_;
  std::uint64_t percent_ = kNothing;
};

}  // namespace stillframe::cli
