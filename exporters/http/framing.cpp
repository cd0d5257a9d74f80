// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/framing.h"

#include <fmt/format.h>
#include <strings.h>

#include <charconv>
#include <optional>

namespace stillframe::http {
namespace {

Frame refuse(int status) {
  return {.state = Frame::State::refused, .size = 0, .status = status};
}

bool is_name(std::string_view text, std::string_view name) {
  return text.size() == name.size() &&
         ::strncasecmp(text.data(), name.data(), name.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::size_t> length_from(std::string_view text) {
  std::size_t length = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, length);
  // A number too large for us is as good as the largest: it is refused.
  if (error == std::errc::result_out_of_range && at == end) return SIZE_MAX;
  if (text.empty() || error != std::errc{} || at != end) return std::nullopt;
  return length;
}

// Lines end with CR LF, and only those: what another reader takes for a line
// end must not be one for us alone.
bool is_well_formed(std::string_view header) {
  for (std::size_t at = 0; at < header.size(); ++at) {
    if (header[at] == '\0') return false;
    if (header[at] == '\n' && (at == 0 || header[at - 1] != '\r')) return false;
  }
  return true;
}

// The lines of a header but the first, one after the other, without their ends.
class Fields {
 public:
  // Lines with their ends, without the empty one.
  explicit Fields(std::string_view header)
      : header_(header), start_(header.find("\r\n") + 2) {}

  std::optional<std::string_view> next() {
    if (start_ >= header_.size()) return std::nullopt;
    const std::size_t end = header_.find("\r\n", start_);
    const auto line = header_.substr(start_, end - start_);
    start_ = end + 2;
    return line;
  }

 private:
  std::string_view header_;
  std::size_t start_;
};

// `header`: as Fields takes it.
Frame frame_body(std::string_view header, std::size_t header_size,
                 std::size_t received, const RequestLimits& limits) {
  std::optional<std::size_t> length;
  Fields fields(header);
  while (const auto field = fields.next()) {
    const std::string_view line = *field;
    const auto colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return refuse(400);
    const auto name = line.substr(0, colon);
    if (is_name(name, "Transfer-Encoding")) return refuse(411);
    if (!is_name(name, "Content-Length")) continue;
    const auto value = length_from(trimmed(line.substr(colon + 1)));
    if (!value || (length && *length != *value)) return refuse(400);
    length = value;
  }
  const std::size_t body = length.value_or(0);
  if (body > limits.body) return refuse(413);
  if (received < header_size + body) return {.state = Frame::State::body};
  return {.state = Frame::State::complete, .size = header_size + body};
}

const char* reason(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

Frame frame_request(std::string_view bytes, const RequestLimits& limits) {
  if (bytes.empty()) return {};
  // A method. Whatever speaks something else (TLS, most often) learns it at
  // once, not after a time-out.
  if (bytes[0] < 'A' || bytes[0] > 'Z') return refuse(400);
  const auto end = bytes.find("\r\n\r\n");
  const bool complete = end != std::string_view::npos;
  const auto header = bytes.substr(0, complete ? end + 2 : bytes.size());
  if (!is_well_formed(header)) return refuse(400);
  if (header.size() + 2 > limits.header) return refuse(431);
  if (!complete) return {};
  return frame_body(header, header.size() + 2, bytes.size(), limits);
}

std::optional<std::string_view> header_of(std::string_view request,
                                          std::string_view name) {
  const auto header = request.substr(0, request.find("\r\n\r\n") + 2);
  std::optional<std::string_view> found;
  Fields fields(header);
  while (const auto field = fields.next()) {
    const std::string_view line = *field;
    const auto colon = line.find(':');
    if (!is_name(line.substr(0, colon), name)) continue;
    if (found || colon == std::string_view::npos) return std::nullopt;
    found = trimmed(line.substr(colon + 1));
  }
  return found;
}

std::string refusal(int status, std::string_view headers) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\n{}Content-Length: 0\r\nConnection: "
      "close\r\n\r\n",
      status, reason(status), headers);
}

}  // namespace stillframe::http
