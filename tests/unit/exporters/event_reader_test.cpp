// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/event_reader.h"

#include <gmock/gmock.h>

#include "exporters/jsonl/json.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::jsonl {
namespace {

void expect_same(const StreamEvent& event) {
  const std::string text = event_json(event, "n1");
  const auto back = event_from_json(text);
  ASSERT_TRUE(back) << text;
  EXPECT_EQ(event_json(*back, "n1"), text);
}

TEST(EventReader, ReadsWhatIsWritten) {
  StreamEvent event = test::make_event(7, "3f2a");
  event.rule = "r";
  event.from = "/a\xff";
  event.detail = "why";
  event.facts = {{"old", "1"}, {"new", "\xfe"}};
  event.count = 3;
  expect_same(event);

  Actor actor = **event.actor;
  actor.login = Login{.uid = 1000, .session = 3, .user = "ann"};
  actor.session = Session{.id = 9,
                          .first_cmd = "sh -c x",
                          .tty = "pts0",
                          .uid = 0,
                          .start = test::kNoon,
                          .ancestors = NameList({"sshd", "bash"}),
                          .request_uid = "r-1"};
  actor.ambiguous = true;
  actor.update = 4;
  event.actor = SharedActor(actor);
  ContainerInfo info = *event.container;
  info.pod_namespace = "shop";
  info.pod = "web-0";
  info.pod_container = "app";
  info.space = "k8s.io";
  info.sandbox = true;
  event.container = std::make_shared<const ContainerInfo>(info);
  expect_same(event);
}

TEST(EventReader, ReadsUpdatesAndRepeats) {
  StreamEvent event = test::make_event(7, "3f2a");
  event.class_name = "lifecycle";
  event.verdict = {};
  event.kind = "update_ended";
  Update update;
  update.id = 4;
  update.tool = "apt";
  update.command = "apt install x";
  update.started = test::kNoon;
  update.ended = test::kNoon;
  update.paths = 12;
  update.packages = {{"dpkg", "x", "1.0", false}, {"dpkg", "y", "", true}};
  event.update = std::make_shared<const Update>(update);
  expect_same(event);

  StreamEvent repeats;
  repeats.class_name = "agent";
  repeats.kind = "repeats";
  repeats.time = test::kNoon;
  repeats.repeats = {{3, 5, test::kNoon}};
  expect_same(repeats);
}

TEST(EventReader, WhatIsNoEvent) {
  for (const char* text : {"", "{", "[]", "{}", R"({"kind":1})", "null"}) {
    EXPECT_FALSE(event_from_json(text)) << text;
  }
}

TEST(EventReader, StrangeMembersDoNoHarm) {
  for (const char* text :
       {R"({"kind":"file_write","actor":[],"container":1,"detail":[1]})",
        R"({"kind":"file_write","actor":{"uid":-1,"login_uid":"x",
            "session":{"ancestors":[1,{}]}},"detail":{"count":"x","old":3}})",
        R"({"kind":"update_ended","detail":{"packages":[1,[]],"paths":-1}})",
        R"({"kind":"repeats","detail":{"repeats":[{},7]},"time":"yesterday"})",
        R"({"kind":"new","class":"later","verdict":"other","seq":1e400})"}) {
    const auto event = event_from_json(text);
    EXPECT_TRUE(!event || !event->kind.empty()) << text;
  }
}

// As the journal counts what is beyond a container's share.
TEST(EventReader, AnUpdateThatWasOnlyCounted) {
  const auto event = event_from_json(
      R"({"kind":"update_started","class":"lifecycle","container":{"id":"a"},)"
      R"("detail":{"count":12,"since":"2026-01-01T00:00:00Z","text":"more"}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->update, nullptr);
  EXPECT_EQ(event->count, 12);
  EXPECT_EQ(event->detail, "more");
  EXPECT_EQ(event->facts.at("since"), "2026-01-01T00:00:00Z");
}

}  // namespace
}  // namespace stillframe::jsonl
