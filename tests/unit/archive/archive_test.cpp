// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/archive.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/unit/archive/states.h"
#include "tests/unit/journal/scratch_directory.h"

namespace stillframe::archive::test {
namespace {

using journal::ScratchDirectory;

class ArchiveTest : public ::testing::Test {
 protected:
  ArchiveTest() { start(); }
  void start() {
    archive_.emplace(dir_.path("gone"), Bounds(), the_format(), clock_);
  }
  DiffAnswer state(std::size_t changes) const {
    return state_of("3f2a00", "web", changes, clock_.wall());
  }
  DiffAnswer kept(std::size_t changes) const {
    auto answer = state(changes);
    answer.gone = Gone{.since = {}, .as_of = clock_.wall(), .seen = false};
    return answer;
  }
  std::optional<DiffAnswer> found(const std::string& container) {
    auto answer = archive_->find(container);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::move(*answer) : std::nullopt;
  }

  ScratchDirectory dir_;
  SetClock clock_;
  std::string path_ = dir_.path("3f2a00.last");
  std::optional<Archive> archive_;
};

TEST_F(ArchiveTest, WhoIsGoneIsFoundAtOnceAndLater) {
  EXPECT_TRUE(archive_->keep(path_, kept(1)));
  EXPECT_FALSE(found("web"));  // it is there
  archive_->add(path_, "3f2a00", state(2));
  ASSERT_TRUE(found("web"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  archive_.reset();
  start();
  const auto after = found("3f2a");
  ASSERT_TRUE(after);
  EXPECT_EQ(told(*after), told(state(2)));
  EXPECT_TRUE(after->gone->seen);
}

TEST_F(ArchiveTest, WhatWasTakenIsWrittenBeforeItEnds) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(archive_->keep(path_, kept(static_cast<std::size_t>(i))));
  }
  archive_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
  start();
  archive_->add_kept(path_, "3f2a00");
  const auto after = found("web");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->changes.size(), 19u);
  EXPECT_FALSE(after->gone->seen);
}

// Bare runc's ids are free to reuse.
TEST_F(ArchiveTest, AnotherOfTheSameIdKeepsItsOwn) {
  archive_->add(path_, "3f2a00", state(2));
  EXPECT_TRUE(archive_->keep(path_, kept(1)));
  archive_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ArchiveTest, WhoCannotBeWrittenStaysAsItWasKept) {
  EXPECT_TRUE(archive_->keep(path_, kept(1)));
  archive_.reset();
  dir_.write("gone", "in the way");
  start();
  archive_->add(path_, "3f2a00", state(2));
  EXPECT_FALSE(archive_->find("web").value_or(std::nullopt));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace stillframe::archive::test
