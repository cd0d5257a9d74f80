// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/kernel_facts.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/base/number.h"
#include "agent/model/inode_identity.h"

namespace stillframe::sensors {
namespace {

// include/linux/fs.h before they were in an enum (6.18).
constexpr std::uint32_t kInodeNew = 1u << 0;
constexpr std::uint32_t kInodeCreating = 1u << 15;

// An enum since 6.18, of another name since 6.19.
std::optional<std::uint32_t> inode_flag(const KernelTypes& types,
                                        const char* name) {
  if (const auto value = types.enum_value("inode_state_flags_t", name)) {
    return value;
  }
  return types.enum_value("inode_state_flags_enum", name);
}

// /proc/cgroups: "#subsys_name hierarchy num_cgroups enabled"
Result<std::int32_t> hierarchy_id(const std::string& controller) {
  auto text = read_file("/proc/cgroups");
  if (!text) return fail(text, "finding the cgroup hierarchy");
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string name;
    std::int32_t id = 0;
    if (fields >> name >> id && name == controller) return id;
  }
  return fail("/proc/cgroups does not list controller " + controller);
}

}  // namespace

bool allocates_with_warning(std::string_view release) {
  const auto dot = release.find('.');
  const auto major = parse_number<unsigned>(release.substr(0, dot));
  if (!major || dot == std::string_view::npos) return true;
  const auto rest = release.substr(dot + 1);
  const auto end = rest.find_first_not_of("0123456789");
  const auto minor = parse_number<unsigned>(rest.substr(0, end));
  return !minor || *major < 6 || (*major == 6 && *minor < 1);
}

Result<sf_config> kernel_facts(const std::string& controller,
                               const KernelTypes& types) {
  sf_config facts{};
  struct stat st{};
  if (::stat("/proc/self/ns/mnt", &st) != 0) {
    return fail("/proc/self/ns/mnt", errno);
  }
  facts.host_mnt_ns = static_cast<std::uint32_t>(st.st_ino);
  if (::stat("/", &st) != 0) return fail("/", errno);
  facts.host_root_dev = kernel_dev(st.st_dev);
  facts.host_root_ino = st.st_ino;
  // posix_get_coarse_res(), kernel/time/posix-timers.c: NSEC_PER_SEC / HZ.
  struct timespec tick{};
  if (::clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0) {
    return fail("the resolution of the coarse clock", errno);
  }
  facts.tick_ns = static_cast<std::uint64_t>(tick.tv_nsec);
  facts.observed_subsys = -1;
  facts.inode_new = inode_flag(types, "I_NEW").value_or(kInodeNew);
  facts.inode_creating =
      inode_flag(types, "I_CREATING").value_or(kInodeCreating);
  facts.reads = SF_READS_COPY;
  if (types.has_function("bpf_rdonly_cast")) {
    facts.reads = SF_READS_CAST;
  } else if (types.enum_value("bpf_func_id", "BPF_FUNC_get_current_task_btf")) {
    facts.reads = SF_READS_WALK;
  }
  facts.extra = extra_arguments(types);
  if (!controller.empty()) {
    const auto id = hierarchy_id(controller);
    if (!id) return fail(id, "cgroup v1");
    facts.observed_hierarchy = *id;
    // cpuset_cgrp_id, memory_cgrp_id, …: include/linux/cgroup-defs.h
    const auto subsys =
        types.enum_value("cgroup_subsys_id", controller + "_cgrp_id");
    if (!subsys)
      return fail("the kernel has no cgroup controller " + controller);
    facts.observed_subsys = static_cast<std::int32_t>(*subsys);
  }
  return facts;
}

std::uint64_t extra_arguments(const KernelTypes& types) {
  std::uint64_t extra = 0;
#define STILLFRAME_EXTRA(name, oldest)                                      \
  if (types.parameters(#name).value_or(0) > (oldest)) {                     \
    extra |= std::uint64_t{1} << static_cast<unsigned>(SF_FUNCTION_##name); \
  }
  SF_FUNCTIONS(STILLFRAME_EXTRA)
#undef STILLFRAME_EXTRA
  return extra;
}

// A program that does nothing, at a function that is there to be tried on
// (net/bpf/test_run.c, 5.5). It is loaded and not attached.
int refuses_trampolines(const KernelTypes& types) {
  const auto function = types.function_id("bpf_fentry_test1");
  if (!function) return 0;
  std::array<bpf_insn, 2> nothing{};  // r0 = 0; exit
  nothing[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  nothing[1].code = BPF_JMP | BPF_EXIT;
  bpf_prog_load_opts options{};  // as LIBBPF_OPTS does it, which is C
  options.sz = sizeof options;
  options.expected_attach_type = BPF_TRACE_FENTRY;
  options.attach_btf_id = *function;
  const Fd program(::bpf_prog_load(BPF_PROG_TYPE_TRACING, "trampoline_try",
                                   "GPL", nothing.data(), nothing.size(),
                                   &options));
  return program < 0 ? errno : 0;
}

bool overlay_is_there() {
  const auto text = read_file("/proc/filesystems", 1u << 16);
  return text && text->find("\toverlay\n") != std::string::npos;
}

}  // namespace stillframe::sensors
