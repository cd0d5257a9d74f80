// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/diff_feed.h"

#include <utility>

#include "agent/base/memory.h"

namespace stillframe::socket_api {
namespace {

// What one client may hold of the front's thread at a time.
constexpr std::size_t kPieceBytes = 64 << 10;
// Of fewer changes there is nothing to speak of to give back.
constexpr std::size_t kMany = 1000;

std::size_t size_of(const PathChange& change) {
  std::size_t sum = sizeof change + change.path.size() + change.from.size();
  for (const auto& actor : change.actors) {
    sum += sizeof actor + actor.exe.size();
    if (actor.session) sum += actor.session->first_cmd.size();
  }
  return sum;
}

}  // namespace

DiffFeed::DiffFeed(DiffAnswer answer)
    : answer_(std::move(answer)), pieces_(answer_) {
  answer_.docker_lines = {};  // of another output
  for (const auto& change : answer_.changes) held_ += size_of(change);
}

DiffFeed::~DiffFeed() {
  const bool many = answer_.changes.size() > kMany;
  answer_ = {};
  if (many) give_back_memory();
}

DiffFeed::Piece DiffFeed::pull() {
  Piece piece{pieces_.next(kPieceBytes), pieces_.ended()};
  if (piece.ended) piece.bytes += '\n';
  return piece;
}

}  // namespace stillframe::socket_api
