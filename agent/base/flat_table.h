// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace stillframe {

// Slots by keys that they know themselves: open addressing with linear probing
// and no tombstones, so that one of eight bytes takes 9 to 19. `Slot{}` is a
// free one.
template <typename Slot, std::uint64_t (*kKey)(const Slot&)>
class FlatTable {
 public:
  std::size_t size() const { return used_; }

  // Null: there is none. Good until the next change.
  const Slot* find(std::uint64_t key) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[seek(key)];
    return slot == Slot{} ? nullptr : &slot;
  }

  // In the place of whatever has its key.
  void put(Slot slot) {
    if ((used_ + 1) * 8 > slots_.size() * 7) grow();
    Slot& at = slots_[seek(kKey(slot))];
    if (at == Slot{}) ++used_;
    at = std::move(slot);
  }

  void erase(std::uint64_t key) {
    if (slots_.empty()) return;
    std::size_t hole = seek(key);
    if (slots_[hole] == Slot{}) return;
    --used_;
    // Close the gap: whatever would not be found any more moves into it.
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = (hole + 1) & mask; !(slots_[i] == Slot{});
         i = (i + 1) & mask) {
      const std::size_t wanted = home(kKey(slots_[i]));
      if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
      slots_[hole] = std::move(slots_[i]);
      hole = i;
    }
    slots_[hole] = Slot{};
  }

  void clear() {
    slots_ = {};
    used_ = 0;
  }

 private:
  // Fibonacci hashing: keys in a row, as inode numbers are, lie apart.
  std::size_t home(std::uint64_t key) const {
    return (key * 0x9E3779B97F4A7C15u >> 20) & (slots_.size() - 1);
  }
  // The slot that has the key, or the free one where it would go.
  std::size_t seek(std::uint64_t key) const {
    std::size_t i = home(key);
    while (!(slots_[i] == Slot{}) && kKey(slots_[i]) != key) {
      i = (i + 1) & (slots_.size() - 1);
    }
    return i;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (!(slot == Slot{})) slots_[seek(kKey(slot))] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

}  // namespace stillframe
