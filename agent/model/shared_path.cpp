// SPDX-License-Identifier: Apache-2.0
#include "agent/model/shared_path.h"

#include <algorithm>
#include <utility>

namespace stillframe {
namespace {

std::string below(std::string_view name) {
  std::string out;
  out.reserve(1 + name.size());
  out += '/';
  return out.append(name);
}

// Takes `part` off the end of `text`.
bool ended_with(std::string_view* text, std::string_view part) {
  if (!text->ends_with(part)) return false;
  text->remove_suffix(part.size());
  return true;
}

}  // namespace

SharedPath::Directory::Directory(DirectoryPtr above, std::string name)
    : above_(std::move(above)),
      name_(std::move(name)),
      size_((above_ ? above_->size_ : 0) + name_.size()) {}

SharedPath::Directory::~Directory() {
  DirectoryPtr at = std::move(above_);
  // The last to hold it: nobody else can get at it any more.
  while (at && at.use_count() == 1) {
    DirectoryPtr next = std::move(at->above_);
    at = std::move(next);
  }
}

SharedPath::SharedPath(DirectoryPtr above, std::string_view name)
    : above_(std::move(above)), last_(below(name)) {}

SharedPath::DirectoryPtr SharedPath::directory(DirectoryPtr above,
                                               std::string_view name) {
  return std::make_shared<const Directory>(std::move(above), below(name));
}

SharedPath::DirectoryPtr SharedPath::directory(std::string text) {
  if (text.empty() || text == "/") return nullptr;
  return std::make_shared<const Directory>(nullptr, std::move(text));
}

std::size_t SharedPath::size() const {
  return (above_ ? above_->size_ : 0) + last_.size();
}

std::string SharedPath::Directory::text() const {
  std::string out(size_, '\0');
  std::size_t end = size_;
  for (const Directory* at = this; at; at = at->above_.get()) {
    end -= at->name_.size();
    out.replace(end, at->name_.size(), at->name_);
  }
  return out;
}

std::string SharedPath::text() const {
  return above_ ? above_->text() + last_ : last_;
}

std::vector<std::string_view> SharedPath::names() const {
  std::vector<std::string_view> out;
  const auto add = [&out](std::string_view part) {  // last to first
    while (!part.empty()) {
      const std::size_t slash = part.rfind('/');
      const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
      if (begin < part.size()) out.push_back(part.substr(begin));
      part = part.substr(0, begin == 0 ? 0 : slash);
    }
  };
  add(last_);
  for (const Directory* at = above_.get(); at; at = at->above_.get()) {
    add(at->name_);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

bool SharedPath::is(std::string_view text) const {
  if (size() != text.size() || !ended_with(&text, last_)) return false;
  for (const Directory* at = above_.get(); at; at = at->above_.get()) {
    if (!ended_with(&text, at->name_)) return false;
  }
  return true;
}

}  // namespace stillframe
