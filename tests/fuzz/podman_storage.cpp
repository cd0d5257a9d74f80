// SPDX-License-Identifier: Apache-2.0
//
// containers/storage as podman and its users keep it: the list of containers, a
// layer's list of what is below, an OCI config. Two parts and a rest: the list,
// the layer's, the config.
#include "agent/containers/cgroup_path.h"
#include "agent/containers/podman_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch_directory.h"

using namespace stillframe::containers;
using stillframe::fuzz::require;

namespace {

// The one container that has files besides its entry in the list.
const std::string kId(64, 'a');
const std::string kLayer(64, '1');

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const stillframe::fuzz::ScratchDirectory graph;
  static const std::string userdata =
      "/overlay-containers/" + kId + "/userdata/";
  graph.directory("/overlay/" + kLayer + "/diff");
  graph.directory(userdata);
  std::string_view rest = stillframe::fuzz::text_of(data, size);
  graph.file("/overlay-containers/containers.json",
             stillframe::fuzz::next_part(rest));
  graph.file("/overlay/" + kLayer + "/lower",
             stillframe::fuzz::next_part(rest));
  graph.file(userdata + "config.json", rest);

  PodmanStore store(graph.path(), graph.path() + "/run");
  (void)store.update();
  for (const auto& [id, container] : store.containers()) {
    require(is_container_id(id), "an id is fit to be a directory's name");
    const auto layers = store.layers(container);
    if (!layers) continue;
    for (const auto& lower : layers->lower) {
      require(lower.find("/../") == std::string::npos,
              "a layer lies in the storage");
    }
  }
  (void)store.oci_config(kId);
  (void)store.uppers();
  return 0;
}
