// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/verify.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/base/text.h"
#include "agent/journal/chain.h"
#include "agent/journal/checkpoint_file.h"
#include "agent/journal/directory.h"
#include "agent/journal/line_reader.h"

namespace stillframe::journal {
namespace {

constexpr std::uint64_t kLinesPerProgress = 4096;
// At what an agent may be replacing at this moment.
constexpr int kLooks = 5;

// An error: of a file that is there.
using Read = Result<std::optional<CheckpointFile>>;

Read read_if_there(const std::string& path) {
  auto file = read_checkpoint(path);
  if (file) return std::move(*file);
  if (is_absence(file.error().code)) return std::nullopt;
  return tl::unexpected<Error>(file.error());
}

std::optional<WallTime> time_of(std::string_view line) {
  const auto json = parse_json(line);
  if (!json || !json->is_object()) return std::nullopt;
  const auto time = json->find("time");
  if (time == json->end() || !time->is_string()) return std::nullopt;
  const auto parsed = parse_rfc3339(time->get<std::string>());
  return parsed ? std::optional(*parsed) : std::nullopt;
}

// Names and texts cannot have such a member: their quotes are escaped.
bool version_is_known(std::string_view line) {
  constexpr std::string_view kMember = R"(,"v":)";
  const std::size_t at = line.find(kMember);
  if (at == std::string_view::npos) return false;
  const std::string_view version = line.substr(at + kMember.size());
  return version.starts_with("1,") || version.starts_with("1}");
}

class Verifier {
 public:
  Verifier(const std::string& directory, const VerifyOptions& options)
      : directory_(directory),
        options_(options),
        faults_(options.most_faults),
        chain_(faults_) {}

  Result<Verification> run();

 private:
  // What a checkpoint says of an entry.
  struct Anchor {
    std::uint64_t entry = 0;
    std::string head;
    bool seen = false;
    bool good = false;
  };

  Result<> list();
  Result<> look();
  Read read(std::string_view file) const;
  void take_pruned(const CheckpointFile& pruned);
  void take_checkpoint();
  void check_signed(std::string_view name, const CheckpointFile& file);
  void walk();
  void take_segment(const SegmentName& listed, bool last);
  std::optional<LineReader> open(SegmentName& name);
  bool was_pruned(const SegmentName& name);
  void read_lines(const SegmentName& name, LineReader& reader, bool last);
  void take_line(const Place& place, const TextLine& line);
  void check_name(const SegmentName& name, const Chain::Entry& entry);
  void compare_versions(const SegmentName& plain);
  void check_end();
  void report_progress(std::uint64_t lines, const LineReader& reader);
  void add(FaultKind kind, std::string_view file, std::string what);
  void check_anchor(Anchor& anchor, const Chain::Entry& entry);

  const std::string& directory_;
  const VerifyOptions& options_;
  Faults faults_;
  Chain chain_;
  Verification result_;
  Read checkpoint_;
  Read pruned_;
  Listing listing_;
  Anchor checkpoint_anchor_;
  Anchor pruned_anchor_;
  std::string last_line_;
  std::uint64_t later_versions_ = 0;  // entries, and the first of them
  std::uint64_t later_version_ = 0;
  std::uint64_t bytes_ = 0;  // of all segments
  std::uint64_t bytes_done_ = 0;
};

void Verifier::add(FaultKind kind, std::string_view file, std::string what) {
  faults_.add(
      {.kind = kind, .file = std::string(file), .what = std::move(what)});
}

Read Verifier::read(std::string_view file) const {
  return read_if_there(directory_ + '/' + std::string(file));
}

// A segment that is renamed while its directory is read may be in neither
// place: listed is what two looks agree on.
Result<> Verifier::list() {
  std::vector<std::uint64_t> before;
  for (int i = 0; i < kLooks; ++i) {
    auto listing = list_segments(directory_);
    if (!listing) return tl::unexpected<Error>(listing.error());
    listing_ = std::move(*listing);
    std::vector<std::uint64_t> now;
    for (const auto& name : listing_.segments) now.push_back(name.first);
    now.erase(std::unique(now.begin(), now.end()), now.end());
    if (i > 0 && now == before) break;
    before = std::move(now);
  }
  return {};
}

// In the order that lets an agent write meanwhile: what the checkpoint names
// is there when the segments are listed, and `pruned` covers what is not there
// any more.
Result<> Verifier::look() {
  for (int i = 0; i < kLooks; ++i) {
    checkpoint_ = read(kCheckpointFile);
    if (auto listed = list(); !listed) return listed;
    pruned_ = read(kPrunedFile);
    const bool behind = checkpoint_ && *checkpoint_ && pruned_ && *pruned_ &&
                        (*checkpoint_)->value.entry < (*pruned_)->value.entry;
    if (!behind) break;
  }
  if (listing_.segments.empty() && listing_.refused.empty() && checkpoint_ &&
      !*checkpoint_ && pruned_ && !*pruned_) {
    return fail("there is no journal in " + printable(directory_));
  }
  return {};
}

void Verifier::check_signed(std::string_view name, const CheckpointFile& file) {
  if (options_.keys.empty()) return;
  const auto good = check_signature(file, options_.keys);
  if (!good) add(FaultKind::signature, name, good.error().message);
}

void Verifier::take_pruned(const CheckpointFile& pruned) {
  check_signed(kPrunedFile, pruned);
  result_.pruned = pruned.value;
  pruned_anchor_ = {.entry = pruned.value.entry, .head = pruned.value.head};
  chain_.begin(pruned.value);
}

void Verifier::take_checkpoint() {
  if (!checkpoint_) {
    add(FaultKind::checkpoint, kCheckpointFile, checkpoint_.error().message);
  } else if (!*checkpoint_) {
    add(FaultKind::checkpoint, kCheckpointFile,
        "it is missing: nothing says how far the journal went");
  } else {
    const auto& file = **checkpoint_;
    const std::uint64_t before = faults_.count();
    check_signed(kCheckpointFile, file);
    result_.signature_good =
        !options_.keys.empty() && faults_.count() == before;
    result_.checkpoint = file.value;
    checkpoint_anchor_ = {.entry = file.value.entry, .head = file.value.head};
  }
}

void Verifier::check_anchor(Anchor& anchor, const Chain::Entry& entry) {
  if (entry.number != anchor.entry) return;
  anchor.seen = true;
  if (entry.hash == anchor.head) anchor.good = true;
}

// Both versions are there if an agent was stopped after it had compressed one.
void Verifier::compare_versions(const SegmentName& plain) {
  const SegmentName closed{plain.first, true};
  auto a = LineReader::open(directory_, plain);
  auto b = LineReader::open(directory_, closed);
  if (!a || !b) return;  // it is closed at this moment
  std::uint64_t number = 0;
  for (;;) {
    ++number;
    const auto one = a->next();
    const auto other = b->next();
    const bool bad = !one || !other;
    const bool same = !bad && one->has_value() == other->has_value() &&
                      (!*one || ((*one)->text == (*other)->text &&
                                 (*one)->has_newline == (*other)->has_newline));
    if (!same) {
      faults_.add({.kind = FaultKind::two_versions,
                   .file = to_string(closed),
                   .line = bad ? 0 : number,
                   .what = !other ? other.error().message
                           : !one ? one.error().message
                                  : "differs from " + to_string(plain)});
      return;
    }
    if (!*one) break;
  }
  result_.notes.push_back(to_string(plain) + " and " + to_string(closed) +
                          " are the same: the agent was stopped while it "
                          "closed that segment");
}

// A segment that is not there any more.
bool Verifier::was_pruned(const SegmentName& name) {
  auto now = read(kPrunedFile);
  if (!now || !*now || (*now)->value.entry < name.first) return false;
  if (!pruned_ || *now != *pruned_) {
    pruned_ = std::move(now);
    take_pruned(**pruned_);
  }
  return true;
}

std::optional<LineReader> Verifier::open(SegmentName& name) {
  auto reader = LineReader::open(directory_, name);
  if (!reader && is_absence(reader.error().code) && !name.closed) {
    name.closed = true;  // meanwhile
    reader = LineReader::open(directory_, name);
  }
  if (reader) return std::move(*reader);
  if (!is_absence(reader.error().code) || !was_pruned(name)) {
    add(FaultKind::unreadable, "", reader.error().message);
  }
  return std::nullopt;
}

void Verifier::check_name(const SegmentName& name, const Chain::Entry& entry) {
  if (entry.number == name.first) return;
  add(FaultKind::misnamed, to_string(name),
      fmt::format("begins with entry {}, which is not its name", entry.number));
}

void Verifier::take_line(const Place& place, const TextLine& line) {
  if (line.too_long) {
    chain_.take_damaged(place, "this line is longer than any entry");
    return;
  }
  const std::uint64_t before = faults_.count();
  const auto entry = chain_.take(place, line.text);
  if (!entry) return;
  if (place.line == 1 && faults_.count() == before) {
    check_name(place.segment, *entry);
  }
  check_anchor(checkpoint_anchor_, *entry);
  check_anchor(pruned_anchor_, *entry);
  if (!version_is_known(line.text) && later_versions_++ == 0) {
    later_version_ = entry->number;
  }
  if (options_.on_entry) {
    options_.on_entry(entry->number, entry->hash, line.text);
  }
  if (chain_.count() == 1) result_.first_time = time_of(line.text);
  last_line_ = line.text;
}

void Verifier::report_progress(std::uint64_t lines, const LineReader& reader) {
  if (!options_.progress || lines % kLinesPerProgress != 0) return;
  options_.progress(bytes_done_ + reader.bytes_read(), bytes_);
}

void Verifier::read_lines(const SegmentName& name, LineReader& reader,
                          bool last) {
  const bool may_grow = last && !name.closed;
  Place place{.segment = name, .line = 0};
  for (;;) {
    const auto line = reader.next();
    if (!line) {
      add(FaultKind::unreadable, "", line.error().message);
      bytes_done_ += reader.bytes_read();
      return;
    }
    if (!*line) break;
    ++place.line;
    if (!(*line)->has_newline && may_grow) {
      result_.notes.push_back(
          to_string(name) +
          fmt::format(", line {}: it has no end: it is being written, or the "
                      "machine went down meanwhile",
                      place.line));
      break;
    }
    take_line(place, **line);
    if (!(*line)->has_newline) {
      faults_.add({.kind = FaultKind::unreadable,
                   .file = to_string(name),
                   .line = place.line,
                   .what = "this line has no end"});
    }
    report_progress(place.line, reader);
  }
  bytes_done_ += reader.bytes_read();
  if (place.line == 0 && !may_grow) {
    add(FaultKind::unreadable, to_string(name), "it is empty");
  }
}

void Verifier::take_segment(const SegmentName& listed, bool last) {
  SegmentName name = listed;
  auto reader = open(name);
  if (!reader) return;
  ++result_.segments;
  read_lines(name, *reader, last);
}

void Verifier::walk() {
  const auto& segments = listing_.segments;
  for (const auto& name : segments) {
    struct stat st{};
    const std::string path = directory_ + '/' + to_string(name);
    if (::stat(path.c_str(), &st) == 0) {
      bytes_ += static_cast<std::uint64_t>(st.st_size);
    }
  }
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool twice =
        i > 0 && segments[i].first == segments[i - 1].first;  // now closed
    if (twice) continue;
    if (i + 1 < segments.size() && segments[i].first == segments[i + 1].first) {
      compare_versions(segments[i]);
    }
    take_segment(segments[i], segments[i].first == segments.back().first);
  }
}

void Verifier::check_end() {
  if (pruned_anchor_.seen && !pruned_anchor_.good) {
    add(FaultKind::pruned, kPrunedFile,
        fmt::format("entry {} has another hash there", pruned_anchor_.entry));
  }
  if (!result_.checkpoint) return;
  auto& anchor = checkpoint_anchor_;
  const std::uint64_t pruned = pruned_anchor_.entry;
  if (anchor.entry < pruned) {
    add(FaultKind::pruned, kPrunedFile,
        fmt::format("it goes up to entry {}, further than `checkpoint`, which "
                    "ends with {}",
                    pruned, anchor.entry));
    return;
  }
  if (anchor.entry == pruned && !anchor.seen && pruned != 0) {
    anchor.seen = true;
    anchor.good = anchor.head == pruned_anchor_.head;
  }
  const std::uint64_t last = std::max(chain_.last(), pruned);
  if (anchor.seen && !anchor.good) {
    add(FaultKind::checkpoint, kCheckpointFile,
        fmt::format("entry {} has another hash there", anchor.entry));
  } else if (anchor.entry > last &&
             anchor.entry - last > chain_.damaged_at_end()) {
    faults_.add({.kind = FaultKind::missing,
                 .file = std::string(kCheckpointFile),
                 .first = last + 1,
                 .last = anchor.entry,
                 .what = "missing at the end: the journal went up to there"});
  }
}

Result<Verification> Verifier::run() {
  if (auto looked = look(); !looked) {
    return tl::unexpected<Error>(looked.error());
  }
  take_checkpoint();
  if (!pruned_) {
    add(FaultKind::pruned, kPrunedFile, pruned_.error().message);
    chain_.begin_anywhere();
  } else if (*pruned_) {
    take_pruned(**pruned_);
  }
  for (const auto& refused : listing_.refused) {
    add(FaultKind::unreadable, "", refused.message);
  }
  walk();
  check_end();
  result_.entries = chain_.count();
  result_.first = chain_.first();
  result_.last = chain_.last();
  if (!last_line_.empty()) result_.last_time = time_of(last_line_);
  if (later_versions_ != 0) {
    result_.notes.push_back(
        fmt::format("{} entries, the first of them entry {}, are of a format "
                    "version that is not known here: their chain was followed, "
                    "what they say may not be understood",
                    later_versions_, later_version_));
  }
  result_.faults = faults_.kept();
  result_.fault_count = faults_.count();
  return std::move(result_);
}

}  // namespace

std::optional<WallTime> begin_of(const std::string& directory) {
  const auto listing = list_segments(directory);
  if (!listing || listing->segments.empty()) return std::nullopt;
  auto reader = LineReader::open(directory, listing->segments.front());
  if (!reader) return std::nullopt;
  const auto line = reader->next();
  return line && *line ? time_of((*line)->text) : std::nullopt;
}

Result<Verification> verify(const std::string& directory,
                            const VerifyOptions& options) {
  return Verifier(directory, options).run();
}

}  // namespace stillframe::journal
