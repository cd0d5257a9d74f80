// SPDX-License-Identifier: Apache-2.0
//
// Lower layers made by hand, as no container could make them.
#include "agent/drift/scan/layers.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

using LayersTest = Layers;

struct Shown {
  std::string path;
  Change change;
};

// Puts an upper file at each path, and says whether the image has it.
class LowerLookup : public Layers {
 protected:
  void expect(const std::vector<Shown>& all) {
    for (const Shown& one : all) {
      make_dir(std::filesystem::path(upper(one.path)).parent_path());
      put(upper(one.path), "upper");
    }
    const UpperTree tree = scan_tree();
    for (const Shown& one : all) {
      SCOPED_TRACE(one.path);
      ASSERT_NE(tree.find_path(one.path), nullptr);
      EXPECT_EQ(tree.find_path(one.path)->change, one.change);
    }
  }
};

TEST_F(LowerLookup, WhiteoutEndsTheSearch) {
  put(lower(2, "/a"), "x");
  whiteout(lower(1, "/a"));
  put(lower(2, "/b"), "x");
  whiteout(lower(1, "/b"));
  put(lower(0, "/b"), "x");
  make_dir(lower(2, "/d"));
  put(lower(2, "/d/x"), "x");
  whiteout(lower(1, "/d"));
  expect({{"/a", Change::added},
          {"/b", Change::changed},
          {"/d/x", Change::added}});
}

TEST_F(LowerLookup, OpaqueDirectoryEndsTheSearch) {
  for (const char* name : {"/t", "/no"}) {
    make_dir(lower(2, name));
    put(lower(2, std::string(name) + "/x"), "x");
    make_dir(lower(1, name));
  }
  set_xattr(lower(1, "/t"), "trusted.overlay.opaque", "y");
  set_xattr(lower(1, "/no"), "trusted.overlay.opaque", "n");
  expect({{"/t/x", Change::added}, {"/no/x", Change::changed}});
}

TEST_F(LowerLookup, TheMountSaysWhoseMarksCount) {
  for (const std::string prefix : {"trusted", "user"}) {
    const std::string dir = "/" + prefix;
    make_dir(lower(2, dir));
    put(lower(2, dir + "/x"), "x");
    make_dir(lower(1, dir));
    set_xattr(lower(1, dir), prefix + ".overlay.opaque", "y");
  }
  expect({{"/trusted/x", Change::added}, {"/user/x", Change::changed}});
  options_.userxattr = true;
  expect({{"/trusted/x", Change::changed}, {"/user/x", Change::added}});
}

TEST_F(LowerLookup, ExtendedWhiteoutsOfAMountWithUserxattr) {
  options_.userxattr = true;
  make_dir(lower(2, "/d"));
  put(lower(2, "/d/x"), "x");
  make_dir(lower(1, "/d"));
  put(lower(1, "/d/x"), "");
  set_xattr(lower(1, "/d/x"), "user.overlay.whiteout", "y");
  set_xattr(lower(1, "/d"), "user.overlay.opaque", "x");
  expect({{"/d/x", Change::added}});
}

TEST_F(LowerLookup, FileBetweenDirectoriesEndsTheMerge) {
  make_dir(lower(2, "/d"));
  put(lower(2, "/d/x"), "x");
  put(lower(1, "/d"), "a file");
  make_dir(lower(0, "/d"));
  expect({{"/d/x", Change::added}});
}

TEST_F(LowerLookup, ExtendedWhiteoutsCountInMarkedDirectoriesOnly) {
  for (const char* name : {"/marked", "/plain"}) {
    make_dir(lower(2, name));
    put(lower(2, std::string(name) + "/x"), "x");
    make_dir(lower(1, name));
    put(lower(1, std::string(name) + "/x"), "");
    set_xattr(lower(1, std::string(name) + "/x"), "trusted.overlay.whiteout",
              "y");
  }
  set_xattr(lower(1, "/marked"), "trusted.overlay.opaque", "x");
  expect({{"/marked/x", Change::added}, {"/plain/x", Change::changed}});
}

TEST_F(LowerLookup, RedirectsOfLowerDirectoriesAreFollowed) {
  make_dir(lower(2, "/old"));
  put(lower(2, "/old/x"), "x");
  make_dir(lower(1, "/absolute/in"));
  set_xattr(lower(1, "/absolute/in"), "trusted.overlay.redirect", "/old");
  make_dir(lower(1, "/relative"));
  set_xattr(lower(1, "/relative"), "trusted.overlay.redirect", "old");
  expect({{"/absolute/in/x", Change::changed},
          {"/relative/x", Change::changed},
          {"/relative/y", Change::added}});
}

// As composefs has images.
TEST_F(LowerLookup, BytesAreInDataOnlyLayersAtAnAbsolutePath) {
  struct Case {
    const char* name;
    const char* redirect;
    const char* upper;
    const char* differs;
  };
  const Case cases[] = {
      {"/same", "/ab/one", "bytes", ""},
      {"/other", "/ab/one", "bites", "content"},
      {"/second", "/two", "bytes", ""},   // in the other layer, at its top
      {"/above", "/three", "bytes", ""},  // a layer with names has it, too
  };
  options_.data = {base_ + "/data1", base_ + "/data2"};
  make_dir(options_.data[0] + "/ab");
  put(options_.data[0] + "/ab/one", "bytes");
  make_dir(options_.data[0] + "/two");  // no file: looked for further down
  make_dir(options_.data[1]);
  put(options_.data[1] + "/two", "bytes");
  put(options_.data[1] + "/three", "false");
  put(lower(2, "/three"), "bytes");
  const auto mark = [&](const std::string& name, const std::string& redirect) {
    put(lower(1, name), std::string(5, '\0'));
    set_xattr(lower(1, name), "trusted.overlay.metacopy", "");
    set_xattr(lower(1, name), "trusted.overlay.redirect", redirect);
  };
  for (const Case& one : cases) {
    mark(one.name, one.redirect);
    put(upper(one.name), one.upper);
  }
  age_lowers();
  for (const Case& one : cases) set_mtime(upper(one.name), kOldTime, kOldNs);
  const auto result = Scanner(layers(), {}, system_clock()).scan({});
  EXPECT_TRUE(result.complete);
  UpperTree tree;
  tree.apply(result);
  for (const Case& one : cases) {
    EXPECT_EQ(bits(tree.find_path(one.name)->differs), one.differs) << one.name;
  }
  // Neither by a relative path nor where there is nothing.
  for (const char* redirect : {"ab/one", "/none", "/ab"}) {
    mark("/lost", redirect);
    put(upper("/lost"), "bytes");
    EXPECT_FALSE(Scanner(layers(), {}, system_clock()).scan({}).complete)
        << redirect;
  }
}

TEST_F(LowerLookup, HundredAndThirtyLayersByWayOfLinks) {
  const std::string links = base_ + "/l";
  make_dir(links);
  OverlayLayers many;
  many.upper = upper();
  for (int i = 0; i < 130; ++i) {
    const std::string layer = base_ + "/layer" + std::to_string(i);
    make_dir(layer + "/d");
    put(layer + "/d/f" + std::to_string(i), "x");
    many.lower.push_back(links + "/" + std::to_string(i));
    std::filesystem::create_symlink(layer, many.lower.back());
  }
  make_dir(upper("/d"));
  put(upper("/d/f129"), "y");
  put(upper("/d/f130"), "y");
  const ScanResult result = Scanner(many, {}, system_clock()).scan({});
  EXPECT_TRUE(result.complete);
  UpperTree tree;
  tree.apply(result);
  EXPECT_EQ(tree.find_path("/d/f129")->change, Change::changed);
  EXPECT_EQ(tree.find_path("/d/f130")->change, Change::added);
}

TEST_F(LayersTest, DirectoryMadeAgainShowsWhatItHides) {
  make_dir(lower(1, "/d"));
  for (const char* name : {"/d/a", "/d/b", "/d/c"}) put(lower(1, name), "x");
  whiteout(lower(0, "/unrelated"));
  make_dir(upper("/d"));
  set_xattr(upper("/d"), "trusted.overlay.opaque", "y");
  put(upper("/d/b"), "other");
  const UpperTree tree = scan_tree();
  const Entry* d = tree.find_path("/d");
  ASSERT_TRUE(d->differs.opaque);
  ASSERT_TRUE(d->hidden());
  EXPECT_EQ(std::set<std::string>(d->hidden()->begin(), d->hidden()->end()),
            (std::set<std::string>{"a", "c"}));
  std::vector<std::string> lines = tool_lines(tree, kDocker);
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines,
            (std::vector<std::string>{"C /d", "C /d/b", "D /d/a", "D /d/c"}));
  lines = tool_lines(tree, kPodman);
  EXPECT_EQ(lines, (std::vector<std::string>{"D /d", "C /d/b"}));
}

}  // namespace
}  // namespace stillframe::drift::test
