// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/store_lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

enum Flag : unsigned {
  kObserved = 1,
  kLive = 2,
  // 4 was another's, once.
  kUnsettled = 8,
  kFirstExec = 16,
  kGone = 32,
};

unsigned flags_of(const Record& r) {
  return (r.observed ? kObserved : 0u) | (r.live ? kLive : 0u) |
         (r.unsettled ? kUnsettled : 0u) | (r.first_exec ? kFirstExec : 0u) |
         (r.gone ? kGone : 0u);
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

// An array as one line, without a value of it in between: of records there may
// be a hundred thousand.
class ArrayLine {
 public:
  explicit ArrayLine(std::string_view sort) { text(sort); }

  template <typename T>
  void number(T value) {
    std::array<char, 24> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value);
    next().append(digits.data(), end.ptr);
  }
  void numbers(const std::vector<std::uint32_t>& values) {
    next() += '[';
    begun_ = false;
    for (const std::uint32_t value : values) number(value);
    line_ += ']';
    begun_ = true;
  }
  void text(std::string_view bytes) {
    const bool plain = std::all_of(bytes.begin(), bytes.end(), [](char c) {
      return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
    });
    if (plain) {
      next().append(1, '"').append(bytes).append(1, '"');
    } else {
      const json value = json_text(bytes);
      next() += value.dump(-1, ' ', false, json::error_handler_t::replace);
    }
  }
  std::string end() && { return std::move(line_ += "]\n"); }

 private:
  std::string& next() {
    if (std::exchange(begun_, true)) line_ += ',';
    return line_;
  }
  std::string line_ = "[";
  bool begun_ = false;
};

json json_texts(const NameList& texts) {
  json list = json::array();
  for (const auto& text : texts.all()) list.push_back(json_text(text));
  return list;
}

void add_key(ArrayLine& line, const RecordKey& key) {
  line.number(key.inode.ino);
  line.number(key.inode.generation);
  line.text(key.name);
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
  NameList texts() {
    const json* value = next();
    if (value == nullptr || !value->is_array()) return spoil<NameList>();
    NameList::All found;
    for (const auto& one : *value) {
      if (!one.is_string()) return spoil<NameList>();
      found.push_back(json_bytes(one.get_ref<const std::string&>()));
    }
    return NameList(std::move(found));
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
  // An older version wrote fewer.
  bool more() const { return at_ < array_.size(); }
  bool good() const { return good_ && at_ == array_.size(); }

 private:
  const json& array_;
  std::size_t at_ = 1;  // [0] says which sort of line it is
  bool good_ = true;
};

bool read_person(Reader& in, Actor& a) {
  const json* value = in.next();
  // An older agent's line ends with a login's number and name.
  if (value->is_number_unsigned()) {
    a.login = Login{value->get<std::uint32_t>(), 0, in.text()};
    return true;
  }
  if (!value->is_array()) return false;
  Reader person(*value);
  a.user = person.text();
  a.ancestors = person.texts();
  if (person.more()) {
    Login login;
    login.uid = person.number<std::uint32_t>();
    login.session = person.number<std::uint32_t>();
    login.user = person.text();
    a.login = std::move(login);
  }
  return person.good();
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
  if (session == nullptr) return false;
  // An older agent's line ends before these.
  if (in.more()) a.update = in.number<std::uint64_t>();
  if (in.more() && !read_person(in, a)) return false;
  if (!in.good()) return false;
  if (session->is_null()) return true;
  if (!session->is_array()) return false;
  Reader inner(*session);
  Session s;
  s.id = inner.number<std::uint64_t>();
  s.first_cmd = inner.text();
  s.tty = inner.text();
  s.uid = inner.number<std::uint32_t>();
  s.start.ns = inner.number<std::int64_t>();
  if (inner.more()) s.ancestors = inner.texts();
  if (inner.more()) s.request_uid = inner.text();
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
  // An older agent's line has none.
  if (in.more()) m.unique_id = in.number<std::uint64_t>();
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

bool read_record(Reader& in, StoredLines& to) {
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
    r.actors = to.actors.add(r.actors, actor->second, r.left_out);
  }
  const auto flags = in.number<unsigned>();
  const std::string from = in.text();
  WallTime ctime_moved;
  if (in.more()) r.left_out = in.number<LeftOut>();
  if (in.more()) ctime_moved.ns = in.number<std::int64_t>();
  if (!in.good() || (!key.inode && key.name.empty())) return false;
  r.observed = (flags & kObserved) != 0;
  r.live = (flags & kLive) != 0;
  r.unsettled = (flags & kUnsettled) != 0;
  r.first_exec = (flags & kFirstExec) != 0;
  r.gone = (flags & kGone) != 0;
  if (Record* slot = to.ledger.upsert(key)) {
    *slot = r;
    to.ledger.set_from(key, from);
    to.ledger.set_ctime_moved(key, ctime_moved);
  }
  return true;
}

// What is deeper than any line of ours takes no memory.
json parse(std::string_view text) {
  constexpr int kDeepest = 4;
  const auto shallow = [](int depth, json::parse_event_t, const json&) {
    return depth <= kDeepest;
  };
  return json::parse(text.begin(), text.end(), shallow, false);
}

}  // namespace

std::string header_line(const std::string& id, const InodeId& root) {
  return line(json{{"v", kVersion},
                   {"id", json_text(id)},
                   {"ino", root.ino},
                   {"gen", root.generation}});
}

std::string state_line(const StoredState& s) {
  return line(json::array(
      {"s", true, s.ever_mutated, s.first_mutation.ns, s.overflow}));
}

std::string actor_line(std::uint32_t number, const Actor& a) {
  json session = nullptr;
  if (a.session) {
    session = json::array(
        {"session", a.session->id, json_text(a.session->first_cmd),
         json_text(a.session->tty), a.session->uid, a.session->start.ns,
         json_texts(a.session->ancestors), json_text(a.session->request_uid)});
  }
  json person =
      json::array({"person", json_text(a.user), json_texts(a.ancestors)});
  if (a.login) {
    person.push_back(a.login->uid);
    person.push_back(a.login->session);
    person.push_back(json_text(a.login->user));
  }
  json value = json::array({"a", number, to_string(a.origin), json_text(a.tool),
                            json_text(a.comm), json_text(a.exe), a.pid, a.uid,
                            a.ambiguous, std::move(session), a.update,
                            std::move(person)});
  return line(value);
}

std::string life_line(const Life& life) {
  json mounts = json::array();
  for (const auto& m : life.mounts) {
    mounts.push_back(
        json::array({"m", m.id, m.dev, json_text(m.root), json_text(m.target),
                     json_text(m.type), json_text(m.source),
                     json_text(m.options), m.read_only_below, m.unique_id}));
  }
  return line(
      json::array({"l", life.init_start_ns, life.has_mounts, life.has_limits,
                   std::move(mounts), limits_value(life.limits),
                   limits_value(life.limits_now)}));
}

std::string record_line(const RecordKey& key, const Record& r,
                        const std::vector<std::uint32_t>& actors,
                        const std::string& from, WallTime ctime_moved) {
  ArrayLine line("r");
  add_key(line, key);
  line.text(kind_words(r.kinds));
  line.number(r.first_seen.ns);
  line.number(r.last_seen.ns);
  line.number(r.count);
  line.numbers(actors);
  line.number(flags_of(r));
  line.text(from);
  line.number(r.left_out);
  if (ctime_moved.ns != 0) line.number(ctime_moved.ns);
  return std::move(line).end();
}

std::string erased_line(const RecordKey& key) {
  ArrayLine line("x");
  add_key(line, key);
  return std::move(line).end();
}

Header read_header(std::string_view line, const std::string& id,
                   const InodeId& root) {
  const json value = parse(line);
  if (!value.is_object()) return Header::bad;
  const auto number = [&](const char* key) -> std::optional<std::uint64_t> {
    const auto it = value.find(key);
    if (it == value.end() || !it->is_number_unsigned()) return std::nullopt;
    return it->get<std::uint64_t>();
  };
  const auto version = number("v");
  // What else it says may mean something else.
  if (version && *version != kVersion) return Header::unknown;
  const auto ino = number("ino");
  const auto generation = number("gen");
  if (!version || !ino || !generation) return Header::bad;
  if (*generation > std::numeric_limits<std::uint32_t>::max()) {
    return Header::bad;
  }
  const InodeId inode{*ino, static_cast<std::uint32_t>(*generation)};
  const auto owner = value.find("id");
  const bool same_id = owner != value.end() && owner->is_string() &&
                       json_bytes(owner->get_ref<const std::string&>()) == id;
  return same_id && same_inode(inode, root) ? Header::ours : Header::other;
}

bool read_line(std::string_view line, StoredLines& to) {
  const json value = parse(line);
  if (!value.is_array() || value.empty() || !value[0].is_string()) return false;
  const auto& type = value[0].get_ref<const std::string&>();
  Reader in(value);
  if (type == "r") return read_record(in, to);
  if (type == "x") {
    const RecordKey key = read_key(in);
    if (!in.good()) return false;
    to.ledger.erase(key);
    return true;
  }
  if (type == "a") {
    std::uint32_t number = 0;
    Actor actor;
    if (!read_actor(in, number, actor) || !in.good()) return false;
    to.by_number[number] = to.actors.intern(actor);
    to.next_number = std::max(to.next_number, number + 1);
    return true;
  }
  if (type == "l") return read_life(in, to.life);
  if (type == "s") {
    in.boolean();  // whether it had run, which older ones asked
    to.state.ever_mutated = in.boolean();
    to.state.first_mutation.ns = in.number<std::int64_t>();
    to.state.overflow = in.number<std::uint64_t>();
    // When the last mutation was, which some wrote.
    if (in.more()) in.number<std::int64_t>();
    return in.good();
  }
  return false;
}

}  // namespace stillframe::drift
