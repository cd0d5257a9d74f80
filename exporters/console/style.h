// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe::console {

enum class ColorMode : std::uint8_t { automatic, always, never };

Result<ColorMode> color_mode_from(std::string_view name);

// Whether to colour what goes to `fd`: automatic means a terminal, unless
// NO_COLOR is set and not empty (no-color.org) or TERM is "dumb" or missing.
bool use_color(ColorMode mode, int fd);

// Columns of the terminal at `fd`; 0 when it is none, and then nothing is cut.
std::size_t terminal_width(int fd);
// Lines of it; 0 likewise.
std::size_t terminal_height(int fd);

enum class Color : std::uint8_t { none, dim, bold, red, green, yellow, cyan };

// How a rendering looks.
struct Style {
  bool color = false;
  std::size_t width = 0;  // columns to fit into; 0: any
};

// `text` in `color`, or as it is when the style has no colour.
std::string paint(const Style& style, Color color, std::string_view text);

}  // namespace stillframe::console
