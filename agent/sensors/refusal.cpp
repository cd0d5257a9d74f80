// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/refusal.h"

#include <cerrno>
#include <cstring>
#include <string_view>

namespace stillframe::sensors {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What libbpf's section names stand for.
std::string type_of(std::string_view program) {
  const auto type = program.substr(0, program.find('/'));
  if (type == "fentry" || type == "fexit")
    return "trampoline (" + std::string(type) + ")";
  if (type == "tp_btf") return "BTF tracepoint";
  if (type == "kprobe" || type == "kretprobe") return "kprobe";
  if (type == "cgroup") return "cgroup";
  return "BPF";
}

std::string target_of(std::string_view program) {
  const auto slash = program.find('/');
  return std::string(
      slash == std::string_view::npos ? program : program.substr(slash + 1));
}

Explanation not_there(const Refusal& refusal) {
  if (refusal.program.rfind("cgroup/", 0) == 0) {
    return {"no cgroup v2 hierarchy is mounted",
            "mount cgroup v2 (besides v1 where that is in use)"};
  }
  const std::string target = target_of(refusal.program);
  if (refusal.program.rfind("tp_btf/", 0) == 0) {
    return {"this kernel has no BTF tracepoint " + target,
            "use a newer kernel"};
  }
  if (target.rfind("ovl_", 0) == 0) {
    return {"this kernel has no type information of overlay's " + target +
                ": it is too old (module BTF: 5.11), was built without it, or "
                "overlay is not loaded",
            "load overlay (modprobe overlay), or use a kernel with "
            "CONFIG_DEBUG_INFO_BTF_MODULES=y"};
  }
  return {"this kernel has no function " + target +
              " to attach to: another version, or the compiler inlined it",
          ""};
}

}  // namespace

std::string to_string(const Refusal& refusal) {
  std::string text = refusal.program;
  const auto add = [&](const std::string& more) {
    if (more.empty()) return;
    if (!text.empty()) text += ": ";
    text += more;
  };
  if (refusal.error != 0) add(std::strerror(refusal.error));
  add(refusal.answer);
  return text;
}

Explanation explain(const Refusal& refusal) {
  const std::string_view answer = refusal.answer;
  const std::string type = type_of(refusal.program);
  if (refusal.error == 0) return not_there(refusal);
  // The verifier's words come first: the number is EINVAL or EACCES for most.
  if (has(answer, "unknown func") || has(answer, "invalid func")) {
    return {"this kernel lacks a BPF helper that the program calls",
            "use a newer kernel"};
  }
  if (has(answer, "helper call is not allowed") ||
      has(answer, "program of this type cannot use helper")) {
    return {"this kernel does not allow a helper in such a program",
            "use a newer kernel"};
  }
  if (has(answer, "BPF program is too large") || refusal.error == E2BIG) {
    return {"the verifier gave up: the program is too large for this kernel",
            "report it with the kernel's version"};
  }
  if (has(answer, "failed to find kernel BTF type ID") ||
      has(answer, "not found in kernel")) {
    return not_there(refusal);
  }
  if (has(answer, "relocation decision") || has(answer, "CO-RE relocat")) {
    return {"a kernel structure lacks a field that the program reads",
            "report it with the kernel's version"};
  }
  switch (refusal.error) {
    case EPERM:
    case EACCES:
      if (refusal.error == EACCES && !answer.empty()) break;
      return {"this kernel does not allow " + type +
                  " programs: by lockdown, a security module, a policy of its "
                  "own, or a missing capability",
              "none needed if this restriction is intentional; else run the "
              "agent as root and "
              "look at lockdown= and the security modules"};
    case ENOENT:
    case ESRCH:
      return not_there(refusal);
    case ENOTSUP:
    case 524:  // ENOTSUPP, which is the kernel's own
      return {"this kernel cannot attach " + type + " programs here",
              "use a kernel with CONFIG_FUNCTION_TRACER and "
              "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"};
    case ENOMEM:
      return {"there is no memory for the program or its maps",
              "raise the agent's memory limit"};
    case EBUSY:
    case EEXIST:
      return {"something else is attached there and does not share",
              "find it with: bpftool link"};
    case ENOSPC:
    case EMFILE:
      return {"a limit on programs or descriptors was reached",
              "raise the limit on open files"};
    default:
      break;
  }
  return {"the verifier or the kernel did not take a " + type + " program",
          "report the answer with the kernel's version"};
}

}  // namespace stillframe::sensors
