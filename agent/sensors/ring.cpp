// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/ring.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace stillframe::sensors {
namespace {

// Positions only grow; they are the kernel's unsigned long.
std::uint64_t load(const void* at) {
  return __atomic_load_n(static_cast<const std::uint64_t*>(at),
                         __ATOMIC_ACQUIRE);
}

constexpr std::size_t rounded(std::size_t size) { return (size + 7) / 8 * 8; }

}  // namespace

Result<Ring> Ring::map(int fd, std::size_t size) {
  Ring ring;
  ring.page_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  ring.size_ = size;
  void* consumer =
      ::mmap(nullptr, ring.page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (consumer == MAP_FAILED) return fail("the BPF ring buffer", errno);
  ring.consumer_ = static_cast<char*>(consumer);
  void* producer = ::mmap(nullptr, ring.page_ + size, PROT_READ, MAP_SHARED, fd,
                          static_cast<off_t>(ring.page_));
  if (producer == MAP_FAILED) return fail("the BPF ring buffer", errno);
  ring.producer_ = static_cast<const char*>(producer);
  return ring;
}

Ring::~Ring() {
  if (consumer_ != nullptr) ::munmap(consumer_, page_);
  if (producer_ == nullptr) return;
  ::munmap(const_cast<char*>(producer_), page_ + size_);
}

Ring::Ring(Ring&& other) noexcept { *this = std::move(other); }

Ring& Ring::operator=(Ring&& other) noexcept {
  std::swap(page_, other.page_);
  std::swap(size_, other.size_);
  std::swap(consumer_, other.consumer_);
  std::swap(producer_, other.producer_);
  std::swap(split_, other.split_);
  return *this;
}

const char* Ring::whole(std::size_t at, std::size_t size) {
  const char* data = producer_ + page_;
  const std::size_t first = std::min(size, size_ - at);
  if (first == size) return data + at;
  split_.assign(data + at, first);
  split_.append(data, size - first);
  return split_.data();
}

void Ring::drain(const Take& take) {
  // Gives a record's room back, whatever becomes of it.
  struct Advance {
    char* consumer;
    std::uint64_t to;
    ~Advance() {
      __atomic_store_n(reinterpret_cast<std::uint64_t*>(consumer), to,
                       __ATOMIC_RELEASE);
    }
  };
  std::uint64_t at = load(consumer_);
  for (std::uint64_t end = load(producer_); at < end; end = load(producer_)) {
    // As records are aligned to eight bytes their headers are in one part.
    const char* header = producer_ + page_ + (at & (size_ - 1));
    const std::uint32_t length = __atomic_load_n(
        reinterpret_cast<const std::uint32_t*>(header), __ATOMIC_ACQUIRE);
    if ((length & BPF_RINGBUF_BUSY_BIT) != 0) return;  // being written
    const std::size_t size = length & ~BPF_RINGBUF_DISCARD_BIT;
    const std::uint64_t record = at + BPF_RINGBUF_HDR_SZ;
    at += BPF_RINGBUF_HDR_SZ + rounded(size);
    const Advance advance{consumer_, at};
    if ((length & BPF_RINGBUF_DISCARD_BIT) != 0) continue;
    if (!take(whole(record & (size_ - 1), size), size)) return;
  }
}

}  // namespace stillframe::sensors
