// SPDX-License-Identifier: Apache-2.0
//
// The commands in docs/journal.md by which a journal is checked without
// Stillframe, as they are there.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdio>
#include <memory>

#include "tests/unit/journal/healthy_journal.h"

namespace stillframe::journal {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The first block of code that has `word` in it.
std::string documented(const std::string& word) {
  std::ifstream in{STILLFRAME_JOURNAL_REFERENCE};
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = text.find("```", at);
    if (begin == std::string::npos) return "";
    const std::size_t code = text.find('\n', begin) + 1;
    const std::size_t end = text.find("```", code);
    const std::string block = text.substr(code, end - code);
    if (block.find(word) != std::string::npos) return block;
    at = end + 3;
  }
}

struct Said {
  int code = 0;
  std::string out;  // and the messages
};

Said run(const ScratchDirectory& directory, const std::string& commands) {
  directory.write("commands.sh", commands);
  const std::string line =
      "cd '" + directory.path() + "' && bash commands.sh 2>&1";
  FILE* pipe = ::popen(line.c_str(), "r");
  Said said;
  char piece[4096];
  for (std::size_t n = 1; n > 0;) {
    n = std::fread(piece, 1, sizeof piece, pipe);
    said.out.append(piece, n);
  }
  said.code = WEXITSTATUS(::pclose(pipe));
  return said;
}

class Documented : public testing::Test {
 protected:
  std::string chain(const Journal& journal) {
    const ScratchDirectory directory;
    journal.write_to(directory);
    return run(directory, documented("zstdcat")).out;
  }
};

TEST_F(Documented, ChainOfAHealthyJournal) {
  ASSERT_NE(documented("zstdcat"), "");
  EXPECT_EQ(chain(make_journal({.segments = {5, 5, 5}})), "");
  EXPECT_EQ(chain(make_journal({.segments = {5, 5, 5}, .pruned = 1})), "");
  EXPECT_EQ(chain(make_journal({.segments = {5, 5}, .behind = 2})), "");
  Journal twice = make_journal({.segments = {5, 5}});
  twice.files["0000000000000001.jsonl"] =
      decompressed(twice.files.at("0000000000000001.jsonl.zst"));
  twice.files["0000000000000006.torn-1"] = "x";
  twice.files["0000000000000006.jsonl.zst.tmp"] = "x";
  EXPECT_EQ(chain(twice), "");
}

TEST_F(Documented, ChainOfOneThatIsNot) {
  const Journal healthy = make_journal({.segments = {5, 5, 5}});
  const std::string follows = "does not follow what is before: {\"prev\":\"";
  Journal changed = healthy;
  changed.files.at("0000000000000011.jsonl")[120] ^= 1;
  EXPECT_THAT(chain(changed), StartsWith(follows + healthy.hash_of(11)));
  Journal removed = healthy;
  removed.files.erase("0000000000000006.jsonl.zst");
  EXPECT_THAT(chain(removed), StartsWith(follows + healthy.hash_of(10)));
  Journal cut = healthy;
  cut.files.at("0000000000000011.jsonl").resize(300);
  EXPECT_EQ(chain(cut), "the entry that the checkpoint names is not there\n");
  Journal begun = healthy;
  begun.files.erase("0000000000000001.jsonl.zst");
  EXPECT_THAT(chain(begun), StartsWith(follows + healthy.hash_of(5)));
}

TEST_F(Documented, SignatureByOpenSsl) {
  const auto key = Key::make();
  Journal journal = make_journal({.segments = {5}, .key = &*key});
  const ScratchDirectory directory;
  journal.write_to(directory);
  directory.write("journal.pub", key->public_pem());
  const std::string commands = documented("openssl");
  const Said good = run(directory, commands);
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.out, HasSubstr("Signature Verified Successfully"));
  std::string& checkpoint = journal.files.at("checkpoint");
  checkpoint[checkpoint.find("n1")] = 'm';
  journal.write_to(directory);
  const Said bad = run(directory, commands);
  EXPECT_NE(bad.code, 0);
  EXPECT_THAT(bad.out, HasSubstr("Signature Verification Failure"));
}

}  // namespace
}  // namespace stillframe::journal
