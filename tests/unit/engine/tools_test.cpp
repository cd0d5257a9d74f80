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
      {{.origin = Origin::host, .comm = "podman", .exe = "/usr/bin/podman"},
       "cp"},
      {{.origin = Origin::exec, .comm = "podman"}, ""},
      {{.comm = "tar", .first_cmd = "tar -xmf - -C /app"}, "cp"},
      {{.comm = "vi", .exe = "/bin/busybox"}, "editor"},
      {{.comm = "touch", .exe = "/bin/busybox"}, "shell"},
      {{.comm = "sh"}, "shell"},
      {{.comm = "postgres", .exe = "/usr/lib/postgresql/bin/postgres"}, ""},
      {{}, ""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(recognise_tool(c.hints), c.tool)
        << c.hints.comm << " / " << c.hints.first_cmd;
  }
}

}  // namespace
}  // namespace stillframe::engine::test
