// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/style.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "agent/base/text.h"

namespace stillframe::console {

Result<ColorMode> color_mode_from(std::string_view name) {
  if (name == "auto") return ColorMode::automatic;
  if (name == "always") return ColorMode::always;
  if (name == "never") return ColorMode::never;
  return fail("'" + printable(name) + "' is none of always, never, auto");
}

bool use_color(ColorMode mode, int fd) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return ::isatty(fd) == 1;
}

std::size_t terminal_width(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::size_t terminal_height(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_row;
}

std::string paint(const Style& style, Color color, std::string_view text) {
  constexpr std::array<std::string_view, 7> kCodes = {
      "", "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"};
  if (!style.color || color == Color::none) return std::string(text);
  std::string out(kCodes[static_cast<std::size_t>(color)]);
  out += text;
  out += "\x1b[0m";
  return out;
}

}  // namespace stillframe::console
