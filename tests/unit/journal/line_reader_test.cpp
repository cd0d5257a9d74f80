// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/line_reader.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <random>
#include <vector>

#include "tests/unit/journal/scratch_directory.h"

namespace stillframe::journal {
namespace {

using ::testing::HasSubstr;

struct Read {
  std::vector<std::string> lines;  // '$' at the end of one without a newline
  std::string error;
};

Read read_all(const std::string& directory, bool closed) {
  Read out;
  auto reader = LineReader::open(directory, {1, closed});
  if (!reader) return {{}, reader.error().message};
  for (;;) {
    const auto line = reader->next();
    if (!line) return {out.lines, line.error().message};
    if (!*line) return out;
    std::string text((*line)->text);
    if ((*line)->too_long) text = "too long: " + std::to_string(text.size());
    out.lines.push_back(text + ((*line)->has_newline ? "" : "$"));
  }
}

std::string name_of(bool closed) { return to_string(SegmentName{1, closed}); }

TEST(LineReader, LinesAsTheyAre) {
  const std::string most(kMostLine, 'm');
  const std::string over(kMostLine + 1, 'o');
  const std::string far(5 * kMostLine, 'f');
  const std::string cut = "too long: " + std::to_string(kMostLine);
  const struct {
    std::string content;
    std::vector<std::string> lines;
  } kCases[] = {
      {"", {}},
      {"a\n", {"a"}},
      {"a", {"a$"}},
      {"a\n\nb\n", {"a", "", "b"}},
      {"\n", {""}},
      {std::string("\0\n\xff", 3), {std::string("\0", 1), "\xff$"}},
      {most + "\nx\n", {most, "x"}},
      {most, {most + "$"}},
      {over + "\nx\n", {cut, "x"}},
      {over, {cut + "$"}},
      {"a\n" + far + "\nx", {"a", cut, "x$"}},
      {far + "\n" + far + "\n", {cut, cut}},
  };
  for (const auto& test : kCases) {
    for (const bool closed : {false, true}) {
      const ScratchDirectory directory;
      directory.write(name_of(closed),
                      closed ? compressed(test.content) : test.content);
      const Read read = read_all(directory.path(), closed);
      EXPECT_EQ(read.error, "");
      EXPECT_TRUE(read.lines == test.lines)
          << closed << ' ' << test.content.size() << " bytes, "
          << test.content.substr(0, 20);
    }
  }
}

// Text that does not compress and text that compresses to almost nothing make
// the decompressor's buffers end at all places.
TEST(LineReader, ALotOfLines) {
  std::mt19937 random(1);
  std::string content;
  std::vector<std::string> lines;
  for (int i = 0; i < 4000; ++i) {
    std::string line(random() % 3000, 'x');
    if (i % 3 != 0) {
      for (char& c : line) c = static_cast<char>(' ' + random() % 64);
    }
    content += line + '\n';
    lines.push_back(std::move(line));
  }
  const ScratchDirectory directory;
  directory.write(name_of(false), content);
  // Several frames are as good as one.
  directory.write(name_of(true), compressed(content.substr(0, 1'000'000)) +
                                     compressed(content.substr(1'000'000)));
  for (const bool closed : {false, true}) {
    const Read read = read_all(directory.path(), closed);
    EXPECT_EQ(read.error, "");
    EXPECT_TRUE(read.lines == lines) << closed;
  }
}

TEST(LineReader, CutShortAtAnyByteIsAnError) {
  const ScratchDirectory directory;
  const std::string whole = compressed("one\ntwo\n" + std::string(999, 'x'));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    directory.write(name_of(true), whole.substr(0, size));
    EXPECT_EQ(
        read_all(directory.path(), true).error,
        "0000000000000001.jsonl.zst cannot be decompressed: it is cut short")
        << size;
  }
}

TEST(LineReader, WhatIsNoSegment) {
  const ScratchDirectory directory;
  EXPECT_THAT(read_all(directory.path(), false).error,
              HasSubstr("No such file"));
  directory.write(name_of(true), "one\n");
  EXPECT_THAT(read_all(directory.path(), true).error,
              HasSubstr("cannot be decompressed: Unknown frame"));
  directory.write(name_of(true), compressed("one\n") + "garbage");
  const Read read = read_all(directory.path(), true);
  EXPECT_EQ(read.lines, std::vector<std::string>{"one"});
  EXPECT_THAT(read.error, HasSubstr("cannot be decompressed"));
  directory.write("elsewhere", "one\n");
  std::filesystem::create_symlink("elsewhere", directory.path(name_of(false)));
  EXPECT_NE(read_all(directory.path(), false).error, "");
  std::filesystem::remove(directory.path(name_of(false)));
  ::mkfifo(directory.path(name_of(false)).c_str(), 0600);
  EXPECT_THAT(read_all(directory.path(), false).error,
              HasSubstr("not a regular file"));
}

TEST(LineReader, AWindowThatTakesALotOfMemoryIsRefused) {
  std::string text(32 << 20, 'x');
  text += '\n';
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 25);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(),
                            text.size()));
  ZSTD_freeCCtx(context);
  const ScratchDirectory directory;
  directory.write(name_of(true), out);
  EXPECT_THAT(read_all(directory.path(), true).error,
              HasSubstr("too much memory"));
}

// A line whose end comes after it was handed out is not two lines.
TEST(LineReader, WhatIsWrittenBehindTheEndIsNotRead) {
  const ScratchDirectory directory;
  directory.write(name_of(false), "one\ntw");
  auto reader = LineReader::open(directory.path(), {1, false});
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader->next())->text, "one");
  EXPECT_FALSE((*reader->next())->has_newline);
  directory.write(name_of(false), "one\ntwo\n");
  EXPECT_FALSE(*reader->next());
  EXPECT_EQ(reader->bytes_read(), 6U);
}

}  // namespace
}  // namespace stillframe::journal
