// SPDX-License-Identifier: Apache-2.0
//
// Policy files, and judging by what was read of them. An administrator writes
// them: a mistake is to be named, whatever it is.
#include "agent/policy/reader.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  constexpr WallTime kNow{1'795'348'800'000'000'001};
  const auto reading = policy::read_policy(text, kNow);
  (void)describe("policy.yaml", reading.problems);
  bool refused = false;
  for (const auto& problem : reading.problems) {
    require(problem.line >= 1 && problem.column >= 1, "a problem has a place");
    require(!problem.message.empty(), "a problem has words");
    refused = refused || !problem.warning;
  }
  require(refused != reading.policy.has_value(),
          "there is a policy, or what is wrong with it");
  if (!reading.policy) return 0;
  ContainerInfo container;
  container.name = "web";
  container.image = "docker.io/library/nginx:1.25";
  container.runtime = "podman";
  container.labels = {{"app", "web"}};
  for (const char* path : {"", "/", "/tmp/x", "/var/lib/a/../b", "/etc/pass"}) {
    (void)reading.policy->judge(container, Class::content, Kind::file_write,
                                Origin::exec, path);
    (void)reading.policy->scratch_place(path);
  }
  (void)reading.policy->differs_at({kNow.ns + 1});
  (void)reading.policy->as_of({kNow.ns + 1}).expired_rules();
  return 0;
}
