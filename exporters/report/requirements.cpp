// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/requirements.h"

#include "agent/base/text.h"

namespace stillframe::report {

const std::vector<Requirement>& requirements() {
  static const std::vector<Requirement> kAll = {
      {"PCI DSS 4.0.1", "11.5.2",
       "A mechanism detects changes of critical files, alerts people, and "
       "compares the files at least once a week.",
       "Containers, their changes, and when each was last compared with its "
       "image; gaps.",
       "Which files are critical; files of hosts and volumes; files in places "
       "that the policy calls scratch; that somebody was alerted and "
       "answered."},
      {"PCI DSS 4.0.1", "10.3.2",
       "Audit logs are protected from being changed by individuals.",
       "Integrity: the journal is a chain of hashes, signed where that is "
       "said. "
       "It shows a change, and does not prevent it.",
       "Who may write to the journal's directory; other logs."},
      {"PCI DSS 4.0.1", "10.3.4",
       "Changes of existing log data are detected and cause an alert.",
       "Integrity of each node's journal.",
       "That verification is run regularly, and its failure reaches somebody."},
      {"NIST SP 800-190", "4.4.4",
       "Containers run as images are meant to: deviations at run time, as "
       "changed binaries or writes in unexpected places, are found; root "
       "filesystems are read-only.",
       "Share of time still; changes by class with actors.",
       "Network and process profiles; that root filesystems are mounted "
       "read-only."},
      {"NIST SP 800-53 r5", "CM-3",
       "Changes of a system are controlled, recorded and reviewed.",
       "Updates in place against replacements; exceptions with reason and "
       "expiry; images that ran.",
       "That a change was approved before; the review itself."},
      {"NIST SP 800-53 r5", "CM-6",
       "Deviations from the settings that were laid down are found and "
       "approved.",
       "Changes of class limits, mounts and kernel; exceptions.",
       "Settings of hosts and of what starts containers."},
      {"NIST SP 800-53 r5", "SI-7",
       "Unauthorized changes of software and information are detected.",
       "Violations of class code and content; state over time.",
       "Firmware, hosts, volumes; integrity of the images themselves."},
      {"NIST SP 800-53 r5", "AU-10",
       "It can be shown that somebody did what they did.",
       "Sessions with who had logged in, as far as that is known; the journal, "
       "where it is signed and its signature was checked.",
       "Non-repudiation in full: a login is the kernel's word, a request's "
       "number the container's, a user marked as probable a guess, and no "
       "person signs what they do in a container."},
      {"CIS Docker Benchmark", "5.12 (5.13 since 1.6)",
       "Root filesystems of containers are mounted read-only.",
       "Containers that were still all the time: they could be. Those that "
       "were changed, and where: what a read-only one would need volumes for.",
       "Whether it is mounted so: that is the container's configuration."},
      {"Kubernetes", "readOnlyRootFilesystem",
       "The security context makes the root filesystem read-only.", "As above.",
       "The setting itself."},
      {"SOC 2 (TSC 2017)", "CC7.1",
       "Changes of configuration that bring in weaknesses are detected.",
       "Changes by class; sessions; gaps.",
       "Scans for vulnerabilities; how findings were handled."},
      {"SOC 2 (TSC 2017)", "CC8.1",
       "Changes are authorized, documented, tested, approved and put in place.",
       "Replacements by a new image against updates in place, and how long a "
       "changed container lived on.",
       "Authorization, tests and approval of the images."}};
  return kAll;
}

const std::vector<std::string>& limits() {
  // One on each line.
  static const std::vector<std::string> kAll = split(
      R"(Before the first entry of a journal nothing is known, and while no agent ran only what was left changed.
Who is root on a node can end the agent: that is a gap, and nothing is known of it but that. With root the journal can be written again; what was signed, scraped or shipped before shows it.
Volumes are no part of a container's snapshot: only code that was run from them is reported.
A container is still if nothing in it was changed but what the policy tolerates: by its rules, and in the places that it calls scratch.
Clients of a daemon (docker exec, kubectl exec) are not known to the node. The API server's audit log names them where it was given.
A login is what the kernel keeps for audit. A service that descends from no login can set one, unless audit makes it immutable.
Packages of an update are what the package manager's own files in the container say.
Sensors that do not work on a node's kernel see nothing: the table of nodes says which.)",
      '\n');
  return kAll;
}

}  // namespace stillframe::report
