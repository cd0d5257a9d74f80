// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/recorder.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "agent/base/file.h"
#include "agent/engine/event_log.h"

namespace stillframe::engine {
namespace {

using ::testing::HasSubstr;

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "stillframe-recorder-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<Recorder> recorder() {
    journal::Options options;
    options.directory = dir_ + "/journal";
    auto writer = journal::Writer::open(options, system_clock());
    EXPECT_TRUE(writer);
    return std::make_unique<Recorder>(
        std::move(*writer), [](const StreamEvent& event) {
          return R"({"kind":")" + event.kind + R"(","seq":)" +
                 std::to_string(event.seq) + "}";
        });
  }
  std::string journal() const {
    return read_file(dir_ + "/journal/0000000000000001.jsonl").value_or("");
  }

  std::string dir_;
};

TEST_F(RecorderTest, AllThatWasTakenIsWrittenWhenItEnds) {
  {
    EventLog log(dir_, recorder());
    for (int i = 0; i < 100; ++i) log.agent("k" + std::to_string(i), "");
    log.close();
    EXPECT_FALSE(log.journal());
  }
  EXPECT_THAT(journal(), HasSubstr(R"("entry":100,"kind":"k99")"));
}

TEST_F(RecorderTest, NumbersGoOnFromTheJournalWhereTheirFileIsLost) {
  {
    EventLog log(dir_, recorder());
    for (int i = 0; i < 10; ++i) log.agent("one", "");
    log.close();
  }
  std::filesystem::remove(dir_ + "/seq");
  EventLog log(dir_, recorder());
  log.agent("two", "");
  log.close();
  EXPECT_THAT(journal(), HasSubstr(R"("entry":11,"kind":"two","seq":11)"));
}

TEST_F(RecorderTest, StateIsOfTheLastEntry) {
  {
    EventLog(dir_, recorder()).agent("one", "");
  }
  const EventLog log(dir_, recorder());
  const auto state = log.journal();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->entries, 1U);
  const std::string text = journal();
  const std::string hash = sha256_hex(text.substr(0, text.size() - 1));
  EXPECT_EQ(state->head, std::stoull(hash.substr(0, 12), nullptr, 16));
  EXPECT_EQ(state->bytes, text.size());
}

}  // namespace
}  // namespace stillframe::engine
