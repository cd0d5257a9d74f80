// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/drift/scan/fixture.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "agent/drift/scan/compare.h"

namespace stillframe::drift::test {

void must(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what + ": " + std::strerror(errno));
}

void put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::trunc) << content;
  must(::chmod(path.c_str(), 0644) == 0, path);
}

void append(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::app) << content;
}

void make_dir(const std::string& path, mode_t mode) {
  std::filesystem::create_directories(path);
  must(::chmod(path.c_str(), mode) == 0, path);
}

void whiteout(const std::string& path) {
  must(::mknod(path.c_str(), S_IFCHR, makedev(0, 0)) == 0, path);
}

void set_xattr(const std::string& path, const std::string& name,
               const std::string& value) {
  must(::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) ==
           0,
       path + " " + name);
}

void set_mtime(const std::string& path, long seconds, long ns) {
  const struct timespec times[2] = {{seconds, ns}, {seconds, ns}};
  must(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0,
       path);
}

void remove_tree(const std::string& path) { std::filesystem::remove_all(path); }

Layers::Layers() {
  std::string pattern = ::testing::TempDir() + "/scan.XXXXXX";
  must(::mkdtemp(pattern.data()) != nullptr, pattern);
  base_ = pattern;
  must(::chmod(base_.c_str(), 0755) == 0, base_);
  for (const char* name :
       {"lower0", "lower1", "lower2", "upper", "work", "merged"}) {
    make_dir(base_ + "/" + name);
  }
}

Layers::~Layers() {
  if (mounted_) ::umount2((base_ + "/merged").c_str(), MNT_DETACH);
  std::error_code ignored;
  std::filesystem::remove_all(base_, ignored);
}

std::string Layers::lower(int layer, const std::string& path) const {
  return base_ + "/lower" + std::to_string(layer) + path;
}

std::string Layers::upper(const std::string& path) const {
  return base_ + "/upper" + path;
}

void Layers::age_lowers() {
  for (int i = 0; i < lower_count_; ++i) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(lower(i))) {
      set_mtime(entry.path(), kOldTime, kOldNs);
    }
    set_mtime(lower(i), kOldTime, kOldNs);
  }
}

std::string Layers::mount_overlay(const std::string& options) {
  std::string data =
      std::string(options.find("index=") == std::string::npos ? "index=off,"
                                                              : "") +
      "upperdir=" + upper() + ",workdir=" + base_ + "/work,lowerdir=";
  for (int i = 0; i < lower_count_; ++i) {
    data += (i == 0 ? "" : ":") + lower(i);
  }
  if (!options.empty()) data += "," + options;
  const std::string merged = base_ + "/merged";
  mounted_ =
      ::mount("overlay", merged.c_str(), "overlay", 0, data.c_str()) == 0;
  return mounted_ ? merged : "";
}

OverlayLayers Layers::layers() const {
  OverlayLayers out = options_;
  out.upper = upper();
  for (int i = 0; i < lower_count_; ++i) out.lower.push_back(lower(i));
  return out;
}

UpperTree Layers::scan_tree() {
  Scanner scanner(layers(), {}, system_clock());
  const ScanResult result = scanner.scan({});
  EXPECT_TRUE(result.complete);
  EXPECT_TRUE(result.errors.empty());
  UpperTree tree;
  tree.apply(result);
  return tree;
}

WallTime Layers::let_time_pass() const {
  const std::string probe = base_ + "/probe";
  const auto next = [&] {
    put(probe, "");
    struct stat st{};
    must(::stat(probe.c_str(), &st) == 0, probe);
    return wall(st.st_ctim);
  };
  const WallTime now = next();
  while (next() == now) continue;
  return now;
}

std::string bits(const Difference& d) {
  std::string out;
  const auto add = [&](bool set, const char* name) {
    if (set) out += (out.empty() ? "" : " ") + std::string(name);
  };
  add(d.type, "type");
  add(d.content, "content");
  add(d.mode, "mode");
  add(d.owner, "owner");
  add(d.xattr, "xattr");
  add(d.acl, "acl");
  add(d.flags, "flags");
  add(d.time, "time");
  add(d.opaque, "opaque");
  add(d.unknown, "unknown");
  add(d.unread, "unread");
  return out;
}

std::vector<std::string> tool_lines(const UpperTree& tree,
                                    const RuntimeTraits& runtime) {
  std::vector<std::string> out;
  for (const RuntimeLine& line : runtime_lines(tree, runtime)) {
    out.push_back(line.text());
  }
  return out;
}

std::vector<std::string> dump(const UpperTree& tree) {
  std::vector<std::string> out;
  tree.for_each([&](const UpperTree::Place& at, const Entry& e) {
    const std::string& path = at.path;
    out.push_back(
        path + " " + static_cast<char>(e.change) + " [" + bits(e.differs) +
        "] " + static_cast<char>(e.shown_by_runtime) +
        (e.whiteout ? " whiteout" : "") + " " +
        (e.redirect() != nullptr ? *e.redirect() : "") + " " +
        std::to_string(e.mode) + " " +
        std::to_string(e.whiteout ? 0 : e.inode.ino) + " " +
        std::to_string(e.parent.ino) + " " + std::to_string(e.ctime.ns) +
        " hidden " +
        std::to_string(e.hidden() != nullptr ? e.hidden()->size() : 0));
    EXPECT_EQ(tree.path_of(e), path);
  });
  for (const RuntimeTraits* runtime : {&kPodman, &kDocker, &kNoTool}) {
    for (const std::string& line : tool_lines(tree, *runtime)) {
      out.push_back(line);
    }
  }
  return out;
}

}  // namespace stillframe::drift::test
