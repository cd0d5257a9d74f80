// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/object.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <future>
#include <optional>
#include <string_view>

#include "agent/base/log.h"

namespace stillframe::sensors {
namespace {

constexpr const char* kConfigMap = ".rodata.config";

std::string_view target_of(std::string_view section) {
  const auto slash = section.find('/');
  return slash == std::string_view::npos ? section : section.substr(slash + 1);
}

bool is_trampoline(std::string_view section) {
  return section.rfind("fentry/", 0) == 0 || section.rfind("fexit/", 0) == 0;
}

bool has_target(std::string_view section, const Setup& setup) {
  const std::string target(target_of(section));
  if (section.rfind("tp_btf/", 0) == 0) {
    return setup.types->has_tracepoint(target);
  }
  if (is_trampoline(section)) return setup.types->has_function(target);
  if (section.rfind("cgroup/", 0) == 0) return !setup.unified_mount.empty();
  return true;  // kprobes: only trying shows
}

std::size_t parts_of(const ObjectSpec& spec) {
  std::size_t parts = 1;
  for (const ProgramSpec& one : spec.programs) {
    parts = std::max<std::size_t>(parts, one.part + 1U);
  }
  return parts;
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

tl::expected<Object::Loaded, Refusal> Object::open(
    const ObjectSpec& spec, const std::vector<const ProgramSpec*>& wanted,
    const Setup& setup, const sf_config& config,
    const std::set<std::string>& without, LibbpfMessages& messages) {
  // What libbpf needs of it longer than open_mem() takes, it copies.
  const auto file = unpacked(spec.file);
  if (!file) return tl::unexpected(Refusal{"", EIO, file.error().message});
  bpf_object_open_opts options{};  // as LIBBPF_OPTS does it, which is C
  options.sz = sizeof options;
  options.object_name = spec.name;
  messages.clear();
  Loaded object(bpf_object__open_mem(file->data(), file->size(), &options));
  const auto refused = [&] {
    return tl::unexpected(Refusal{"", errno, messages.complaint()});
  };
  if (!object) return refused();
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object.get()) {
    const std::string_view name = bpf_map__name(map);
    if (name == kConfigMap) {
      if (bpf_map__set_initial_value(map, &config, sizeof config) != 0) {
        return refused();
      }
    } else if (setup.maps != nullptr && !bpf_map__is_internal(map)) {
      const bpf_map* shared = setup.maps->map(bpf_map__name(map));
      if (shared == nullptr && parts_of(spec) > 1 &&
          bpf_map__type(map) != BPF_MAP_TYPE_PROG_ARRAY) {
        return tl::unexpected(Refusal{
            "", 0, std::string(name) + ": each part would have its own"});
      }
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
  bpf_object__for_each_program(program, object.get()) {
    bpf_program__set_autoload(program, false);
  }
  for (const ProgramSpec* one : wanted) {
    program = bpf_object__find_program_by_name(object.get(), one->name);
    const std::string section = bpf_program__section_name(program);
    if (without.contains(section)) continue;
    if (!has_target(section, setup)) {
      if (one->required) return tl::unexpected(Refusal{section, 0, ""});
    } else if (setup.no_trampolines != 0 && is_trampoline(section)) {
      // Not tried: what is made ready for it takes libbpf long.
      if (one->required) {
        return tl::unexpected(Refusal{section, setup.no_trampolines, ""});
      }
    } else {
      bpf_program__set_autoload(program, true);
    }
  }
  return object;
}

tl::expected<Object::Loaded, Refusal> Object::load(
    const ObjectSpec& spec, const std::vector<const ProgramSpec*>& wanted,
    const Setup& setup) {
  LibbpfMessages messages;
  std::set<std::string> without;  // what is not required and was refused
  sf_config config = setup.config;
  for (;;) {
    auto object = open(spec, wanted, setup, config, without, messages);
    if (!object) return object;
    messages.clear();
    const int error = bpf_object__load(object->get());
    if (error == 0) return object;
    if (config.reads == SF_READS_WALK) {
      // Perhaps for a type that this kernel does not know there: as it would be
      // without any.
      log_info("kernel memory is read by copies, which costs more",
               {{"object", spec.name}, {"reason", messages.complaint()}});
      config.reads = SF_READS_COPY;
      continue;
    }
    const auto refused =
        std::find_if(wanted.begin(), wanted.end(), [&](const ProgramSpec* one) {
          return one->name == messages.failed_program();
        });
    const bpf_program* culprit = bpf_object__find_program_by_name(
        object->get(), messages.failed_program().c_str());
    Refusal why{culprit == nullptr ? "" : bpf_program__section_name(culprit),
                -error, messages.complaint()};
    const bool optional = refused != wanted.end() && !(*refused)->required;
    if (culprit == nullptr || !optional) return tl::unexpected(std::move(why));
    without.insert(std::move(why.program));  // and again without it
  }
}

tl::expected<void, Refusal> Object::possible(const ObjectSpec& spec,
                                             const Setup& setup) {
  std::vector<const ProgramSpec*> wanted;
  for (const ProgramSpec& one : spec.programs) wanted.push_back(&one);
  LibbpfMessages messages;
  auto object = open(spec, wanted, setup, setup.config, {}, messages);
  if (!object) return tl::unexpected(std::move(object.error()));
  return {};
}

tl::expected<void, Refusal> Object::attach_program(const ProgramSpec& wanted,
                                                   bpf_program* program,
                                                   const Setup& setup,
                                                   LibbpfMessages& messages) {
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
    if (!wanted.required) return {};
    return tl::unexpected(Refusal{section, errno, messages.complaint()});
  }
  links_.emplace_back(link);
  if (wanted.doubled) return {};
  Fd kept(::fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0));
  if (kept < 0) return tl::unexpected(Refusal{section, errno, ""});
  alone_.push_back(std::move(kept));
  return {};
}

tl::expected<void, Refusal> Object::hand_over(const ProgramSpec& handler,
                                              bpf_object* object) {
  const int map = bpf_object__find_map_fd_by_name(object, handler.handler);
  const int program =
      bpf_program__fd(bpf_object__find_program_by_name(object, handler.name));
  const std::uint32_t only = 0;
  if (bpf_map_update_elem(map, &only, &program, BPF_ANY) != 0) {
    return tl::unexpected(Refusal{handler.handler, errno, ""});
  }
  Fd kept(::fcntl(map, F_DUPFD_CLOEXEC, 0));
  if (kept < 0) return tl::unexpected(Refusal{handler.handler, errno, ""});
  handlers_.push_back(std::move(kept));
  return {};
}

tl::expected<std::unique_ptr<Object>, Refusal> Object::attach(
    const ObjectSpec& spec, const Setup& setup) {
  // Each part is an object of its own.
  const std::size_t parts = parts_of(spec);
  std::vector<std::vector<const ProgramSpec*>> wanted(parts);
  for (const ProgramSpec& one : spec.programs) {
    wanted[one.part].push_back(&one);
  }
  using Load = std::future<tl::expected<Loaded, Refusal>>;
  std::vector<Load> loads;
  for (const auto& some : wanted) {
    // The last one in this thread. Where no thread can be had, all of them.
    const auto how = loads.size() + 1 == parts
                         ? std::launch::deferred
                         : std::launch::async | std::launch::deferred;
    loads.push_back(std::async(how, [&] { return load(spec, some, setup); }));
  }
  std::vector<Loaded> loaded(parts);
  std::optional<Refusal> refused;
  for (std::size_t i = parts; i-- > 0;) {
    auto part = loads[i].get();
    if (part) {
      loaded[i] = std::move(*part);
    } else {
      refused = std::move(part.error());
    }
  }
  if (refused) return tl::unexpected(std::move(*refused));
  std::unique_ptr<Object> object(new Object());
  LibbpfMessages messages;
  // In the order of the list, whichever part they are in.
  for (const ProgramSpec& one : spec.programs) {
    bpf_object* part = loaded[one.part].get();
    bpf_program* program = bpf_object__find_program_by_name(part, one.name);
    if (!bpf_program__autoload(program)) continue;
    auto done = one.handler != nullptr
                    ? object->hand_over(one, part)
                    : object->attach_program(one, program, setup, messages);
    if (!done) return tl::unexpected(std::move(done.error()));
  }
  if (setup.maps == nullptr) object->object_ = std::move(loaded.front());
  return object;
}

}  // namespace stillframe::sensors
