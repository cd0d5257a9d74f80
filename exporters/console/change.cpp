// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/change.h"

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/console.h"

namespace stillframe::console {

Cell change_cell(Change change) {
  switch (change) {
    case Change::added:
      return {"A", Color::green};
    case Change::changed:
      return {"C", Color::yellow};
    case Change::deleted:
      return {"D", Color::red};
    case Change::none:
      break;
  }
  return {"-", Color::dim};
}

std::string kinds_text(const std::vector<Kind>& kinds) {
  std::string out;
  for (const Kind kind : kinds) {
    if (!out.empty()) out += ',';
    out += to_string(kind);
  }
  return out;
}

std::string path_text(const PathChange& change) {
  std::string out = display(change.path.text());
  if (change.from) out += " <- " + display(change.from->text());
  return out;
}

std::string ago(WallTime then, WallTime now) {
  return then.ns == 0 ? "?" : short_age(now.ns - then.ns) + " ago";
}

std::string directories_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " directory" : " directories");
}

bool LeftOut::takes(const PathChange& change) {
  if (change.actors.empty()) {
    ++directories_;
  } else if (change.verdict == Verdict::runtime) {
    ++runtime_;
  } else {
    return false;
  }
  return true;
}

std::string LeftOut::text() const {
  std::string out;
  if (runtime_ != 0) {
    out = std::to_string(runtime_) + " written by the runtime";
  }
  if (directories_ != 0) {
    out += out.empty() ? "" : ", ";
    out += directories_text(directories_) + " with changed entries";
  }
  return out.empty() ? out : "Not shown (--all): " + out;
}

std::string ending(const DiffAnswer& answer, const LeftOut& left_out,
                   WallTime now, const Style& style) {
  std::string out = left_out.text();
  if (!out.empty()) out = paint(style, Color::dim, out) + '\n';
  return out +
         paint(style, state_color(answer.container.state),
               diff_summary(answer, now)) +
         '\n';
}

}  // namespace stillframe::console
