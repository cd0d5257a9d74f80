// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/podman_resolver.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <climits>

#include "bolt_database.h"
#include "resolver_find.h"
#include "sqlite_file.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kA(64, 'a');
const std::string kB(64, 'b');
const std::string kC(64, 'c');
const std::string kLayer(64, '1');
const std::string kStore = "/var/lib/containers/storage";

// One that says nothing of any container.
void make_database(const TempHost& host, const std::string& store = kStore) {
  host.file(store + "/libpod/bolt_state.db", libpod_database({}));
}

void make_store(const TempHost& host, const std::string& store = kStore) {
  make_database(host, store);
  host.file(store + "/overlay-containers/containers.json",
            fixture("podman-containers.json"));
  host.directory(store + "/overlay/" + kLayer + "/diff");
  host.directory(store + "/overlay/l/ABC");
  host.directory(store + "/overlay/l/DEF2");
  host.file(store + "/overlay/" + kLayer + "/lower", "l/ABC:l/DEF2");
}

std::string config(const std::string& id, const std::string& rest) {
  return R"({"id":")" + id + R"(",)" + rest + "}";
}

TEST(PodmanResolver, ReadsNameImageLayersAndLabels) {
  const TempHost host;
  make_store(host);
  host.file(kStore + "/libpod/bolt_state.db",
            libpod_database({{kA, config(kA, R"("labels":{"app":"x"})")}}));
  PodmanResolver podman(host.prefix());
  const auto found = find(podman, {kA, "/libpod_parent/libpod-" + kA});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "shop-web");
  EXPECT_EQ(found->info.image, "docker.io/library/nginx:1.25");
  EXPECT_EQ(found->info.image_id, kC);
  EXPECT_EQ(found->info.runtime, "podman");
  EXPECT_EQ(rfc3339(found->info.created), "2026-01-02T03:04:05.000000006Z");
  EXPECT_EQ(found->info.labels.at("app"), "x");
  const std::string overlay = host.prefix() + kStore + "/overlay/";
  EXPECT_EQ(found->layers.upper, overlay + kLayer + "/diff");
  EXPECT_THAT(found->layers.lower,
              ElementsAre(overlay + "l/ABC", overlay + "l/DEF2"));
  EXPECT_THAT(found->trouble, IsEmpty());
}

TEST(PodmanResolver, ReadsLabelsFromSqlite) {
  const TempHost host;
  make_store(host);
  const auto graph = host.directory(kStore);
  const SqliteFile libpod(graph + "/db.sql");
  libpod.make_table();
  PodmanResolver podman(host.prefix());
  const auto labels = [&] { return find(podman, {kA, ""})->info.labels; };
  EXPECT_THAT(labels(), IsEmpty());
  // One of that id that says it is another is not believed.
  libpod.add(kA, config(kB, R"("labels":{"app":"z"})"));
  EXPECT_THAT(labels(), IsEmpty());
  libpod.run("DELETE FROM ContainerConfig");
  libpod.add(kA, config(kA, R"("labels":{"app":"x"})"));
  EXPECT_EQ(labels().at("app"), "x");
  // It never changes.
  host.file(kStore + "/db.sql", "rubbish");
  EXPECT_EQ(labels().at("app"), "x");
}

TEST(PodmanResolver, SaysWhyThereAreNoLabels) {
  const TempHost host;
  make_store(host);
  host.remove(kStore + "/libpod");
  PodmanResolver podman(host.prefix());
  const auto none = find(podman, {kA, ""});
  EXPECT_THAT(none->trouble, ElementsAre(HasSubstr("no database")));
  EXPECT_FALSE(none->unread);
  host.file(kStore + "/db.sql", "rubbish");
  const auto broken = find(podman, {kA, ""});
  EXPECT_THAT(broken->trouble, ElementsAre(HasSubstr("db.sql")));
  EXPECT_TRUE(broken->unread);
}

TEST(PodmanResolver, OtherDriversKeepCopies) {
  for (const auto& [driver, place] :
       std::vector<std::pair<std::string, std::string>>{
           {"vfs", "/vfs/dir/"}, {"btrfs", "/btrfs/subvolumes/"}}) {
    const TempHost host;
    const std::string parent(64, '2');
    make_database(host);
    host.file(kStore + "/" + driver + "-containers/containers.json",
              fixture("podman-containers.json"));
    host.file(kStore + "/" + driver + "-layers/layers.json",
              R"([{"id":")" + parent + R"("},{"id":")" + kLayer +
                  R"(","parent":")" + parent + R"("}])");
    const auto image = host.directory(kStore + place + parent);
    const auto rootfs = host.directory(kStore + place + kLayer);
    PodmanResolver podman(host.prefix());
    const auto found = find(podman, {kA, ""});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->info.name, "shop-web");
    EXPECT_TRUE(found->layers.plain);
    EXPECT_EQ(found->layers.upper, rootfs);
    EXPECT_THAT(found->layers.lower, ElementsAre(image));
    EXPECT_THAT(found->trouble, IsEmpty());
    EXPECT_THAT(podman.uppers().items, testing::Contains(rootfs));
    host.remove(kStore + place + parent);
    EXPECT_TRUE(find(podman, {kA, ""})->layers.empty());
  }
}

// On the disk the image's files are the host's root's, unless the image has a
// layer that gives them to the container's.
TEST(PodmanResolver, KnowsAsWhoseTheImagesFilesAreShown) {
  const std::string parent(64, '2');
  const std::string maps =
      R"("uidmap":[{"container_id":0,"host_id":100000,"size":65536}],
         "gidmap":[{"container_id":0,"host_id":200000,"size":65536}])";
  for (const char* driver : {"overlay", "vfs"}) {
    for (const char* list : {"layers.json", "volatile-layers.json"}) {
      for (const bool given : {false, true}) {
        SCOPED_TRACE(std::string(driver) + list + (given ? " given" : ""));
        const TempHost host;
        make_database(host);
        const std::string top = kStore + "/" + driver;
        host.file(top + "-containers/containers.json",
                  R"([{"id":")" + kA + R"(","layer":")" + kLayer + "\"," +
                      maps + "}]");
        host.file(top + "-layers/" + list,
                  R"([{"id":")" + kLayer + R"(","parent":")" + parent + "\"," +
                      maps + R"(},{"id":")" + parent + "\"" +
                      (given ? "," + maps : "") + "}]");
        host.directory(kStore + "/vfs/dir/" + kLayer);
        host.directory(kStore + "/vfs/dir/" + parent);
        host.directory(kStore + "/overlay/" + kLayer + "/diff");
        host.directory(kStore + "/overlay/" + parent + "/diff");
        host.file(kStore + "/overlay/" + kLayer + "/lower", "l/ABC");
        host.link(kStore + "/overlay/l/ABC", "../" + parent + "/diff");
        PodmanResolver podman(host.prefix());
        const auto found = find(podman, {kA, ""});
        ASSERT_TRUE(found);
        EXPECT_THAT(found->trouble, IsEmpty());
        const IdMaps& owners = found->layers.owners;
        EXPECT_EQ(owners.empty(), given);
        if (given) continue;
        EXPECT_EQ(owners.users.outside(33), 100'033u);
        EXPECT_EQ(owners.groups.outside(33), 200'033u);
        EXPECT_EQ(owners.users.outside(65'536), std::nullopt);
      }
    }
  }
}

TEST(PodmanResolver, FindsLayersInStoresOfImages) {
  const TempHost host;
  make_store(host);
  host.remove(kStore + "/overlay/l/DEF2");
  const auto layers = [&] {
    PodmanResolver podman(host.prefix());
    return find(podman, {kA, ""})->layers;
  };
  EXPECT_TRUE(layers().empty());
  host.file("/etc/containers/storage.conf",
            "[storage.options]\nadditionalimagestores = [\"/none\", \"/img\"]");
  const auto there = host.directory("/img/overlay/l/DEF2");
  EXPECT_THAT(layers().lower,
              ElementsAre(host.prefix() + kStore + "/overlay/l/ABC", there));
  PodmanResolver podman(host.prefix());
  EXPECT_THAT(podman.layer_roots(),
              testing::Contains(host.prefix() + "/img/overlay"));
}

TEST(PodmanResolver, LearnsOfAStoreElsewhere) {
  const TempHost host;
  make_store(host, "/srv/store");
  PodmanResolver podman(host.prefix());
  EXPECT_FALSE(find(podman, {kA, "/libpod-" + kA}));
  RuntimeMetadata known;
  known.info.id = kA;
  for (const std::string& bundle : std::vector<std::string>{
           "", "/srv/store/overlay-containers/" + kB + "/userdata",
           "/x-containers/" + kA + "/userdata"}) {
    known.bundle = bundle;
    EXPECT_FALSE(podman.learn(known)) << bundle;
  }
  known.bundle = "/srv/store/overlay-containers/" + kA + "/userdata";
  known.rootless = true;
  EXPECT_FALSE(podman.learn(known));
  known.rootless = false;
  EXPECT_TRUE(podman.learn(known));
  const auto found = find(podman, {kA, "/libpod-" + kA});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "shop-web");
  EXPECT_EQ(podman.stored().items.size(), 3u);
}

RuntimeMetadata users_word(unsigned user, const std::string& store) {
  RuntimeMetadata known;
  known.info.id = kA;
  known.rootless = true;
  known.user = user;
  known.bundle = store + "/overlay-containers/" + kA + "/userdata";
  return known;
}

TEST(PodmanResolver, AUsersStoreIsADirectoryOfThatUsers) {
  const unsigned user = ::geteuid() == 0 ? 1000 : ::geteuid();
  const TempHost host;
  const auto give = [&](const std::string& path) {
    EXPECT_EQ(::chown(host.directory(path).c_str(), user, gid_t(-1)), 0);
  };
  make_store(host, "/home/ann/s");
  give("/home/ann");
  give("/home/ann/s");
  make_store(host, "/srv/others");
  if (::geteuid() == 0) {
    EXPECT_EQ(::chown(host.directory("/srv").c_str(), 1001, gid_t(-1)), 0);
    give("/srv/others");
  }
  host.link("/home/ann/link", host.prefix() + "/home/ann/s");
  host.link("/home/ann/up", host.prefix() + "/home/ann");
  host.file("/home/ann/file", "");
  PodmanResolver podman(host.prefix());
  const std::string deep(PATH_MAX, '/');
  for (const std::string& store : std::vector<std::string>{
           "/home/ann/none", "/home/ann/link", "/home/ann/up/s",
           "/home/ann/file", "/home" + deep + "ann/s"}) {
    EXPECT_FALSE(podman.learn(users_word(user, store))) << store.substr(0, 40);
  }
  EXPECT_FALSE(podman.learn(users_word(user + 1, "/home/ann/s")));
  if (::geteuid() == 0) {
    make_store(host);
    EXPECT_FALSE(podman.learn(users_word(user, kStore)));
    EXPECT_FALSE(podman.learn(users_word(user, "/srv/others")));
  }
  const RuntimeQuery query{kA, "", "", user};
  EXPECT_FALSE(find(podman, query));
  EXPECT_TRUE(podman.learn(users_word(user, "/home/ann/s")));
  EXPECT_FALSE(podman.learn(users_word(user, "/home/ann/s")));
  EXPECT_EQ(find(podman, query)->info.name, "shop-web");
}

TEST(PodmanResolver, EachUserHasAFewPlacesAndThoseThatAreGoneMakeRoom) {
  const unsigned user = ::geteuid() == 0 ? 1000 : ::geteuid();
  const TempHost host;
  PodmanResolver podman(host.prefix());
  const auto learn = [&](unsigned uid, const std::string& name) {
    const std::string path = "/home/" + name;
    EXPECT_EQ(::chown(host.directory(path).c_str(), uid, gid_t(-1)), 0);
    return podman.learn(users_word(uid, path));
  };
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_TRUE(learn(user, name));
  EXPECT_FALSE(learn(user, "e"));
  if (::geteuid() == 0) {
    EXPECT_TRUE(learn(user + 1, "f"));
  }
  host.remove("/home/b");
  EXPECT_TRUE(learn(user, "e"));
  EXPECT_FALSE(learn(user, "b"));
}

TEST(PodmanResolver, GeneratedNamesAreNoWorkloads) {
  struct Case {
    std::string rest;
    std::string workload;
  };
  const std::string name = R"("name":"quirky_turing")";
  for (const auto& [rest, workload] : std::vector<Case>{
           {name, "registry.example:5000/db"},
           {name + R"(,"CreateCommand":["podman","run","db"])",
            "registry.example:5000/db"},
           {name + R"(,"CreateCommand":["podman","run","--name"])",
            "registry.example:5000/db"},
           {name + R"(,"CreateCommand":["podman","run","--name",)" +
                R"("quirky_turing","db"])",
            "quirky_turing"},
           {name + R"(,"CreateCommand":["podman","run",)" +
                R"("--name=quirky_turing","db"])",
            "quirky_turing"},
           {name + R"(,"CreateCommand":[1,{},null])",
            "registry.example:5000/db"}}) {
    SCOPED_TRACE(rest);
    const TempHost host;
    make_store(host);
    host.file(kStore + "/libpod/bolt_state.db",
              libpod_database({{kB, config(kB, rest)}}));
    PodmanResolver podman(host.prefix());
    const auto found = find(podman, {kB, ""});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->info.workload, workload);
  }
}

TEST(PodmanResolver, APodsInfraContainerIsASandbox) {
  for (const bool infra : {false, true}) {
    const TempHost host;
    make_store(host);
    host.file(kStore + "/libpod/bolt_state.db",
              libpod_database({{kA, config(kA, infra ? R"("pause":true)"
                                                     : R"("pause":false)")}}));
    PodmanResolver podman(host.prefix());
    const auto found = find(podman, {kA, ""});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->info.sandbox, infra);
    EXPECT_EQ(found->info.workload.empty(), infra);
  }
}

TEST(PodmanResolver, APodsMembersHaveItsNameWhicheverTheDatabase) {
  const std::string pod(64, 'd');
  const std::string member = config(kA, R"("pod":")" + pod + R"(")");
  const std::string named = config(pod, R"("name":"shop")");
  struct Case {
    const char* name;
    bool sqlite;
    bool known;  // the pod is in the database
  };
  for (const Case& one :
       {Case{"bolt", false, true}, Case{"bolt, the pod is gone", false, false},
        Case{"SQLite", true, true},
        Case{"SQLite, the pod is gone", true, false}}) {
    SCOPED_TRACE(one.name);
    const TempHost host;
    make_store(host);
    if (one.sqlite) {
      const SqliteFile libpod(host.prefix() + kStore + "/db.sql");
      libpod.make_table();
      libpod.add(kA, member);
      if (one.known) libpod.add_pod(pod, named);
    } else {
      const LibpodConfigs pods{{pod, named}};
      host.file(
          kStore + "/libpod/bolt_state.db",
          libpod_database({{kA, member}}, one.known ? pods : LibpodConfigs{}));
    }
    PodmanResolver podman(host.prefix());
    const auto found = find(podman, {kA, ""});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->info.pod, one.known ? "shop" : "");
    EXPECT_EQ(found->info.workload, "shop-web");
    EXPECT_THAT(found->trouble, testing::IsEmpty());
  }
}

TEST(PodmanResolver, ReadsThePodOfCriO) {
  const TempHost host;
  make_store(host);
  host.file(kStore + "/overlay-containers/" + kA + "/userdata/config.json",
            R"({"annotations":{"io.container.manager":"cri-o",
                "io.kubernetes.pod.name":"web-x2x8z","bad":7,
                "io.kubernetes.pod.namespace":"prod",
                "io.kubernetes.container.name":"nginx"}})");
  PodmanResolver podman(host.prefix());
  const auto found = find(podman, {kA, ""});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.runtime, "cri-o");
  EXPECT_EQ(found->info.pod, "web-x2x8z");
  EXPECT_EQ(found->info.pod_namespace, "prod");
  EXPECT_EQ(found->info.workload, "web/nginx");
}

TEST(PodmanResolver, NamesAreThoseOfNowAndRootsOwnFirst) {
  const TempHost host;
  host.file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
  make_store(host);
  const std::string users = "/home/ann/.local/share/containers/storage";
  make_store(host, users);
  PodmanResolver podman(host.prefix());
  find(podman, {kA, "/user.slice/user-1000.slice/libpod-" + kA});
  EXPECT_EQ(podman.names().at(kA), "shop-web");
  const auto renamed = [](const std::string& name) {
    return R"([{"id":")" + kA + R"(","names":[")" + name + R"("]}])";
  };
  host.file(users + "/overlay-containers/containers.json", renamed("posing"));
  EXPECT_EQ(podman.names().at(kA), "shop-web");
  host.file(kStore + "/overlay-containers/containers.json", renamed("other"));
  EXPECT_EQ(podman.names().at(kA), "other");
  const auto places = podman.name_places();
  EXPECT_THAT(places, testing::Contains(host.prefix() + kStore +
                                        "/overlay-containers"));
  EXPECT_THAT(places, testing::Not(testing::Contains(HasSubstr("/home"))));
}

TEST(PodmanResolver, ContainersOfCrioHaveTheLabelsOfTheirPod) {
  const TempHost host;
  make_store(host);
  const auto put = [&](const std::string& id, const std::string& more) {
    host.file(kStore + "/overlay-containers/" + id + "/userdata/config.json",
              R"({"annotations":{"io.container.manager":"cri-o",
                  "io.kubernetes.pod.name":"web-x2x8z",
                  "io.kubernetes.pod.namespace":"prod",)" +
                  more + "}}");
  };
  put(kB, R"("io.kubernetes.cri-o.ContainerType":"sandbox",
             "io.kubernetes.container.name":"POD",
             "io.kubernetes.cri-o.Labels":
               "{\"app\":\"shop\",\"tier\":\"front\"}")");
  put(kA, R"("io.kubernetes.cri-o.ContainerType":"container",
             "io.kubernetes.container.name":"nginx",
             "io.kubernetes.cri-o.SandboxID":")" +
              kB + R"(",
             "io.kubernetes.cri-o.Labels":
               "{\"tier\":\"image\",\"own\":\"1\"}")");
  PodmanResolver podman(host.prefix());
  const auto found = find(podman, {kA, ""});
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->info.sandbox);
  EXPECT_EQ(found->info.workload, "web/nginx");
  EXPECT_EQ(found->info.labels.at("app"), "shop");
  EXPECT_EQ(found->info.labels.at("tier"), "front");
  EXPECT_EQ(found->info.labels.at("own"), "1");
  EXPECT_EQ(found->info.labels.at("io.kubernetes.container.name"), "nginx");
  const auto sandbox = find(podman, {kB, ""});
  ASSERT_TRUE(sandbox);
  EXPECT_TRUE(sandbox->info.sandbox);
  EXPECT_EQ(sandbox->info.workload, "");
}

TEST(PodmanResolver, ToleratesWrongTypesAndLeavesNoDirectory) {
  const TempHost host;
  make_store(host);
  PodmanResolver podman(host.prefix());
  EXPECT_FALSE(find(podman, {"../../etc", ""}));
  const auto odd = find(podman, {kC, ""});
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->info.name, "");
  EXPECT_TRUE(odd->layers.empty());
  EXPECT_THAT(odd->trouble, ElementsAre(HasSubstr("layer")));
  host.file(kStore + "/overlay/" + kLayer + "/lower", "l/ABC:../../../etc");
  EXPECT_TRUE(find(podman, {kA, ""})->layers.empty());
}

TEST(PodmanResolver, KeepsWhatItKnewWhileTheListIsBroken) {
  const TempHost host;
  make_store(host);
  const std::string list = kStore + "/overlay-containers/containers.json";
  PodmanResolver podman(host.prefix());
  EXPECT_TRUE(find(podman, {kA, ""}));
  host.file(list, "[{\"id\":");
  EXPECT_TRUE(find(podman, {kA, ""}));
  host.file(list, "[]");
  EXPECT_FALSE(find(podman, {kA, ""}));
}

TEST(PodmanResolver, BelievesAUserOnlyAboutTheirOwn) {
  const TempHost host;
  host.file("/etc/passwd", "broken\nann:x:1000:1000::/home/ann:/bin/sh\n");
  make_store(host, "/home/ann/.local/share/containers/storage");
  PodmanResolver podman(host.prefix());
  EXPECT_FALSE(find(podman, {kA, "/machine.slice/libpod-" + kA + ".scope"}));
  EXPECT_FALSE(find(podman, {kA, "/user.slice/user-1001.slice/libpod-" + kA}));
  const auto found =
      find(podman, {kA, "/user.slice/user-1000.slice/libpod-" + kA});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "shop-web");
}

TEST(PodmanResolver, FollowsStorageConf) {
  const TempHost host;
  host.file("/etc/containers/storage.conf",
            "[storage]\ngraphroot = \"/srv/graph\"\n");
  make_store(host, "/srv/graph");
  PodmanResolver podman(host.prefix());
  EXPECT_EQ(podman.stored().items.size(), 3u);
}

}  // namespace
}  // namespace stillframe::containers
