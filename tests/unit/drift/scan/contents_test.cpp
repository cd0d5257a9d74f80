// SPDX-License-Identifier: Apache-2.0
//
// Files too large to be read at once: never equal before all of it was read.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "agent/base/fd.h"
#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

constexpr std::size_t kChunk = 64u << 10;
constexpr std::size_t kSize = 8 * kChunk;

void write_at(const std::string& path, std::size_t at, char byte) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  must(::pwrite(fd, &byte, 1, static_cast<off_t>(at)) == 1, path);
}

class LargeFiles : public Layers {
 protected:
  LargeFiles() {
    limits_.max_compare_bytes = kChunk;
    limits_.max_step_bytes = 2 * kChunk;
    put(lower(0, "/big"), std::string(kSize, 'a'));
    age_lowers();
    put(upper("/big"), std::string(kSize, 'a'));
    set_mtime(upper("/big"), kOldTime, kOldNs);
  }

  // Scans until the comparison has come to its end; how many scans it took.
  int scan_to_the_end(Scanner* scanner, UpperTree* tree) {
    for (int scans = 1; scans < 100; ++scans) {
      tree->apply(scanner->scan({}));
      if (tree->reading(1).empty()) return scans;
      EXPECT_EQ(tree->unread(), tree->find_path("/big"));
    }
    return 100;
  }

  const Difference& differs(const UpperTree& tree) const {
    return tree.find_path("/big")->differs;
  }

  ScanLimits limits_;
};

struct Place {
  std::size_t at;
  int scans;  // until it is found, at two chunks each
};

TEST_F(LargeFiles, AreComparedByPartsWhereverTheyDiffer) {
  for (const Place& place : {Place{0, 1}, Place{kChunk * 3, 2},
                             Place{kSize / 2 + 5, 3}, Place{kSize - 1, 4}}) {
    SCOPED_TRACE(place.at);
    put(upper("/big"), std::string(kSize, 'a'));
    write_at(upper("/big"), place.at, 'X');
    set_mtime(upper("/big"), kOldTime, kOldNs);
    Scanner scanner(layers(), {}, system_clock(), limits_);
    UpperTree tree;
    EXPECT_EQ(scan_to_the_end(&scanner, &tree), place.scans);
    EXPECT_EQ(bits(differs(tree)), "content");
    EXPECT_EQ(tree.unread(), nullptr);
  }
}

// There is a scanner for each container.
TEST_F(LargeFiles, LeaveNothingOfWhatTheyWereReadInto) {
  const auto held = [] {
    const auto memory = ::mallinfo2();
    return memory.uordblks + memory.hblkhd;
  };
  Scanner scanner(layers(), {}, system_clock(), limits_);
  const std::size_t before = held();
  static_cast<void>(scanner.scan({}));
  EXPECT_LT(held(), before + kChunk);
}

TEST_F(LargeFiles, AreEqualOnlyWhenAllWasRead) {
  Scanner scanner(layers(), {}, system_clock(), limits_);
  UpperTree tree;
  tree.apply(scanner.scan({}));
  EXPECT_EQ(bits(differs(tree)), "unread");
  EXPECT_EQ(tree.find_path("/big")->change, Change::changed);
  EXPECT_EQ(scan_to_the_end(&scanner, &tree), 3);
  EXPECT_EQ(bits(differs(tree)), "");
  EXPECT_EQ(tree.unread(), nullptr);
}

TEST_F(LargeFiles, AnotherMtimeIsNoAnswer) {
  set_mtime(upper("/big"), kOldTime + 1, 0);
  Scanner scanner(layers(), {}, system_clock(), limits_);
  UpperTree tree;
  scan_to_the_end(&scanner, &tree);
  EXPECT_EQ(bits(differs(tree)), "time");
}

TEST_F(LargeFiles, PartialScansReadOn) {
  Scanner scanner(layers(), {}, system_clock(), limits_);
  UpperTree tree;
  tree.apply(scanner.scan({}));
  int steps = 0;
  for (; !tree.reading(1).empty() && steps < 10; ++steps) {
    tree.apply(scanner.scan({{"", tree.root(), false, {"big"}}}, {}));
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(bits(differs(tree)), "");
}

TEST_F(LargeFiles, AChangeInTheMeantimeBeginsAgain) {
  Scanner scanner(layers(), {}, system_clock(), limits_);
  UpperTree tree;
  for (int i = 0; i < 3; ++i) tree.apply(scanner.scan({}));
  write_at(upper("/big"), 1, 'X');  // in what has been read
  scan_to_the_end(&scanner, &tree);
  EXPECT_TRUE(differs(tree).content);
  // And back: where it differed is looked at first, the rest then.
  write_at(upper("/big"), 1, 'a');
  EXPECT_EQ(scan_to_the_end(&scanner, &tree), 4);
  EXPECT_FALSE(differs(tree).content);
}

TEST_F(LargeFiles, ShareOneBudget) {
  for (const char* name : {"/big2", "/big3"}) {
    put(lower(0, name), std::string(kSize, 'a'));
    put(upper(name), std::string(kSize, 'a'));
  }
  Scanner scanner(layers(), {}, system_clock(), limits_);
  UpperTree tree;
  EXPECT_EQ(
      [&] {
        int scans = 0;
        do {
          tree.apply(scanner.scan({}));
        } while (++scans < 100 && tree.unread() != nullptr);
        return scans;
      }(),
      12);
  EXPECT_EQ(tree.reading(10).size(), 0u);
}

TEST_F(LargeFiles, HolesAreNotRead) {
  constexpr off_t kHuge = off_t{1} << 40;
  for (const std::string& path : {lower(0, "/big"), upper("/big")}) {
    put(path, "");
    must(::truncate(path.c_str(), kHuge) == 0, path);
    write_at(path, kHuge - 1, 'a');
  }
  Scanner scanner(layers(), {}, system_clock(), limits_);
  UpperTree tree;
  EXPECT_EQ(scan_to_the_end(&scanner, &tree), 1);
  EXPECT_FALSE(differs(tree).content);
}

}  // namespace
}  // namespace stillframe::drift::test
