// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace stillframe::drift {

// From inode numbers to objects that know theirs: open addressing with linear
// probing, at 11 to 21 bytes each, and no tombstones. Owns nothing.
template <typename T, std::uint64_t (*kInode)(const T&)>
class InodeIndex {
 public:
  T* find(std::uint64_t ino) const {
    return slots_.empty() ? nullptr : slots_[seek(ino)];
  }
  // Likewise: one, or none. Good until the next change.
  std::span<T* const> found(std::uint64_t ino) const {
    if (slots_.empty()) return {};
    T* const& slot = slots_[seek(ino)];
    return {&slot, slot != nullptr ? 1u : 0u};
  }

  // Puts `object` in the place of whatever has its number.
  void put(T* object) {
    if ((used_ + 1) * 4 > slots_.size() * 3) grow();
    T*& slot = slots_[seek(kInode(*object))];
    if (!slot) ++used_;
    slot = object;
  }

  void erase(std::uint64_t ino) {
    if (slots_.empty()) return;
    std::size_t hole = seek(ino);
    if (!slots_[hole]) return;
    --used_;
    // Close the gap: whatever would not be found any more moves into it.
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = (hole + 1) & mask; slots_[i]; i = (i + 1) & mask) {
      const std::size_t wanted = home(kInode(*slots_[i]));
      if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = nullptr;
  }

 private:
  std::size_t home(std::uint64_t ino) const {
    return (ino * 0x9E3779B97F4A7C15u >> 20) & (slots_.size() - 1);
  }
  // The slot of `ino`, or the free one where it would go.
  std::size_t seek(std::uint64_t ino) const {
    std::size_t i = home(ino);
    while (slots_[i] && kInode(*slots_[i]) != ino) {
      i = (i + 1) & (slots_.size() - 1);
    }
    return i;
  }
  void grow() {
    std::vector<T*> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (T* object : old) {
      if (object) slots_[seek(kInode(*object))] = object;
    }
  }

  std::vector<T*> slots_;
  std::size_t used_ = 0;
};

}  // namespace stillframe::drift
