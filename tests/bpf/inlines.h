// SPDX-License-Identifier: Apache-2.0
//
// Runs the kernel side's inline functions on this kernel: what the verifier
// takes and what they then do, without a container and without attaching
// anything.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/events.h"
#include "inlines.skel.h"
#include "tests/bpf/kernel/inlines.h"

namespace stillframe::sensors {

// Events that a container may cause in a second, in these tests.
constexpr std::uint32_t kBudget = 3;

// As /proc shows when a process started.
std::uint32_t start_ticks_of(std::uint32_t pid);

// Each test with both ways to read kernel memory. Skipped where the right to is
// missing, saying which.
class Inlines : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override;
  virtual std::uint32_t budget() const { return kBudget; }

  // The fourth argument is none of bpf(2)'s: see system_call.
  template <typename Test>
  void run(bpf_program* program, Test& test) {
    bpf_attr attr{};
    attr.test.prog_fd = static_cast<std::uint32_t>(bpf_program__fd(program));
    attr.test.ctx_in = reinterpret_cast<std::uintptr_t>(&test);
    attr.test.ctx_size_in = sizeof test;
    ASSERT_EQ(
        ::syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof attr, 0x5151ul), 0)
        << std::strerror(errno);
  }

  test_fold fold(const sf_change_key& key, bool pending = false,
                 bool file = false);
  // The types of the events that wait, without those of fold(), which have
  // none; the events themselves are in taken_.
  std::vector<std::uint16_t> events();
  void fill_ring();
  void fill_half_of_ring();
  std::uint64_t lost(sf_loss reason) const;
  std::uint64_t counted(sf_counter counter) const;

  template <typename Key, typename Value>
  void put(bpf_map* map, const Key& key, const Value& value) {
    ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY), 0)
        << std::strerror(errno);
  }

  template <typename Value, typename Key>
  std::optional<Value> get(bpf_map* map, const Key& key) {
    Value value{};
    if (bpf_map_lookup_elem(bpf_map__fd(map), &key, &value) != 0) {
      return std::nullopt;
    }
    return value;
  }

  struct Free {
    void operator()(inlines* object) const { inlines::destroy(object); }
    void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
  };

  std::uint64_t fillers_ = 0;
  std::unique_ptr<inlines, Free> object_;
  std::vector<std::string> taken_;
  std::unique_ptr<ring_buffer, Free> ring_;
};

// "Fold.WhatRepeats…/typed"
inline std::string reads(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "typed" : "copied";
}

}  // namespace stillframe::sensors
