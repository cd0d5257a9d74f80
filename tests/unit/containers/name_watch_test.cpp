// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/name_watch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>

#include "temp_host.h"

namespace stillframe::containers {
namespace {

void replace(const TempHost& host, const std::string& path) {
  host.file(path + ".new", "x");
  std::filesystem::rename(host.prefix() + path + ".new", host.prefix() + path);
}

bool readable(const NameWatch& watch) {
  pollfd one{watch.poll_fd(), POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

TEST(NameWatch, NoticesReplacedFilesOnly) {
  const TempHost host;
  const auto directory = host.directory("/store");
  NameWatch watch;
  watch.watch({directory});
  host.file("/store/containers.lock", "x");
  host.directory("/store/id");
  EXPECT_FALSE(readable(watch));
  EXPECT_FALSE(watch.touched());
  replace(host, "/store/containers.json");
  EXPECT_TRUE(readable(watch));
  EXPECT_TRUE(watch.touched());
  EXPECT_FALSE(watch.touched());
}

TEST(NameWatch, FollowsDirectoriesThatComeGoAndComeAgain) {
  const TempHost host;
  const std::string late = host.prefix() + "/late";
  NameWatch watch;
  watch.watch({late});
  for (int life = 0; life < 2; ++life) {
    host.directory("/late");
    watch.watch({late});
    replace(host, "/late/a");
    EXPECT_TRUE(watch.touched()) << life;
    host.remove("/late");
    EXPECT_FALSE(watch.touched()) << life;
  }
}

TEST(NameWatch, LeavesWhatIsNotWantedAnyMore) {
  const TempHost host;
  const auto one = host.directory("/one");
  host.link("/same", one);
  NameWatch watch;
  watch.watch({one, host.prefix() + "/same"});
  replace(host, "/one/a");
  EXPECT_TRUE(watch.touched());
  watch.watch({});
  replace(host, "/one/a");
  EXPECT_FALSE(watch.touched());
}

}  // namespace
}  // namespace stillframe::containers
