// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/docker_resolver.h"

#include <gmock/gmock.h>

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
