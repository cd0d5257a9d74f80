// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/reorder.h"

namespace stillframe::socket_api {

std::string Reorder::push(WallTime time, std::uint64_t seq, std::string text) {
  bytes_ += text.size();
  waiting_.emplace(std::pair(time, seq), std::move(text));
  std::string out;
  while (waiting_.size() > kMost || bytes_ > kMostBytes) out += pop();
  return out;
}

std::string Reorder::flush() {
  std::string out;
  while (!waiting_.empty()) out += pop();
  return out;
}

std::string Reorder::pop() {
  auto node = waiting_.extract(waiting_.begin());
  bytes_ -= node.mapped().size();
  return std::move(node.mapped());
}

}  // namespace stillframe::socket_api
