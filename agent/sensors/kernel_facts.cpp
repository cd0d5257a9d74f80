// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/kernel_facts.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <sstream>

#include "agent/base/file.h"
#include "agent/base/inode_identity.h"

namespace stillframe::sensors {
namespace {

struct BtfFree {
  void operator()(btf* b) const { btf__free(b); }
};
using BtfPtr = std::unique_ptr<btf, BtfFree>;

std::optional<std::uint32_t> enum_value(const btf* types, const char* type,
                                        const std::string& name) {
  const int id = btf__find_by_name_kind(types, type, BTF_KIND_ENUM);
  if (id < 0) return std::nullopt;
  const btf_type* found = btf__type_by_id(types, static_cast<__u32>(id));
  const struct btf_enum* values = ::btf_enum(found);
  for (int i = 0; i < btf_vlen(found); ++i) {
    if (name == btf__name_by_offset(types, values[i].name_off)) {
      return static_cast<std::uint32_t>(values[i].val);
    }
  }
  return std::nullopt;
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

Result<KernelFacts> kernel_facts(const std::string& controller) {
  KernelFacts facts;
  struct stat st{};
  if (::stat("/proc/self/ns/mnt", &st) != 0) {
    return fail("/proc/self/ns/mnt", errno);
  }
  facts.mnt_ns = static_cast<std::uint32_t>(st.st_ino);
  if (::stat("/", &st) != 0) return fail("/", errno);
  facts.root_dev = kernel_dev(st.st_dev);
  facts.root_ino = st.st_ino;

  const BtfPtr types(btf__load_vmlinux_btf());
  if (!types) {
    return fail(
        "this kernel has no type information (/sys/kernel/btf/vmlinux): "
        "use a kernel built with CONFIG_DEBUG_INFO_BTF=y",
        errno);
  }
  facts.inode_new =
      enum_value(types.get(), "inode_state_flags_t", "I_NEW").value_or(0);
  facts.inode_creating =
      enum_value(types.get(), "inode_state_flags_t", "I_CREATING").value_or(0);
  if (!controller.empty()) {
    const auto id = hierarchy_id(controller);
    if (!id) return fail(id, "cgroup v1");
    facts.hierarchy = *id;
    // cpuset_cgrp_id, memory_cgrp_id, …: include/linux/cgroup-defs.h
    const auto subsys =
        enum_value(types.get(), "cgroup_subsys_id", controller + "_cgrp_id");
    if (!subsys)
      return fail("the kernel has no cgroup controller " + controller);
    facts.subsys = static_cast<std::int32_t>(*subsys);
  }
  return facts;
}

bool has_tracepoint(const std::string& name) {
  return libbpf_find_vmlinux_btf_id(name.c_str(), BPF_TRACE_RAW_TP) > 0;
}

}  // namespace stillframe::sensors
