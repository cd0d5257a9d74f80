// SPDX-License-Identifier: Apache-2.0
//
// manual_tool PAGE PROSE: a manual page on stdout, as scdoc(5) reads it.
// Runs when Stillframe is built.
#include <unistd.h>

#include "agent/base/file.h"
#include "agent/cli/manual/page.h"
#include "agent/cli/output.h"

int main(int argc, char** argv) {
  using namespace stillframe;
  if (argc != 3) {
    cli::say(STDERR_FILENO, "usage: manual_tool PAGE PROSE");
    return 2;
  }
  const auto prose = read_file(argv[2]);
  if (!prose) {
    cli::say(STDERR_FILENO, prose.error().message);
    return 1;
  }
  const auto grammar = cli::make_grammar("");
  const auto page = cli::manual_page(*grammar, argv[1], *prose);
  if (!page) {
    cli::say(STDERR_FILENO, page.error().message);
    return 1;
  }
  return cli::write_out(STDOUT_FILENO, *page) ? 0 : 1;
}
