// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/journal/compress.h"
#include "agent/journal/directory.h"
#include "agent/journal/tail.h"

namespace stillframe::journal {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// While nothing happens: so exactly is known afterwards until when the agent
// was there.
constexpr std::uint64_t kHeartbeatNs = 60 * kSecondNs;
// Whoever keeps the disk full would have all that is on record removed, one
// segment for each write that finds no room.
constexpr std::uint64_t kMakeRoomEveryNs = 600 * kSecondNs;

std::int64_t ns_of(std::chrono::milliseconds time) {
  return std::chrono::nanoseconds(time).count();
}

bool no_room(const Error& error) {
  return error.code == ENOSPC || error.code == EDQUOT;
}

}  // namespace

Writer::Writer(Options options, const Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

Writer::~Writer() = default;

std::string Writer::path_of(const std::string& file) const {
  return options_.directory + '/' + file;
}

Result<std::unique_ptr<Writer>> Writer::open(Options options,
                                             const Clock& clock) {
  std::unique_ptr<Writer> writer(new Writer(std::move(options), clock));
  if (auto started = writer->start(); !started) {
    return fail(started, "journal");
  }
  return writer;
}

Result<> Writer::start() {
  if (auto made = make_directories(options_.directory, 0750); !made) {
    return made;
  }
  const auto text = read_file(path_of(std::string(kCheckpointFile)), kMostLine);
  if (text) {
    const auto point =
        parse_checkpoint(std::string_view(*text).substr(0, text->find('\n')));
    if (point) {
      found_ = *point;
    } else {
      notices_.push_back({"journal_repaired",
                          "the checkpoint could not be read, and was made "
                          "again: " +
                              point.error().message});
    }
  } else if (!is_absence(text.error().code)) {
    return tl::unexpected<Error>(text.error());
  }
  if (auto stock = take_stock(); !stock) return stock;
  if (auto tail = find_tail(); !tail) return tail;
  written_.node = options_.node;
  pending_ = written_;
  checkpoint_entry_ = found_ ? found_->entry : 0;
  settled_ns_ = clock_.mono_ns();
  // From the beginning there is one: that it is missing says something.
  return found_ ? Result<>() : settle(true);
}

// Which segments there are; what was left of closing one is finished.
Result<> Writer::take_stock() {
  auto segments = list_segments(options_.directory);
  if (!segments) return tl::unexpected<Error>(segments.error());
  for (const auto& refused : segments->refused) {
    notices_.push_back({"journal_damaged", printable(refused.message)});
  }
  for (const auto& name : segments->segments) {
    const std::string path = path_of(to_string(name));
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0) return fail(printable(path), errno);
    const Closed one{.first = name.first,
                     .bytes = static_cast<std::uint64_t>(st.st_size),
                     .written = WallTime{st.st_mtim.tv_sec * 1'000'000'000 +
                                         st.st_mtim.tv_nsec},
                     .compressed = name.closed};
    if (!closed_.empty() && closed_.back().first == one.first) {
      // The compressed one got its name when it was complete.
      const std::string plain = path_of(to_string({one.first, false}));
      if (::unlink(plain.c_str()) != 0) return fail(printable(plain), errno);
      closed_.back() = one;
      continue;
    }
    closed_.push_back(one);
  }
  for (const auto& one : closed_) closed_bytes_ += one.bytes;
  return {};
}

// Goes on in the last segment, if that is not closed.
Result<> Writer::find_tail() {
  written_.head = kNoHash;
  const bool open = !closed_.empty() && !closed_.back().compressed;
  if (open) {
    if (auto opened = open_last(); !opened) return opened;
  }
  if (written_.entry == 0) {
    // A segment is begun once the checkpoint is at the end of the last.
    const bool known = open && found_ && found_->entry + 1 == first_;
    auto found = known ? Result<Checkpoint>(*found_) : end_of_closed();
    if (!found) return tl::unexpected<Error>(found.error());
    written_ = *found;
  }
  if (found_ && found_->entry > written_.entry) {
    notices_.push_back(
        {"journal_repaired",
         fmt::format("entries {} to {} were written and are missing at the end",
                     written_.entry + 1, found_->entry)});
    written_ = *found_;  // the hole stays to be seen
  }
  return open ? Result<>() : begin_segment();
}

Result<> Writer::open_last() {
  const Closed last = closed_.back();
  closed_.pop_back();
  closed_bytes_ -= last.bytes;
  first_ = last.first;
  begun_ = last.written;
  const std::string path = path_of(to_string({first_, false}));
  fd_ = Fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (fd_ < 0) return fail(printable(path), errno);
  const auto end =
      cut_torn_end(fd_, path_of(fmt::format("{:016}.torn-{}", first_,
                                            clock_.wall().ns / 1'000'000'000)));
  if (!end) return fail(end, printable(path));
  size_ = end->bytes;
  if (!end->torn.empty()) notices_.push_back({"journal_repaired", end->torn});
  if (end->last) written_ = *end->last;
  return {};
}

// The last entry of what is closed, or of what was pruned.
Result<Checkpoint> Writer::end_of_closed() const {
  if (!closed_.empty()) {
    const auto& last = closed_.back();
    return last_line(options_.directory, {last.first, last.compressed});
  }
  const auto text = read_file(path_of(std::string(kPrunedFile)), kMostLine);
  if (!text && is_absence(text.error().code)) {
    Checkpoint nothing;
    nothing.head = kNoHash;
    return nothing;
  }
  if (!text) return tl::unexpected<Error>(text.error());
  return parse_checkpoint(std::string_view(*text).substr(0, text->find('\n')));
}

Result<> Writer::begin_segment() {
  first_ = written_.entry + 1;
  const std::string path = path_of(to_string({first_, false}));
  Fd fd(::open(path.c_str(),
               O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
               0640));
  if (fd < 0) return fail(printable(path), errno);
  fd_ = std::move(fd);
  size_ = 0;
  begun_ = clock_.wall();
  return {};
}

std::vector<Notice> Writer::take_notices() {
  return std::exchange(notices_, {});
}

void Writer::add(std::string_view event, std::uint64_t seq) {
  const std::string line = make_line(pending_.head, pending_.entry + 1, event);
  ++pending_.entry;
  pending_.seq = seq;
  pending_.head = sha256_hex(line);
  added_ += line;
  added_ += '\n';
}

// What a burst needed is given back: the next is an hour away, or a second.
void Writer::clear_added() {
  constexpr std::size_t kKept = 64 << 10;
  if (added_.capacity() > kKept) added_ = {};
  added_.clear();
}

void Writer::drop_pending() {
  lost_ += pending_.entry - written_.entry;
  clear_added();
  pending_ = written_;
}

Result<> Writer::write_pending() {
  if (added_.empty()) return {};
  for (;;) {
    const auto written = write_all(fd_, added_);
    if (written) break;
    // No part of it stays: the next line would be torn, too.
    const bool cut = ::ftruncate(fd_, static_cast<off_t>(size_)) == 0;
    if (cut && no_room(written.error()) && make_room()) continue;
    drop_pending();
    return fail(written, "journal");
  }
  size_ += added_.size();
  clear_added();
  written_ = pending_;
  synced_ = false;
  return {};
}

// Whether a segment went for it.
bool Writer::make_room() {
  const std::uint64_t now = clock_.mono_ns();
  if (options_.when_full != WhenFull::prune || now < make_room_again_ns_) {
    return false;
  }
  make_room_again_ns_ = now + kMakeRoomEveryNs;
  return prune_oldest().value_or(false);
}

Result<> Writer::flush() {
  if (options_.when_full == WhenFull::stop && !added_.empty() && is_full()) {
    auto packed = compress_closed();
    if (!packed || is_full()) {
      drop_pending();
      if (!packed) return packed;
      return fail("the journal is as large as it may be (--journal.max-size)",
                  ENOSPC);
    }
  }
  const auto age = clock_.wall().ns - begun_.ns;
  const bool full = size_ != 0 && (size_ >= options_.segment_bytes ||
                                   age >= ns_of(options_.segment_age));
  Result<> turned;
  if (full) turned = turn_segment();
  if (auto written = write_pending(); !written) return written;
  // First what vouches for all that was written, whatever else fails.
  if (auto settled = settle(options_.sync == Sync::always); !settled) {
    return settled;
  }
  const std::uint64_t now = clock_.mono_ns();
  if (now < keep_again_ns_) return {};
  auto kept = turned ? keep_within_bounds() : turned;
  if (!kept) keep_again_ns_ = now + kHeartbeatNs;
  return kept;
}

Result<> Writer::finish() {
  if (auto written = write_pending(); !written) return written;
  return settle(true);
}

// The checkpoint never says more than is on the disk, unless nobody asked for
// that: what is missing behind it was taken away.
Result<> Writer::settle(bool everything) {
  const std::uint64_t now = clock_.mono_ns();
  const std::uint64_t since = now - settled_ns_;
  const bool behind = checkpoint_entry_ != written_.entry;
  const bool due =
      everything || (behind && since >= kSecondNs) || since >= kHeartbeatNs;
  if (!due) return {};
  settled_ns_ = now;
  if (!synced_ && options_.sync != Sync::never && ::fdatasync(fd_) != 0) {
    return fail("journal", errno);
  }
  synced_ = true;
  if (unwritten_stub_) {
    auto stub = write_checkpoint(kPrunedFile, *unwritten_stub_);
    if (!stub) return stub;
    unwritten_stub_.reset();
  }
  Checkpoint point = written_;
  point.time = clock_.wall();
  if (auto written = write_checkpoint(kCheckpointFile, point); !written) {
    return written;
  }
  checkpoint_entry_ = point.entry;
  return {};
}

Result<> Writer::write_checkpoint(std::string_view file,
                                  Checkpoint checkpoint) {
  checkpoint.file = file;
  checkpoint.node = options_.node;
  checkpoint.key = options_.key ? options_.key->fingerprint() : "";
  std::string text = to_text(checkpoint);
  if (options_.key) text += '\n' + to_base64(options_.key->sign(text));
  text += '\n';
  const std::string path = path_of(std::string(file));
  // An old checkpoint is as good after a crash; what was pruned is known by its
  // file alone.
  const auto written = file == kPrunedFile ? write_file_durably(path, text)
                                           : write_file_atomic(path, text);
  if (!written) return fail(written, "journal");
  return {};
}

// Begins another segment; the one before is compressed in its time.
Result<> Writer::turn_segment() {
  if (auto settled = settle(true); !settled) return settled;
  Closed last{.first = first_,
              .bytes = size_,
              .written = clock_.wall(),
              .compressed = false};
  if (auto begun = begin_segment(); !begun) return begun;
  closed_.push_back(last);
  closed_bytes_ += last.bytes;
  return {};
}

// Those that have been closed for long enough; where there is no room, all.
Result<> Writer::compress_closed() {
  for (auto& segment : closed_) {
    const auto age = clock_.wall().ns - segment.written.ns;
    const bool due = age >= ns_of(options_.compress_after) || is_full();
    if (segment.compressed || !due) continue;
    if (auto packed = compress(segment); !packed) return packed;
  }
  return {};
}

Result<> Writer::compress(Closed& segment) {
  const std::string plain = path_of(to_string({segment.first, false}));
  const std::string packed = path_of(to_string({segment.first, true}));
  const auto size = compress_file(plain, packed + ".tmp");
  if (!size) return fail(size, "closing a segment of the journal");
  if (::rename((packed + ".tmp").c_str(), packed.c_str()) != 0) {
    return fail(printable(packed), errno);
  }
  if (auto synced = sync_directory(options_.directory); !synced) return synced;
  if (::unlink(plain.c_str()) != 0) return fail(printable(plain), errno);
  closed_bytes_ = closed_bytes_ - segment.bytes + *size;
  segment.bytes = *size;
  segment.compressed = true;
  return {};
}

// False: there is none.
Result<bool> Writer::prune_oldest() {
  if (closed_.empty()) return false;
  const Closed oldest = closed_.front();
  const SegmentName name{oldest.first, oldest.compressed};
  const std::string path = path_of(to_string(name));
  auto last = last_line(options_.directory, name);
  if (!last) {
    notices_.push_back({"journal_damaged", printable(last.error().message)});
    last = end_by_next();
  }
  if (!last) return fail(last, "pruning " + printable(path));
  last->time = clock_.wall();
  // Before the segment goes: without it the rest would look cut off. But a
  // full disk has room for it only then.
  auto written = write_checkpoint(kPrunedFile, *last);
  if (!written && !no_room(written.error())) {
    return tl::unexpected<Error>(written.error());
  }
  if (::unlink(path.c_str()) != 0) return fail(printable(path), errno);
  if (!written) unwritten_stub_ = *last;  // with the next checkpoint
  closed_.erase(closed_.begin());
  closed_bytes_ -= oldest.bytes;
  notices_.push_back(
      {"journal_pruned", fmt::format("entries {} to {} were removed",
                                     oldest.first, last->entry)});
  return true;
}

// Of the oldest segment, as the one after it begins.
Result<Checkpoint> Writer::end_by_next() const {
  if (closed_.size() > 1) {
    return before_first_line(options_.directory,
                             {closed_[1].first, closed_[1].compressed});
  }
  if (size_ != 0) return before_first_line(options_.directory, {first_, false});
  return written_;
}

Result<> Writer::keep_within_bounds() {
  if (auto packed = compress_closed(); !packed) return packed;
  while (!closed_.empty()) {
    const bool old = clock_.wall().ns - closed_.front().written.ns >
                     ns_of(options_.retention);
    const bool large = options_.when_full == WhenFull::prune && is_full();
    if (!old && !large) break;
    if (auto pruned = prune_oldest(); !pruned) {
      return tl::unexpected<Error>(pruned.error());
    }
  }
  return {};
}

}  // namespace stillframe::journal
