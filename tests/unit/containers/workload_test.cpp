// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/workload.h"

#include <gtest/gtest.h>

namespace stillframe::containers {
namespace {

TEST(Workload, CutsGeneratedSuffixesOffPods) {
  const std::map<std::string, std::string> cases = {
      {"web-7d4b9c6f5d-x2x8z", "web"},
      {"agent-x2x8z", "agent"},
      {"nightly-29012345-x2x8z", "nightly"},
      {"db-0", "db"},
      {"kube-proxy-node1", "kube-proxy-node1"},
      {"plain", "plain"},
      {"-x2x8z", "-x2x8z"},
      {"", ""}};
  for (const auto& [pod, owner] : cases) EXPECT_EQ(pod_owner(pod), owner);
}

TEST(Workload, KnowsGeneratedNames) {
  for (const char* name : {"quirky_turing", "web_server", "happy_bell3"}) {
    EXPECT_TRUE(looks_generated(name)) << name;
  }
  for (const char* name : {"", "_", "a_", "_b", "web", "web-server",
                           "shop_web_1", "Web_server", "web1_server", "42"}) {
    EXPECT_FALSE(looks_generated(name)) << name;
  }
}

TEST(Workload, CutsTagAndDigestOffImages) {
  const std::map<std::string, std::string> cases = {
      {"docker.io/library/nginx:1.25", "docker.io/library/nginx"},
      {"localhost:5000/app", "localhost:5000/app"},
      {"localhost:5000/app:v1@sha256:00", "localhost:5000/app"},
      {"nginx", "nginx"},
      {"nginx:1", "nginx"},
      {"", ""}};
  for (const auto& [image, repository] : cases) {
    EXPECT_EQ(image_repository(image), repository);
  }
}

TEST(Workload, PrefersWhatOutlivesLongest) {
  ContainerInfo info;
  info.name = "given";
  info.image = "repo/image:1";
  EXPECT_EQ(workload_of(info, false), "repo/image");
  EXPECT_EQ(workload_of(info, true), "given");
  info.labels["app"] = "store";
  EXPECT_EQ(workload_of(info, true), "store");
  info.labels["PODMAN_SYSTEMD_UNIT"] = "web.service";
  EXPECT_EQ(workload_of(info, true), "web.service");
  info.labels["com.docker.compose.project"] = "shop";
  EXPECT_EQ(workload_of(info, true), "web.service");
  info.labels["com.docker.compose.service"] = "web";
  EXPECT_EQ(workload_of(info, true), "shop/web");
  apply_annotations({{"io.kubernetes.cri.sandbox-name", "front-x2x8z"},
                     {"io.kubernetes.cri.sandbox-namespace", "prod"},
                     {"io.kubernetes.cri.container-name", "nginx"}},
                    info);
  EXPECT_EQ(info.pod_namespace, "prod");
  EXPECT_EQ(workload_of(info, true), "front/nginx");
}

TEST(Workload, OfASandboxIsNone) {
  ContainerInfo info;
  info.pod = "web-7d4b9c6f5d-x2x8z";
  info.labels = {{"app", "web"}};
  EXPECT_EQ(workload_of(info, false), "web");
  info.sandbox = true;
  EXPECT_EQ(workload_of(info, true), "");
}

TEST(Workload, SandboxesAreMarkedByTheirRuntime) {
  using Map = std::map<std::string, std::string>;
  const std::pair<Map, bool> cases[] = {
      {{{"io.kubernetes.cri.container-type", "sandbox"}}, true},
      {{{"io.kubernetes.cri-o.ContainerType", "sandbox"}}, true},
      {{{"io.kubernetes.cri.container-type", "container"}}, false},
      {{{"io.cri-containerd.kind", "sandbox"}}, false},  // a label
      {{}, false},
  };
  for (const auto& [annotations, sandbox] : cases) {
    EXPECT_EQ(marks_sandbox(annotations), sandbox);
  }
}

}  // namespace
}  // namespace stillframe::containers
