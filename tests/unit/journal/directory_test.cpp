// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/directory.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/unit/journal/scratch_directory.h"

namespace stillframe::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Directory, SegmentsInOrderAndNothingElse) {
  const ScratchDirectory directory;
  for (const char* name :
       {"checkpoint", "pruned", "0000000000000100.jsonl",
        "0000000000000020.jsonl.zst", "0000000000000003.jsonl.zst",
        "0000000000000020.jsonl", "0000000000000007.jsonl.zst.part", "x"}) {
    directory.write(name, "");
  }
  const auto listing = list_segments(directory.path());
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_THAT(listing->segments,
              ElementsAre(SegmentName{3, true}, SegmentName{20, false},
                          SegmentName{20, true}, SegmentName{100, false}));
  EXPECT_THAT(listing->refused, IsEmpty());
}

TEST(Directory, NothingIsReadThroughWhatIsNoFile) {
  const ScratchDirectory directory;
  directory.write("real", "");
  std::filesystem::create_symlink("real",
                                  directory.path("0000000000000001.jsonl"));
  ::mkdir(directory.path("0000000000000002.jsonl").c_str(), 0700);
  ::mkfifo(directory.path("0000000000000003.jsonl.zst").c_str(), 0600);
  const auto listing = list_segments(directory.path());
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_THAT(listing->segments, IsEmpty());
  std::vector<std::string> refused;
  for (const auto& error : listing->refused) refused.push_back(error.message);
  EXPECT_THAT(refused,
              ElementsAre("0000000000000001.jsonl is a symbolic link",
                          "0000000000000002.jsonl is not a regular file",
                          "0000000000000003.jsonl.zst is not a regular file"));
}

TEST(Directory, NoDirectory) {
  const auto listing = list_segments("/nowhere/\x1b");
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().code, ENOENT);
  EXPECT_EQ(listing.error().message,
            "/nowhere/\\x1b: No such file or directory");
}

}  // namespace
}  // namespace stillframe::journal
