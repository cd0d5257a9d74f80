// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tools.h"

#include <gtest/gtest.h>

namespace stillframe::engine::test {
namespace {

TEST(RecogniseTool, NamesTheWayOfUpdating) {
  struct Case {
    ToolHints hints;
    const char* tool;
  };
  const Case cases[] = {
      {{.comm = "dpkg", .parent_comm = "apt-get"}, "apt"},
      {{.comm = "dpkg", .exe = "/usr/bin/dpkg"}, "dpkg"},
      {{.comm = "rm", .parent_comm = "dpkg", .first_cmd = "apt install nginx"},
       "apt"},
      {{.comm = "python3",
        .first_cmd = "/usr/bin/python3 /usr/bin/pip install"},
       "pip"},
      {{.comm = "python3",
        .first_cmd = "sh -c python3 /root/.ansible/tmp/x/AnsiballZ_copy.py"},
       "ansible"},
      {{.comm = "sh", .first_cmd = "sh -c echo hi >/etc/note # ansible-tmp-1"},
       "shell"},
      {{.origin = Origin::host, .comm = "podman", .exe = "/usr/bin/podman"},
       "cp"},
      {{.origin = Origin::exec, .comm = "podman"}, ""},
      {{.comm = "tar", .first_cmd = "tar -xmf - -C /app"}, "cp"},
      {{.comm = "vi", .exe = "/bin/busybox"}, "editor"},
      {{.comm = "touch", .exe = "/bin/busybox"}, "shell"},
      {{.comm = "sh"}, "shell"},
      {{.comm = "postgres", .exe = "/usr/lib/postgresql/bin/postgres"}, ""},
      // By the run that it is part of, however deep, and by no file's name.
      {{.comm = "touch",
        .parent_comm = "sh",
        .first_cmd = "sh -c apt-get",
        .run_tool = "apt"},
       "apt"},
      {{.comm = "dpkg",
        .parent_comm = "dpkg",
        .first_cmd = "bash",
        .run_tool = "apt"},
       "apt"},
      {{.comm = "apt-get",
        .first_cmd = "/bin/sh -c /usr/bin/python3 "
                     "/root/.ansible/tmp/ansible-tmp-1/AnsiballZ_apt.py",
        .run_tool = "apt"},
       "ansible"},
      {{.comm = "find", .parent_comm = "xargs", .first_cmd = "bash"}, "shell"},
      {{.comm = "rm", .parent_comm = "runc", .first_cmd = "rm /usr/bin/apt"},
       ""},
      {{.comm = "python3", .first_cmd = "python3 -m pip install x"}, "pip"},
      {{.comm = "python3.11", .first_cmd = "python3.11 -I -m pip install x"},
       "pip"},
      {{.comm = "node",
        .first_cmd = "node /usr/lib/node_modules/npm/bin/npm-cli.js i"},
       "npm"},
      {{.comm = "python3", .first_cmd = "python3 /srv/app.py pip"}, ""},
      {{.comm = "ansible-playboo", .parent_comm = "sh"}, "ansible"},
      {{.comm = "ruby", .first_cmd = "/usr/bin/ruby /usr/bin/puppet apply"},
       "puppet"},
      {{.comm = "ruby", .first_cmd = "chef-client --local-mode"}, "chef"},
      {{.comm = "python3",
        .first_cmd = "python3 /var/tmp/.root_salt/salt-call --local"},
       "salt"},
      {{.comm = "cargo"}, "cargo"},
      {{.comm = "systemd-tmpfile"}, "systemd-tmpfiles"},
      {{.comm = "gzip", .parent_comm = "logrotate"}, "logrotate"},
      {{.comm = "vim.tiny", .parent_comm = "bash"}, "editor"},
      {{.comm = "tar", .first_cmd = "tar -xf backup.tar"}, ""},
      {{}, ""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(recognise_tool(c.hints), c.tool)
        << c.hints.comm << " / " << c.hints.first_cmd;
  }
}

}  // namespace
}  // namespace stillframe::engine::test
