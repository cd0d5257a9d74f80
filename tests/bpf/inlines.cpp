// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/inlines.h"

#include <linux/capability.h>

#include "agent/base/file.h"
#include "agent/containers/proc_text.h"
#include "agent/sensors/kernel_facts.h"
#include "agent/sensors/kernel_types.h"

namespace stillframe::sensors {
namespace {

// The sum over all CPUs of one value of a per-CPU array.
std::uint64_t sum(const bpf_map* map, std::uint32_t key) {
  std::vector<std::uint64_t> values(
      static_cast<std::size_t>(libbpf_num_possible_cpus()));
  bpf_map_lookup_elem(bpf_map__fd(map), &key, values.data());
  std::uint64_t total = 0;
  for (const auto value : values) total += value;
  return total;
}

// What is needed beyond BPF itself, and the reason to skip; empty: nothing.
std::string missing_capability() {
  struct Need {
    int number;
    const char* name;
  };
  constexpr Need kNeeds[] = {{CAP_BPF, "CAP_BPF"},
                             {CAP_PERFMON, "CAP_PERFMON"},
                             {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
                             {CAP_SYS_CHROOT, "CAP_SYS_CHROOT"}};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return "capget(2)";
  for (const Need& need : kNeeds) {
    if ((data[need.number / 32].effective >> (need.number % 32) & 1) == 0) {
      return need.name;
    }
  }
  return "";
}

}  // namespace

std::uint32_t start_ticks_of(std::uint32_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  const auto stat = text ? containers::parse_stat(*text) : std::nullopt;
  return stat ? static_cast<std::uint32_t>(stat->start_ticks) : 0;
}

void Inlines::SetUp() {
  if (const auto missing = missing_capability(); !missing.empty()) {
    GTEST_SKIP() << "needs " << missing;
  }
  const auto types = KernelTypes::load();
  ASSERT_TRUE(types) << types.error().message;
  auto config = kernel_facts("", *types);
  ASSERT_TRUE(config) << config.error().message;
  if (GetParam() && config->reads != SF_READS_CAST) {
    GTEST_SKIP() << "this kernel has no bpf_rdonly_cast()";
  }
  config->reads = GetParam() ? SF_READS_CAST : SF_READS_COPY;
  config->budget_per_second = budget();
  object_.reset(inlines::open());
  ASSERT_TRUE(object_);
  bpf_map__set_initial_value(
      bpf_object__find_map_by_name(object_->obj, ".rodata.config"), &*config,
      sizeof *config);
  // So that a test can fill it.
  bpf_map__set_max_entries(object_->maps.events,
                           static_cast<std::uint32_t>(::getpagesize()));
  ASSERT_EQ(inlines::load(object_.get()), 0) << std::strerror(errno);
  ring_.reset(ring_buffer__new(
      bpf_map__fd(object_->maps.events),
      [](void* to, void* data, std::size_t size) {
        const auto* bytes = static_cast<const char*>(data);
        static_cast<std::vector<std::string>*>(to)->emplace_back(bytes,
                                                                 bytes + size);
        return 0;
      },
      &taken_, nullptr));
  ASSERT_TRUE(ring_);
}

test_fold Inlines::fold(const sf_change_key& key, bool pending, bool file) {
  test_fold test{};
  test.key = key;
  test.pending = pending ? 1 : 0;
  test.file = file ? 1 : 0;
  run(object_->progs.fold, test);
  return test;
}

std::vector<std::uint16_t> Inlines::events() {
  taken_.clear();
  ring_buffer__consume(ring_.get());
  std::vector<std::uint16_t> types;
  for (const auto& event : taken_) {
    sf_header header{};
    std::memcpy(&header, event.data(), sizeof header);
    if (header.type != 0) types.push_back(header.type);
  }
  return types;
}

void Inlines::fill_ring() {
  sf_change_key key{};
  key.nr = 1'000'000;
  do {
    key.ino = ++fillers_;
  } while (fold(key).sent != 0);
}

void Inlines::fill_half_of_ring() {
  constexpr std::uint32_t kEach = BPF_RINGBUF_HDR_SZ + sizeof(sf_exit_event);
  const std::uint32_t half = bpf_map__max_entries(object_->maps.events) / 2;
  sf_change_key key{};
  key.nr = 1'000'000;
  for (std::uint32_t filled = 0; filled < half; filled += kEach) {
    key.ino = ++fillers_;
    fold(key);
  }
}

std::uint64_t Inlines::lost(sf_loss reason) const {
  return sum(object_->maps.losses, reason);
}

std::uint64_t Inlines::counted(sf_counter counter) const {
  return sum(object_->maps.counters, counter);
}

}  // namespace stillframe::sensors
