/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tools by which containers are updated in place, and the programs that they are
 * known by: one list for both sides. A name describes; it grants nothing.
 */
#ifndef STILLFRAME_BPF_TOOLS_H
#define STILLFRAME_BPF_TOOLS_H

/* X(identifier, name). The last one runs what its command line names: that may be a tool. */
#define SF_TOOLS(X)                                                                                \
	X(APT, "apt")                                                                              \
	X(DPKG, "dpkg")                                                                            \
	X(APK, "apk")                                                                              \
	X(RPM, "rpm")                                                                              \
	X(DNF, "dnf")                                                                              \
	X(YUM, "yum")                                                                              \
	X(PIP, "pip")                                                                              \
	X(NPM, "npm")                                                                              \
	X(GEM, "gem")                                                                              \
	X(CARGO, "cargo")                                                                          \
	X(ANSIBLE, "ansible")                                                                      \
	X(PUPPET, "puppet")                                                                        \
	X(CHEF, "chef")                                                                            \
	X(SALT, "salt")                                                                            \
	X(EDITOR, "editor")                                                                        \
	X(TMPFILES, "systemd-tmpfiles")                                                            \
	X(LOGROTATE, "logrotate")                                                                  \
	X(INTERPRETER, "")

/* X(program, identifier of its tool). The kernel knows them by their first 15 letters. */
#define SF_PROGRAMS(X)                                                                             \
	X("apt", APT)                                                                              \
	X("apt-get", APT)                                                                          \
	X("aptitude", APT)                                                                         \
	X("unattended-upgrade", APT)                                                               \
	X("dpkg", DPKG)                                                                            \
	X("dpkg-deb", DPKG)                                                                        \
	X("dpkg-reconfigure", DPKG)                                                                \
	X("apk", APK)                                                                              \
	X("rpm", RPM)                                                                              \
	X("dnf", DNF)                                                                              \
	X("dnf5", DNF)                                                                             \
	X("dnf-3", DNF)                                                                            \
	X("microdnf", DNF)                                                                         \
	X("yum", YUM)                                                                              \
	X("pip", PIP)                                                                              \
	X("pip3", PIP)                                                                             \
	X("pipx", PIP)                                                                             \
	X("npm", NPM)                                                                              \
	X("npx", NPM)                                                                              \
	X("npm-cli.js", NPM)                                                                       \
	X("gem", GEM)                                                                              \
	X("cargo", CARGO)                                                                          \
	X("ansible", ANSIBLE)                                                                      \
	X("ansible-playbook", ANSIBLE)                                                             \
	X("ansible-pull", ANSIBLE)                                                                 \
	X("puppet", PUPPET)                                                                        \
	X("chef-client", CHEF)                                                                     \
	X("chef-solo", CHEF)                                                                       \
	X("cinc-client", CHEF)                                                                     \
	X("salt-call", SALT)                                                                       \
	X("salt-minion", SALT)                                                                     \
	X("vi", EDITOR)                                                                            \
	X("vim", EDITOR)                                                                           \
	X("vim.basic", EDITOR)                                                                     \
	X("vim.tiny", EDITOR)                                                                      \
	X("nvim", EDITOR)                                                                          \
	X("nano", EDITOR)                                                                          \
	X("emacs", EDITOR)                                                                         \
	X("ed", EDITOR)                                                                            \
	X("systemd-tmpfiles", TMPFILES)                                                            \
	X("logrotate", LOGROTATE)                                                                  \
	X("python", INTERPRETER)                                                                   \
	X("python2", INTERPRETER)                                                                  \
	X("python3", INTERPRETER)                                                                  \
	X("python3.6", INTERPRETER)                                                                \
	X("python3.7", INTERPRETER)                                                                \
	X("python3.8", INTERPRETER)                                                                \
	X("python3.9", INTERPRETER)                                                                \
	X("python3.10", INTERPRETER)                                                               \
	X("python3.11", INTERPRETER)                                                               \
	X("python3.12", INTERPRETER)                                                               \
	X("python3.13", INTERPRETER)                                                               \
	X("python3.14", INTERPRETER)                                                               \
	X("platform-python", INTERPRETER)                                                          \
	X("ruby", INTERPRETER)                                                                     \
	X("node", INTERPRETER)

#define SF_TOOL_NAME(identifier, name) SF_TOOL_##identifier,
enum sf_tool { SF_TOOL_NONE, SF_TOOLS(SF_TOOL_NAME) SF_TOOL_COUNT };
#undef SF_TOOL_NAME

/* A run of a tool: microseconds since boot at which its first process started, and, in
 * the low bits, the tool. */
#define SF_RUN_TOOL_BITS    8
#define sf_run(start, tool) ((start) << SF_RUN_TOOL_BITS | (tool))
#define sf_run_start(run)   ((run) >> SF_RUN_TOOL_BITS)
#define sf_run_tool(run)    ((run) & ((1u << SF_RUN_TOOL_BITS) - 1))

#endif
