// SPDX-License-Identifier: Apache-2.0
#include "agent/base/keyed_hash.h"

#include <bit>
#include <cstddef>
#include <random>

namespace stillframe {
namespace {

struct State {
  std::uint64_t a, b, c, d;

  void round() {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }

  void take(std::uint64_t word) {
    d ^= word;
    round();
    round();
    a ^= word;
  }
};

// The first `size` bytes, eight at most, the first one lowest.
std::uint64_t word_of(std::string_view bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 8; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return word;
}

KeyedHash::Key random_key() {
  std::random_device random;
  const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

}  // namespace

const KeyedHash& KeyedHash::own() {
  static const KeyedHash hash(random_key());
  return hash;
}

std::uint64_t KeyedHash::operator()(std::string_view bytes) const {
  State state{key_[0] ^ 0x736f6d6570736575u, key_[1] ^ 0x646f72616e646f6du,
              key_[0] ^ 0x6c7967656e657261u, key_[1] ^ 0x7465646279746573u};
  const std::uint64_t size = bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) state.take(word_of(bytes));
  state.take(size << 56 | word_of(bytes));
  state.c ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace stillframe
