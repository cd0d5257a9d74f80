// SPDX-License-Identifier: Apache-2.0
//
// How one changed path is shown, wherever it is. All texts are printable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/mutation.h"
#include "exporters/agent_api.h"
#include "exporters/console/style.h"
#include "exporters/console/table.h"

namespace stillframe::console {

Cell change_cell(Change change);  // A, C, D; "-": another than of a file

// "file_create,exec_new"
std::string kinds_text(const std::vector<Kind>& kinds);

// Of a renamed one with where it was: "/b <- /a".
std::string path_text(const PathChange& change);

// "5s ago"; "?": not known.
std::string ago(WallTime then, WallTime now);

// "1 directory", "2 directories"
std::string directories_text(std::uint64_t count);

// What a diff does not show unless it is asked to, and how much of it there
// was: what the runtime itself wrote, and directories of which no more changed
// than what is in them.
class LeftOut {
 public:
  bool takes(const PathChange& change);
  std::string text() const;  // one line, without its newline; empty: nothing

 private:
  std::uint64_t runtime_ = 0;
  std::uint64_t directories_ = 0;
};

// The last lines of a diff: what was left out, and what it all comes to.
std::string ending(const DiffAnswer& answer, const LeftOut& left_out,
                   WallTime now, const Style& style);

}  // namespace stillframe::console
