// SPDX-License-Identifier: Apache-2.0
#include "agent/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace stillframe::test {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "stillframe-file-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  ASSERT_TRUE(write_file_atomic(dir_ + "/a", "one"));
  ASSERT_TRUE(write_file_atomic(dir_ + "/a", std::string("t\0o", 3)));
  EXPECT_EQ(read_file(dir_ + "/a").value(), std::string("t\0o", 3));
  // Nothing temporary is left next to it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(FileTest, ATooLargeFileIsRefused) {
  ASSERT_TRUE(write_file_atomic(dir_ + "/a", std::string(1001, 'x')));
  EXPECT_EQ(read_file(dir_ + "/a", 1000).error().code, EFBIG);
  EXPECT_TRUE(read_file(dir_ + "/a", 1001));
}

TEST_F(FileTest, AFifoDoesNotHang) {
  ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_file(dir_ + "/fifo").error().code, EINVAL);
}

TEST_F(FileTest, MissingAndForbiddenAreDifferentErrors) {
  EXPECT_EQ(read_file(dir_ + "/none").error().code, ENOENT);
  EXPECT_EQ(read_file(dir_).error().code, EINVAL);
  EXPECT_FALSE(write_file_atomic(dir_ + "/none/a", "x"));
}

TEST_F(FileTest, DirectoriesAreMadeAndKept) {
  ASSERT_TRUE(make_directories(dir_ + "/a/b/c"));
  ASSERT_TRUE(make_directories(dir_ + "/a/b/c"));
  ASSERT_TRUE(write_file_atomic(dir_ + "/f", ""));
  EXPECT_FALSE(make_directories(dir_ + "/f/below"));
  EXPECT_EQ(make_directories(dir_ + "/f").error().code, ENOTDIR);
}

}  // namespace
}  // namespace stillframe::test
