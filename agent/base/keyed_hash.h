// SPDX-License-Identifier: Apache-2.0
//
// SipHash-2-4: a hash of which nobody without the key can say what collides, so
// that bytes of a container's choice may be known by it alone.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace stillframe {

class KeyedHash {
 public:
  using Key = std::array<std::uint64_t, 2>;

  explicit KeyedHash(const Key& key) : key_(key) {}
  // Of a key that this process alone has.
  static const KeyedHash& own();

  std::uint64_t operator()(std::string_view bytes) const;

 private:
  Key key_;
};

}  // namespace stillframe
