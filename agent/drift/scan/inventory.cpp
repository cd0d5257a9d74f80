// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/inventory.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <nlohmann/json.hpp>

#include "agent/base/file.h"
#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxFile = 512u << 20;

std::string line(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

template <typename T>
bool number(const json& value, T* out) {
  if (!value.is_number_unsigned()) return false;
  const auto n = value.get<std::uint64_t>();
  if (n > std::numeric_limits<T>::max()) return false;
  *out = static_cast<T>(n);
  return true;
}

json packed(const Inventory::Item& one) {
  return json::array(
      {json_text(one.name), one.ino, one.mode, one.uid, one.gid});
}

bool read_item(const json& value, Inventory::Item* out) {
  if (!value.is_array() || value.size() != 5 || !value[0].is_string()) {
    return false;
  }
  out->name = json_bytes(value[0].get_ref<const std::string&>());
  return out->name.find('\0') == std::string::npos &&
         number(value[1], &out->ino) && number(value[2], &out->mode) &&
         number(value[3], &out->uid) && number(value[4], &out->gid);
}

}  // namespace

Inventory::Item Inventory::item(std::string name, const struct stat& st) {
  return {std::move(name), st.st_ino, st.st_mode, st.st_uid, st.st_gid, kNone};
}

std::size_t Inventory::seek(Directory directory, std::string_view name) const {
  if (directory == kNone || directory > directories_.size()) return kNowhere;
  const Range& range = directories_[directory - 1];
  const auto begin = items_.begin() + range.first;
  const auto end = begin + range.count;
  const auto it = std::lower_bound(
      begin, end, name, [this](const Packed& one, std::string_view wanted) {
        return name_of(one) < wanted;
      });
  if (it == end || name_of(*it) != name) return kNowhere;
  return static_cast<std::size_t>(it - items_.begin());
}

Inventory::Directory Inventory::add(Directory parent, std::string_view name,
                                    std::vector<Item> items) {
  const std::size_t self = seek(parent, name);
  if (self == kNowhere && !directories_.empty()) return kNone;
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::string_view(a.name) < std::string_view(b.name);
  });
  const auto number = static_cast<Directory>(directories_.size() + 1);
  if (self != kNowhere) items_[self].directory = number;
  directories_.push_back({static_cast<std::uint32_t>(items_.size()),
                          static_cast<std::uint32_t>(items.size())});
  for (const Item& one : items) {
    items_.push_back({one.ino, static_cast<std::uint32_t>(names_.size()),
                      one.mode, one.uid, one.gid, kNone});
    names_.append(one.name).push_back('\0');
  }
  return number;
}

std::optional<Inventory::Item> Inventory::find(Directory directory,
                                               std::string_view name) const {
  const std::size_t at = seek(directory, name);
  if (at == kNowhere) return std::nullopt;
  const Packed& one = items_[at];
  return Item{std::string(name), one.ino, one.mode,
              one.uid,           one.gid, one.directory};
}

std::vector<std::string> Inventory::names(Directory directory) const {
  std::vector<std::string> out;
  if (directory == kNone || directory > directories_.size()) return out;
  const Range& range = directories_[directory - 1];
  for (std::uint32_t i = 0; i < range.count; ++i) {
    out.emplace_back(name_of(items_[range.first + i]));
  }
  return out;
}

// A header, then a line for each directory: its parent's number, its name
// there, and its items. In the order of their numbers, so that loading repeats
// add().
Result<> Inventory::save(const std::string& path) const {
  if (path.empty()) return {};
  std::vector<std::pair<Directory, std::string_view>> places(
      directories_.size());
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    const Range& range = directories_[i];
    for (std::uint32_t k = range.first; k < range.first + range.count; ++k) {
      if (items_[k].directory == kNone) continue;
      places[items_[k].directory - 1] = {static_cast<Directory>(i + 1),
                                         name_of(items_[k])};
    }
  }
  std::string text = line(json{{"v", kVersion},
                               {"ino", root_inode_.ino},
                               {"gen", root_inode_.generation},
                               {"since", since_.ns},
                               {"top", packed(top_)},
                               {"directories", directories_.size()},
                               {"unknowable", json_text(unknowable)}});
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    json row = json::array(
        {places[i].first, json_text(std::string(places[i].second))});
    const Range& range = directories_[i];
    for (std::uint32_t k = range.first; k < range.first + range.count; ++k) {
      const Packed& one = items_[k];
      row.push_back(packed({std::string(name_of(one)), one.ino, one.mode,
                            one.uid, one.gid, kNone}));
    }
    text += line(row);
  }
  return write_file_durably(path, text);
}

namespace {
const tl::unexpected<Error> kDamaged(Error{EBADMSG, "an inventory is damaged"});
}  // namespace

Result<std::optional<Inventory>> Inventory::load(const std::string& path,
                                                 const InodeId& root) {
  if (path.empty()) return std::nullopt;
  const auto text = read_file(path, kMaxFile);
  if (!text) {
    const int error = text.error().code;
    if (error == ENOENT || error == ENOTDIR) return std::nullopt;
    if (error != EFBIG) return fail(text, "reading an inventory");
  }
  auto inventory = text ? parse(*text, root) : kDamaged;
  // It stays until another is in its place: that it is damaged is all that is
  // known of what was there.
  if (!inventory) {
    [[maybe_unused]] const int kept =
        ::link(path.c_str(), (path + ".damaged").c_str());
  }
  return inventory;
}

Result<std::optional<Inventory>> Inventory::parse(std::string_view text,
                                                  const InodeId& root) {
  std::optional<Inventory> out;
  std::optional<std::uint64_t> directories;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return kDamaged;
    const json row =
        json::parse(text.begin(), text.begin() + end, nullptr, false);
    text.remove_prefix(end + 1);
    if (!out) {
      if (!row.is_object() || row.value("v", json()) != kVersion ||
          !row.value("ino", json()).is_number_unsigned() ||
          !row.value("gen", json()).is_number_unsigned() ||
          !row.value("since", json()).is_number_integer() ||
          !row.value("unknowable", json()).is_string()) {
        return kDamaged;
      }
      if (row["ino"] != root.ino || row["gen"] != root.generation) {
        return std::nullopt;
      }
      // An older agent's has none.
      if (const json count = row.value("directories", json());
          count.is_number_unsigned()) {
        directories = count.get<std::uint64_t>();
      }
      out.emplace(root, WallTime{row["since"].get<std::int64_t>()});
      if (!read_item(row.value("top", json()), &out->top_)) return kDamaged;
      out->unknowable = json_bytes(row["unknowable"].get<std::string>());
      continue;
    }
    Directory parent = kNone;
    if (!row.is_array() || row.size() < 2 || !number(row[0], &parent) ||
        !row[1].is_string()) {
      return kDamaged;
    }
    std::vector<Item> items(row.size() - 2);
    for (std::size_t i = 2; i < row.size(); ++i) {
      if (!read_item(row[i], &items[i - 2])) return kDamaged;
    }
    const auto name = json_bytes(row[1].get_ref<const std::string&>());
    const bool first = out->empty();
    if (out->add(parent, name, std::move(items)) == kNone && !first) {
      return kDamaged;
    }
  }
  if (!out || out->empty()) return kDamaged;
  if (directories && *directories != out->directories_.size()) return kDamaged;
  return out;
}

}  // namespace stillframe::drift
