// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/users.h"

#include "agent/base/file.h"
#include "agent/containers/directory.h"
#include "agent/drift/ledger/runtime_writes.h"

namespace stillframe::engine {

std::string Users::name_of(std::uint32_t uid) {
  const auto stamp = containers::file_stamp(path_);
  if (!stamp || stamp->empty()) return "";
  if (*stamp != stamp_) {
    auto text = read_file(path_);
    if (!text) return "";
    text_ = *std::move(text);
    stamp_ = *stamp;
  }
  return drift::user_name(text_, uid);
}

}  // namespace stillframe::engine
