// SPDX-License-Identifier: Apache-2.0
#include "agent/model/kind_list.h"

#include <cstddef>

namespace stillframe {

bool KindList::add(Kind kind) {
  if (has(kind)) return false;
  mask_ |= bit(kind);
  if (const unsigned count = remembered(); count < kRemembered) {
    order_ |= static_cast<std::uint64_t>(kind) << (kKindBits * count);
    order_ += std::uint64_t{1} << kCountAt;
  }
  return true;
}

void KindList::add(const KindList& other) {
  for (const Kind kind : other.list()) add(kind);
}

void KindList::remove(Kind kind) {
  KindList rest;
  for (const Kind k : list()) {
    if (k != kind) rest.add(k);
  }
  *this = rest;
}

bool KindList::has_class(Class mutation_class) const {
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    const auto kind = static_cast<Kind>(i);
    if (has(kind) && class_of(kind) == mutation_class) return true;
  }
  return false;
}

std::vector<Kind> KindList::list() const {
  std::vector<Kind> out;
  std::uint64_t left = mask_;
  for (unsigned i = 0; i < remembered(); ++i) {
    constexpr std::uint64_t kOneKind = (1u << kKindBits) - 1;
    const auto kind = static_cast<Kind>((order_ >> (kKindBits * i)) & kOneKind);
    out.push_back(kind);
    left &= ~bit(kind);
  }
  for (unsigned i = 0; left != 0; ++i, left >>= 1) {
    if ((left & 1u) != 0) out.push_back(static_cast<Kind>(i));
  }
  return out;
}

Kind KindList::worst() const {
  Kind worst = Kind::unknown_change;
  int most = -1;
  for (const Kind kind : list()) {
    const int s = severity(class_of(kind));
    if (s <= most) continue;
    most = s;
    worst = kind;
  }
  return worst;
}

int severity(Class mutation_class) {
  switch (mutation_class) {
    case Class::metadata:
      return 0;
    case Class::content:
      return 1;
    case Class::limits:
      return 2;
    case Class::mounts:
      return 3;
    case Class::memory:
      return 4;
    case Class::kernel:
      return 5;
    case Class::code:
      return 6;
  }
  return 0;
}

}  // namespace stillframe
