// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/format.h"

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::journal {
namespace {

constexpr std::string_view kPrevBegin = R"({"prev":")";
constexpr std::string_view kEntryBegin = R"(","entry":)";
constexpr std::string_view kOpen = ".jsonl";
constexpr std::string_view kClosed = ".jsonl.zst";
constexpr std::size_t kNameDigits = 16;

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!starts_with(text, prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string make_line(std::string_view prev, std::uint64_t entry,
                      std::string_view event) {
  return fmt::format("{}{}{}{},{}", kPrevBegin, prev, kEntryBegin, entry,
                     event.substr(1));
}

std::optional<Line> parse_line(std::string_view line) {
  if (line.size() > kMostLine || !ends_with(line, "}")) return std::nullopt;
  if (!take(line, kPrevBegin)) return std::nullopt;
  Line parsed;
  parsed.prev = line.substr(0, kHashDigits);
  if (!is_hash(parsed.prev)) return std::nullopt;
  line.remove_prefix(kHashDigits);
  if (!take(line, kEntryBegin)) return std::nullopt;
  const std::size_t comma = line.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto number = parse_number<std::uint64_t>(line.substr(0, comma));
  if (!number || *number == 0) return std::nullopt;
  parsed.entry = *number;
  return parsed;
}

std::string to_string(const SegmentName& name) {
  return fmt::format("{:0{}}{}", name.first, kNameDigits,
                     name.closed ? kClosed : kOpen);
}

std::optional<SegmentName> parse_segment_name(std::string_view file) {
  SegmentName name;
  if (ends_with(file, kClosed)) {
    name.closed = true;
    file.remove_suffix(kClosed.size());
  } else if (ends_with(file, kOpen)) {
    file.remove_suffix(kOpen.size());
  } else {
    return std::nullopt;
  }
  const auto first = parse_number<std::uint64_t>(file);
  if (file.size() < kNameDigits || !first || *first == 0) return std::nullopt;
  name.first = *first;
  return name;
}

std::string to_text(const Checkpoint& checkpoint) {
  nlohmann::json value = {{"v", 1},
                          {"file", checkpoint.file},
                          {"node", json_text(checkpoint.node)},
                          {"time", rfc3339(checkpoint.time)},
                          {"entry", checkpoint.entry},
                          {"seq", checkpoint.seq},
                          {"head", checkpoint.head}};
  if (!checkpoint.key.empty()) value["key"] = checkpoint.key;
  return dump_json(value);
}

Result<Checkpoint> parse_checkpoint(std::string_view line) {
  const auto json = parse_json(line);
  if (!json || !json->is_object()) return fail("it is not a checkpoint");
  const auto& value = *json;
  try {
    if (value.at("v") != 1) return fail("its version is not known here");
    Checkpoint out;
    out.file = value.at("file").get<std::string>();
    out.node = json_bytes(value.at("node").get<std::string>());
    const auto time = parse_rfc3339(value.at("time").get<std::string>());
    if (!time) return fail(time, "its time");
    out.time = *time;
    out.entry = value.at("entry").get<std::uint64_t>();
    out.seq = value.at("seq").get<std::uint64_t>();
    out.head = value.at("head").get<std::string>();
    if (!is_hash(out.head)) return fail("its head is not a SHA-256");
    if (value.contains("key")) out.key = value.at("key").get<std::string>();
    return out;
  } catch (const nlohmann::json::exception& error) {
    return fail(std::string("it is not a checkpoint: ") + error.what());
  }
}

}  // namespace stillframe::journal
