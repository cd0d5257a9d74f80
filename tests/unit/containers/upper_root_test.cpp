// SPDX-License-Identifier: Apache-2.0
#include "agent/model/inode_identity.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "agent/containers/cgroup_layout.h"
#include "agent/containers/cgroup_tree.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

TEST(UpperRoot, IsDeviceInodeAndGeneration) {
  const TempHost host;
  const auto path = host.directory("/up");
  struct stat st{};
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  const auto root = upper_root_of(path);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->inode.ino, st.st_ino);
  EXPECT_EQ(root->dev >> 20, major(st.st_dev));
  EXPECT_EQ(root->dev & 0xfffff, minor(st.st_dev));
}

TEST(UpperRoot, FailsForWhatIsNoDirectory) {
  const TempHost host;
  host.file("/file", "");
  EXPECT_FALSE(upper_root_of(host.prefix() + "/file"));
  EXPECT_FALSE(upper_root_of(host.prefix() + "/none"));
}

TEST(UpperRoot, AnUnknownGenerationMatchesAny) {
  const UpperRoot a{1, {2, 3}};
  EXPECT_TRUE(same_root(a, {1, {2, 3}}));
  EXPECT_TRUE(same_root(a, {1, {2, 0}}));
  EXPECT_FALSE(same_root(a, {1, {2, 4}}));
  EXPECT_FALSE(same_root(a, {1, {4, 3}}));
  EXPECT_FALSE(same_root(a, {4, {2, 3}}));
}

// The kernel's id of a cgroup is what its file handle holds.
TEST(CgroupTree, IdIsTheKernelsOwn) {
  const auto layout = detect_cgroups();
  if (!layout) GTEST_SKIP() << "no cgroup filesystem";
  std::uint64_t id = 0;
  alignas(file_handle) char buffer[sizeof(file_handle) + sizeof id] = {};
  auto* handle = reinterpret_cast<file_handle*>(buffer);
  handle->handle_bytes = sizeof id;
  int mount_id = 0;
  ASSERT_EQ(::name_to_handle_at(AT_FDCWD, layout->observed_mount.c_str(),
                                handle, &mount_id, 0),
            0);
  std::memcpy(&id, handle->f_handle, sizeof id);
  EXPECT_EQ(CgroupTree(layout->observed_mount).id_of("/").value(), id);
}

}  // namespace
}  // namespace stillframe::containers
