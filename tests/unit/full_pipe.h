// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

namespace stillframe::test {

// A pipe that nobody reads, in the place of stderr.
class FullPipe {
 public:
  FullPipe() {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC | O_NONBLOCK), 0);
    const std::string page(4096, '.');
    while (::write(ends_[1], page.data(), page.size()) > 0) ++pages_;
    EXPECT_EQ(::fcntl(ends_[1], F_SETFL, 0), 0);
    stderr_ = ::dup(STDERR_FILENO);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~FullPipe() {
    ::dup2(stderr_, STDERR_FILENO);
    for (const int fd : {ends_[0], ends_[1], stderr_}) ::close(fd);
  }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;

  // What came after it was full, or was emptied.
  std::string read_all() {
    std::string all(1 << 20, '\0');
    const auto n = ::read(ends_[0], all.data(), all.size());
    all.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return all.substr(std::min(all.size(), 4096 * std::exchange(pages_, 0)));
  }

 private:
  int ends_[2] = {-1, -1};
  int stderr_ = -1;
  std::size_t pages_ = 0;
};

}  // namespace stillframe::test
