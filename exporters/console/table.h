// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporters/console/style.h"

namespace stillframe::console {

// Columns that a printable UTF-8 text takes on a terminal: two for East Asian
// wide characters and emoji, none for combining marks.
std::size_t columns(std::string_view text);

// `text` cut to at most `width` columns, the cut marked by an ellipsis.
std::string elide(std::string_view text, std::size_t width);

struct Cell {
  std::string text;  // printable already: through display()
  Color color = Color::none;
};

// Left-aligned columns, two spaces between them, no spaces at the line's end. A
// text wider than kWidest counts for no column and goes beyond its own: one
// long path moves nothing in other lines.
//
// Either all rows are added and rendered; or each is measured, and made once
// more for its line, so that there is never more than one.
class Table {
 public:
  static constexpr std::size_t kWidest = 80;

  explicit Table(std::vector<std::string> header);

  // Lets this column give way, down to `least` columns, when the table is wider
  // than the style's width.
  void allow_shrinking(std::size_t column, std::size_t least);

  void add(std::vector<Cell> row);
  std::string render(const Style& style);

  void measure(const std::vector<Cell>& row);
  void fit(std::size_t width);  // once all are measured; 0: as wide as it gets
  std::string header(const Style& style) const;
  std::string line(const std::vector<Cell>& row, const Style& style) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<std::size_t> widths_;
  std::size_t shrinking_;  // index of the column, or npos
  std::size_t least_ = 0;
};

}  // namespace stillframe::console
