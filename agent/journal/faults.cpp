// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/faults.h"

#include <fmt/format.h>

#include <utility>

#include "agent/base/text.h"

namespace stillframe::journal {

std::string_view word_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::changed:
      return "changed";
    case FaultKind::missing:
      return "missing";
    case FaultKind::out_of_order:
      return "out_of_order";
    case FaultKind::renumbered:
      return "renumbered";
    case FaultKind::not_an_entry:
      return "not_an_entry";
    case FaultKind::unreadable:
      return "unreadable";
    case FaultKind::misnamed:
      return "misnamed";
    case FaultKind::two_versions:
      return "two_versions";
    case FaultKind::checkpoint:
      return "checkpoint";
    case FaultKind::pruned:
      return "pruned";
    case FaultKind::signature:
      return "signature";
    case FaultKind::witness:
      return "witness";
  }
  return "";
}

std::string entries_text(std::uint64_t first, std::uint64_t last) {
  return first == last ? fmt::format("entry {}", first)
                       : fmt::format("entries {}–{}", first, last);
}

namespace {

// "entries 5–9 were"
std::string subject(const Fault& fault) {
  const bool one = fault.first == fault.last;
  std::string entries = entries_text(fault.first, fault.last) + ' ';
  switch (fault.kind) {
    case FaultKind::changed:
      return entries + (one ? "was " : "were ");
    case FaultKind::missing:
    case FaultKind::out_of_order:
    case FaultKind::witness:
      return entries + (one ? "is " : "are ");
    default:
      return entries;
  }
}

}  // namespace

std::string to_text(const Fault& fault) {
  std::string text = fault.file;
  if (fault.line != 0) text += fmt::format(", line {}", fault.line);
  if (!text.empty()) text += ": ";
  if (fault.first != 0) text += subject(fault);
  return printable(text + fault.what);
}

std::size_t Faults::add(Fault fault) {
  ++count_;
  if (kept_.size() == most_) return kNone;
  kept_.push_back(std::move(fault));
  return kept_.size() - 1;
}

void Faults::extend(std::size_t at, std::uint64_t last) {
  if (at == kNone) return;
  kept_[at].last = last;
}

}  // namespace stillframe::journal
