// SPDX-License-Identifier: Apache-2.0
//
// dockerd's files: config.v2.json, and after it a layer's list of what is
// below.
#include "agent/containers/docker_resolver.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch_directory.h"

using namespace stillframe::containers;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const stillframe::fuzz::ScratchDirectory host;
  static const std::string id(64, 'a');
  static const std::string root = "/var/lib/docker";
  static const std::string config = root + "/containers/" + id;
  static const std::string mounts = root + "/image/overlay2/layerdb/mounts/";
  host.directory(config);
  host.directory(mounts + id);
  host.directory(root + "/overlay2/one/diff");
  std::string_view rest = stillframe::fuzz::text_of(data, size);
  host.file(config + "/config.v2.json", stillframe::fuzz::next_part(rest));
  host.file(mounts + id + "/mount-id", "one");
  host.file(root + "/overlay2/one/lower", rest);
  (void)DockerResolver(host.path()).stored();
  return 0;
}
