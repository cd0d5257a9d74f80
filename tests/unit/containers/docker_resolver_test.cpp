// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/docker_resolver.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "resolver_find.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

using testing::ElementsAre;

const std::string kA(64, 'a');

TEST(DockerResolver, ReadsNameImageAndLayers) {
  const TempHost host;
  host.file("/etc/docker/daemon.json", R"({"data-root":"/srv/docker"})");
  host.file("/srv/docker/containers/" + kA + "/config.v2.json",
            R"({"Name":"/web","Image":"sha256:00ff","Created":7,
                "Config":{"Image":"nginx:1.25","Labels":{"a":"b","c":1}}})");
  host.file("/srv/docker/image/overlay2/layerdb/mounts/" + kA + "/mount-id",
            "mount1");
  host.directory("/srv/docker/overlay2/mount1/diff");
  host.file("/srv/docker/overlay2/mount1/lower", "l/ABC:l/DEF");
  DockerResolver docker(host.prefix());
  const auto found = find(docker, {kA, ""});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "web");
  EXPECT_EQ(found->info.image, "nginx:1.25");
  EXPECT_EQ(found->info.image_id, "00ff");
  EXPECT_EQ(found->info.labels.size(), 1u);
  EXPECT_EQ(found->info.workload, "web");
  const std::string overlay = host.prefix() + "/srv/docker/overlay2/";
  EXPECT_EQ(found->layers.upper, overlay + "mount1/diff");
  EXPECT_THAT(found->layers.lower,
              ElementsAre(overlay + "l/ABC", overlay + "l/DEF"));
  EXPECT_EQ(docker.stored().items.size(), 1u);
}

TEST(DockerResolver, NamesAreThoseOfNow) {
  const TempHost host;
  const std::string directory = "/var/lib/docker/containers/" + kA;
  DockerResolver docker(host.prefix());
  EXPECT_TRUE(docker.names().empty());
  host.file(directory + "/config.v2.json", R"({"Name":"/web"})");
  EXPECT_EQ(docker.names().at(kA), "web");
  // Half of a file says nothing.
  host.file(directory + "/config.v2.json", R"({"Name":"/we)");
  EXPECT_EQ(docker.names().at(kA), "web");
  host.file(directory + "/config.v2.json", R"({"Name":"/renamed"})");
  EXPECT_EQ(docker.names().at(kA), "renamed");
  EXPECT_THAT(docker.name_places(), ElementsAre(host.prefix() + directory));
  host.remove(directory);
  EXPECT_TRUE(docker.names().empty());
}

TEST(DockerResolver, LearnsOfNoPlaceThatOthersCanWriteTo) {
  const std::string own = "/containers/" + kA;
  RuntimeMetadata known;
  known.info.id = kA;
  known.hostname = "/srv/d" + own + "/hostname";
  for (const char* writable : {"/srv", "/srv/d"}) {
    const TempHost host;
    host.file("/srv/d" + own + "/config.v2.json", R"({"Name":"/web"})");
    DockerResolver docker(host.prefix());
    const std::filesystem::path place(host.prefix() + writable);
    std::filesystem::permissions(place, std::filesystem::perms(0777));
    EXPECT_FALSE(docker.learn(known)) << writable;
    std::filesystem::permissions(place, std::filesystem::perms(0755));
    EXPECT_TRUE(docker.learn(known)) << writable;
  }
}

struct LearnCase {
  const char* name;
  std::string rootfs;
  std::string hostname;
  bool learnt;
};

TEST(DockerResolver, LearnsOfADaemonElsewhere) {
  const std::string own = "/containers/" + kA;
  const LearnCase cases[] = {
      {"by its rootfs", "/srv/d/overlay2/m/merged", "", true},
      {"by the file it mounts", "", "/srv/d" + own + "/hostname", true},
      {"nothing", "", "", false},
      {"another rootfs", "/srv/rootfs", "", false},
      {"no such container there", "/srv/x/overlay2/m/merged", "", false},
      {"a rootfs of podman's", "/srv/d/overlay/m/merged", "", false},
      {"another container's file", "",
       "/srv/d/containers/" + std::string(64, 'b') + "/hostname", false},
      {"the host's own file", "", "/etc/hostname", false},
      {"one that is known", "/var/lib/docker/overlay2/m/merged", "", false},
  };
  for (const LearnCase& one : cases) {
    SCOPED_TRACE(one.name);
    const TempHost host;
    host.file("/srv/d" + own + "/config.v2.json", R"({"Name":"/web"})");
    host.directory("/srv/d/overlay2/m/diff");
    DockerResolver docker(host.prefix());
    EXPECT_FALSE(find(docker, {kA, ""}));
    RuntimeMetadata known;
    known.info.id = kA;
    known.rootfs = one.rootfs;
    known.hostname = one.hostname;
    EXPECT_EQ(docker.learn(known), one.learnt);
    EXPECT_FALSE(docker.learn(known));
    EXPECT_EQ(docker.stored().items.size(), one.learnt ? 1u : 0u);
    EXPECT_EQ(docker.names().size(), one.learnt ? 1u : 0u);
    if (!one.learnt) continue;
    EXPECT_EQ(find(docker, {kA, ""})->info.name, "web");
    EXPECT_THAT(docker.uppers().items,
                ElementsAre(host.prefix() + "/srv/d/overlay2/m/diff"));
  }
}

struct BuildCase {
  const char* name;
  const char* image;
  const char* test;
  const char* log;
  bool build;
};

TEST(DockerResolver, StepsOfTheClassicBuilderAreNoContainers) {
  const BuildCase cases[] = {
      {"a step", "sha256:00ff", R"(["NONE"])", "none", true},
      {"an image with a name", "web", R"(["NONE"])", "none", false},
      {"a health check", "sha256:00ff", R"(["CMD","x"])", "none", false},
      {"no word of one", "sha256:00ff", "null", "none", false},
      {"a log", "sha256:00ff", R"(["NONE"])", "json-file", false},
      {"no word of one", "sha256:00ff", R"(["NONE"])", "", false},
  };
  for (const BuildCase& one : cases) {
    SCOPED_TRACE(one.name);
    const TempHost host;
    const std::string directory = "/var/lib/docker/containers/" + kA;
    host.file(directory + "/config.v2.json",
              std::string(R"({"Config":{"Image":")") + one.image +
                  R"(","Healthcheck":{"Test":)" + one.test + "}}}");
    host.file(directory + "/hostconfig.json",
              std::string(R"({"LogConfig":{"Type":")") + one.log + "\"}}");
    DockerResolver docker(host.prefix());
    EXPECT_EQ(find(docker, {kA, ""})->build, one.build);
  }
}

TEST(DockerResolver, ReportsWhatItCannotRead) {
  const TempHost host;
  DockerResolver docker(host.prefix());
  EXPECT_FALSE(find(docker, {kA, ""}));
  EXPECT_FALSE(find(docker, {"../x", ""}));
  host.file("/var/lib/docker/containers/" + kA + "/config.v2.json", "{");
  host.file("/var/lib/docker/image/overlay2/layerdb/mounts/" + kA + "/mount-id",
            "../../etc");
  const auto found = find(docker, {kA, ""});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->trouble.size(), 2u);
  EXPECT_TRUE(found->layers.empty());
}

}  // namespace
}  // namespace stillframe::containers
