// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/libpod_database.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "agent/containers/sqlite_image.h"
#include "sqlite_file.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const std::string kA(64, 'a');
const std::string kB(64, 'b');

class LibpodDatabase : public testing::Test {
 protected:
  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  TempHost host_;
  std::string path_ = host_.prefix() + "/db.sql";
};

// podman 4.8 has a write-ahead log, later ones a rollback journal.
TEST_F(LibpodDatabase, IsReadAsOfTheLastCommitWhileItIsInUse) {
  for (const char* mode : {"WAL", "DELETE"}) {
    SCOPED_TRACE(mode);
    std::filesystem::remove(path_);
    SqliteFile podman(path_);
    podman.run(std::string("PRAGMA journal_mode=") + mode);
    podman.make_table();
    podman.add(kA, "{\"n\":1}");
    EXPECT_EQ(sqlite_configs(path_, LibpodKind::container)->at(kA),
              "{\"n\":1}");
    podman.run("UPDATE ContainerConfig SET JSON='{\"n\":2}'");
    EXPECT_EQ(sqlite_configs(path_, LibpodKind::container)->at(kA),
              "{\"n\":2}");
    // Many pages, not put into the file itself yet.
    podman.add(kB, std::string(100'000, 'x'));
    EXPECT_THAT(sqlite_configs(path_, LibpodKind::container)->at(kB),
                SizeIs(100'000));
    podman.run("DELETE FROM ContainerConfig WHERE ID='" + kB + "'; VACUUM");
    EXPECT_THAT(*sqlite_configs(path_, LibpodKind::container), SizeIs(1));
  }
}

// Whoever has it locked is not waited for, and does not wait.
TEST_F(LibpodDatabase, NeitherWaitsNorIsWaitedFor) {
  SqliteFile podman(path_);
  podman.make_table();
  podman.add(kA, "one");
  podman.run("BEGIN EXCLUSIVE");
  EXPECT_EQ(sqlite_configs(path_, LibpodKind::container)->at(kA), "one");
  podman.run("UPDATE ContainerConfig SET JSON='two'; COMMIT");
  EXPECT_EQ(sqlite_configs(path_, LibpodKind::container)->at(kA), "two");
}

// In the midst of a transaction pages of it may be there already.
TEST_F(LibpodDatabase, IsReadAsItWasBeforeATransactionUnderWay) {
  SqliteFile podman(path_);
  podman.run("PRAGMA cache_size=1");
  podman.make_table();
  podman.add(kA, "one");
  podman.run("BEGIN; UPDATE ContainerConfig SET JSON='two'");
  const std::size_t committed = bytes().size();
  for (int i = 0; i < 200; ++i) {
    podman.add(std::to_string(i), std::string(5'000, 'x'));
  }
  ASSERT_GT(bytes().size(), committed);
  EXPECT_EQ(sqlite_configs(path_, LibpodKind::container)->at(kA), "one");
  podman.run("COMMIT");
  EXPECT_EQ(sqlite_configs(path_, LibpodKind::container)->at(kA), "two");
}

TEST_F(LibpodDatabase, ALogsTornEndIsLeftOut) {
  SqliteFile podman(path_);
  podman.run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
  podman.make_table();
  podman.add(kA, "one");
  const auto read = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = read(path_ + "-wal");
  podman.run("UPDATE ContainerConfig SET JSON='two'");
  std::string log = read(path_ + "-wal");
  ASSERT_GT(log.size(), before.size());
  const auto whole = apply_sqlite_log(bytes(), log);
  const auto as_before = apply_sqlite_log(bytes(), before);
  ASSERT_TRUE(whole);
  EXPECT_NE(*whole, *as_before);
  EXPECT_EQ(*apply_sqlite_log(bytes(), log.substr(0, log.size() - 1)),
            *as_before);
  for (const std::size_t at : {before.size() + 8, before.size() + 100}) {
    std::string torn = log;
    torn[at] = static_cast<char>(torn[at] + 1);
    EXPECT_EQ(*apply_sqlite_log(bytes(), torn), *as_before) << at;
  }
  // Another database's log, or one that is no log, is none.
  for (const std::size_t at : {0, 8, 24}) {
    std::string other = log;
    other[at] = static_cast<char>(other[at] ^ 0x40);
    EXPECT_EQ(*apply_sqlite_log(bytes(), other), *apply_sqlite_log(bytes(), ""))
        << at;
  }
}

struct HostileCase {
  const char* name;
  const char* made;
};

TEST_F(LibpodDatabase, WhatAUserMakesOfItIsRefused) {
  const HostileCase cases[] = {
      {"no such table", "CREATE TABLE Other(ID)"},
      {"a view",
       "CREATE VIEW ContainerConfig AS SELECT 'x' AS ID, 'y' AS JSON"},
      {"a view without an end",
       "CREATE VIEW ContainerConfig AS WITH RECURSIVE c(ID, JSON) AS (SELECT 1,"
       " 2 UNION ALL SELECT ID+1, 2 FROM c) SELECT * FROM c"},
      {"a virtual table",
       "CREATE VIRTUAL TABLE ContainerConfig USING fts5(ID, JSON)"},
      {"a value too large",
       "CREATE TABLE ContainerConfig(ID, JSON);"
       " INSERT INTO ContainerConfig VALUES('x', zeroblob(3000000))"},
  };
  for (const HostileCase& one : cases) {
    SCOPED_TRACE(one.name);
    std::filesystem::remove(path_);
    SqliteFile(path_).run(one.made);
    const auto configs = sqlite_configs(path_, LibpodKind::container);
    ASSERT_FALSE(configs);
    EXPECT_EQ(configs.error().code, EBADMSG);
  }
}

TEST_F(LibpodDatabase, OddValuesAreNobodys) {
  SqliteFile podman(path_);
  podman.run(
      "CREATE TABLE ContainerConfig(ID, JSON);"
      "INSERT INTO ContainerConfig VALUES(NULL, NULL), (7, 1.5),"
      "('../../etc', 'x'), ('" +
      kA + "', 12)");
  const auto configs = sqlite_configs(path_, LibpodKind::container);
  ASSERT_TRUE(configs);
  EXPECT_THAT(*configs, SizeIs(1));
  EXPECT_EQ(configs->at(kA), "12");
}

// Each byte of the pages that lead to the table, one after the other.
TEST_F(LibpodDatabase, DamageIsAnErrorOrOtherContent) {
  {
    SqliteFile podman(path_);
    podman.make_table();
    podman.add(kA, "{}");
  }
  const std::string good = bytes();
  for (const auto& bad : {std::string(), good.substr(0, 99),
                          std::string(5000, '\0'), good.substr(0, 4096)}) {
    put(bad);
    EXPECT_FALSE(sqlite_configs(path_, LibpodKind::container)) << bad.size();
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (good[at] == '\0' && at % 64 != 0) continue;
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0xff);
    put(bad);
    (void)sqlite_configs(
        path_, LibpodKind::container);  // and neither crashes nor hangs
  }
  put(good);
  EXPECT_EQ(sqlite_configs(path_, LibpodKind::container)->size(), 1u);
}

// Whoever's it is may write one by hand.
TEST(SqliteImage, AJournalOfMoreThanThereCanBeIsNone) {
  const std::string magic("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8);
  const std::string many(4, '\xff');
  const std::string page("\0\0\x10\0", 4);  // 4 096
  for (const auto& [pages, size] :
       {std::pair{many, many}, std::pair{many, page}, std::pair{page, many}}) {
    const std::string journal =
        magic + std::string(8, '\0') + pages + page + size;
    EXPECT_EQ(roll_back_sqlite("image", journal), "image");
  }
}

}  // namespace
}  // namespace stillframe::containers
