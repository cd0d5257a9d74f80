// SPDX-License-Identifier: Apache-2.0
//
// One BPF object: the programs of one implementation of a sensor, loaded and
// attached for as long as this lives.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agent/base/fd.h"
#include "agent/sensors/built_in.h"
#include "agent/sensors/kernel_types.h"
#include "agent/sensors/libbpf_messages.h"
#include "agent/sensors/refusal.h"
#include "bpf/events.h"

namespace stillframe::sensors {

struct ProgramSpec {
  const char* name;      // of the function in the object
  bool required = true;  // else: left out where its target is not there
  bool doubled = false;  // what it is not run for, a second program takes on
  // Not attached: others end in it, by this map. Comes before them.
  const char* handler = nullptr;
  // The kernel's verifier looks at parts side by side. Those of one part, with
  // what they call, share no maps with another but the common ones.
  std::uint8_t part = 0;
};

struct ObjectSpec {
  const char* name;
  BuiltIn file;
  std::span<const ProgramSpec> programs;
};

class Object;

struct Setup {
  sf_config config{};
  const KernelTypes* types = nullptr;  // there while anything is attached
  std::string unified_mount;           // for cgroup programs; empty: none
  bool preallocate = false;            // the maps: allocates_with_warning()
  int no_trampolines = 0;              // refuses_trampolines()
  const Object* maps = nullptr;  // the object whose maps are shared; null:
                                 // makes them
};

class Object {
 public:
  // All or nothing of what is required.
  static tl::expected<std::unique_ptr<Object>, Refusal> attach(
      const ObjectSpec& spec, const Setup& setup);

  // What stands in the way of it before anything is loaded: a target of a
  // required program that this kernel does not have.
  static tl::expected<void, Refusal> possible(const ObjectSpec& spec,
                                              const Setup& setup);

  // By name; null: none, or this object did not make them. Owned by this
  // object.
  const bpf_map* map(const char* name) const;
  // How often the kernel did not run a program, since another run of it on the
  // same CPU had been preempted (bpf_prog_info.recursion_misses; since 5.12).
  // Without those that are doubled.
  std::uint64_t missed_runs() const;

 private:
  struct ObjectFree {
    void operator()(bpf_object* o) const { bpf_object__close(o); }
  };
  struct LinkFree {
    void operator()(bpf_link* l) const { bpf_link__destroy(l); }
  };

  using Loaded = std::unique_ptr<bpf_object, ObjectFree>;

  Object() = default;
  // The ELF file with those of its programs that are `wanted` and can be had
  // here: opened, or loaded, too.
  static tl::expected<Loaded, Refusal> open(
      const ObjectSpec& spec, const std::vector<const ProgramSpec*>& wanted,
      const Setup& setup, const sf_config& config,
      const std::set<std::string>& without, LibbpfMessages& messages);
  static tl::expected<Loaded, Refusal> load(
      const ObjectSpec& spec, const std::vector<const ProgramSpec*>& wanted,
      const Setup& setup);
  tl::expected<void, Refusal> attach_program(const ProgramSpec& wanted,
                                             bpf_program* program,
                                             const Setup& setup,
                                             LibbpfMessages& messages);

  // Makes it what those end in that have this map.
  tl::expected<void, Refusal> hand_over(const ProgramSpec& handler,
                                        bpf_object* object);

  // Maps of handlers: the kernel empties those that nobody holds. Longer than
  // whose programs end in them.
  std::vector<Fd> handlers_;
  std::vector<std::unique_ptr<bpf_link, LinkFree>> links_;
  std::vector<Fd> alone_;  // the programs that are not doubled
  // Only of the one that makes the maps: with the others each of these would be
  // held once more, and their programs live by their links.
  Loaded object_;
};

}  // namespace stillframe::sensors
