// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "agent/base/result.h"

namespace stillframe::sensors {

// The reading end of a BPF ring buffer (kernel/bpf/ringbuf.c, and
// Documentation/bpf/ringbuf.rst). libbpf's has the data mapped twice, one after
// the other, so that no record is in two parts, and all of both counts as this
// process's memory; here a record that goes around the end is copied.
class Ring {
 public:
  // Borrows the map's descriptor, which becomes readable when there are
  // records. `size`: of the data, in bytes, as the map's max_entries.
  static Result<Ring> map(int fd, std::size_t size);
  ~Ring();
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&& other) noexcept;

  // Hands over what there is until `take` returns false, oldest first. Records
  // are aligned to eight bytes and good until `take` returns; by then their
  // room is free again, also if it throws.
  using Take = std::function<bool(const void* data, std::size_t size)>;
  void drain(const Take& take);

 private:
  Ring() = default;
  const char* whole(std::size_t at, std::size_t size);

  std::size_t page_ = 0;
  std::size_t size_ = 0;
  char* consumer_ = nullptr;        // a page: where the next record begins
  const char* producer_ = nullptr;  // a page: where the last one ends; data
  std::string split_;               // a record that went around the end
};

}  // namespace stillframe::sensors
