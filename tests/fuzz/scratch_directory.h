// SPDX-License-Identifier: Apache-2.0
//
// For functions that read files: a directory in memory, one for each process.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace stillframe::fuzz {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = "/dev/shm/stillframe-fuzz-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }

  void directory(const std::string& name) const {
    std::filesystem::create_directories(path_ + name);
  }
  void file(const std::string& name, std::string_view content) const {
    std::ofstream(path_ + name, std::ios::binary) << content;
  }
  void remove(const std::string& name) const {
    std::filesystem::remove(path_ + name);
  }

 private:
  std::string path_;
};

}  // namespace stillframe::fuzz
