// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/runc_resolver.h"

#include <gmock/gmock.h>

#include <climits>

#include "agent/containers/runtime_files.h"
#include "resolver_find.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

CgroupLayout v2_layout() {
  CgroupLayout layout;
  layout.unified = layout.observed_mount = "/sys/fs/cgroup";
  return layout;
}

TEST(RuncState, ReadsWhatIsThere) {
  const auto state = parse_runc_state(fixture("runc-state.json"), v2_layout());
  ASSERT_TRUE(state);
  EXPECT_EQ(state->id, "web-1");
  EXPECT_EQ(state->init_pid, 500u);
  EXPECT_EQ(state->init_start_ticks, 12345u);
  EXPECT_EQ(state->cgroup_path, "/web-1");
  EXPECT_EQ(state->rootfs, "/srv/web-1/rootfs");
  EXPECT_EQ(state->bundle, "/srv/web-1");
  EXPECT_EQ(state->annotations.size(), 1u);
  CgroupLayout v1;
  v1.mode = CgroupMode::v1;
  v1.observed = "memory";
  v1.observed_mount = "/sys/fs/cgroup/memory";
  EXPECT_EQ(parse_runc_state(fixture("runc-state.json"), v1)->cgroup_path,
            "/web-1");
}

TEST(RuncState, RefusesRubbish) {
  for (const char* text : {"", "{", "[]", "7", "{\"id\":7}", "{\"id\":\"a/b\"}",
                           "{\"id\":\"..\"}", "{\"id\":\"a\\u001b\"}"}) {
    EXPECT_FALSE(parse_runc_state(text, v2_layout())) << text;
  }
}

TEST(CrunStatus, ReadsWhatIsThere) {
  const auto state = parse_crun_status(fixture("crun-status.json"), "web-1");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->id, "web-1");
  EXPECT_EQ(state->init_pid, 500u);
  EXPECT_EQ(state->init_start_ticks, 12345u);
  EXPECT_EQ(state->cgroup_path, "/web-1");
  EXPECT_EQ(state->rootfs, "/srv/web-1/rootfs");
  EXPECT_EQ(state->bundle, "/srv/web-1");
  EXPECT_EQ(state->created,
            parse_rfc3339("2026-11-29T12:00:22.588161Z").value());
}

TEST(CrunStatus, RefusesRubbish) {
  for (const char* text : {"", "{", "[]", "7", "{}", "{\"pid\":\"7\"}"}) {
    EXPECT_FALSE(parse_crun_status(text, "a")) << text;
  }
  for (const char* id : {"", "..", "a/b"}) {
    EXPECT_FALSE(parse_crun_status("{\"pid\":7}", id)) << id;
  }
  // No path leads out of the hierarchy, and none is relative to where we are.
  const auto state = parse_crun_status(
      R"({"pid":7,"cgroup-path":"../../x","rootfs":"../../../y","bundle":""})",
      "a");
  EXPECT_EQ(state->cgroup_path, "/x");
  EXPECT_EQ(state->rootfs, "/y");
}

TEST(RuntimeState, RefusesPathsThatAreTooLong) {
  const auto runc = [](const std::string& key, const std::string& path) {
    const auto text = [&](const char* name) { return name == key ? path : ""; };
    return parse_runc_state(R"({"id":"a","config":{"rootfs":")" +
                                text("rootfs") + R"(","labels":["bundle=)" +
                                text("bundle") +
                                R"("]},"cgroup_paths":{"":"/sys/fs/cgroup)" +
                                text("cgroup-path") + R"("}})",
                            v2_layout())
        .has_value();
  };
  const auto crun = [](const std::string& key, const std::string& path) {
    return parse_crun_status(R"({"pid":7,")" + key + R"(":")" + path + R"("})",
                             "a")
        .has_value();
  };
  const std::string fits = "/" + std::string(PATH_MAX - 1, 'a');
  for (const char* key : {"bundle", "rootfs", "cgroup-path"}) {
    EXPECT_TRUE(runc(key, fits)) << key;
    EXPECT_FALSE(runc(key, fits + "a")) << key;
    EXPECT_TRUE(crun(key, fits)) << key;
    EXPECT_FALSE(crun(key, fits + "a")) << key;
  }
}

TEST(RuncResolver, KnowsCrunsContainersByTheirStatusAndBundle) {
  const TempHost host;
  host.file("/run/crun/web-1/status", fixture("crun-status.json"));
  host.file("/srv/web-1/config.json", R"({"annotations":{
      "org.opencontainers.image.ref.name":"registry.example/web:1"}})");
  RuncResolver runc(v2_layout(), host.prefix());
  const auto found = find(runc, {"web-1", "/web-1"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "web-1");
  EXPECT_EQ(found->info.workload, "web-1");
  EXPECT_EQ(found->info.runtime, "crun");
  EXPECT_EQ(found->info.image, "registry.example/web:1");
  EXPECT_EQ(runc.cgroups().ids.at("/web-1"), "web-1");
  EXPECT_EQ(runc.owner_of("/web-1"), "web-1");
}

TEST(RuncResolver, LearnsOfStatesInAnyDirectoryOfRootsOwn) {
  const TempHost host;
  host.file("/srv/s/web-1/state.json", fixture("runc-state.json"));
  host.file("/srv/s/web-2/status", fixture("crun-status.json"));
  const std::filesystem::path place(host.prefix() + "/srv/s");
  RuncResolver runc(v2_layout(), host.prefix());
  std::filesystem::permissions(place, std::filesystem::perms(0777));
  runc.learn_states("/srv/s");
  EXPECT_FALSE(runc.of_init(500, 12345, {}));
  std::filesystem::permissions(place, std::filesystem::perms(0755));
  runc.learn_states("/srv/s");
  EXPECT_EQ(runc.of_init(500, 12345, {})->info.name, "web-1");
  EXPECT_FALSE(runc.of_init(500, 12346, {}));
  // They claim no cgroup: which are known depends on when they were met.
  EXPECT_TRUE(runc.cgroups().ids.empty());
  host.remove("/srv/s/web-1");
  EXPECT_EQ(runc.of_init(500, 12345, {})->info.runtime, "crun");
}

TEST(RuncResolver, AUsersStatesAreOfWhatThatUserStarted) {
  const TempHost host;
  host.file("/run/user/1000/runc/web-1/state.json", fixture("runc-state.json"));
  RuncResolver runc(v2_layout(), host.prefix());
  EXPECT_FALSE(runc.of_init(500, 12345, {}));
  EXPECT_FALSE(runc.of_init(500, 12345, {0, 1001}));
  const auto found = runc.of_init(500, 12345, {0, 1000});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, 1000u);
  EXPECT_TRUE(found->rootless);
  // Of its cgroup it says nothing that is believed.
  EXPECT_TRUE(runc.cgroups().ids.empty());
}

TEST(RuncResolver, BareContainersAreNamedByTheirId) {
  const TempHost host;
  host.file("/run/runc/web-1/state.json", fixture("runc-state.json"));
  RuncResolver runc(v2_layout(), host.prefix());
  const auto found = find(runc, {"web-1", "/web-1"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "web-1");
  EXPECT_EQ(found->info.workload, "web-1");
  EXPECT_EQ(found->info.runtime, "runc");
  EXPECT_EQ(found->info.image, "registry.example:5000/web:1.2");
  EXPECT_EQ(runc.cgroups().ids.at("/web-1"), "web-1");
  EXPECT_FALSE(find(runc, {"web-1", "/other"}));
  EXPECT_FALSE(find(runc, {"../web-1", ""}));
  host.remove("/run/runc/web-1");
  EXPECT_FALSE(find(runc, {"web-1", "/web-1"}));
  EXPECT_TRUE(runc.cgroups().ids.empty());
}

TEST(RuncResolver, KnowsTheOwnerOfACgroupByItsName) {
  const TempHost host;
  const std::string id(64, 'a');
  const auto put = [&](const std::string& root, const std::string& name,
                       const std::string& cgroup) {
    host.file(root + "/" + name + "/state.json",
              R"({"id":")" + name + R"(","cgroup_paths":{"":"/sys/fs/cgroup)" +
                  cgroup + R"("}})");
  };
  put("/run/runc", "web-1", "/web-1");
  put("/run/runc", "moved", "/elsewhere/job");
  put("/run/containerd/runc/k8s.io", id,
      "/pods/cri-containerd-" + id + ".scope");
  put("/run/user/1000/runc", "mine", "/mine");
  RuncResolver runc(v2_layout(), host.prefix());
  struct Case {
    std::string cgroup;
    std::optional<std::string> owner;
  };
  const Case cases[] = {
      {"/web-1", "web-1"},
      {"/other/web-1", std::nullopt},  // it is named alike
      {"/web-1/below", std::nullopt},
      {"/elsewhere/job", std::nullopt},  // only a look at all shows it
      {"/moved", std::nullopt},
      {"/pods/cri-containerd-" + id + ".scope", id},
      {"/mine", std::nullopt},  // a user says so of what is not the user's
      {"/", std::nullopt},
      {"/..", std::nullopt},
  };
  for (const auto& [cgroup, owner] : cases) {
    EXPECT_EQ(runc.owner_of(cgroup), owner) << cgroup;
  }
  host.remove("/run/runc/web-1");
  EXPECT_EQ(runc.owner_of("/web-1"), std::nullopt);
}

TEST(RuncResolver, KnowsContainerdsByTheirNamespace) {
  const TempHost host;
  host.file("/run/containerd/runc/k8s.io/web-1/state.json",
            fixture("runc-state.json"));
  RuncResolver runc(v2_layout(), host.prefix());
  const auto found = find(runc, {"web-1", ""});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.runtime, "containerd");
}

TEST(RuncResolver, KnowsAPodByWhatTheCriPluginWrites) {
  const TempHost host;
  const auto put = [&](const std::string& id, const std::string& kind) {
    host.file("/run/containerd/runc/k8s.io/" + id + "/state.json",
              R"({"id":")" + id + R"(","config":{"labels":[
                "io.kubernetes.cri.container-type=)" +
                  kind + R"(",
                "io.kubernetes.cri.sandbox-name=etcd-node1",
                "io.kubernetes.cri.sandbox-namespace=kube-system",
                "io.kubernetes.cri.sandbox-uid=0123456789abcdef"]},
                "cgroup_paths":{}})");
  };
  put("one", "container");
  put("pod", "sandbox");
  RuncResolver runc(v2_layout(), host.prefix());
  const auto one = find(runc, {"one", ""});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->info.space, "k8s.io");
  EXPECT_EQ(one->info.pod, "etcd-node1");
  EXPECT_EQ(one->info.pod_namespace, "kube-system");
  EXPECT_EQ(one->info.labels.at("io.kubernetes.pod.uid"), "0123456789abcdef");
  EXPECT_EQ(one->info.workload, "etcd-node1");
  EXPECT_FALSE(one->info.sandbox);
  EXPECT_TRUE(find(runc, {"pod", ""})->info.sandbox);
  EXPECT_EQ(find(runc, {"pod", ""})->info.workload, "");
}

TEST(RuncResolver, ACgroupLikeContainerdsIsNotItsNamespace) {
  const TempHost host;
  host.file("/run/runc/web/state.json",
            R"({"id":"web","cgroup_paths":{"":"/sys/fs/cgroup/jobs/web"}})");
  const RuntimeFiles files({v2_layout(), host.prefix()});
  const auto found = files.find(*parse_cgroup_path("/jobs/web")).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.runtime, "runc");
  EXPECT_EQ(found->info.space, "");
}

TEST(RuncResolver, TellsTheSameIdInTwoNamespacesApart) {
  const TempHost host;
  for (const char* space : {"a", "b"}) {
    host.file(std::string("/run/containerd/runc/") + space + "/web/state.json",
              R"({"id":"web","cgroup_paths":{"":"/sys/fs/cgroup/)" +
                  std::string(space) + R"(/web"}})");
  }
  RuncResolver runc(v2_layout(), host.prefix());
  EXPECT_EQ(find(runc, {"web", "/b/web"})->info.space, "b");
  EXPECT_EQ(find(runc, {"web", "", "b"})->info.space, "b");
  EXPECT_EQ(find(runc, {"web", "/a/web"})->info.space, "a");
  EXPECT_FALSE(find(runc, {"web", "/a/web", "b"}));
}

TEST(RuncResolver, BelievesAUserOnlyAboutTheirOwn) {
  const TempHost host;
  host.file("/run/user/1000/runc/web-1/state.json", fixture("runc-state.json"));
  RuncResolver runc(v2_layout(), host.prefix());
  EXPECT_FALSE(find(runc, {"web-1", ""}));
  EXPECT_TRUE(runc.cgroups().ids.empty());
}

std::string state_at(const std::string& id, const std::string& cgroup,
                     std::size_t more = 0) {
  return R"({"id":")" + id + R"(","init_process_pid":5,)" +
         R"("init_process_start":7,"cgroup_paths":{"":"/sys/fs/cgroup)" +
         cgroup + R"("}})" + std::string(more, ' ');
}

TEST(RuncResolver, AUsersStateFileIsSmall) {
  const std::string cgroup = "/user.slice/user-1000.slice/web";
  for (const std::size_t more : {std::size_t{0}, std::size_t{128} << 10}) {
    const TempHost host;
    host.file("/run/user/1000/runc/web/state.json",
              state_at("web", cgroup, more));
    host.file("/run/runc/job/state.json", state_at("job", "/job", more));
    RuncResolver runc(v2_layout(), host.prefix());
    const auto known = runc.cgroups();
    EXPECT_THAT(known.errors, testing::IsEmpty());
    EXPECT_EQ(known.ids.contains(cgroup), more == 0);
    EXPECT_TRUE(known.ids.contains("/job"));
  }
}

TEST(RuncResolver, OfAUserWithTooManyStatesOnlyThoseKnownBeforeStay) {
  const TempHost host;
  const std::string slice = "/user.slice/user-1000.slice/";
  const auto put = [&](const std::string& id) {
    host.file("/run/user/1000/runc/" + id + "/state.json",
              state_at(id, slice + id));
  };
  put("web");
  host.file("/run/runc/job/state.json", state_at("job", "/job"));
  RuncResolver runc(v2_layout(), host.prefix());
  EXPECT_EQ(runc.cgroups().ids.size(), 2u);
  for (unsigned i = 0; i < 1024; ++i) put(std::to_string(i));
  const auto known = runc.cgroups();
  EXPECT_THAT(known.errors, testing::IsEmpty());
  EXPECT_THAT(known.ids, testing::UnorderedElementsAre(
                             testing::Pair("/job", "job"),
                             testing::Pair(slice + "web", "web")));
  EXPECT_EQ(runc.owner_of(slice + "7"), "7");
}

TEST(RuncResolver, AnOtherContainersStateIsNotBelieved) {
  const TempHost host;
  host.file("/run/runc/other/state.json", fixture("runc-state.json"));
  RuncResolver runc(v2_layout(), host.prefix());
  EXPECT_FALSE(find(runc, {"other", ""}));
}

}  // namespace
}  // namespace stillframe::containers
