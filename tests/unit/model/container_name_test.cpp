// SPDX-License-Identifier: Apache-2.0
#include "agent/model/container_name.h"

#include <gtest/gtest.h>

namespace stillframe {
namespace {

ContainerInfo named(const std::string& space, const std::string& id,
                    const std::string& name) {
  ContainerInfo info;
  info.space = space;
  info.id = id;
  info.name = name;
  return info;
}

ContainerInfo in_pod() {
  auto info = named("k8s.io", "4711", "web");
  info.pod_namespace = "shop";
  info.pod = "web-1";
  info.pod_container = "web";
  return info;
}

TEST(ContainerName, KeysAreIdsWithinTheirNamespace) {
  struct Case {
    ContainerInfo info;
    const char* key;
    const char* full;
  };
  auto sandbox = in_pod();
  sandbox.sandbox = true;
  sandbox.name = sandbox.id;
  const Case cases[] = {
      {named("", "abc", "web"), "abc", "web"},
      {named("", "0123456789abcdef", ""), "0123456789abcdef", "0123456789ab"},
      {named("default", "c1", "c1"), "default/c1", "default/c1"},
      {in_pod(), "4711", "shop/web-1/web"},
      {sandbox, "4711", "4711"},
  };
  for (const auto& [info, key, full] : cases) {
    EXPECT_EQ(key_of(info), key);
    EXPECT_EQ(full_name(info), full);
  }
  EXPECT_FALSE(same_key(named("a", "c1", ""), named("b", "c1", "")));
  EXPECT_FALSE(same_key(named("", "a/c1", ""), named("a", "c1", "")));
  EXPECT_TRUE(same_key(named("", "c1", ""), named("k8s.io", "c1", "")));
}

TEST(ContainerName, AnswersToWhatPeopleCallIt) {
  const auto ctr = named("default", "c1", "c1");
  const auto pod = in_pod();
  auto sandbox = in_pod();
  sandbox.sandbox = true;
  sandbox.name = sandbox.id;
  struct Case {
    const ContainerInfo& info;
    const char* text;
    bool answers;
  };
  const Case cases[] = {
      {ctr, "c1", true},           {ctr, "default/c1", true},
      {ctr, "other/c1", false},    {ctr, "c", false},
      {pod, "4711", true},         {pod, "web", true},
      {pod, "shop/web-1", true},   {pod, "shop/web-1/web", true},
      {pod, "shop/web-1/", false}, {pod, "shop", false},
      {pod, "k8s.io/4711", false}, {sandbox, "shop/web-1", false},
      {sandbox, "4711", true},     {ctr, "", false},
      {ctr, "/", false},
  };
  for (const auto& [info, text, answers] : cases) {
    EXPECT_EQ(answers_to(info, text), answers) << text;
  }
}

TEST(Listed, HasIdsAndNamesAndOfManyTheirNumber) {
  ContainerInfo plain;
  plain.id = "0ad580ba88fa0000";
  plain.name = "web\n";
  ContainerInfo pod = plain;
  pod.name = "nginx";
  pod.pod_namespace = "shop";
  pod.pod = "web-0";
  ContainerInfo own;
  own.id = own.name = "web";
  own.space = "default";
  EXPECT_EQ(listed({&plain, &pod, &own}),
            "0ad580ba88fa \"web\\n\", 0ad580ba88fa shop/web-0/nginx, "
            "default/web");
  const std::string many = listed(std::vector<const ContainerInfo*>(12, &own));
  EXPECT_TRUE(many.ends_with(", default/web and 2 more")) << many;
}

}  // namespace
}  // namespace stillframe
