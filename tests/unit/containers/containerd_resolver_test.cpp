// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/containerd_resolver.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "agent/containers/runtime_files.h"
#include "bolt_database.h"
#include "resolver_find.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

constexpr const char* kDatabase = "/io.containerd.metadata.v1.bolt/meta.db";
constexpr const char* kDefaultRoot = "/var/lib/containerd";
const std::string kWeb =
    "45d3fee9947784e065c09bf71e35de889bdda801e6337210a7e6de815120a9b9";
const std::string kImage1 =
    "9a66ce9f3e54d96e147616d0fced56e3604c59e5af6fd56dabee49cbc53c42c1";
const std::string kImage2 =
    "d1b9a396f3a08076524bc51ca7d0ef5aa151b2bb975a09c4eb19cd5c92d282ef";

// containerd 1.6's, copied while it ran.
void put_real_database(const TempHost& host, const std::string& root) {
  host.directory(root + "/io.containerd.metadata.v1.bolt");
  const std::string command = "gzip -dc '" + std::string(STILLFRAME_FIXTURES) +
                              "/containers/containerd-meta.db.gz' >'" +
                              host.prefix() + root + kDatabase + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
}

// A bucket of values and of buckets, kept inline.
struct Bucket;
struct Tree {
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<Bucket> buckets;

  std::vector<BoltItem> items() const;
};
struct Bucket {
  std::string name;
  Tree tree;
};

std::vector<BoltItem> Tree::items() const {
  std::vector<BoltItem> list;
  for (const auto& [key, value] : values) list.push_back({key, value});
  for (const auto& [name, tree] : buckets) {
    list.push_back({name, bolt_bucket(0, bolt_page(0, 2, tree.items())), 1});
  }
  return list;
}

std::string database(const Tree& spaces) {
  return bolt_file({bolt_page(2, 2, Tree{{}, {{"v1", spaces}}}.items())});
}

// One container of the image "web:1", which leads to `config` on `layer`; the
// container itself lies on layer sha256:a.
Tree space(const std::string& config, const std::string& layer,
           const std::string& made = "then") {
  const auto blob = [](std::pair<std::string, std::string> label) {
    return Tree{{}, {{"labels", Tree{{std::move(label)}, {}}}}};
  };
  return Tree{
      {},
      {{"containers",
        Tree{{},
             {{"c1", Tree{{{"createdat", made},
                           {"image", "web:1"},
                           {"snapshotKey", "c1"},
                           {"snapshotter", "overlayfs"}},
                          {{"labels", Tree{{{"app", "shop"}}, {}}}}}}}}},
       {"content",
        Tree{{},
             {{"blob",
               Tree{{},
                    {{config,
                      blob({"containerd.io/gc.ref.snapshot.overlayfs", layer})},
                     {"sha256:index", blob({"containerd.io/gc.ref.content.m.0",
                                            "sha256:manifest"})},
                     {"sha256:manifest",
                      blob({"containerd.io/gc.ref.content.config",
                            config})}}}}}}},
       {"images",
        Tree{{},
             {{"web:1",
               Tree{{},
                    {{"target", Tree{{{"digest", "sha256:index"}}, {}}}}}}}}},
       {"snapshots",
        Tree{{},
             {{"overlayfs",
               Tree{{}, {{"c1", Tree{{{"parent", "sha256:a"}}, {}}}}}}}}}}};
}

// What runc's state says of it.
RuntimeMetadata known_as(const std::string& id, const std::string& space) {
  RuntimeMetadata known;
  known.info.id = known.info.name = id;
  known.info.runtime = "containerd";
  known.info.space = space;
  known.init_pid = 500;
  known.rootfs = "/run/containerd/io.containerd.runtime.v2.task/" + space +
                 "/" + id + "/rootfs";
  return known;
}

TEST(ContainerdResolver, HasTheImageAndLabelsOfACriContainer) {
  const TempHost host;
  put_real_database(host, kDefaultRoot);
  ContainerdResolver containerd(host.prefix());
  auto known = known_as(kWeb, "k8s.io");
  containerd.complete(known);
  EXPECT_TRUE(known.trouble.empty());
  EXPECT_EQ(known.info.image, "localhost/rt-app:2");
  EXPECT_EQ(known.info.image_id, kImage2);
  EXPECT_EQ(known.info.pod, "rt-shop-6c5b8d9f7b-k4m9z");
  EXPECT_EQ(known.info.pod_namespace, "rt-ns");
  EXPECT_EQ(known.info.name, "web");
  EXPECT_EQ(known.info.workload, "rt-shop/web");
  EXPECT_EQ(known.info.labels.at("org.example.kind"), "shop");
  EXPECT_EQ(known.info.labels.at("io.kubernetes.pod.uid"),
            "11111111-2222-4333-8444-555555555502");
  // Its image's tag has moved since; what it runs has not.
  auto moved = known_as(
      "641227751e6a7f8f0ed9243d742ade2fcd4906ef03e942ff161a085d38a58fc6",
      "k8s.io");
  containerd.complete(moved);
  EXPECT_EQ(moved.info.image, "localhost/rt-app:1");
  EXPECT_EQ(moved.info.image_id, kImage1);
  // Labels of its pod, which it does not have itself.
  EXPECT_EQ(moved.info.labels.at("app"), "k8s");
  EXPECT_EQ(moved.info.labels.at("io.cri-containerd.kind"), "container");
}

TEST(ContainerdResolver, KnowsSandboxes) {
  const TempHost host;
  put_real_database(host, kDefaultRoot);
  ContainerdResolver containerd(host.prefix());
  auto known = known_as(
      "42fe6eb3790d6cac1ab681698442096c4d9113d4558bab08519120e6e2fe2e4b",
      "k8s.io");
  containerd.complete(known);
  EXPECT_TRUE(known.info.sandbox);
  EXPECT_EQ(known.info.image, "localhost/rt-pause:1");
  EXPECT_EQ(known.info.labels.at("pod-template-hash"), "6c5b8d9f7b");
  EXPECT_EQ(known.info.workload, "");
}

TEST(ContainerdResolver, HasTheImageOfAContainerWithoutCri) {
  const TempHost host;
  put_real_database(host, kDefaultRoot);
  ContainerdResolver containerd(host.prefix());
  auto known = known_as("rt-ctr1", "default");
  containerd.complete(known);
  EXPECT_EQ(known.info.image, "localhost/rt-app:2");
  EXPECT_EQ(known.info.image_id, kImage2);
  EXPECT_EQ(known.info.name, "rt-ctr1");
  EXPECT_EQ(known.info.workload, "rt-ctr1");
  auto elsewhere = known_as("rt-ctr1", "k8s.io");
  containerd.complete(elsewhere);
  EXPECT_EQ(elsewhere.info.image, "");
  auto docker = known_as("rt-ctr1", "default");
  docker.info.runtime = "docker";
  containerd.complete(docker);
  EXPECT_EQ(docker.info.image, "");
}

TEST(ContainerdResolver, AMovedTagIsNotTheContainersImage) {
  const TempHost host;
  const auto put = [&](const Tree& tree) {
    host.file(std::string(kDefaultRoot) + kDatabase,
              database(Tree{{}, {{"default", tree}}}));
  };
  put(space("sha256:one", "sha256:a"));
  ContainerdResolver watching(host.prefix());
  const auto image_id = [&](ContainerdResolver& containerd) {
    auto known = known_as("c1", "default");
    containerd.complete(known);
    EXPECT_TRUE(known.trouble.empty());
    EXPECT_EQ(known.info.image, "web:1");
    EXPECT_EQ(known.info.labels.at("app"), "shop");
    return known.info.image_id;
  };
  EXPECT_EQ(image_id(watching), "one");
  put(space("sha256:two", "sha256:b"));
  EXPECT_EQ(image_id(watching), "one");  // as it was when it was new
  ContainerdResolver late(host.prefix());
  EXPECT_EQ(image_id(late), "");
  // Another container of that id.
  put(space("sha256:two", "sha256:b", "later"));
  EXPECT_EQ(image_id(watching), "");
}

TEST(ContainerdResolver, AnImageOfSeveralNamesHasTheOneThatWasAskedFor) {
  struct Case {
    const char* spec;
    const char* image;
  };
  const Case cases[] = {
      {R"({"image":"web:latest"})", "web:latest"},
      {R"({"image":"sha256:one","user_specified_image":"web:latest"})",
       "web:latest"},
      {R"({"image":"sha256:one","user_specified_image":"gone"})", "web:1"},
      {R"({"image":7})", "web:1"},
      {R"([])", "web:1"},
  };
  for (const auto& [spec, image] : cases) {
    const std::string metadata = R"({"Metadata":{"ImageRef":"sha256:one",)"
                                 R"("SandboxID":"p","Config":{"image":)" +
                                 std::string(spec) + "}}}";
    // The length in two bytes, seven bits each.
    const std::string any = std::string("\x0a\x01t\x12") +
                            static_cast<char>(0x80 | (metadata.size() & 0x7f)) +
                            static_cast<char>(metadata.size() >> 7) + metadata;
    Tree tree = space("sha256:one", "sha256:a");
    tree.buckets[0].tree.buckets[0].tree.buckets.push_back(
        {"extensions",
         Tree{{{"io.cri-containerd.container.metadata", any}}, {}}});
    tree.buckets[2].tree.buckets.push_back(
        {"web:latest",
         Tree{{}, {{"target", Tree{{{"digest", "sha256:index"}}, {}}}}}});
    const TempHost host;
    host.file(std::string(kDefaultRoot) + kDatabase,
              database(Tree{{}, {{"k8s.io", tree}}}));
    ContainerdResolver containerd(host.prefix());
    auto known = known_as("c1", "k8s.io");
    containerd.complete(known);
    EXPECT_EQ(known.info.image, image) << spec;
    EXPECT_EQ(known.info.image_id, "one") << spec;
  }
}

TEST(ContainerdResolver, FindsAnotherRootByWhatTheHostMounts) {
  const TempHost host;
  const std::string root = "/var/lib/rancher/k3s/agent/containerd";
  put_real_database(host, root);
  const auto with_mounts = [&](const std::string& mountinfo) {
    TempHost::Task task;
    task.pid = 1;
    task.mountinfo = mountinfo;
    host.process(task);
    ContainerdResolver containerd(host.prefix());
    auto known = known_as(kWeb, "k8s.io");
    containerd.complete(known);
    return known.info.image_id;
  };
  EXPECT_EQ(with_mounts(""), "");
  const std::string snapshots =
      root + "/io.containerd.snapshotter.v1.overlayfs/snapshots/";
  EXPECT_EQ(with_mounts("9 1 0:9 / " + known_as(kWeb, "k8s.io").rootfs +
                        " rw - overlay overlay rw,lowerdir=" + snapshots +
                        "3/fs,upperdir=" + snapshots +
                        "12/fs,workdir=" + snapshots + "12/work\n"),
            kImage2);
}

TEST(ContainerdResolver, RootsAreCutOffSnapshotsOnly) {
  const std::pair<const char*, const char*> cases[] = {
      {"/a/b/io.containerd.snapshotter.v1.overlayfs/snapshots/12/fs", "/a/b"},
      {"/a/io.containerd.snapshotter.v1.x/snapshots/1/fs/b/"
       "io.containerd.snapshotter.v1.x/snapshots/1/fs",
       "/a/io.containerd.snapshotter.v1.x/snapshots/1/fs/b"},
      {"/io.containerd.snapshotter.v1.overlayfs/snapshots/12/fs", ""},
      {"/a/io.containerd.snapshotter.v1.overlayfs/snapshots/12/work", ""},
      {"/a/io.containerd.snapshotter.v1.overlayfs/snapshots/1/2/fs", ""},
      {"/var/lib/docker/overlay2/x/diff", ""},
      {"", ""},
  };
  for (const auto& [path, root] : cases) {
    EXPECT_EQ(containerd_root_of(path), root) << path;
  }
}

TEST(ContainerdResolver, FindsWhatRuncHasNoStateOf) {
  const TempHost host;
  host.file(std::string(kDefaultRoot) + kDatabase,
            database(Tree{{},
                          {{"default", space("sha256:one", "sha256:a")},
                           {"moby", space("sha256:one", "sha256:a")}}}));
  ContainerdResolver containerd(host.prefix());
  const auto found = find(containerd, {"c1", "/default/c1"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.space, "default");
  EXPECT_EQ(found->info.image_id, "one");
  EXPECT_EQ(found->info.workload, "shop");
  EXPECT_FALSE(find(containerd, {"c2", ""}));
  EXPECT_FALSE(find(containerd, {"c1", "", "other"}));
  EXPECT_FALSE(find(containerd, {"../c1", ""}));
  EXPECT_TRUE(containerd.serves("containerd"));
  EXPECT_FALSE(containerd.serves("docker"));
}

TEST(ContainerdResolver, DoesNotGuessTheNamespace) {
  const TempHost host;
  host.file(std::string(kDefaultRoot) + kDatabase,
            database(Tree{{},
                          {{"a", space("sha256:one", "sha256:a")},
                           {"b", space("sha256:two", "sha256:a")}}}));
  ContainerdResolver containerd(host.prefix());
  EXPECT_FALSE(find(containerd, {"c1", ""}));
  EXPECT_EQ(find(containerd, {"c1", "", "b"})->info.image_id, "two");
}

TEST(ContainerdResolver, WhatCannotBeReadIsAnError) {
  const TempHost host;
  ContainerdResolver containerd(host.prefix());
  EXPECT_FALSE(find(containerd, {"c1", ""}));
  const std::string path = std::string(kDefaultRoot) + kDatabase;
  host.unreadable(path);
  EXPECT_FALSE(containerd.find({"c1", ""}));
  auto known = known_as("c1", "default");
  containerd.complete(known);
  EXPECT_TRUE(known.unread);
  host.remove(path);
  host.file(path, std::string(100000, '\xff'));
  EXPECT_FALSE(containerd.find({"c1", ""}));
}

TEST(RuntimeFiles, ContainerdCompletesWhatRuncKnows) {
  const TempHost host;
  host.file(std::string(kDefaultRoot) + kDatabase,
            database(Tree{{}, {{"default", space("sha256:one", "sha256:a")}}}));
  host.file("/run/containerd/runc/default/c1/state.json",
            R"({"id":"c1","init_process_pid":7,"config":{"rootfs":"/r"},)"
            R"("cgroup_paths":{"":"/sys/fs/cgroup/default/c1"}})");
  CgroupLayout layout;
  layout.unified = layout.observed_mount = "/sys/fs/cgroup";
  const RuntimeFiles files({layout, host.prefix()});
  const auto name = parse_cgroup_path("/default/c1");
  const auto found = files.find(*name).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->init_pid, 7u);
  EXPECT_EQ(found->rootfs, "/r");
  EXPECT_EQ(found->info.image_id, "one");
  EXPECT_EQ(found->info.space, "default");
}

}  // namespace
}  // namespace stillframe::containers
