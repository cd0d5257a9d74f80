// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/diff_feed.h"

#include <utility>

#include "agent/base/clock.h"
#include "agent/base/memory.h"
#include "exporters/console/console.h"
#include "exporters/jsonl/json.h"

namespace stillframe::socket_api {
namespace {

// What one client may hold of the front's thread at a time.
constexpr std::size_t kPieceBytes = 64 << 10;
// Of fewer changes there is nothing to speak of to give back.
constexpr std::size_t kMany = 1000;

Listing text_of(const DiffAnswer& answer, const Query& query) {
  if (query.output == Output::docker) return console::docker_lines(answer);
  if (query.output == Output::wide) {
    return console::diff_table(answer, wall_now(), query.style, query.all);
  }
  if (query.output != Output::json) {
    return console::diff_blocks(answer, wall_now(), query.style, query.all);
  }
  Listing json = jsonl::diff_listing(answer);
  json.tail += '\n';
  return json;
}

}  // namespace

DiffFeed::DiffFeed(DiffAnswer answer, const Query& query)
    : answer_(std::move(answer)), text_(text_of(answer_, query)) {
  held_ = answer_.changes.bytes();
  for (const auto& line : answer_.runtime_lines) {
    held_ += sizeof line + line.path.own_bytes();
  }
}

DiffFeed::~DiffFeed() {
  const bool many = text_.rows > kMany;
  answer_ = {};
  if (many) give_back_memory();
}

DiffFeed::Piece DiffFeed::pull() {
  Piece piece;
  if (at_ == 0) piece.bytes = text_.head;
  while (at_ < text_.rows && piece.bytes.size() < kPieceBytes) {
    piece.bytes += text_.row(at_++);
  }
  if (at_ < text_.rows) return piece;
  piece.bytes += text_.tail;
  piece.ended = true;
  return piece;
}

}  // namespace stillframe::socket_api
