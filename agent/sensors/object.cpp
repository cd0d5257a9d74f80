// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/object.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string_view>

#include "agent/base/fd.h"

namespace stillframe::sensors {
namespace {

constexpr const char* kConfigMap = ".rodata.config";

// libbpf's last complaint: the only account of why a load failed. Loading is
// done by one thread at a time.
std::string g_complaint;
std::string g_failed_program;

void note_failed_program(std::string_view line) {
  // "libbpf: prog 'name': BPF program load failed: …"
  constexpr std::string_view kMark = "prog '";
  const auto at = line.find(kMark);
  if (at == std::string_view::npos) return;
  const auto rest = line.substr(at + kMark.size());
  const auto end = rest.find('\'');
  if (end != std::string_view::npos) {
    g_failed_program = std::string(rest.substr(0, end));
  }
}

// The line of a verifier's log that says what was wrong: the last but its
// statistics.
std::string last_words(std::string_view text) {
  std::string_view best;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    const bool statistics = line.rfind("processed ", 0) == 0 ||
                            line.rfind("-- ", 0) == 0 ||
                            line.rfind("verification time", 0) == 0 ||
                            line.rfind("stack depth", 0) == 0;
    if (!line.empty() && !statistics) best = line;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (best.rfind("libbpf: ", 0) == 0) best.remove_prefix(8);
  return std::string(best);
}

int remember(enum libbpf_print_level level, const char* format,
             va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[4096];
  // A verifier's log is longer: what matters is its end.
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  std::string text(line);
  if (length >= static_cast<int>(sizeof line)) {
    text.resize(static_cast<std::size_t>(length) + 1);
    std::vsnprintf(text.data(), text.size(), format, again);
    text.pop_back();
  }
  va_end(again);
  note_failed_program(text);
  if (text.find("failed to load object") != std::string::npos ||
      text.find("BPF program load failed") != std::string::npos ||
      text.find("failed to load:") != std::string::npos) {
    return 0;  // what came before says more
  }
  // A guess at any EPERM, which is about maps before 5.11 only.
  if (text.find("try raising 'ulimit -l'") != std::string::npos) return 0;
  std::string words = last_words(text);
  if (!words.empty() && words.find("END PROG LOAD LOG") == std::string::npos) {
    g_complaint = std::move(words);
  }
  return 0;
}

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
  return true;  // kprobes: only trying tells
}

Refusal refusal(const std::string& program, int error) {
  return {program, error, g_complaint};
}

}  // namespace

void listen_to_libbpf() {
  libbpf_set_print(remember);
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
}

const bpf_map* Object::map(const char* name) const {
  return bpf_object__find_map_by_name(object_.get(), name);
}

std::uint64_t Object::missed_runs() const {
  std::uint64_t missed = 0;
  for (const bpf_program* program : alone_) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
      missed += info.recursion_misses;
    }
  }
  return missed;
}

tl::expected<void, Refusal> Object::open(const ObjectSpec& spec,
                                         const Setup& setup,
                                         const std::vector<Refusal>& without) {
  std::size_t size = 0;
  const void* bytes = spec.bytes(&size);
  LIBBPF_OPTS(bpf_object_open_opts, options);
  options.object_name = spec.name;
  g_complaint.clear();
  object_.reset(bpf_object__open_mem(bytes, size, &options));
  if (!object_) return tl::unexpected(refusal("", errno));
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    const std::string_view name = bpf_map__name(map);
    if (name == kConfigMap) {
      bpf_map__set_initial_value(map, &setup.config, sizeof setup.config);
    } else if (setup.maps != nullptr && !bpf_map__is_internal(map)) {
      const bpf_map* shared = setup.maps->map(bpf_map__name(map));
      if (shared != nullptr &&
          bpf_map__reuse_fd(map, bpf_map__fd(shared)) != 0) {
        return tl::unexpected(refusal("", errno));
      }
    }
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_.get()) {
    bpf_program__set_autoload(program, false);
  }
  for (const ProgramSpec& wanted : spec.programs) {
    program = bpf_object__find_program_by_name(object_.get(), wanted.name);
    const std::string section = bpf_program__section_name(program);
    const bool refused =
        std::any_of(without.begin(), without.end(),
                    [&](const Refusal& r) { return r.program == section; });
    if (refused) continue;
    if (has_target(section, setup)) {
      bpf_program__set_autoload(program, true);
    } else if (wanted.required) {
      return tl::unexpected(Refusal{section, 0, ""});
    } else {
      left_out_.push_back({section, 0, ""});
    }
  }
  return {};
}

tl::expected<void, Refusal> Object::attach_all(const ObjectSpec& spec,
                                               const Setup& setup) {
  for (const ProgramSpec& wanted : spec.programs) {
    bpf_program* program =
        bpf_object__find_program_by_name(object_.get(), wanted.name);
    if (!bpf_program__autoload(program)) continue;
    const std::string section = bpf_program__section_name(program);
    bpf_link* link = nullptr;
    g_complaint.clear();
    errno = 0;
    if (section.rfind("cgroup/", 0) == 0) {
      Fd cgroup(::open(setup.unified_mount.c_str(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (cgroup >= 0) link = bpf_program__attach_cgroup(program, cgroup);
    } else {
      link = bpf_program__attach(program);
    }
    if (link != nullptr) {
      links_.emplace_back(link);
      if (!wanted.doubled) alone_.push_back(program);
      continue;
    }
    const Refusal why = refusal(section, errno);
    if (wanted.required) return tl::unexpected(why);
    left_out_.push_back(why);
  }
  return {};
}

tl::expected<std::unique_ptr<Object>, Refusal> Object::attach(
    const ObjectSpec& spec, const Setup& setup) {
  std::vector<Refusal> refused;
  for (;;) {
    std::unique_ptr<Object> object(new Object());
    object->left_out_ = refused;
    if (auto opened = object->open(spec, setup, refused); !opened) {
      return tl::unexpected(opened.error());
    }
    g_failed_program.clear();
    g_complaint.clear();
    const int error = bpf_object__load(object->object_.get());
    if (error == 0) {
      if (auto attached = object->attach_all(spec, setup); !attached) {
        return tl::unexpected(attached.error());
      }
      return object;
    }
    const bpf_program* culprit = bpf_object__find_program_by_name(
        object->object_.get(), g_failed_program.c_str());
    const auto* wanted = std::find_if(
        spec.programs.data(), spec.programs.data() + spec.programs.size(),
        [](const ProgramSpec& p) { return p.name == g_failed_program; });
    Refusal why = refusal(
        culprit == nullptr ? "" : bpf_program__section_name(culprit), -error);
    const bool optional =
        wanted != spec.programs.data() + spec.programs.size() &&
        !wanted->required;
    if (culprit == nullptr || !optional) return tl::unexpected(std::move(why));
    refused.push_back(std::move(why));  // and again without it
  }
}

}  // namespace stillframe::sensors
