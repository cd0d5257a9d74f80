// SPDX-License-Identifier: Apache-2.0
//
// Names, paths and command lines come from containers: they are untrusted
// bytes, kept raw inside the agent and escaped once, where they leave it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stillframe {

// For terminals, tables and logs: printable UTF-8 stays; when there is any
// control character, quote, backslash or invalid UTF-8, all of it is put in
// double quotes with C escapes (\n, \x1b, \xff), so that what is shown can
// neither drive the terminal nor break a line.
std::string display(std::string_view bytes);

// For places that want no quotes around, such as metric labels and messages:
// control and deceptive characters and bytes that are not UTF-8 become \n,
// \x1b,
// \xff, …; all else stays. Unlike display() it has no inverse.
std::string printable(std::string_view bytes);

// For text and quoted attributes of HTML; control characters stay.
std::string escape_html(std::string_view text);

// For JSON: valid UTF-8 whose invalid bytes are carried in U+10FF00+byte.
// dump_json() turns those into lone surrogates \udcXX, as Python's
// surrogateescape does. Text that really contains U+10FF00..U+10FFFF is carried
// as escaped bytes, so the mapping has an inverse.
std::string json_text(std::string_view bytes);

// The inverse of json_text(), for our own state files.
std::string json_bytes(std::string_view text);

// One line of ASCII JSON (all else escaped), \udcXX applied. `indent` < 0 keeps
// it on one line.
std::string dump_json(const nlohmann::json& value, int indent = -1);

// The inverse of dump_json(): its texts are json_text() again. Nothing: `text`
// is not JSON.
std::optional<nlohmann::json> parse_json(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
bool starts_with(std::string_view text, std::string_view prefix);
bool ends_with(std::string_view text, std::string_view suffix);
bool is_hex(std::string_view text);
std::string to_lower(std::string_view text);

}  // namespace stillframe
