// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/object.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <string_view>

namespace stillframe::sensors {
namespace {

constexpr const char* kConfigMap = ".rodata.config";

std::string_view target_of(std::string_view section) {
  const auto slash = section.find('/');
  return slash == std::string_view::npos ? section : section.substr(slash + 1);
}

bool has_target(std::string_view section, const Setup& setup) {
  const std::string target(target_of(section));
  if (section.rfind("tp_btf/", 0) == 0) {
    return setup.types->has_tracepoint(target);
  }
  if (section.rfind("fentry/", 0) == 0 || section.rfind("fexit/", 0) == 0) {
    return setup.types->has_function(target);
  }
  if (section.rfind("cgroup/", 0) == 0) return !setup.unified_mount.empty();
  return true;  // kprobes: only trying shows
}

}  // namespace

const bpf_map* Object::map(const char* name) const {
  return object_ ? bpf_object__find_map_by_name(object_.get(), name) : nullptr;
}

std::uint64_t Object::missed_runs() const {
  std::uint64_t missed = 0;
  for (const Fd& program : alone_) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &size) == 0) {
      missed += info.recursion_misses;
    }
  }
  return missed;
}

tl::expected<void, Refusal> Object::open(const ObjectSpec& spec,
                                         const Setup& setup,
                                         const std::set<std::string>& without,
                                         LibbpfMessages& messages) {
  std::size_t size = 0;
  const void* bytes = spec.bytes(&size);
  bpf_object_open_opts options{};  // as LIBBPF_OPTS does it, which is C
  options.sz = sizeof options;
  options.object_name = spec.name;
  messages.clear();
  object_.reset(bpf_object__open_mem(bytes, size, &options));
  const auto refused = [&] {
    return tl::unexpected(Refusal{"", errno, messages.complaint()});
  };
  if (!object_) return refused();
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    const std::string_view name = bpf_map__name(map);
    if (name == kConfigMap) {
      if (bpf_map__set_initial_value(map, &setup.config, sizeof setup.config) !=
          0) {
        return refused();
      }
    } else if (setup.maps != nullptr && !bpf_map__is_internal(map)) {
      const bpf_map* shared = setup.maps->map(bpf_map__name(map));
      if (shared != nullptr &&
          bpf_map__reuse_fd(map, bpf_map__fd(shared)) != 0) {
        return refused();
      }
    } else if (setup.preallocate && !bpf_map__is_internal(map)) {
      const std::uint32_t flags = bpf_map__map_flags(map);
      bpf_map__set_map_flags(map, flags & ~BPF_F_NO_PREALLOC);
    }
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_.get()) {
    bpf_program__set_autoload(program, false);
  }
  for (const ProgramSpec& wanted : spec.programs) {
    program = bpf_object__find_program_by_name(object_.get(), wanted.name);
    const std::string section = bpf_program__section_name(program);
    if (without.contains(section)) continue;
    if (has_target(section, setup)) {
      bpf_program__set_autoload(program, true);
    } else if (wanted.required) {
      return tl::unexpected(Refusal{section, 0, ""});
    }
  }
  return {};
}

tl::expected<void, Refusal> Object::attach_all(const ObjectSpec& spec,
                                               const Setup& setup,
                                               LibbpfMessages& messages) {
  for (const ProgramSpec& wanted : spec.programs) {
    bpf_program* program =
        bpf_object__find_program_by_name(object_.get(), wanted.name);
    if (!bpf_program__autoload(program)) continue;
    const std::string section = bpf_program__section_name(program);
    bpf_link* link = nullptr;
    messages.clear();
    errno = 0;
    if (section.rfind("cgroup/", 0) == 0) {
      Fd cgroup(::open(setup.unified_mount.c_str(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (cgroup >= 0) link = bpf_program__attach_cgroup(program, cgroup);
    } else {
      link = bpf_program__attach(program);
    }
    if (link == nullptr) {
      if (!wanted.required) continue;
      return tl::unexpected(Refusal{section, errno, messages.complaint()});
    }
    links_.emplace_back(link);
    if (wanted.doubled) continue;
    Fd kept(::fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0));
    if (kept < 0) return tl::unexpected(Refusal{section, errno, ""});
    alone_.push_back(std::move(kept));
  }
  return {};
}

tl::expected<std::unique_ptr<Object>, Refusal> Object::attach(
    const ObjectSpec& spec, const Setup& setup) {
  LibbpfMessages messages;
  std::set<std::string> without;  // what is not required and was refused
  for (;;) {
    std::unique_ptr<Object> object(new Object());
    if (auto opened = object->open(spec, setup, without, messages); !opened) {
      return tl::unexpected(opened.error());
    }
    messages.clear();
    const int error = bpf_object__load(object->object_.get());
    if (error == 0) {
      if (auto attached = object->attach_all(spec, setup, messages);
          !attached) {
        return tl::unexpected(attached.error());
      }
      if (setup.maps != nullptr) object->object_.reset();
      return object;
    }
    const auto wanted = std::find_if(
        spec.programs.begin(), spec.programs.end(), [&](const ProgramSpec& p) {
          return p.name == messages.failed_program();
        });
    const bpf_program* culprit = bpf_object__find_program_by_name(
        object->object_.get(), messages.failed_program().c_str());
    Refusal why{culprit == nullptr ? "" : bpf_program__section_name(culprit),
                -error, messages.complaint()};
    const bool optional = wanted != spec.programs.end() && !wanted->required;
    if (culprit == nullptr || !optional) return tl::unexpected(std::move(why));
    without.insert(std::move(why.program));  // and again without it
  }
}

}  // namespace stillframe::sensors
