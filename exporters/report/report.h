// SPDX-License-Identifier: Apache-2.0
//
// What an audit report says, before it is rendered. Names, paths and commands
// are untrusted bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/model/update.h"
#include "exporters/report/timeline.h"
#include "exporters/report/verification.h"

namespace stillframe::report {

// Whom the API server's audit log names for a session.
struct KubernetesUser {
  std::string name;
  std::string audit_id;
  // Not by the number of the request: by pod, command and time.
  bool probable = false;
};

// Changes of which all of this is the same.
struct ChangeKey {
  std::string mutation_class;
  std::string kind;
  std::string verdict;
  std::string origin;
  std::string rule;  // of the policy, that decided; empty: none
  auto operator<=>(const ChangeKey&) const = default;
};

// One who changed something.
struct Hand {
  std::string who;     // "exec apt"
  std::string person;  // who had logged in, or Kubernetes' user; may be empty
  bool probable = false;  // the person
  std::string through;    // "sshd > bash > sudo > podman"
  std::map<std::string, std::uint64_t> classes;  // how many changes
  std::uint64_t changes = 0;
  std::uint64_t violations = 0;
  WallTime first;
  WallTime last;
  std::vector<std::string> paths;  // some of them
};

struct SessionRow {
  Session session;
  std::string person;  // as a Hand's
  bool probable = false;
  std::string audit_id;  // of Kubernetes' request; empty: none fits
  std::optional<WallTime> ended;
  std::uint64_t changes = 0;
};

struct ReplacementRow {
  WallTime time;
  std::string by;  // the container that took its place
  bool image_changed = false;
  // From its first mutation; nothing: it had none.
  std::optional<double> mutated_seconds;
};

struct ContainerReport {
  std::string node;
  ContainerInfo info;
  std::vector<Stretch> stretches;
  Times times{};
  WallTime begin;                         // of what is known of it
  std::optional<WallTime> end;            // it was gone
  Condition at_end = Condition::unknown;  // the last that was seen of it
  std::optional<WallTime> first_mutation;
  // When all of it was last compared with its image, as far as that was said.
  std::optional<WallTime> last_comparison;
  std::map<ChangeKey, std::uint64_t> changes;
  std::uint64_t violations = 0;
  // Of which the journal has only a count.
  std::uint64_t not_itemized = 0;
  std::vector<Hand> hands;  // who changed most comes first
  std::uint64_t hands_left_out = 0;
  std::uint64_t changes_by_others = 0;  // by those
  std::vector<SessionRow> sessions;
  std::uint64_t sessions_left_out = 0;
  std::vector<Update> updates;
  std::uint64_t updates_left_out = 0;
  std::optional<ReplacementRow> replaced;
};

struct WorkloadReport {
  std::string space;  // namespace
  std::string name;   // empty: containers of none
  std::uint64_t containers = 0;
  std::uint64_t mutated = 0;  // of them, ever in the period
  Times times{};
  std::map<std::string, std::uint64_t> violations;  // by class
  std::uint64_t allowed = 0;
  std::uint64_t updates_in_place = 0;
  std::uint64_t replacements = 0;
  std::uint64_t with_new_image = 0;
  // From the first mutation to the replacement: the middle one of all.
  std::optional<double> median_to_replacement;  // seconds
  std::uint64_t not_replaced = 0;  // mutated ones that are still there
  std::set<std::string> image_ids;
};

struct ImageRow {
  std::string id;
  std::set<std::string> names;
  std::uint64_t containers = 0;
  std::uint64_t mutated = 0;
  WallTime first;
  WallTime last;
};

// A rule of the policy by which something was tolerated.
struct ExceptionRow {
  std::string rule;
  std::string reason;
  std::optional<WallTime> expires;
  std::optional<WallTime> expired;  // when the agent found that it had
  std::uint64_t changes = 0;
  std::uint64_t containers = 0;
  WallTime first;
  WallTime last;
};

struct PolicyRow {
  std::string node;
  WallTime time;
  bool loaded = true;  // else it was refused
  std::string detail;
  std::string sha256;
};

// What was not observed.
struct GapRow {
  std::string node;
  std::string kind;
  std::string what;
  std::string hides;
  WallTime since;
  WallTime until;
  std::uint64_t times = 1;
};

struct NodeReport {
  std::string node;
  std::string version;                         // of the agent, the latest
  Period watched;                              // what the journal covers
  double away_seconds = 0;                     // of that, no agent ran
  std::map<std::string, std::string> sensors;  // how each works, at the latest
  Audit audit;
  std::string first_hash;              // of the first entry that is there
  std::uint64_t entries_not_read = 0;  // that were no events
  std::vector<ContainerReport> containers;
  std::vector<PolicyRow> policies;
  std::map<std::string, ExceptionRow> exceptions;
  std::vector<GapRow> gaps;
};

struct Report {
  Period period;
  WallTime made;
  std::string version;  // of the program that made it
  bool kubernetes_asked = false;
  std::vector<NodeReport> nodes;
  // Of all nodes.
  std::vector<WorkloadReport> workloads;
  std::vector<ImageRow> images;
  std::vector<ExceptionRow> exceptions;
  Times times{};
  std::uint64_t containers = 0;
  std::uint64_t mutated = 0;
  std::uint64_t violations = 0;
  std::uint64_t updates_in_place = 0;
  std::uint64_t replacements = 0;
};

// Adds up what the nodes say.
Report make_report(Period period, std::vector<NodeReport> nodes);

// Still, of the time in which somebody looked; nothing: nobody did.
std::optional<double> share_still(const Times& times);

std::string report_text(const Report& report, bool color);
std::string report_json(const Report& report);
// One file that needs no other and no network.
std::string report_html(const Report& report);

}  // namespace stillframe::report
