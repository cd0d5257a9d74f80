// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "agent/base/file.h"
#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxFile = 256u << 20;
constexpr std::size_t kCompactAbove = 1u << 20;
constexpr std::size_t kRecordBytes = 160;  // about, with its share of actors

enum Flag : unsigned {
  kObserved = 1,
  kLive = 2,
  kOwn = 4,
  kUnsettled = 8,
  kFirstExec = 16,
  kGone = 32,
};

unsigned flags_of(const Record& r) {
  return (r.observed ? kObserved : 0u) | (r.live ? kLive : 0u) |
         (r.own ? kOwn : 0u) | (r.unsettled ? kUnsettled : 0u) |
         (r.first_exec ? kFirstExec : 0u) | (r.gone ? kGone : 0u);
}

std::string line(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

std::string kind_words(const KindList& kinds) {
  std::string out;
  for (const Kind kind : kinds.list()) {
    if (!out.empty()) out += ' ';
    out += to_string(kind);
  }
  return out;
}

// Reads the elements of one line in turn; anything unexpected spoils it.
class Reader {
 public:
  explicit Reader(const json& array) : array_(array) {}

  template <typename T>
  T number() {
    const json* value = next();
    if (value == nullptr || !value->is_number_integer()) return spoil<T>();
    if (value->is_number_unsigned()) {
      const auto n = value->get<std::uint64_t>();
      if (n <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
        return static_cast<T>(n);
      }
      return spoil<T>();
    }
    if constexpr (std::is_signed_v<T>) {
      return static_cast<T>(value->get<std::int64_t>());
    }
    return spoil<T>();
  }
  bool boolean() {
    const json* value = next();
    if (value == nullptr || !value->is_boolean()) return spoil<bool>();
    return value->get<bool>();
  }
  std::string text() {
    const json* value = next();
    if (value == nullptr || !value->is_string()) return spoil<std::string>();
    return json_bytes(value->get_ref<const std::string&>());
  }
  const json* next() {
    if (at_ >= array_.size()) return nullptr;
    return &array_[at_++];
  }
  template <typename T>
  T spoil() {
    good_ = false;
    return T{};
  }
  bool good() const { return good_ && at_ == array_.size(); }

 private:
  const json& array_;
  std::size_t at_ = 1;  // [0] says which sort of line it is
  bool good_ = true;
};

json actor_line(std::uint32_t number, const Actor& a) {
  json session = nullptr;
  if (a.session) {
    session = json::array(
        {"session", a.session->id, json_text(a.session->first_cmd),
         json_text(a.session->tty), a.session->uid, a.session->start.ns});
  }
  return json::array({"a", number, to_string(a.origin), json_text(a.tool),
                      json_text(a.comm), json_text(a.exe), a.pid, a.uid,
                      a.ambiguous, std::move(session)});
}

bool read_actor(Reader& in, std::uint32_t& number, Actor& a) {
  number = in.number<std::uint32_t>();
  const auto origin = origin_from(in.text());
  if (!origin) return false;
  a.origin = *origin;
  a.tool = in.text();
  a.comm = in.text();
  a.exe = in.text();
  a.pid = in.number<std::uint32_t>();
  a.uid = in.number<std::uint32_t>();
  a.ambiguous = in.boolean();
  const json* session = in.next();
  if (session == nullptr || !in.good()) return false;
  if (session->is_null()) return true;
  if (!session->is_array()) return false;
  Reader inner(*session);
  Session s;
  s.id = inner.number<std::uint64_t>();
  s.first_cmd = inner.text();
  s.tty = inner.text();
  s.uid = inner.number<std::uint32_t>();
  s.start.ns = inner.number<std::int64_t>();
  a.session = std::move(s);
  return inner.good();
}

RecordKey read_key(Reader& in) {
  RecordKey key;
  key.inode.ino = in.number<std::uint64_t>();
  key.inode.generation = in.number<std::uint32_t>();
  key.name = in.text();
  return key;
}

bool read_kinds(const std::string& words, KindList& kinds) {
  if (words.empty()) return true;
  for (const auto& word : split(words, ' ')) {
    const auto kind = kind_from(word);
    if (!kind) return false;
    kinds.add(*kind);
  }
  return true;
}

json limits_value(const std::map<std::string, std::string>& limits) {
  json value = json::object();
  for (const auto& [file, text] : limits) {
    value[json_text(file)] = json_text(text);
  }
  return value;
}

json life_line(const Life& life) {
  json mounts = json::array();
  for (const auto& m : life.mounts) {
    mounts.push_back(
        json::array({"m", m.id, m.dev, json_text(m.root), json_text(m.target),
                     json_text(m.type), json_text(m.source),
                     json_text(m.options), m.read_only_below}));
  }
  return json::array({"l", life.init_start_ns, life.has_mounts, life.has_limits,
                      std::move(mounts), limits_value(life.limits),
                      limits_value(life.limits_now)});
}

bool read_limits(const json* value, std::map<std::string, std::string>& out) {
  if (value == nullptr || !value->is_object()) return false;
  for (const auto& [file, text] : value->items()) {
    if (!text.is_string()) return false;
    out[json_bytes(file)] = json_bytes(text.get_ref<const std::string&>());
  }
  return true;
}

bool read_mount(const json& value, MountEntry& m) {
  if (!value.is_array()) return false;
  Reader in(value);
  m.id = in.number<std::uint32_t>();
  m.dev = in.number<std::uint32_t>();
  m.root = in.text();
  m.target = in.text();
  m.type = in.text();
  m.source = in.text();
  m.options = in.text();
  m.read_only_below = in.boolean();
  return in.good();
}

bool read_life(Reader& in, Life& life) {
  Life read;
  read.init_start_ns = in.number<std::uint64_t>();
  read.has_mounts = in.boolean();
  read.has_limits = in.boolean();
  const json* mounts = in.next();
  if (mounts == nullptr || !mounts->is_array()) return false;
  for (const auto& mount : *mounts) {
    if (!read_mount(mount, read.mounts.emplace_back())) return false;
  }
  if (!read_limits(in.next(), read.limits) ||
      !read_limits(in.next(), read.limits_now) || !in.good()) {
    return false;
  }
  life = std::move(read);
  return true;
}

// Everything that one load fills.
struct Loading {
  ActorTable& actors;
  Ledger& ledger;
  StoredState& state;
  Life& life;
  std::unordered_map<std::uint32_t, ActorId> by_number;
  std::uint32_t next_number = 0;
};

bool load_record(Reader& in, Loading& to) {
  const RecordKey key = read_key(in);
  Record r;
  if (!read_kinds(in.text(), r.kinds)) return false;
  r.first_seen.ns = in.number<std::int64_t>();
  r.last_seen.ns = in.number<std::int64_t>();
  r.count = in.number<std::uint32_t>();
  const json* members = in.next();
  if (members == nullptr || !members->is_array() ||
      members->size() > ActorTable::kMaxPerSet) {
    return false;
  }
  for (const auto& member : *members) {
    if (!member.is_number_unsigned()) return false;
    const auto number = member.get<std::uint64_t>();
    const auto actor =
        number > UINT32_MAX
            ? to.by_number.end()
            : to.by_number.find(static_cast<std::uint32_t>(number));
    if (actor == to.by_number.end()) return false;
    r.actors = to.actors.add(r.actors, actor->second);
  }
  const auto flags = in.number<unsigned>();
  const std::string from = in.text();
  if (!in.good() || (!key.inode && key.name.empty())) return false;
  r.observed = (flags & kObserved) != 0;
  r.live = (flags & kLive) != 0;
  r.own = (flags & kOwn) != 0;
  r.unsettled = (flags & kUnsettled) != 0;
  r.first_exec = (flags & kFirstExec) != 0;
  r.gone = (flags & kGone) != 0;
  if (Record* slot = to.ledger.upsert(key)) {
    *slot = r;
    to.ledger.set_from(key, from);
  }
  return true;
}

bool load_line(const json& value, Loading& to) {
  if (!value.is_array() || value.empty() || !value[0].is_string()) return false;
  const auto& sort = value[0].get_ref<const std::string&>();
  Reader in(value);
  if (sort == "r") return load_record(in, to);
  if (sort == "x") {
    const RecordKey key = read_key(in);
    if (!in.good()) return false;
    to.ledger.erase(key);
    return true;
  }
  if (sort == "a") {
    std::uint32_t number = 0;
    Actor actor;
    if (!read_actor(in, number, actor) || !in.good()) return false;
    to.by_number[number] = to.actors.intern(actor);
    to.next_number = std::max(to.next_number, number + 1);
    return true;
  }
  if (sort == "l") return read_life(in, to.life);
  if (sort == "s") {
    to.state.lived = in.boolean();
    to.state.ever_mutated = in.boolean();
    to.state.first_mutation.ns = in.number<std::int64_t>();
    to.state.overflow = in.number<std::uint64_t>();
    return in.good();
  }
  return false;
}

json parse(std::string_view text) {
  return json::parse(text.begin(), text.end(), nullptr, false);
}

json state_line(const StoredState& s) {
  return json::array(
      {"s", s.lived, s.ever_mutated, s.first_mutation.ns, s.overflow});
}

}  // namespace

Store::Store(std::string path, const ContainerRecord& record)
    : path_(std::move(path)), id_(record.info.id), root_(record.root.inode) {}

std::string Store::header() const {
  return line(json{{"v", kVersion},
                   {"id", json_text(id_)},
                   {"ino", root_.ino},
                   {"gen", root_.generation}});
}

namespace {

enum class Header { ours, other, bad };

Header read_header(std::string_view text, const InodeId& root) {
  const json value = parse(text);
  if (!value.is_object()) return Header::bad;
  const auto number = [&](const char* key) -> std::optional<std::uint64_t> {
    const auto it = value.find(key);
    if (it == value.end() || !it->is_number_unsigned()) return std::nullopt;
    return it->get<std::uint64_t>();
  };
  const auto version = number("v");
  const auto ino = number("ino");
  const auto generation = number("gen");
  if (!version || !ino || !generation) return Header::bad;
  const bool ours = *version == kVersion && *ino == root.ino &&
                    (*generation == root.generation || *generation == 0 ||
                     root.generation == 0);
  return ours ? Header::ours : Header::other;
}

}  // namespace

Store::Loaded Store::load(ActorTable& actors, Ledger& ledger,
                          StoredState& state, Life& life, std::string& why) {
  whole_ = true;
  if (path_.empty()) return Loaded::nothing;
  auto text = read_file(path_, kMaxFile);
  if (!text) {
    if (text.error().code == ENOENT) return Loaded::nothing;
    why = text.error().message;
  }
  Loading to{actors, ledger, state, life, {}, 0};
  bool torn = false;
  std::size_t lines = 0;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty() && why.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) {
      torn = true;  // we were killed, or the disk was full, in mid-write
      // The header was put there whole, by a rename.
      if (lines == 0) why = path_ + ":1: no header";
      break;
    }
    const auto one = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (++lines == 1) {
      const auto header = read_header(one, root_);
      if (header == Header::other) return Loaded::nothing;
      if (header == Header::bad) why = path_ + ":1: no header";
    } else if (!load_line(parse(one), to)) {
      why = path_ + ":" + std::to_string(lines) + ": cannot be understood";
    }
  }
  if (!why.empty()) {
    ::rename(path_.c_str(), (path_ + ".damaged").c_str());
    return Loaded::damaged;
  }
  if (lines == 0) return Loaded::nothing;
  ledger.take_touched();
  ledger.set_overflow(state.overflow);
  for (const auto& [number, actor] : to.by_number) numbers_[actor] = number;
  next_number_ = to.next_number;
  written_ = state;
  life_written_ = life.revision;
  bytes_ = text->size();
  whole_ = torn;
  return Loaded::state;
}

void Store::append_record(std::string& out, const RecordKey& key,
                          const ActorTable& actors, const Ledger& ledger) {
  const Record* r = ledger.find(key);
  if (r == nullptr) {
    out += line(json::array(
        {"x", key.inode.ino, key.inode.generation, json_text(key.name)}));
    return;
  }
  json members = json::array();
  for (const ActorId actor : actors.members(r->actors)) {
    const auto [it, fresh] = numbers_.try_emplace(actor, next_number_);
    if (fresh) {
      out += line(actor_line(next_number_++, actors.get(actor)));
    }
    members.push_back(it->second);
  }
  out += line(json::array(
      {"r", key.inode.ino, key.inode.generation, json_text(key.name),
       kind_words(r->kinds), r->first_seen.ns, r->last_seen.ns, r->count,
       std::move(members), flags_of(*r), json_text(ledger.from(key))}));
}

Result<> Store::append(std::string_view text) {
  if (fd_ < 0) {
    fd_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (fd_ < 0) return fail(path_, errno);
  }
  ssize_t n = 0;
  do {
    n = ::write(fd_, text.data(), text.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail(path_, errno);
  if (static_cast<std::size_t>(n) != text.size()) {
    return fail(path_, ENOSPC);
  }
  bytes_ += text.size();
  return {};
}

Result<> Store::rewrite(const ActorTable& actors, const Ledger& ledger,
                        const StoredState& state, const Life& life) {
  numbers_.clear();
  next_number_ = 0;
  std::string text = header() + line(state_line(state)) + line(life_line(life));
  ledger.for_each([&](const RecordKey& key, const Record&) {
    append_record(text, key, actors, ledger);
  });
  fd_ = Fd(-1);
  if (auto done = write_file_atomic(path_, text); !done) return done;
  bytes_ = text.size();
  whole_ = false;
  return {};
}

Result<> Store::flush(const ActorTable& actors, Ledger& ledger,
                      const StoredState& state, const Life& life) {
  const auto touched = ledger.take_touched();
  if (path_.empty()) return {};
  const std::size_t live = ledger.size() * kRecordBytes + header().size();
  if (bytes_ > kCompactAbove && bytes_ > 4 * live) whole_ = true;
  const bool life_changed = life.revision != life_written_;
  if (!whole_ && touched.empty() && state == written_ && !life_changed) {
    return {};
  }
  if (whole_) {
    auto done = rewrite(actors, ledger, state, life);
    if (done) {
      written_ = state;
      life_written_ = life.revision;
    }
    return done;
  }
  std::string text;
  if (!(state == written_)) text += line(state_line(state));
  if (life_changed) text += line(life_line(life));
  for (const auto& key : touched) append_record(text, key, actors, ledger);
  auto done = append(text);
  if (done) {
    written_ = state;
    life_written_ = life.revision;
  } else {
    whole_ = true;
  }
  return done;
}

void Store::remove() {
  fd_ = Fd(-1);
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace stillframe::drift
