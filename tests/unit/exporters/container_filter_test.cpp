// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/container_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::socket_api {
namespace {

using testing::HasSubstr;

ContainerFilter made_of(std::initializer_list<const char*> texts) {
  ContainerFilter filter;
  for (const char* text : texts) {
    const auto added = filter.add(text);
    EXPECT_TRUE(added) << text;
  }
  return filter;
}

ContainerView pod() {
  ContainerView view = test::make_container("3f2a00", "nginx");
  view.state = ContainerState::mutated;
  view.info.pod_namespace = "prod";
  view.info.pod = "web-0";
  view.info.labels = {{"app", "shop"}, {"tier", ""}};
  return view;
}

TEST(ContainerFilter, WithoutAnythingWantsAll) {
  EXPECT_TRUE(ContainerFilter().wants(pod()));
  EXPECT_FALSE(ContainerFilter().asks_for_any());
}

TEST(ContainerFilter, KnowsEachKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"id=3f2a", "id=f2a"},
      {"image=nginx", "image=redis"},
      {"name=gin", "name=gim"},
      {"namespace=prod", "namespace=pro"},
      {"pod=web-0", "pod=web"},
      {"running=true", "running=false"},
      {"runtime=podman", "runtime=docker"},
      {"state=mutated", "state=still"},
      {"workload=shop", "workload=sho"},
      {"label=app", "label=ap"},
      {"label=app=shop", "label=app=sho"},
      {"label=tier=", "label=tier=x"},
  };
  for (const auto& [met, missed] : cases) {
    EXPECT_TRUE(made_of({met}).wants(pod())) << met;
    EXPECT_FALSE(made_of({missed}).wants(pod())) << missed;
  }
}

TEST(ContainerFilter, TakesAnyValueOfAKeyAndEachKey) {
  EXPECT_TRUE(made_of({"state=still", "state=mutated"}).wants(pod()));
  EXPECT_TRUE(made_of({"state=mutated", "name=nginx"}).wants(pod()));
  EXPECT_FALSE(made_of({"state=mutated", "name=other"}).wants(pod()));
  EXPECT_TRUE(made_of({"label=app", "label=tier"}).wants(pod()));
  EXPECT_FALSE(made_of({"label=app", "label=none"}).wants(pod()));
}

TEST(ContainerFilter, NamesWhatThereIsWhenAskedForOther) {
  const std::pair<const char*, const char*> cases[] = {
      {"status=running",
       "label, name, namespace, pod, running, runtime, state"},
      {"mutated", "KEY=VALUE"},
      {"", "KEY=VALUE"},
      {"=x", "KEY=VALUE"},
      {"\x1b=x", "\"\\x1b=x\" is not"},
      {"state=bad\n", "still, mutated or unknown, not \"bad\\n\""},
      {"running=yes", "true or false, not yes"},
      {"name=", "name= needs a value"},
      {"runtime=podmna", "no runtime podmna: did you mean 'podman'?"},
  };
  for (const auto& [text, expected] : cases) {
    ContainerFilter filter;
    const auto added = filter.add(text);
    ASSERT_FALSE(added) << text;
    EXPECT_THAT(added.error().message, HasSubstr(expected));
    EXPECT_FALSE(filter.asks_for_any()) << text;
  }
}

}  // namespace
}  // namespace stillframe::socket_api
