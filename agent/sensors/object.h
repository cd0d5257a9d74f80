// SPDX-License-Identifier: Apache-2.0
//
// One BPF object: the programs of one implementation of a sensor, loaded and
// attached for as long as this lives.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agent/sensors/kernel_types.h"
#include "agent/sensors/refusal.h"
#include "bpf/events.h"

namespace stillframe::sensors {

struct ProgramSpec {
  const char* name;      // of the function in the object
  bool required = true;  // else: left out where its target is not there
  bool doubled = false;  // what it is not run for, a second program takes on
};

struct ObjectSpec {
  const char* name;
  const void* (*bytes)(std::size_t* size);  // the ELF file, built in
  std::span<const ProgramSpec> programs;
};

class Object;

struct Setup {
  sf_config config{};
  const KernelTypes* types = nullptr;
  std::string unified_mount;     // for cgroup programs; empty: none
  const Object* maps = nullptr;  // the object whose maps are shared; null:
                                 // makes them
};

class Object {
 public:
  // All or nothing of what is required.
  static tl::expected<std::unique_ptr<Object>, Refusal> attach(
      const ObjectSpec& spec, const Setup& setup);

  // By name; null: none. Owned by this object.
  const bpf_map* map(const char* name) const;
  // How often the kernel did not run a program, since another run of it on the
  // same CPU had been preempted (bpf_prog_info.recursion_misses; since 5.12).
  // Without those that are doubled.
  std::uint64_t missed_runs() const;
  // Programs that are not required and did not work here.
  const std::vector<Refusal>& left_out() const { return left_out_; }

 private:
  struct ObjectFree {
    void operator()(bpf_object* o) const { bpf_object__close(o); }
  };
  struct LinkFree {
    void operator()(bpf_link* l) const { bpf_link__destroy(l); }
  };

  Object() = default;
  tl::expected<void, Refusal> open(const ObjectSpec& spec, const Setup& setup,
                                   const std::vector<Refusal>& without);
  tl::expected<void, Refusal> attach_all(const ObjectSpec& spec,
                                         const Setup& setup);

  std::unique_ptr<bpf_object, ObjectFree> object_;
  std::vector<std::unique_ptr<bpf_link, LinkFree>> links_;
  std::vector<const bpf_program*> alone_;  // not doubled; owned by object_
  std::vector<Refusal> left_out_;
};

// libbpf's messages go to our log at level debug, and the last complaint is
// kept for refusals. Call once.
void listen_to_libbpf();

}  // namespace stillframe::sensors
