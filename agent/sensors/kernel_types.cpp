// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/kernel_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <cerrno>

namespace stillframe::sensors {
namespace {

const btf_type* find(const btf* types, const std::string& name,
                     std::uint32_t kind) {
  if (types == nullptr) return nullptr;
  const int id = btf__find_by_name_kind(types, name.c_str(), kind);
  return id > 0 ? btf__type_by_id(types, static_cast<__u32>(id)) : nullptr;
}

}  // namespace

void KernelTypes::Free::operator()(btf* b) const { btf__free(b); }

Result<KernelTypes> KernelTypes::load() {
  KernelTypes types;
  types.kernel_.reset(btf__load_vmlinux_btf());
  if (!types.kernel_) {
    return fail(
        "this kernel has no type information (/sys/kernel/btf/vmlinux): "
        "use a kernel built with CONFIG_DEBUG_INFO_BTF=y",
        errno);
  }
  types.overlay_.reset(btf__load_module_btf("overlay", types.kernel_.get()));
  // Else it is built in, not loaded, or was built without.
  if (!types.overlay_ &&
      (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
    return fail("reading overlay's type information", errno);
  }
  return types;
}

std::optional<unsigned> KernelTypes::parameters(
    const std::string& function) const {
  for (const btf* types : {overlay_.get(), kernel_.get()}) {
    const btf_type* found = find(types, function, BTF_KIND_FUNC);
    if (found == nullptr) continue;
    const btf_type* prototype = btf__type_by_id(types, found->type);
    if (prototype != nullptr) return btf_vlen(prototype);
  }
  return std::nullopt;
}

bool KernelTypes::has_function(const std::string& name) const {
  return parameters(name).has_value();
}

std::optional<std::uint32_t> KernelTypes::function_id(
    const std::string& name) const {
  const int id =
      btf__find_by_name_kind(kernel_.get(), name.c_str(), BTF_KIND_FUNC);
  if (id <= 0) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

bool KernelTypes::has_tracepoint(const std::string& name) const {
  // TRACE_EVENT() leaves a typedef by this name (include/trace/bpf_probe.h).
  return find(kernel_.get(), "btf_trace_" + name, BTF_KIND_TYPEDEF) != nullptr;
}

std::optional<std::uint32_t> KernelTypes::enum_value(
    const std::string& type, const std::string& name) const {
  const btf_type* found = find(kernel_.get(), type, BTF_KIND_ENUM);
  if (found == nullptr) return std::nullopt;
  const struct btf_enum* values = ::btf_enum(found);
  for (int i = 0; i < btf_vlen(found); ++i) {
    if (name == btf__name_by_offset(kernel_.get(), values[i].name_off)) {
      return static_cast<std::uint32_t>(values[i].val);
    }
  }
  return std::nullopt;
}

bool KernelTypes::knows_overlay() const {
  return has_function("ovl_write_iter");
}

}  // namespace stillframe::sensors
