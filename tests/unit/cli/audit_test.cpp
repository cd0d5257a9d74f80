// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/audit.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "exporters/report/verification.h"
#include "tests/unit/cli/catcher.h"
#include "tests/unit/journal/healthy_journal.h"

namespace stillframe::cli {
namespace {

using journal::make_journal;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct Said {
  int code = 0;
  std::string out;
  std::string err;
};

class AuditTest : public testing::Test {
 protected:
  Said verify(const std::string& output = "text") {
    options_.audit.output = output;
    if (options_.audit.directory.empty()) {
      options_.audit.directory = directory_.path();
    }
    return run(run_audit_verify);
  }
  Said keygen(const std::string& file) {
    options_.audit.key_file = file;
    return run(run_audit_keygen);
  }

  journal::ScratchDirectory directory_;
  Options options_;

 private:
  Said run(int (*command)(const Options&, Streams)) {
    const Catcher out;
    const Catcher err;
    const int code = command(options_, {.out = out.fd(), .err = err.fd()});
    return {code, out.text(), err.text()};
  }
};

TEST_F(AuditTest, AHealthyJournalIsOk) {
  make_journal({.segments = {10, 5}}).write_to(directory_);
  const Said said = verify();
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.err, "");
  EXPECT_EQ(said.out,
            "ok: " + directory_.path() +
                ": 15 entries in 2 segments (1–15), "
                "2026-01-01T00:00:01.000000000Z to "
                "2026-01-01T00:00:15.000000000Z; not signed; covered by the "
                "checkpoint up to the last entry\n");
}

TEST_F(AuditTest, WhatTheCheckpointDoesNotCoverIsSaid) {
  make_journal({.segments = {10, 5, 5}, .pruned = 1, .behind = 2})
      .write_to(directory_);
  const Said said = verify();
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.out, HasSubstr("covered by the checkpoint up to entry 18:"));
  EXPECT_THAT(said.out, HasSubstr("; entries 1–10 removed by the agent until "
                                  "2026-01-01T00:00:11.000000000Z"));
}

TEST_F(AuditTest, EachFaultIsALine) {
  auto journal = make_journal({.segments = {10, 5}});
  journal.files.erase("0000000000000001.jsonl.zst");
  journal.files.erase("checkpoint");
  journal.write_to(directory_);
  const Said said = verify();
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.out,
              StartsWith("checkpoint: it is missing: nothing says how far the "
                         "journal went\n"
                         "0000000000000011.jsonl, line 1: entries 1–10 are "
                         "missing before this line\n"
                         "2 faults: " +
                         directory_.path()));
}

TEST_F(AuditTest, InJson) {
  auto journal = make_journal({.segments = {10, 5}});
  journal.files.erase("0000000000000001.jsonl.zst");
  journal.write_to(directory_);
  const Said said = verify("json");
  EXPECT_EQ(said.code, 1);
  const auto json = nlohmann::json::parse(said.out);
  EXPECT_EQ(json.at("v"), 1);
  EXPECT_EQ(json.at("ok"), false);
  EXPECT_EQ(json.at("entries"), 5);
  EXPECT_EQ(json.at("covered"), 15);
  EXPECT_EQ(json.at("signature"), "none");
  EXPECT_EQ(json.at("first").at("entry"), 11);
  EXPECT_EQ(json.at("checkpoint").at("entry"), 15);
  EXPECT_EQ(json.at("pruned"), nullptr);
  EXPECT_EQ(json.at("fault_count"), 1);
  EXPECT_EQ(json.at("faults"),
            nlohmann::json::parse(
                R"([{"kind":"missing","file":"0000000000000011.jsonl","line":1,
                     "first_entry":1,"last_entry":10,"text":
                     "0000000000000011.jsonl, line 1: entries 1–10 are missing before this line"}])"));
}

TEST_F(AuditTest, KeysThatSignAndCheck) {
  const std::string secret = directory_.path("journal.key");
  const std::string open = directory_.path("journal.pub");
  const Said made = keygen(secret);
  EXPECT_EQ(made.code, 0) << made.err;
  const auto key = journal::Key::read_private(secret);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_THAT(made.out, AllOf(StartsWith("key " + key->fingerprint()),
                              HasSubstr("run --journal.key"),
                              HasSubstr("verify --key"), HasSubstr(open)));
  struct stat st{};
  ASSERT_EQ(::stat(secret.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat(open.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0644U);

  make_journal({.segments = {5}, .key = &*key}).write_to(directory_);
  EXPECT_THAT(verify().out, HasSubstr("signed by key " + key->fingerprint() +
                                      ", not checked without --key"));
  options_.audit.keys = {open};
  const Said good = verify();
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.out, HasSubstr("signed by key " + key->fingerprint() + ";"));

  make_journal({.segments = {5}}).write_to(directory_);
  const Said bad = verify();
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, StartsWith("checkpoint: it is not signed\n"));

  options_.audit.keys = {secret};
  const Said wrong = verify();
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("is not an Ed25519 public key"));
}

TEST_F(AuditTest, KeysAreNeverReplaced) {
  for (const char* taken : {"journal.key", "journal.pub"}) {
    const journal::ScratchDirectory directory;
    directory.write(taken, "precious");
    const Said said = keygen(directory.path("journal.key"));
    EXPECT_EQ(said.code, 1);
    EXPECT_THAT(said.err, HasSubstr("is there already: it is not replaced"));
    EXPECT_EQ(directory.read(taken), "precious");
    int files = 0;
    for ([[maybe_unused]] const auto& file :
         std::filesystem::directory_iterator(directory.path())) {
      ++files;
    }
    EXPECT_EQ(files, 1);
  }
}

TEST_F(AuditTest, TheJournalOfAStateDirectory) {
  const std::string inner = directory_.path("journal");
  std::filesystem::create_directory(inner);
  for (const auto& [name, content] : make_journal({.segments = {3}}).files) {
    directory_.write("journal/" + name, content);
  }
  EXPECT_THAT(verify().out, StartsWith("ok: " + inner + ": 3 entries"));
  // One that hides inside another does not stand for it.
  make_journal({.segments = {7}}).write_to(directory_);
  EXPECT_THAT(verify().out,
              StartsWith("ok: " + directory_.path() + ": 7 entries"));
}

TEST_F(AuditTest, WithoutItsWitnessNothingIsSaid) {
  make_journal({.segments = {5}}).write_to(directory_);
  options_.audit.prometheus = "http://127.0.0.1:1";
  const Said said = verify();
  EXPECT_EQ(said.code, 1);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.err,
              StartsWith("stillframe: --prometheus: http://127.0.0.1:1: "));
}

TEST(AuditText, WhatTheWitnessSays) {
  report::Audit audit{
      .directory = "d", .verification = {}, .witness = journal::Testimony{}};
  EXPECT_THAT(report::audit_text(audit),
              EndsWith("; Prometheus agrees with no entry\n"));
  audit.witness = {.agreed = 2,
                   .unchecked = 1,
                   .last = 7,
                   .last_time = journal::time_of_entry(8)};
  EXPECT_THAT(report::audit_text(audit),
              EndsWith("; Prometheus agrees with 2 entries, the last of them "
                       "7, scraped at 2026-01-01T00:00:08.000000000Z, and has "
                       "scraped 1 that is not there any more\n"));
  EXPECT_EQ(nlohmann::json::parse(report::audit_json(audit)).at("witness"),
            nlohmann::json::parse(
                R"({"agreed":2,"unchecked":1,"last":
                    {"entry":7,"time":"2026-01-01T00:00:08.000000000Z"}})"));
}

TEST_F(AuditTest, NoJournal) {
  const Said said = verify();
  EXPECT_EQ(said.code, 1);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.err, HasSubstr("there is no journal in"));
  options_.audit.directory = "/nowhere";
  EXPECT_THAT(verify().err, EndsWith("/nowhere: No such file or directory\n"));
}

}  // namespace
}  // namespace stillframe::cli
