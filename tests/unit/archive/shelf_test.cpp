// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/shelf.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "agent/archive/pack.h"
#include "tests/unit/archive/states.h"
#include "tests/unit/containers/no_descriptors.h"
#include "tests/unit/journal/scratch_directory.h"

namespace stillframe::archive::test {
namespace {

using journal::compressed;
using journal::ScratchDirectory;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ShelfTest : public ::testing::Test {
 protected:
  Shelf shelf(Bounds bounds = {}) {
    return {dir_.path("gone"), bounds, the_format(), clock_};
  }
  // Each a second after the one before.
  void put(Shelf& shelf, const DiffAnswer& answer) {
    clock_.now_ns += 1'000'000'000;
    const auto packed = pack(the_format(), answer);
    ASSERT_TRUE(packed);
    const auto done =
        shelf.put(answer.container.info.id, clock_.wall(), *packed);
    ASSERT_TRUE(done) << done.error().message;
  }
  void put(Shelf& shelf, const std::string& id, const std::string& name,
           std::size_t changes = 1) {
    put(shelf, state_of(id, name, changes, clock_.wall()));
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& one :
         std::filesystem::directory_iterator(dir_.path("gone"))) {
      names.push_back(one.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  // The id that is found; or what went wrong.
  static std::string found(Shelf& shelf, const std::string& container) {
    const auto answer = shelf.find(container);
    if (!answer) return answer.error().message;
    return *answer ? (*answer)->container.info.id : "none";
  }

  ScratchDirectory dir_;
  SetClock clock_;
};

TEST_F(ShelfTest, FindsByIdPrefixAndName) {
  auto gone = shelf();
  EXPECT_EQ(found(gone, "web"), "none");  // nor is there a directory
  put(gone, "3f2a00", "web");
  put(gone, "3f2b00", "shop");
  put(gone, "77ab00", "web");  // the name again
  auto pod = state_of("99cc00", "app", 1, clock_.wall());
  pod.container.info.pod_namespace = "prod";
  pod.container.info.pod = "web-1";
  pod.container.info.pod_container = "app";
  put(gone, pod);
  for (const auto& [asked, id] :
       std::vector<std::pair<std::string, std::string>>{
           {"3f2a00", "3f2a00"},
           {"3f2a", "3f2a00"},
           {"77", "77ab00"},
           {"web", "77ab00"},
           {"shop", "3f2b00"},
           {"prod/web-1/app", "99cc00"},
           {"prod/web-1", "99cc00"},
           {"sho", "none"},
           {"", "none"},
           {"3f2a000", "none"}}) {
    EXPECT_EQ(found(gone, asked), id) << asked;
  }
  EXPECT_THAT(found(gone, "3f2"),
              AllOf(HasSubstr("several containers"), HasSubstr("3f2a00"),
                    HasSubstr("3f2b00")));
}

TEST_F(ShelfTest, ListsWhoIsThereTheLatestFirst) {
  auto gone = shelf();
  EXPECT_TRUE(gone.heads()->containers.empty());  // nor is there a directory
  put(gone, "3f2a00", "web");
  put(gone, "77ab00", "shop");
  auto again = state_of("3f2a00", "web", 2, clock_.wall());
  again.container.mutated_paths = 2;
  again.container.started = {5};
  again.container.first_mutation = {6};
  again.container.last_actor = someone();
  put(gone, again);
  put(gone, "99cc00", "damaged");
  std::filesystem::resize_file(dir_.path("gone/" + files().back()), 9);
  const auto heads = gone.heads();
  ASSERT_TRUE(heads);
  ASSERT_EQ(heads->containers.size(), 2u);
  EXPECT_EQ(heads->unread, 1u);
  EXPECT_THAT(heads->why, testing::HasSubstr("of 1 that are gone"));
  const ContainerView& view = heads->containers[0].container;
  EXPECT_EQ(view.info.id, "3f2a00");
  EXPECT_EQ(view.mutated_paths, 2u);
  EXPECT_EQ(view.started, WallTime{5});
  EXPECT_EQ(view.first_mutation, WallTime{6});
  EXPECT_EQ(view.last_actor, someone());
  EXPECT_EQ(heads->containers[0].gone->since, again.gone->since);
  EXPECT_EQ(heads->containers[1].container.info.id, "77ab00");
}

TEST_F(ShelfTest, TheSameIdAgainIsTheLatest) {
  auto gone = shelf();
  put(gone, "web", "web", 3);
  put(gone, "web", "web", 1);
  EXPECT_THAT(files(), SizeIs(2));
  const auto answer = gone.find("web");
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->changes.size(), 1u);
}

TEST_F(ShelfTest, WhatIsDamagedIsSetApartAndSaidAndTheRestIsFound) {
  auto gone = shelf();
  put(gone, "3f2a00", "web");
  put(gone, "77ab00", "shop");
  const auto names = files();
  const std::string bytes = dir_.read("gone/" + names[0]);
  dir_.write("gone/" + names[0], bytes.substr(0, bytes.size() - 3));
  EXPECT_EQ(found(gone, "shop"), "77ab00");
  EXPECT_THAT(gone.take_trouble(), IsEmpty());  // nobody looked behind its head
  EXPECT_THAT(found(gone, "web"), HasSubstr("the last state of web"));
  EXPECT_THAT(gone.take_trouble(), ElementsAre(HasSubstr("set apart")));
  EXPECT_THAT(gone.take_trouble(), IsEmpty());
  EXPECT_THAT(files(), ElementsAre(names[0] + ".damaged", names[1]));
  EXPECT_EQ(found(gone, "web"), "none");
}

TEST_F(ShelfTest, AnotherVersionsIsLeftAndSaid) {
  auto gone = shelf();
  put(gone, "3f2a00", "web");
  const auto names = files();
  dir_.write("gone/" + names[0], compressed("{\"v\":7}\n"));
  EXPECT_THAT(found(gone, "web"), HasSubstr("another version"));
  EXPECT_EQ(files(), names);
  put(gone, "77ab00", "shop");
  EXPECT_EQ(found(gone, "shop"), "77ab00");
}

TEST_F(ShelfTest, AnErrorIsNotAnAbsence) {
  auto gone = shelf();
  put(gone, "3f2a00", "web");
  const containers::NoDescriptors none;
  EXPECT_FALSE(gone.find("web"));
  EXPECT_THAT(gone.take_trouble(), IsEmpty());
}

TEST_F(ShelfTest, NoOtherFilesAreRead) {
  auto gone = shelf();
  put(gone, "3f2a00", "web");
  const auto name = files().front();
  std::filesystem::create_symlink(
      dir_.path("gone/" + name),
      dir_.path("gone/99999999999999999999-link.last"));
  ASSERT_EQ(
      ::mkfifo(dir_.path("gone/01800000000000000000-p.last").c_str(), 0600), 0);
  dir_.write("gone/notes.last", "x");
  EXPECT_EQ(found(gone, "web"), "3f2a00");
  EXPECT_THAT(gone.take_trouble(), IsEmpty());
}

TEST_F(ShelfTest, TheOldGo) {
  auto gone = shelf({.retention = std::chrono::hours(1)});
  put(gone, "3f2a00", "web");
  dir_.write("gone/" + files().front() + ".damaged", "x");
  clock_.now_ns += 1'800'000'000'000;
  put(gone, "77ab00", "shop");
  clock_.now_ns += 1'801'000'000'000;
  ASSERT_TRUE(gone.prune());
  EXPECT_THAT(files(), SizeIs(1));
  EXPECT_EQ(found(gone, "shop"), "77ab00");
}

// Whoever starts containers all day has their own pushed out.
TEST_F(ShelfTest, WithTooManyTheImageThatHasMostGivesUpItsOldest) {
  auto gone = shelf({.most_files = 16});
  put(gone, "aaaa", "quiet");
  for (int i = 0; i < 40; ++i) {
    put(gone, "b" + std::to_string(i), "churn");
    if (gone.full()) {
      ASSERT_TRUE(gone.prune());
    }
  }
  put(gone, "cccc", "late");
  EXPECT_LE(files().size(), 17u);
  EXPECT_GE(files().size(), 14u);
  EXPECT_EQ(found(gone, "quiet"), "aaaa");
  EXPECT_EQ(found(gone, "late"), "cccc");
  EXPECT_EQ(found(gone, "churn"), "b39");
  EXPECT_EQ(found(gone, "b0"), "none");
}

TEST_F(ShelfTest, TheSameOfTheirBytes) {
  auto gone = shelf({.most_bytes = 40 * 4096});
  put(gone, "aaaa", "quiet");
  for (int i = 0; i < 60; ++i) {
    put(gone, "b" + std::to_string(i), "churn", 200);
    if (gone.full()) {
      ASSERT_TRUE(gone.prune());
    }
  }
  std::uintmax_t bytes = 0;
  for (const auto& name : files()) {
    bytes += std::filesystem::file_size(dir_.path("gone/" + name));
  }
  EXPECT_LE(bytes, 40u * 4096);
  EXPECT_EQ(found(gone, "quiet"), "aaaa");
}

TEST_F(ShelfTest, TakesInWhatWasKept) {
  auto gone = shelf();
  auto kept = state_of("3f2a00", "web", 2, {});
  kept.gone->as_of = {clock_.now_ns - 60};
  kept.gone->seen = false;
  dir_.write("3f2a00.last", pack(the_format(), kept).value());
  ASSERT_TRUE(gone.take_in(dir_.path("3f2a00.last"), "3f2a00"));
  EXPECT_FALSE(std::filesystem::exists(dir_.path("3f2a00.last")));
  const auto answer = gone.find("web");
  ASSERT_TRUE(answer && *answer);
  EXPECT_FALSE((*answer)->gone->seen);
  EXPECT_EQ((*answer)->gone->as_of.ns, clock_.now_ns - 60);
  EXPECT_EQ((*answer)->gone->since.ns, clock_.now_ns);
  EXPECT_EQ((*answer)->changes.size(), 2u);
  // It is not there any more: that is no error.
  EXPECT_TRUE(gone.take_in(dir_.path("3f2a00.last"), "3f2a00"));
}

// An agent that was killed between writing the one and removing the other.
TEST_F(ShelfTest, ALaterStateIsNotReplacedByWhatWasKept) {
  auto gone = shelf();
  auto kept = state_of("3f2a00", "web", 1, {});
  kept.gone->as_of = clock_.wall();
  put(gone, state_of("3f2a00", "web", 5, {clock_.now_ns + 9}));
  dir_.write("3f2a00.last", pack(the_format(), kept).value());
  ASSERT_TRUE(gone.take_in(dir_.path("3f2a00.last"), "3f2a00"));
  EXPECT_FALSE(std::filesystem::exists(dir_.path("3f2a00.last")));
  EXPECT_THAT(files(), SizeIs(1));
  EXPECT_EQ((*gone.find("web"))->changes.size(), 5u);
}

TEST_F(ShelfTest, WhatWasKeptAndIsDamagedIsSetApart) {
  auto gone = shelf();
  dir_.write("3f2a00.last", "");
  ASSERT_TRUE(gone.take_in(dir_.path("3f2a00.last"), "3f2a00"));
  EXPECT_THAT(gone.take_trouble(), ElementsAre(HasSubstr("set apart")));
  EXPECT_THAT(files(), ElementsAre(HasSubstr(".damaged")));
  EXPECT_EQ(found(gone, "3f2a00"), "none");
}

}  // namespace
}  // namespace stillframe::archive::test
