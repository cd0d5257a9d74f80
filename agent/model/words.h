// SPDX-License-Identifier: Apache-2.0
//
// Stillframe's vocabulary. Each list is written once: the enum, its name in
// JSON and its label in metrics all come from it, so they cannot drift apart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stillframe {

// The class of a mutation.
#define STILLFRAME_CLASSES(X) \
  X(content)                  \
  X(metadata)                 \
  X(code)                     \
  X(memory)                   \
  X(mounts)                   \
  X(limits)                   \
  X(kernel)

// The kind of a mutation and its class.
#define STILLFRAME_KINDS(X)  \
  X(file_create, content)    \
  X(file_write, content)     \
  X(file_truncate, content)  \
  X(file_delete, content)    \
  X(file_rename, content)    \
  X(file_link, content)      \
  X(dir_create, content)     \
  X(dir_delete, content)     \
  X(copy_up, metadata)       \
  X(mode_change, metadata)   \
  X(owner_change, metadata)  \
  X(xattr_change, metadata)  \
  X(acl_change, metadata)    \
  X(flags_change, metadata)  \
  X(time_change, metadata)   \
  X(device_create, content)  \
  X(unknown_change, content) \
  X(exec_new, code)          \
  X(exec_changed, code)      \
  X(exec_memfd, code)        \
  X(exec_deleted, code)      \
  X(exec_volume, code)       \
  X(script_changed, code)    \
  X(library_new, code)       \
  X(memory_attach, memory)   \
  X(memory_write, memory)    \
  X(mount_change, mounts)    \
  X(limit_change, limits)    \
  X(sysctl_write, kernel)    \
  X(device_access, kernel)

// What a mutation was judged to be.
#define STILLFRAME_VERDICTS(X) \
  X(violation)                 \
  X(allowed)                   \
  X(scratch)                   \
  X(runtime)                   \
  X(restored)

// Where the actor came from, seen from the victim.
#define STILLFRAME_ORIGINS(X) \
  X(workload)                 \
  X(exec)                     \
  X(host)                     \
  X(container)                \
  X(runtime)                  \
  X(unattributed)

// What a container is. `unknown`: nobody could look (its rootfs was not found,
// no scan was complete, limits were reached) and no violation is known.
#define STILLFRAME_STATES(X) \
  X(still)                   \
  X(mutated)                 \
  X(unknown)

#define STILLFRAME_LIFECYCLE_EVENTS(X) \
  X(created)                           \
  X(live)                              \
  X(exited)                            \
  X(removed)                           \
  X(replaced)                          \
  X(session_started)                   \
  X(session_ended)                     \
  X(update_started)                    \
  X(update_ended)

// What the agent says of itself and of containers, of class "agent"; the
// journal's own entries are among them.
#define STILLFRAME_AGENT_EVENTS(X) \
  X(started)                       \
  X(stopped)                       \
  X(roll_call)                     \
  X(state)                         \
  X(judged_again)                  \
  X(events_lost)                   \
  X(sensor_gap)                    \
  X(state_damaged)                 \
  X(policy_loaded)                 \
  X(policy_failed)                 \
  X(policy_rule_expired)           \
  X(policy_rule_used)              \
  X(journal_repaired)              \
  X(journal_damaged)               \
  X(journal_pruned)                \
  X(journal_resumed)               \
  X(journal_unreadable)            \
  X(repeats)                       \
  X(several)

#define STILLFRAME_NAME(name, ...) name,
enum class Class : std::uint8_t { STILLFRAME_CLASSES(STILLFRAME_NAME) };
enum class Kind : std::uint8_t { STILLFRAME_KINDS(STILLFRAME_NAME) };
enum class Verdict : std::uint8_t { STILLFRAME_VERDICTS(STILLFRAME_NAME) };
enum class Origin : std::uint8_t { STILLFRAME_ORIGINS(STILLFRAME_NAME) };
enum class ContainerState : std::uint8_t { STILLFRAME_STATES(STILLFRAME_NAME) };
enum class Lifecycle : std::uint8_t {
  STILLFRAME_LIFECYCLE_EVENTS(STILLFRAME_NAME)
};
#undef STILLFRAME_NAME

#define STILLFRAME_TEXT(name, ...) std::string_view(#name),
inline constexpr std::array kClassNames = {STILLFRAME_CLASSES(STILLFRAME_TEXT)};
inline constexpr std::array kKindNames = {STILLFRAME_KINDS(STILLFRAME_TEXT)};
inline constexpr std::array kVerdictNames = {
    STILLFRAME_VERDICTS(STILLFRAME_TEXT)};
// By verdict, in the order of the list.
using VerdictCounts = std::array<std::uint64_t, kVerdictNames.size()>;
inline constexpr std::array kOriginNames = {
    STILLFRAME_ORIGINS(STILLFRAME_TEXT)};
inline constexpr std::array kStateNames = {STILLFRAME_STATES(STILLFRAME_TEXT)};
inline constexpr std::array kLifecycleNames = {
    STILLFRAME_LIFECYCLE_EVENTS(STILLFRAME_TEXT)};
inline constexpr std::array kAgentEventNames = {
    STILLFRAME_AGENT_EVENTS(STILLFRAME_TEXT)};
#undef STILLFRAME_TEXT

constexpr std::string_view to_string(Class c) {
  return kClassNames[static_cast<std::size_t>(c)];
}
constexpr std::string_view to_string(Kind k) {
  return kKindNames[static_cast<std::size_t>(k)];
}
constexpr std::string_view to_string(Verdict v) {
  return kVerdictNames[static_cast<std::size_t>(v)];
}
constexpr std::string_view to_string(Origin o) {
  return kOriginNames[static_cast<std::size_t>(o)];
}
constexpr std::string_view to_string(ContainerState s) {
  return kStateNames[static_cast<std::size_t>(s)];
}
constexpr std::string_view to_string(Lifecycle l) {
  return kLifecycleNames[static_cast<std::size_t>(l)];
}

constexpr Class class_of(Kind kind) {
#define STILLFRAME_CLASS(name, klass) Class::klass,
  constexpr std::array classes = {STILLFRAME_KINDS(STILLFRAME_CLASS)};
#undef STILLFRAME_CLASS
  return classes[static_cast<std::size_t>(kind)];
}

template <typename Enum, std::size_t N>
constexpr std::optional<Enum> from_name(
    const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

constexpr std::optional<Kind> kind_from(std::string_view name) {
  return from_name<Kind>(kKindNames, name);
}
constexpr std::optional<Verdict> verdict_from(std::string_view name) {
  return from_name<Verdict>(kVerdictNames, name);
}
constexpr std::optional<ContainerState> state_from(std::string_view name) {
  return from_name<ContainerState>(kStateNames, name);
}
constexpr std::optional<Origin> origin_from(std::string_view name) {
  return from_name<Origin>(kOriginNames, name);
}

}  // namespace stillframe
