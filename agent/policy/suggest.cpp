// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "agent/base/text.h"
#include "agent/base/utf8.h"
#include "agent/policy/policy.h"

namespace stillframe::policy {
namespace {

// Directories of everybody's: a pattern for all of one of these would say
// nothing any more.
constexpr std::array<std::string_view, 24> kShared = {
    "",           "/bin",           "/boot",     "/data",      "/etc",
    "/home",      "/lib",           "/lib64",    "/opt",       "/root",
    "/sbin",      "/srv",           "/usr",      "/usr/bin",   "/usr/lib",
    "/usr/local", "/usr/local/bin", "/usr/sbin", "/usr/share", "/var",
    "/var/cache", "/var/lib",       "/var/log",  "/var/spool"};
constexpr std::size_t kSiblings = 2;  // that make a pattern of a directory
constexpr std::size_t kMostEntries = 200;

// What was seen at one path, or below one pattern.
struct Seen {
  std::set<std::string> paths;
  Words origins = 0;
  Words classes = 0;
  Words kinds = 0;
  std::uint64_t count = 0;

  void add(const Seen& other) {
    paths.insert(other.paths.begin(), other.paths.end());
    origins |= other.origins;
    classes |= other.classes;
    kinds |= other.kinds;
    count += other.count;
  }
};

using Patterns = std::map<std::string, Seen>;  // by pattern, not yet in YAML

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool shared(std::string_view directory) {
  return std::find(kShared.begin(), kShared.end(), directory) != kShared.end();
}

// Directories that stand for all below them: made again, or with several
// changed entries directly in them.
std::set<std::string> wide_directories(
    const std::map<std::string, Seen>& seen) {
  std::map<std::string, std::size_t> entries;
  std::set<std::string> wide;
  for (const auto& [path, one] : seen) {
    ++entries[parent_of(path)];
    if ((one.kinds & bit(Kind::dir_create)) != 0 && !shared(path)) {
      wide.insert(path);
    }
  }
  for (const auto& [directory, count] : entries) {
    if (count >= kSiblings && !shared(directory)) wide.insert(directory);
  }
  return wide;
}

// The outermost of `wide` at or above `path`.
const std::string* outermost(const std::set<std::string>& wide,
                             const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const auto found = wide.find(path.substr(0, at));
    if (found != wide.end()) return &*found;
    if (at == std::string::npos) return nullptr;
  }
}

Patterns generalise(const std::map<std::string, Seen>& seen) {
  const auto wide = wide_directories(seen);
  Patterns patterns;
  for (const auto& [path, one] : seen) {
    const auto* directory = outermost(wide, path);
    std::string pattern = directory == nullptr
                              ? escape_glob(path)
                              : escape_glob(*directory) + "/**";
    patterns[std::move(pattern)].add(one);
  }
  return patterns;
}

std::string list_of(Words words, std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((words & (Words{1} << i)) == 0) continue;
    if (!out.empty()) out += ", ";
    out += names[i];
  }
  return "[" + out + "]";
}

bool path_like(const std::string& path) {
  return !path.empty() && path[0] == '/' && path.size() < 512 &&
         path.find('\0') == std::string::npos &&
         PathGlob::compile(escape_glob(path));
}

// Code and what is rarer is never mixed with content: each kind is named.
std::string entry_text(const std::string& pattern, const Seen& seen,
                       bool narrow) {
  std::string out = fmt::format(
      "      # {} {}, {} {}; e.g. {}\n", seen.paths.size(),
      seen.paths.size() == 1 ? "path" : "paths", seen.count,
      seen.count == 1 ? "change" : "changes", display(*seen.paths.begin()));
  out += fmt::format("      - class: {}\n", list_of(seen.classes, kClassNames));
  if (narrow) {
    out += fmt::format("        kind: {}\n", list_of(seen.kinds, kKindNames));
  }
  out +=
      fmt::format("        origin: {}\n", list_of(seen.origins, kOriginNames));
  if (!pattern.empty()) {
    out += "        path: " + yaml_pattern(pattern) + '\n';
  }
  return out;
}

std::string rule_name(const std::string& workload, std::string_view suffix) {
  std::string name;
  for (const char c : workload.substr(0, 48)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.';
    name += plain ? c : '-';
  }
  return (name.empty() ? "workload" : name) + std::string(suffix);
}

std::string match_text(const std::string& workload,
                       const std::vector<SeenContainer>& containers) {
  std::string out = "workload: " + yaml_pattern(escape_glob(workload));
  std::set<std::string> namespaces;
  for (const auto& container : containers) {
    namespaces.insert(container.info.pod_namespace);
  }
  if (namespaces.size() == 1 && !namespaces.begin()->empty()) {
    out += ", namespace: " + yaml_pattern(escape_glob(*namespaces.begin()));
  }
  return out;
}

struct Collected {
  std::map<std::string, Seen> files;  // content and metadata
  Patterns others;                    // all else, by pattern
};

Collected collect(const std::vector<SeenContainer>& containers) {
  // What the policy suggested is read with.
  static const Policy kBuiltIn;
  Collected out;
  for (const auto& container : containers) {
    for (const auto& change : container.changes) {
      // A directory that changed through its entries follows them.
      const bool derived = change.kinds.only(Kind::copy_up);
      if (change.verdict != Verdict::violation || derived) continue;
      const std::string path = change.path.text();
      Seen file;
      Seen other;
      // Code was run from there: that it was written is no violation.
      const bool scratch = kBuiltIn.scratch_place(path) != nullptr;
      for (const Kind kind : change.kinds.list()) {
        if (scratch && scratch_class(class_of(kind))) continue;
        Seen& one = scratch_class(class_of(kind)) ? file : other;
        one.kinds |= bit(kind);
        one.classes |= bit(class_of(kind));
      }
      for (Seen* one : {&file, &other}) {
        if (one->kinds == 0) continue;
        one->paths.insert(path);
        one->count = change.count;
        for (const auto& actor : change.actors) {
          one->origins |= bit(actor.origin);
        }
        if (one->origins == 0) one->origins = bit(Origin::unattributed);
        // What is not a path matches an entry without one.
        const bool place = path_like(path);
        if (one == &file && place) {
          out.files[path].add(*one);
        } else {
          out.others[place ? escape_glob(path) : ""].add(*one);
        }
      }
    }
  }
  return out;
}

std::string rule_text(const std::string& name, const std::string& match,
                      const std::string& comment, const std::string& entries) {
  return comment + "  - name: " + name + "\n    match: {" + match +
         "}\n    reason: \"seen so far; say why it is right\"\n    allow:\n" +
         entries;
}

}  // namespace

std::string yaml_pattern(std::string_view pattern) {
  std::string text;
  std::size_t at = 0;
  while (at < pattern.size()) {
    // printable() keeps what is fit to be shown, byte for byte.
    const std::size_t length =
        std::max<std::size_t>(first_character(pattern.substr(at)).length, 1);
    const auto piece = pattern.substr(at, length);
    if (piece == "\\" || printable(piece) == piece) {
      text += piece;
      at += length;
    } else {
      text += '?';
      ++at;
    }
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string suggest(const std::string& workload,
                    const std::vector<SeenContainer>& containers) {
  const Collected seen = collect(containers);
  const Patterns files = generalise(seen.files);
  std::string out = fmt::format(
      "# What was seen to change in {} of workload {}.\n"
      "# Prune it: what should not happen belongs in the image, on a volume, "
      "or "
      "nowhere.\n",
      containers.size() == 1 ? std::string("1 container")
                             : fmt::format("{} containers", containers.size()),
      display(workload));
  if (files.empty() && seen.others.empty()) {
    return out +
           "# Nothing violates the policy: there is nothing to allow.\n"
           "version: 1\n";
  }
  out += "version: 1\nrules:\n";
  const std::string match = match_text(workload, containers);
  std::size_t left = kMostEntries;
  const auto entries = [&left](const Patterns& patterns, bool narrow,
                               bool code) {
    std::string text;
    for (const auto& [pattern, one] : patterns) {
      const bool is_code = (one.classes & bit(Class::code)) != 0;
      if (is_code != code || left == 0) continue;
      --left;
      text += entry_text(pattern, one, narrow);
    }
    return text;
  };
  const std::string file_entries = entries(files, false, false);
  const std::string other_entries = entries(seen.others, true, false);
  const std::string code_entries = entries(seen.others, true, true);
  if (!file_entries.empty() || !other_entries.empty()) {
    out += rule_text(rule_name(workload, "-seen"), match, "",
                     file_entries + other_entries);
  }
  if (!code_entries.empty()) {
    out += rule_text(
        rule_name(workload, "-code"), match,
        "  # WARNING: code. This lets programs run that the image does not "
        "hold: what\n  # an intruder does looks the same. Put them into the "
        "image instead if you can.\n",
        code_entries);
  }
  if (left == 0) {
    out += fmt::format("  # More than {} patterns: the rest was left out.\n",
                       kMostEntries);
  }
  return out;
}

}  // namespace stillframe::policy
