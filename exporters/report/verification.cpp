// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/verification.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "agent/base/text.h"

namespace stillframe::report {
namespace {

using journal::Verification;

std::string counted(std::uint64_t count, std::string_view one,
                    std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string time_text(const std::optional<WallTime>& time) {
  return time ? rfc3339(*time) : "an unknown time";
}

std::string extent(const Verification& v) {
  std::string text =
      fmt::format("{} in {}", counted(v.entries, "entry", "entries"),
                  counted(v.segments, "segment", "segments"));
  if (v.entries == 0) return text;
  return text + fmt::format(" ({}–{}), {} to {}", v.first, v.last,
                            time_text(v.first_time), time_text(v.last_time));
}

std::string signature_text(const Audit& audit) {
  const auto& v = audit.verification;
  if (!v.checkpoint) return "no checkpoint";
  const std::string& key = v.checkpoint->key;
  if (v.signature_good) return "signed by key " + key;
  if (audit.keys_given) return "not signed by a key that was given";
  if (key.empty()) return "not signed";
  return "signed by key " + printable(key) + ", not checked without --key";
}

std::string coverage_text(const Verification& v) {
  if (!v.checkpoint || v.entries == 0) return "";
  if (v.covered() == v.last) {
    return "; covered by the checkpoint up to the last entry";
  }
  return fmt::format(
      "; covered by the checkpoint up to entry {}: nothing vouches yet for how "
      "many came after it, and for the last of them",
      v.covered());
}

std::string pruned_text(const Verification& v) {
  if (!v.pruned || v.pruned->entry == 0) return "";
  return fmt::format("; {} removed by the agent until {}",
                     journal::entries_text(1, v.pruned->entry),
                     rfc3339(v.pruned->time));
}

std::string witness_text(const Audit& audit) {
  if (!audit.witness) return "";
  const auto& witness = *audit.witness;
  std::string text = "; Prometheus agrees with no entry";
  if (witness.agreed > 0) {
    text = fmt::format(
        "; Prometheus agrees with {}, the last of them {}, "
        "scraped at {}",
        counted(witness.agreed, "entry", "entries"), witness.last,
        rfc3339(witness.last_time));
  }
  if (witness.unchecked == 0) return text;
  return text + fmt::format(", and has scraped {} that {} not there any more",
                            witness.unchecked,
                            witness.unchecked == 1 ? "is" : "are");
}

nlohmann::json end_json(std::uint64_t entry,
                        const std::optional<WallTime>& time) {
  if (entry == 0) return nullptr;
  nlohmann::json value = {{"entry", entry}, {"time", nullptr}};
  if (time) value["time"] = rfc3339(*time);
  return value;
}

nlohmann::json witness_json(const Audit& audit) {
  if (!audit.witness) return nullptr;
  const auto& witness = *audit.witness;
  return {{"agreed", witness.agreed},
          {"unchecked", witness.unchecked},
          {"last", end_json(witness.last, witness.last_time)}};
}

nlohmann::json point_json(const std::optional<journal::Checkpoint>& point) {
  if (!point) return nullptr;
  nlohmann::json value = {{"entry", point->entry},
                          {"head", point->head},
                          {"node", json_text(point->node)},
                          {"time", rfc3339(point->time)},
                          {"key", nullptr}};
  if (!point->key.empty()) value["key"] = json_text(point->key);
  return value;
}

nlohmann::json fault_json(const journal::Fault& fault) {
  nlohmann::json value = {{"kind", journal::word_of(fault.kind)},
                          {"text", json_text(to_text(fault))}};
  if (!fault.file.empty()) value["file"] = json_text(fault.file);
  if (fault.line != 0) value["line"] = fault.line;
  if (fault.first != 0) {
    value["first_entry"] = fault.first;
    value["last_entry"] = fault.last;
  }
  return value;
}

std::string_view signature_word(const Audit& audit) {
  const auto& v = audit.verification;
  if (v.signature_good) return "good";
  if (audit.keys_given) return "bad";
  return v.checkpoint && !v.checkpoint->key.empty() ? "not_checked" : "none";
}

}  // namespace

std::string audit_text(const Audit& audit) {
  const auto& v = audit.verification;
  std::string text;
  for (const auto& fault : v.faults) text += to_text(fault) + '\n';
  if (v.fault_count > v.faults.size()) {
    text += fmt::format("… and {} more\n", v.fault_count - v.faults.size());
  }
  for (const auto& note : v.notes) text += "note: " + printable(note) + '\n';
  const std::string verdict =
      v.fault_count == 0 ? "ok" : counted(v.fault_count, "fault", "faults");
  return text + verdict + ": " + display(audit.directory) + ": " +
         audit_summary(audit) + '\n';
}

std::string audit_summary(const Audit& audit) {
  const auto& v = audit.verification;
  return extent(v) + "; " + signature_text(audit) + coverage_text(v) +
         pruned_text(v) + witness_text(audit);
}

nlohmann::json audit_value(const Audit& audit) {
  const auto& v = audit.verification;
  nlohmann::json value = {{"v", 1},
                          {"ok", v.fault_count == 0},
                          {"directory", json_text(audit.directory)},
                          {"entries", v.entries},
                          {"segments", v.segments},
                          {"first", end_json(v.first, v.first_time)},
                          {"last", end_json(v.last, v.last_time)},
                          {"checkpoint", point_json(v.checkpoint)},
                          {"pruned", point_json(v.pruned)},
                          {"signature", signature_word(audit)},
                          {"covered", v.covered()},
                          {"witness", witness_json(audit)},
                          {"fault_count", v.fault_count},
                          {"faults", nlohmann::json::array()},
                          {"notes", nlohmann::json::array()}};
  for (const auto& fault : v.faults) {
    value["faults"].push_back(fault_json(fault));
  }
  for (const auto& note : v.notes) value["notes"].push_back(json_text(note));
  return value;
}

std::string audit_json(const Audit& audit) {
  return dump_json(audit_value(audit)) + '\n';
}

}  // namespace stillframe::report
