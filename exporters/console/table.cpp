// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/table.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace stillframe::console {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);

// The text is valid UTF-8: display() made it.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                                           : 4;
  return std::min(length, text.size());
}

std::uint32_t code_point(std::string_view sequence) {
  const auto lead = static_cast<std::uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead;
  std::uint32_t c = lead & (0xFFu >> (sequence.size() + 1));
  for (const char byte : sequence.substr(1)) {
    c = (c << 6) | (static_cast<std::uint8_t>(byte) & 0x3Fu);
  }
  return c;
}

// The larger blocks of Unicode's East Asian Width and of combining marks:
// wcwidth(3) would make this depend on the locale of a service.
std::size_t character_columns(std::uint32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0xFE00 && c <= 0xFE0F)) return 0;
  const bool wide =
      (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
      (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
      (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
      (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t total = 0;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    total += character_columns(code_point(text.substr(0, length)));
    text.remove_prefix(length);
  }
  return total;
}

std::string elide(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string out;
  std::size_t used = 1;  // the ellipsis
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    used += character_columns(code_point(text.substr(0, length)));
    if (used > width) break;
    out.append(text.substr(0, length));
    text.remove_prefix(length);
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
