// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/drift/ledger/store_lines.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxFile = 256u << 20;
constexpr std::size_t kCompactAbove = 1u << 20;
constexpr std::size_t kRecordBytes = 160;  // about, with its share of actors

}  // namespace

Store::Store(std::string path, const ContainerRecord& record)
    : path_(std::move(path)), id_(record.info.id), root_(record.root.inode) {}

Store::Loaded Store::load(ActorTable& actors, Ledger& ledger,
                          StoredState& state, Life& life, std::string& why) {
  rewrite_ = true;
  unreadable_ = false;
  if (path_.empty()) return Loaded::nothing;
  auto text = read_file(path_, kMaxFile);
  if (!text) {
    const int code = text.error().code;
    if (code == ENOENT) return Loaded::nothing;
    why = text.error().message;
    // Too large, or not a file: that does not pass.
    unreadable_ = code != EFBIG && code != EINVAL;
    if (unreadable_) return Loaded::unreadable;
  }
  StoredLines to{actors, ledger, state, life};
  bool torn = false;
  std::size_t lines = 0;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty() && why.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) {
      torn = true;  // we were killed, or the disk was full, in mid-write
      // The header was put there at once, by a rename.
      if (lines == 0) why = path_ + ":1: no header";
      break;
    }
    const auto one = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (++lines == 1) {
      const auto header = read_header(one, id_, root_);
      if (header == Header::other) return Loaded::nothing;
      if (header == Header::bad) why = path_ + ":1: no header";
      if (header == Header::unknown) {
        why = path_ + ":1: written by another version of the agent";
      }
    } else if (!read_line(one, to)) {
      why = path_ + ":" + std::to_string(lines) + ": cannot be understood";
    }
  }
  // Unless somebody emptied it, it has its first line.
  if (why.empty() && lines == 0) why = path_ + ": empty";
  if (!why.empty()) {
    ::rename(path_.c_str(), (path_ + ".damaged").c_str());
    return Loaded::damaged;
  }
  ledger.take_touched();
  ledger.set_overflow(state.overflow);
  for (const auto& [number, actor] : to.by_number) numbers_[actor] = number;
  next_number_ = to.next_number;
  written_ = state;
  life_written_ = life.revision;
  bytes_ = text->size();
  rewrite_ = torn;
  return Loaded::state;
}

void Store::append_record(std::string& out, const RecordKey& key,
                          const ActorTable& actors, const Ledger& ledger) {
  const Record* r = ledger.find(key);
  if (r == nullptr) {
    out += erased_line(key);
    return;
  }
  std::vector<std::uint32_t> members;
  for (const ActorId actor : actors.members(r->actors)) {
    const auto [it, fresh] = numbers_.try_emplace(actor, next_number_);
    if (fresh) out += actor_line(next_number_++, actors.get(actor));
    members.push_back(it->second);
  }
  out +=
      record_line(key, *r, members, ledger.from(key), ledger.ctime_moved(key));
}

Result<> Store::append(std::string_view text) {
  // Not kept open: there may be more containers than descriptors.
  const Fd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (file < 0) return fail(path_, errno);
  ssize_t n = 0;
  do {
    n = ::write(file, text.data(), text.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail(path_, errno);
  if (static_cast<std::size_t>(n) != text.size()) {
    return fail(path_, ENOSPC);
  }
  bytes_ += text.size();
  return {};
}

Result<> Store::write_all(const ActorTable& actors, const Ledger& ledger,
                          const StoredState& state, const Life& life) {
  numbers_.clear();
  next_number_ = 0;
  std::string text =
      header_line(id_, root_) + state_line(state) + life_line(life);
  ledger.for_each([&](const RecordKey& key, const Record&) {
    append_record(text, key, actors, ledger);
  });
  if (auto done = write_file_atomic(path_, text); !done) return done;
  bytes_ = text.size();
  rewrite_ = false;
  return {};
}

Result<> Store::flush(const ActorTable& actors, Ledger& ledger,
                      const StoredState& state, const Life& life) {
  const auto touched = ledger.take_touched();
  if (path_.empty()) return {};
  if (unreadable_) return fail(path_ + ": not read yet, so not written");
  if (bytes_ > kCompactAbove && bytes_ > 4 * ledger.size() * kRecordBytes) {
    rewrite_ = true;
  }
  const bool life_changed = life.revision != life_written_;
  if (!rewrite_ && touched.empty() && state == written_ && !life_changed) {
    return {};
  }
  ++writes_;
  if (rewrite_) {
    auto done = write_all(actors, ledger, state, life);
    if (done) {
      written_ = state;
      life_written_ = life.revision;
    }
    return done;
  }
  std::string text;
  if (!(state == written_)) text += state_line(state);
  if (life_changed) text += life_line(life);
  for (const auto& key : touched) append_record(text, key, actors, ledger);
  auto done = append(text);
  if (done) {
    written_ = state;
    life_written_ = life.revision;
  } else {
    rewrite_ = true;
  }
  return done;
}

void Store::remove() {
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace stillframe::drift
