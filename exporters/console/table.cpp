// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/table.h"

#include <algorithm>
#include <numeric>

#include "agent/base/utf8.h"

namespace stillframe::console {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);

// display() made the text: where it is not UTF-8 anyway, a byte is a column.
Character next(std::string_view text) {
  const Character character = first_character(text);
  return character.length == 0 ? Character{'?', 1} : character;
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t total = 0;
  while (!text.empty()) {
    const Character character = next(text);
    total += character_columns(character.code_point);
    text.remove_prefix(character.length);
  }
  return total;
}

std::string elide(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string out;
  std::size_t used = 1;  // the ellipsis
  while (!text.empty()) {
    const Character character = next(text);
    used += character_columns(character.code_point);
    if (used > width) break;
    out.append(text.substr(0, character.length));
    text.remove_prefix(character.length);
  }
  return out + "…";
}

Table::Table(std::vector<std::string> header)
    : header_(std::move(header)), shrinking_(kNoColumn) {}

void Table::allow_shrinking(std::size_t column, std::size_t least) {
  shrinking_ = column;
  least_ = least;
}

void Table::add(std::vector<Cell> row) {
  row.resize(header_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(const Style& style) const {
  std::vector<std::size_t> widths;
  for (const auto& title : header_) widths.push_back(columns(title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], columns(row[i].text));
    }
  }
  if (style.width == 0 || shrinking_ == kNoColumn) return widths;
  const std::size_t total =
      std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
      kGap * (widths.size() - 1);
  std::size_t& giving = widths[shrinking_];
  if (total <= style.width || giving <= least_) return widths;
  giving -= std::min(total - style.width, giving - least_);
  return widths;
}

std::string Table::render(const Style& style) const {
  const auto widths = this->widths(style);
  std::string out;
  const auto append_line = [&](const auto& cell_at) {
    std::size_t owed = 0;  // spaces, written only when something follows
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const Cell& cell = cell_at(i);
      const std::string text = elide(cell.text, widths[i]);
      if (!text.empty()) {
        out.append(owed, ' ');
        owed = 0;
        out += paint(style, cell.color, text);
      }
      owed += widths[i] - columns(text) + kGap;
    }
    out += '\n';
  };
  std::vector<Cell> header;
  for (const auto& title : header_) header.push_back({title, Color::bold});
  append_line([&](std::size_t i) -> const Cell& { return header[i]; });
  for (const auto& row : rows_) {
    append_line([&](std::size_t i) -> const Cell& { return row[i]; });
  }
  return out;
}

}  // namespace stillframe::console
