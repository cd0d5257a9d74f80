// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/inventory.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

using testing::ElementsAre;

constexpr InodeId kRoot{2, 7};

Inventory::Item item(std::string name, std::uint64_t ino,
                     std::uint32_t mode = S_IFREG | 0644) {
  return {std::move(name), ino, mode, 1, 2, Inventory::kNone};
}

Inventory small() {
  Inventory inventory(kRoot, {1234});
  const auto root = inventory.add(
      Inventory::kNone, "",
      {item("z", 3), item("etc", 4, S_IFDIR | 0755), item("a\nb\xff", 5)});
  inventory.add(root, "etc", {item("passwd", 6)});
  struct stat st{};
  st.st_mode = S_IFDIR | 0711;
  inventory.set_top(st);
  return inventory;
}

void expect_small(const Inventory& inventory) {
  EXPECT_EQ(inventory.since().ns, 1234);
  EXPECT_EQ(inventory.top().mode, S_IFDIR | 0711u);
  EXPECT_THAT(inventory.names(inventory.root()),
              ElementsAre("a\nb\xff", "etc", "z"));
  const auto etc = inventory.find(inventory.root(), "etc");
  ASSERT_TRUE(etc);
  EXPECT_EQ(etc->ino, 4u);
  EXPECT_EQ(etc->gid, 2u);
  ASSERT_NE(etc->directory, Inventory::kNone);
  EXPECT_THAT(inventory.names(etc->directory), ElementsAre("passwd"));
  EXPECT_FALSE(inventory.find(etc->directory, "group"));
  EXPECT_FALSE(inventory.find(inventory.root(), ""));
  EXPECT_EQ(inventory.find(inventory.root(), "z")->directory, Inventory::kNone);
}

TEST(Inventory, FindsWhatWasThereByDirectoryAndName) { expect_small(small()); }

TEST(Inventory, OfADirectoryThatWasNotThereNothingIsKnown) {
  Inventory inventory = small();
  EXPECT_EQ(inventory.add(inventory.root(), "new", {item("x", 9)}),
            Inventory::kNone);
  EXPECT_THAT(inventory.names(Inventory::kNone), ElementsAre());
  EXPECT_FALSE(inventory.find(Inventory::kNone, "x"));
  EXPECT_FALSE(inventory.find(99, "x"));
}

class InventoryFile : public Layers {};

TEST_F(InventoryFile, IsReadBackWhole) {
  const std::string path = base_ + "/inventory";
  Inventory saved = small();
  saved.unknowable = "why";
  ASSERT_TRUE(saved.save(path));
  const auto loaded = Inventory::load(path, kRoot);
  ASSERT_TRUE(loaded && *loaded);
  expect_small(**loaded);
  EXPECT_EQ((*loaded)->unknowable, "why");
}

TEST_F(InventoryFile, OfAnotherRootfsIsNone) {
  const std::string path = base_ + "/inventory";
  EXPECT_EQ(Inventory::load(path, kRoot).value(), std::nullopt);
  ASSERT_TRUE(small().save(path));
  EXPECT_EQ(Inventory::load(path, {2, 8}).value(), std::nullopt);
  EXPECT_EQ(Inventory::load(path, {3, 7}).value(), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(path + ".damaged"));
}

int error_of(const std::string& path) {
  const auto loaded = Inventory::load(path, kRoot);
  return loaded ? 0 : loaded.error().code;
}

// Not as if there had been none: what was in it is lost.
TEST_F(InventoryFile, DamagedIsSaidAndStaysUntilAnotherIsMade) {
  const std::string path = base_ + "/inventory";
  ASSERT_TRUE(small().save(path));
  append(path, "[99,\"nowhere\"]\n");
  EXPECT_EQ(error_of(path), EBADMSG);
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged"));
  for (const char* text : {"", "{}\n", "[]\n", "{\"v\":1", "{\"v\":1}\n"}) {
    put(path, text);
    EXPECT_EQ(error_of(path), EBADMSG) << text;
    EXPECT_EQ(error_of(path), EBADMSG) << text;
  }
}

TEST_F(InventoryFile, NoPartOfItIsTakenForAll) {
  const std::string path = base_ + "/inventory";
  ASSERT_TRUE(small().save(path));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  const std::string bytes = text.str();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    put(path, bytes.substr(0, length));
    EXPECT_EQ(error_of(path), EBADMSG) << length;
    std::string zeros = bytes;
    zeros.replace(length, std::string::npos, bytes.size() - length, '\0');
    put(path, zeros);
    EXPECT_EQ(error_of(path), EBADMSG) << length;
  }
}

TEST_F(InventoryFile, OfAnOlderVersionOrALaterOne) {
  const std::string path = base_ + "/inventory";
  ASSERT_TRUE(small().save(path));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::string older = text.str();
  const std::string count = "\"directories\":2,";
  ASSERT_NE(older.find(count), std::string::npos);
  older.erase(older.find(count), count.size());
  put(path, older);
  EXPECT_EQ(error_of(path), 0);
  std::string later = text.str();
  later.replace(later.find("\"v\":1"), 5, "\"v\":2");
  put(path, later);
  EXPECT_EQ(error_of(path), EBADMSG);
}

}  // namespace
}  // namespace stillframe::drift::test
