// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/change.h"
#include "exporters/console/console.h"
#include "exporters/console/culprit.h"
#include "exporters/console/table.h"
#include "exporters/console/update.h"

namespace stillframe::console {
namespace {

constexpr std::size_t kShownPaths = 20;     // of a block
constexpr std::size_t kShownCulprits = 20;  // the rest is counted
constexpr std::size_t kShownNames = 3;      // of processes and the like
// Paths up to this wide have what became of them in one column.
constexpr std::size_t kAligned = 44;
constexpr std::string_view kIndent = "    ";

// One culprit, and the paths that are shown of it.
struct Block {
  std::string head;
  std::string key;  // whose it is; empty: nobody's
  std::vector<std::uint32_t> numbers;
  std::uint64_t hidden = 0;  // paths beyond those
  std::size_t width = 0;     // of the column of paths
  std::size_t begin = 0;     // the first of its lines among all
};

std::string some_of(const std::vector<std::string>& texts) {
  std::string out;
  for (std::size_t i = 0; i < texts.size() && i < kShownNames; ++i) {
    out += (i == 0 ? "" : ", ") + texts[i];
  }
  if (texts.size() > kShownNames) {
    out += fmt::format(" and {} more", texts.size() - kShownNames);
  }
  return out;
}

class Writer {
 public:
  Writer(const DiffAnswer& answer, WallTime now, const Style& style, bool all)
      : answer_(answer), now_(now), style_(style), all_(all) {}

  Listing listing();

 private:
  void gather();
  Block block_of(const Culprit& culprit);
  void add(Block block);
  std::string head_of(const Culprit& culprit);
  std::string title_of(const Culprit& culprit) const;
  std::string field(std::string_view name, const std::string& value) const;
  std::string update_lines(const Culprit& culprit);
  std::string others_left_out(const std::vector<Culprit>& culprits) const;
  std::string updates_of_nobody() const;

  const DiffAnswer& answer_;
  const WallTime now_;
  const Style style_;
  const bool all_;
  LeftOut left_out_;
  std::set<std::uint64_t> said_;  // updates
  std::vector<Block> blocks_;
  std::size_t lines_ = 0;
  std::string rest_;  // after the blocks
};

// "exec apt, sh: 31 paths, 2m05s ago"
std::string Writer::title_of(const Culprit& culprit) const {
  std::string name(to_string(culprit.actor.origin));
  if (!culprit.doers.empty()) name += ' ' + some_of(culprit.doers);
  if (culprit.actor.ambiguous) name += " (or another)";
  std::string text = ": " + counted(culprit.paths(), "path");
  const bool plain = culprit.counts.size() == 1 && culprit.violates();
  if (!plain) {
    std::string verdicts;
    for (const auto& [verdict, count] : culprit.counts) {
      verdicts += verdicts.empty() ? "" : ", ";
      if (culprit.counts.size() > 1) verdicts += std::to_string(count) + ' ';
      verdicts += to_string(verdict);
    }
    text += " (" + verdicts + ')';
  }
  const std::string first = ago(culprit.first, now_);
  const std::string last = ago(culprit.last, now_);
  text += first == last ? ", " + last : ", first " + first + ", last " + last;
  const Color color = culprit.violates() ? Color::red : Color::bold;
  return paint(style_, color, name) + text + '\n';
}

std::string Writer::field(std::string_view name,
                          const std::string& value) const {
  if (value.empty()) return {};
  constexpr std::size_t kBefore = 11;
  const std::size_t room = style_.width > 2 * kBefore && !all_
                               ? style_.width - kBefore
                               : std::max(columns(value), std::size_t{1});
  return paint(style_, Color::dim, fmt::format("  {:<9}", name)) +
         elide(value, room) + '\n';
}

std::string Writer::update_lines(const Culprit& culprit) {
  std::string out;
  for (const auto& update : answer_.updates) {
    if (!culprit.updates.contains(update.id)) continue;
    if (!said_.insert(update.id).second) continue;
    Update shown = update;
    const auto& session = culprit.actor.session;
    if (session && session->first_cmd == update.command) shown.command.clear();
    out += field("update", update_text(shown, true) +
                               (update.ended.ns == 0 ? ", not ended" : ""));
  }
  return out;
}

std::string Writer::head_of(const Culprit& culprit) {
  const Actor& actor = culprit.actor;
  std::string process = some_of(culprit.processes);
  if (!process.empty()) process += ", as " + some_of(culprit.users);
  std::string out = title_of(culprit) + field("process", process);
  if (actor.session) {
    std::string session = display(actor.session->first_cmd);
    if (!session.empty() && session[0] != '"') session = '"' + session + '"';
    if (!actor.session->tty.empty()) {
      session +=
          (session.empty() ? "on " : ", on ") + display(actor.session->tty);
    }
    out += field("session", session);
  }
  out += field("through", ancestors_text(actor));
  if (actor.login) {
    out += field("login",
                 actor.login->user.empty()
                     ? fmt::format("uid {}", actor.login->uid)
                     : fmt::format("{} (uid {})", display(actor.login->user),
                                   actor.login->uid));
  }
  return out + update_lines(culprit);
}

Block Writer::block_of(const Culprit& culprit) {
  Block block;
  block.head = head_of(culprit);
  block.key = culprit_key(culprit.actor);
  for (const auto& numbers : culprit.shown) {
    block.numbers.insert(block.numbers.end(), numbers.begin(), numbers.end());
  }
  if (!all_ && block.numbers.size() > kShownPaths) {
    block.numbers.resize(kShownPaths);
  }
  block.hidden = culprit.paths() - block.numbers.size();
  return block;
}

void Writer::add(Block block) {
  for (const std::uint32_t number : block.numbers) {
    const std::size_t wide = columns(path_text(answer_.changes[number]));
    if (wide <= kAligned) block.width = std::max(block.width, wide);
  }
  block.begin = lines_;
  lines_ += block.numbers.size();
  blocks_.push_back(std::move(block));
}

std::string Writer::others_left_out(
    const std::vector<Culprit>& culprits) const {
  if (all_ || culprits.size() <= kShownCulprits) return {};
  std::uint64_t paths = 0;
  for (std::size_t i = kShownCulprits; i < culprits.size(); ++i) {
    paths += culprits[i].paths();
  }
  return fmt::format("… and {} others with {} (--all)\n\n",
                     culprits.size() - kShownCulprits, counted(paths, "path"));
}

// Those whose changes had no room in a last state.
std::string Writer::updates_of_nobody() const {
  std::string out;
  for (const auto& update : answer_.updates) {
    if (said_.contains(update.id)) continue;
    out += "update: " + update_text(update, true) + '\n' +
           field("by", who(*update.actor)) + '\n';
  }
  return out;
}

void Writer::gather() {
  Culprits by(all_ ? SIZE_MAX : kShownPaths);
  Block directories;
  for (std::uint32_t i = 0; i < answer_.changes.size(); ++i) {
    const PathChange change = answer_.changes[i];
    if (!all_ && left_out_.takes(change)) continue;
    if (change.actors.empty()) {
      directories.numbers.push_back(i);
    } else {
      by.add(i, change);
    }
  }
  const auto culprits = by.take();
  rest_ = others_left_out(culprits);
  for (std::size_t i = 0; i < culprits.size(); ++i) {
    if (!all_ && i == kShownCulprits) break;
    add(block_of(culprits[i]));
  }
  if (!directories.numbers.empty()) {
    directories.head =
        paint(style_, Color::bold, "Only entries changed") +
        fmt::format(": {}\n", directories_text(directories.numbers.size()));
    add(std::move(directories));
  }
  for (std::size_t i = kShownCulprits; i < culprits.size() && !all_; ++i) {
    said_.insert(culprits[i].updates.begin(), culprits[i].updates.end());
  }
  rest_ += updates_of_nobody();
}

// As its block has it: "exec cp[17]".
std::string process_of(const Actor& actor) {
  if (actor.comm.empty()) return who_briefly(actor);
  return fmt::format("{} {}[{}]", to_string(actor.origin), display(actor.comm),
                     actor.pid);
}

// "; after exec cp[17]": who made it, or came before; "; then exec sleep[18]":
// who came after.
std::string others_text(const PathChange& change, const std::string& own) {
  std::string before;
  std::string after;
  std::set<std::string> named;
  bool met = false;
  for (const auto& actor : change.actors) {
    const std::string key = culprit_key(actor);
    if (key == own) {
      met = true;
    } else if (named.insert(key).second) {
      std::string& list = met ? after : before;
      list += (list.empty() ? "" : ", ") + process_of(actor);
    }
  }
  std::string out;
  if (!before.empty()) out += "; after " + before;
  if (!after.empty()) out += "; then " + after;
  if (change.actors_left_out != 0) {
    out += fmt::format("; {} more", change.actors_left_out);
  }
  return out;
}

std::string line_of(const PathChange& change, const Block& block,
                    const Style& style) {
  const Cell letter = change_cell(change.change);
  const std::string path = path_text(change);
  std::string what;
  if (change.verdict != Verdict::violation) {
    what = std::string(to_string(change.verdict)) + ": ";
  }
  what += kinds_text(change.kinds.list()) + others_text(change, block.key);
  const std::size_t wide = columns(path);
  const std::size_t gap = block.width - std::min(block.width, wide) + 2;
  const std::size_t before = kIndent.size() + 3;
  std::string out(kIndent);
  out += paint(style, letter.color, letter.text) + "  " + path;
  const bool fits =
      style.width == 0 || before + wide + gap + columns(what) <= style.width;
  out += fits ? std::string(gap, ' ') : '\n' + std::string(before + 2, ' ');
  return out + paint(style, Color::dim, what) + '\n';
}

Listing Writer::listing() {
  gather();
  Listing out;
  out.rows = lines_;
  out.tail = rest_ + ending(answer_, left_out_, now_, style_);
  out.row = [blocks = std::move(blocks_), &changes = answer_.changes,
             style = style_](std::size_t i) {
    const auto after =
        std::upper_bound(blocks.begin(), blocks.end(), i,
                         [](std::size_t line, const Block& block) {
                           return line < block.begin;
                         });
    const Block& block = *std::prev(after);
    const std::size_t at = i - block.begin;
    std::string text = at == 0 ? block.head : std::string();
    text += line_of(changes[block.numbers[at]], block, style);
    if (at + 1 < block.numbers.size()) return text;
    if (block.hidden != 0) {
      text += fmt::format("{}… and {} more (--all)\n", kIndent, block.hidden);
    }
    return text += '\n';
  };
  return out;
}

}  // namespace

Listing diff_blocks(const DiffAnswer& answer, WallTime now, const Style& style,
                    bool all) {
  return Writer(answer, now, style, all).listing();
}

}  // namespace stillframe::console
