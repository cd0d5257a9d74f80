// SPDX-License-Identifier: Apache-2.0
#include "exporters/journald/entry.h"

#include <gmock/gmock.h>

#include "exporters/console/console.h"
#include "exporters/jsonl/json.h"
#include "tests/unit/exporters/fake_agent.h"
#include "tests/unit/exporters/native_protocol.h"

namespace stillframe::journald {
namespace {

using test::fields_of;
using test::kHostile;
using test::make_event;
using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;

using Fields = std::map<std::string, std::string>;

Fields entry_of(const StreamEvent& event) {
  const std::string entry = to_entry(event, "n1");
  EXPECT_LE(entry.size(), kMostEntry);
  const auto fields = fields_of(entry);
  EXPECT_TRUE(fields);
  return fields.value_or(Fields());
}

TEST(JournaldEntry, HasTheFieldsOfAnEvent) {
  const StreamEvent event = make_event(42, "3f2a00");
  const std::string line = console::event_line(event, {});
  EXPECT_EQ(entry_of(event),
            (Fields{{"MESSAGE", line.substr(0, line.size() - 1)},
                    {"PRIORITY", "4"},
                    {"SYSLOG_IDENTIFIER", "stillframe"},
                    {"STILLFRAME_SEQ", "42"},
                    {"STILLFRAME_CLASS", "content"},
                    {"STILLFRAME_KIND", "file_create"},
                    {"STILLFRAME_VERDICT", "violation"},
                    {"STILLFRAME_CONTAINER_ID", "3f2a00"},
                    {"STILLFRAME_CONTAINER_NAME", "web"},
                    {"STILLFRAME_PATH", "/etc/x"},
                    {"STILLFRAME_ORIGIN", "exec"},
                    {"STILLFRAME_TOOL", "apt"},
                    {"STILLFRAME_EVENT", jsonl::event_json(event, "n1")}}));
}

TEST(JournaldEntry, NamesWhoHadLoggedInBeforeWhoActed) {
  StreamEvent event = make_event(1, "a");
  Actor actor = test::make_actor();
  actor.user = "root";
  event.actor = SharedActor(actor);
  EXPECT_THAT(entry_of(event), Contains(Pair("STILLFRAME_USER", "root")));
  actor.login = Login{.uid = 1000, .session = 3, .user = "ann"};
  event.actor = SharedActor(actor);
  EXPECT_THAT(entry_of(event), Contains(Pair("STILLFRAME_USER", "ann")));
}

TEST(JournaldEntry, OfTheAgentHasNoContainer) {
  StreamEvent event;
  event.class_name = "agent";
  event.kind = "started";
  EXPECT_THAT(entry_of(event), Not(Contains(Key("STILLFRAME_CONTAINER_ID"))));
  EXPECT_THAT(entry_of(event), Not(Contains(Key("STILLFRAME_VERDICT"))));
}

// What a container chose stays in its field, byte for byte.
TEST(JournaldEntry, TakesNoFieldFromText) {
  const std::string forged = "/a\nSTILLFRAME_VERDICT=allowed\nPRIORITY\n" +
                             std::string(8, '\0') + "\n" + kHostile;
  StreamEvent event = make_event(1, forged);
  ContainerInfo info;
  info.id = forged;
  info.name = forged;
  event.container = std::make_shared<const ContainerInfo>(info);
  event.path = forged;
  Actor actor = test::make_actor();
  actor.tool = forged;
  event.actor = SharedActor(actor);
  const Fields fields = entry_of(event);
  for (const char* name : {"STILLFRAME_PATH", "STILLFRAME_CONTAINER_ID",
                           "STILLFRAME_CONTAINER_NAME", "STILLFRAME_TOOL"}) {
    EXPECT_THAT(fields, Contains(Pair(name, forged)));
  }
  EXPECT_THAT(fields, Contains(Pair("STILLFRAME_VERDICT", "violation")));
  EXPECT_THAT(fields, Contains(Pair("PRIORITY", "4")));
  EXPECT_EQ(fields.at("MESSAGE").find('\n'), std::string::npos);
}

TEST(JournaldEntry, IsBounded) {
  StreamEvent event = make_event(7, "a");
  event.path = "/" + std::string(16 << 10, 'x');
  event.detail = std::string(1 << 20, 'y');
  const Fields fields = entry_of(event);
  EXPECT_EQ(fields.at("MESSAGE").size(), std::size_t{16} << 10);
  EXPECT_THAT(fields, Contains(Pair("STILLFRAME_SEQ", "7")));
  EXPECT_THAT(fields, Not(Contains(Key("STILLFRAME_PATH"))));
  EXPECT_THAT(fields, Not(Contains(Key("STILLFRAME_EVENT"))));
}

TEST(JournaldEntry, IsAsGraveAsWhatHappened) {
  struct Case {
    const char* class_name;
    const char* kind;
    const char* verdict;
    const char* priority;
  };
  for (const Case& c : {Case{"code", "exec_new", "violation", "2"},
                        {"memory", "memory_write", "violation", "2"},
                        {"content", "file_write", "violation", "4"},
                        {"limits", "limit_change", "violation", "4"},
                        {"code", "exec_new", "allowed", "6"},
                        {"content", "file_write", "scratch", "6"},
                        {"lifecycle", "replaced", "", "6"},
                        {"agent", "started", "", "6"},
                        {"agent", "events_lost", "", "4"},
                        {"agent", "journal_damaged", "", "4"}}) {
    StreamEvent event;
    event.class_name = c.class_name;
    event.kind = c.kind;
    event.verdict = c.verdict;
    EXPECT_EQ(entry_of(event).at("PRIORITY"), c.priority)
        << c.kind << ' ' << c.verdict;
  }
}

}  // namespace
}  // namespace stillframe::journald
