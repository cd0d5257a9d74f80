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
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x7f) return {first, 1};
  const Character character = first_character(text);
  return character.length == 0 ? Character{'?', 1} : character;
}

// Of ASCII, which most text is, all that is shown takes one.
std::size_t width_of(const Character& character) {
  if (character.code_point >= ' ' && character.code_point < 0x7f) return 1;
  return character_columns(character.code_point);
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t total = 0;
  while (!text.empty()) {
    const Character character = next(text);
    total += width_of(character);
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
    used += width_of(character);
    if (used > width) break;
    out.append(text.substr(0, character.length));
    text.remove_prefix(character.length);
  }
  return out + "…";
}

Table::Table(std::vector<std::string> header)
    : header_(std::move(header)), shrinking_(kNoColumn) {
  for (const auto& title : header_) widths_.push_back(columns(title));
}

void Table::allow_shrinking(std::size_t column, std::size_t least) {
  shrinking_ = column;
  least_ = least;
}

void Table::add(std::vector<Cell> row) {
  row.resize(header_.size());
  measure(row);
  rows_.push_back(std::move(row));
}

void Table::measure(const std::vector<Cell>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::size_t wide = columns(row[i].text);
    if (wide <= kWidest || i == shrinking_) {
      widths_[i] = std::max(widths_[i], wide);
    }
  }
}

void Table::fit(std::size_t width) {
  if (width == 0 || shrinking_ == kNoColumn) return;
  const std::size_t total =
      std::accumulate(widths_.begin(), widths_.end(), std::size_t{0}) +
      kGap * (widths_.size() - 1);
  std::size_t& giving = widths_[shrinking_];
  if (total <= width || giving <= least_) return;
  giving -= std::min(total - width, giving - least_);
}

std::string Table::header(const Style& style) const {
  std::vector<Cell> titles;
  for (const auto& title : header_) titles.push_back({title, Color::bold});
  return line(titles, style);
}

std::string Table::line(const std::vector<Cell>& row,
                        const Style& style) const {
  std::string out;
  std::size_t owed = 0;  // spaces, written only when something follows
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool shrinks = i == shrinking_;
    const std::string elided =
        shrinks ? elide(row[i].text, widths_[i]) : std::string();
    const std::string& text = shrinks ? elided : row[i].text;
    if (!text.empty()) {
      out.append(owed, ' ');
      owed = 0;
      out += paint(style, row[i].color, text);
    }
    owed += widths_[i] - std::min(widths_[i], columns(text)) + kGap;
  }
  return out += '\n';
}

std::string Table::render(const Style& style) {
  fit(style.width);
  std::string out = header(style);
  for (const auto& row : rows_) out += line(row, style);
  return out;
}

}  // namespace stillframe::console
