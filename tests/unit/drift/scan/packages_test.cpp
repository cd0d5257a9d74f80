// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/packages.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace stillframe::drift {
namespace {

TEST(PackageAt, IsNamedByWhatItsManagerWrites) {
  struct Case {
    std::string path;
    Kind kind;
    std::optional<PackageHint> hint;
  };
  const std::string status = "/var/lib/dpkg/status";
  const std::string site = "/usr/local/lib/python3.11/dist-packages/";
  const auto none = std::nullopt;
  const PackageHint jq{PackageManager::dpkg, "jq", "", status, false};
  const Case cases[] = {
      {"/var/lib/dpkg/info/jq.list", Kind::file_rename, jq},
      {"/var/lib/dpkg/info/jq:amd64.list", Kind::file_create, jq},
      {"/var/lib/dpkg/info/jq.md5sums", Kind::file_create, none},
      {"/var/lib/dpkg/info/a/b.list", Kind::file_create, none},
      {"/var/lib/dpkg/info/.list", Kind::file_create, none},
      {"/var/lib/dpkg/info/a\nb.list", Kind::file_create, none},
      {"/var/lib/dpkg/info/" + std::string(300, 'a') + ".list",
       Kind::file_create, none},
      {"/opt/var/lib/dpkg/info/jq.list", Kind::file_create, none},
      {"/lib/apk/db/installed", Kind::file_rename,
       PackageHint{PackageManager::apk, "", "", "/lib/apk/db/installed",
                   false}},
      {site + "six-1.16.dist-info", Kind::dir_create,
       PackageHint{PackageManager::pip, "six", "1.16", "", false}},
      {site + "six-1.16.dist-info/METADATA", Kind::file_create,
       PackageHint{PackageManager::pip, "six", "1.16", "", false}},
      {site + "six-1.16.dist-info", Kind::dir_delete,
       PackageHint{PackageManager::pip, "six", "1.16", "", true}},
      {site + "~ix-1.16.dist-info", Kind::dir_create, none},
      {site + "six.dist-info", Kind::dir_create, none},
      {"/home/six-1.16.dist-info", Kind::dir_create, none},
      {"/app/node_modules/left-pad/package.json", Kind::file_create,
       PackageHint{PackageManager::npm, "left-pad", "",
                   "/app/node_modules/left-pad/package.json", false}},
      {"/app/node_modules/@a/b/package.json", Kind::file_delete,
       PackageHint{PackageManager::npm, "@a/b", "", "", true}},
      {"/app/node_modules/a/lib/package.json", Kind::file_create, none},
      {"/app/package.json", Kind::file_create, none},
      {"/var/lib/gems/3.1.0/specifications/rake-13.0.6.gemspec",
       Kind::file_create,
       PackageHint{PackageManager::gem, "rake", "13.0.6", "", false}},
      {"/etc/passwd", Kind::file_write, none},
      {"", Kind::file_write, none},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(package_at(one.path, one.kind), one.hint) << one.path;
  }
}

TEST(Databases, AreReadAsFarAsTheyAreSound) {
  EXPECT_EQ(dpkg_versions("Package: jq\nStatus: install ok installed\n"
                          "Version: 1.6\n\n"
                          "Package: gone\nStatus: deinstall ok config-files\n"
                          "Version: 2\n\n"
                          "Package: half\nStatus: install ok unpacked\n"
                          "Version: 2\n\n"
                          "Package: last\nVersion: 3~a+b:1\n"
                          "Status: install ok installed"),
            (Versions{{"jq", "1.6"}, {"last", "3~a+b:1"}}));
  EXPECT_EQ(dpkg_versions("Package: a\x1b[31m\nStatus: install ok installed\n"
                          "Version: 1\n"),
            Versions());
  EXPECT_EQ(dpkg_versions(std::string(1000, '\0')), Versions());
  EXPECT_EQ(apk_versions("C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\n\n"
                         "V:9\n\nP:jq\nV:1.7\xff\n\nP:zlib\nV:1.3"),
            (Versions{{"musl", "1.2.5-r0"}, {"zlib", "1.3"}}));
  EXPECT_EQ(npm_version(R"({"name":"x","version":"1.2.3"})"), "1.2.3");
  for (const char* bad :
       {"", "[", "[1]", "{\"version\":1}", "{\"version\":\"a b\"}", "null"}) {
    EXPECT_EQ(npm_version(bad), "") << bad;
  }
  EXPECT_EQ(npm_version(std::string(200'000, '[')), "");
}

class ReadPackages : public testing::Test {
 protected:
  ReadPackages() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "packagesXXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    layers_.upper = folder_ + "/upper";
    layers_.lower = {folder_ + "/lower"};
  }
  ~ReadPackages() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = folder_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::vector<PackageChange> read(const std::string& path,
                                  Kind kind = Kind::file_create) const {
    return read_packages(layers_, {*package_at(path, kind)});
  }

  std::string folder_;
  OverlayLayers layers_;
};

TEST_F(ReadPackages, AsTheUpperDirectoryHasThem) {
  put("/upper/var/lib/dpkg/status",
      "Package: jq\nStatus: install ok installed\nVersion: 1.6\n");
  EXPECT_EQ(read("/var/lib/dpkg/info/jq.list"),
            (std::vector<PackageChange>{{"dpkg", "jq", "1.6", false}}));
  EXPECT_EQ(read("/var/lib/dpkg/info/vim.list", Kind::file_delete),
            (std::vector<PackageChange>{{"dpkg", "vim", "", true}}));
}

TEST_F(ReadPackages, OfApkByWhatTheImageHad) {
  put("/lower/lib/apk/db/installed", "P:a\nV:1\n\nP:b\nV:1\n\nP:c\nV:1\n");
  put("/upper/lib/apk/db/installed", "P:a\nV:1\n\nP:b\nV:2\n\nP:d\nV:1\n");
  EXPECT_EQ(read("/lib/apk/db/installed"),
            (std::vector<PackageChange>{{"apk", "b", "2", false},
                                        {"apk", "c", "", true},
                                        {"apk", "d", "1", false}}));
}

TEST_F(ReadPackages, FollowNoLinkAndWaitForNobody) {
  put("/secret", R"({"version":"9"})");
  put("/upper/app/node_modules/x/other", "");
  const std::string file = folder_ + "/upper/app/node_modules/x/package.json";
  std::filesystem::create_symlink("/proc/self/stat", file);
  const std::vector<PackageChange> nameless{{"npm", "x", "", false}};
  EXPECT_EQ(read("/app/node_modules/x/package.json"), nameless);
  std::filesystem::remove(file);
  std::filesystem::create_symlink(folder_ + "/secret", file);
  EXPECT_EQ(read("/app/node_modules/x/package.json"), nameless);
  std::filesystem::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(read("/app/node_modules/x/package.json"), nameless);
  std::filesystem::rename(folder_ + "/upper/app", folder_ + "/app");
  std::filesystem::create_directory_symlink(folder_ + "/app",
                                            folder_ + "/upper/app");
  std::filesystem::remove(folder_ + "/app/node_modules/x/package.json");
  put("/app/node_modules/x/package.json", R"({"version":"9"})");
  EXPECT_EQ(read("/app/node_modules/x/package.json"), nameless);
}

}  // namespace
}  // namespace stillframe::drift
