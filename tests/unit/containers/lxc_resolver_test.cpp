// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/lxc_resolver.h"

#include <gtest/gtest.h>

#include "resolver_find.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

TEST(LxcConfig, SaysWhereTheRootfsLies) {
  struct Case {
    const char* text;
    const char* path;
    const char* lower;
  };
  for (const Case& c : {
           Case{"lxc.rootfs.path = dir:/srv/a\n", "/srv/a", ""},
           {"lxc.uts.name=a\n  lxc.rootfs.path=/srv/a", "/srv/a", ""},
           {"lxc.rootfs = /srv/old\r\n", "/srv/old", ""},
           {"lxc.rootfs.path = /first\nlxc.rootfs.path = dir:/second\n",
            "/second", ""},
           {"#lxc.rootfs.path = /no\nlxc.rootfs.path = dir:/yes # no\n",
            "/yes # no", ""},
           {"lxc.rootfs.path = overlay:/base/rootfs:/clone/delta0\n",
            "/clone/delta0", "/base/rootfs"},
           {"lxc.rootfs.path = overlayfs:/b:c:/d", "/d", "/b:c"},
       }) {
    SCOPED_TRACE(c.text);
    const auto rootfs = parse_lxc_config(c.text);
    ASSERT_TRUE(rootfs);
    EXPECT_EQ(rootfs->path, c.path);
    EXPECT_EQ(rootfs->lower, c.lower);
  }
}

TEST(LxcConfig, OtherKindsOfRootfsAreNone) {
  for (const char* text :
       {"", "=", "lxc.rootfs.path", "lxc.rootfs.path =", "\n\n",
        "lxc.rootfs.path = zfs:pool/a", "lxc.rootfs.path = dir:a/b",
        "lxc.rootfs.path = overlay:/only", "lxc.rootfs.path = overlay:a:/b",
        "lxc.rootfs.options = dir:/srv/a"}) {
    EXPECT_FALSE(parse_lxc_config(text)) << text;
  }
}

TEST(IncusBackup, NamesTheImage) {
  const auto image = parse_incus_backup(
      "container:\n"
      "  architecture: x86_64\n"
      "  devices:\n"
      "    config: {volatile.base_image: no}\n"
      "  config:\n"
      "    image.description: Debian bookworm amd64\n"
      "    list: [volatile.base_image, x]\n"
      "    volatile.base_image: 0badc0de\n"
      "pool:\n"
      "  config:\n"
      "    volatile.base_image: no\n");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->name, "Debian bookworm amd64");
  EXPECT_EQ(image->fingerprint, "0badc0de");
  EXPECT_FALSE(parse_incus_backup("container: [\n"));
  for (const char* text : {"", "7", "[a, [b]]", "container:\n  config: x\n"}) {
    const auto none = parse_incus_backup(text);
    ASSERT_TRUE(none) << text;
    EXPECT_EQ(none->fingerprint, "");
  }
}

class LxcResolverTest : public testing::Test {
 protected:
  TempHost host_;
  LxcResolver lxc_{host_.prefix()};
};

TEST_F(LxcResolverTest, KnowsADirectoryAsItsRootfs) {
  host_.file("/var/lib/lxc/web/config", "lxc.rootfs.path = dir:/srv/web\n");
  const auto found = find(lxc_, {"web", "/lxc.payload.web"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "web");
  EXPECT_EQ(found->info.workload, "web");
  EXPECT_EQ(found->info.runtime, "lxc");
  EXPECT_TRUE(found->layers.plain);
  EXPECT_EQ(found->layers.upper, host_.prefix() + "/srv/web");
  EXPECT_TRUE(lxc_.stored().items.empty());
  EXPECT_FALSE(find(lxc_, {"db", "/lxc.payload.db"}));
  EXPECT_FALSE(find(lxc_, {"../lxc/web", ""}));
  EXPECT_FALSE(
      find(lxc_, {"web", "/user.slice/user-1000.slice/lxc.payload.web"}));
}

TEST_F(LxcResolverTest, StoresOverlaysWhereItsSettingsSay) {
  host_.file("/etc/lxc/lxc.conf", "lxc.lxcpath = /data/lxc\n");
  host_.file("/var/lib/lxc/old/config", "lxc.rootfs.path = dir:/srv/old\n");
  host_.file("/data/lxc/web/config",
             "lxc.rootfs.path = overlay:/data/lxc/base/rootfs:/data/up\n");
  EXPECT_FALSE(find(lxc_, {"old", ""}));
  const auto stored = lxc_.stored();
  ASSERT_EQ(stored.items.size(), 1u);
  const OverlayLayers& layers = stored.items[0].layers;
  EXPECT_FALSE(layers.plain);
  EXPECT_EQ(layers.upper, host_.prefix() + "/data/up");
  EXPECT_EQ(layers.lower,
            std::vector{host_.prefix() + "/data/lxc/base/rootfs"});
}

TEST_F(LxcResolverTest, KnowsIncusAndLxdContainers) {
  host_.file("/var/lib/incus/containers/c1/backup.yaml",
             "container:\n  config:\n    volatile.base_image: abcd\n");
  host_.directory("/var/snap/lxd/common/lxd/containers/c2/rootfs");
  const auto incus = find(lxc_, {"c1", "/lxc.payload.c1"});
  ASSERT_TRUE(incus);
  EXPECT_EQ(incus->info.runtime, "incus");
  EXPECT_EQ(incus->info.image_id, "abcd");
  EXPECT_EQ(incus->layers.upper,
            host_.prefix() + "/var/lib/incus/containers/c1/rootfs");
  const auto lxd = find(lxc_, {"c2", "/lxc.payload.c2"});
  ASSERT_TRUE(lxd);
  EXPECT_EQ(lxd->info.runtime, "lxd");
  EXPECT_FALSE(lxd->unread);
}

TEST_F(LxcResolverTest, WhatCannotBeReadIsNotAbsent) {
  host_.unreadable("/var/lib/lxc/web/config");
  EXPECT_FALSE(lxc_.find({"web", "/lxc.payload.web"}));
  EXPECT_FALSE(lxc_.stored().complete());
  host_.remove("/var/lib/lxc/web/config");
  EXPECT_TRUE(lxc_.stored().complete());
  EXPECT_FALSE(find(lxc_, {"web", "/lxc.payload.web"}));
}

}  // namespace
}  // namespace stillframe::containers
