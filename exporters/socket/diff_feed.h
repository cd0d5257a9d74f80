// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "exporters/agent_api.h"
#include "exporters/console/style.h"
#include "exporters/http/answer.h"
#include "exporters/listing.h"
#include "exporters/socket/answers.h"

namespace stillframe::socket_api {

// A diff's text, made as the client takes it: what is not read yet is not text
// yet.
class DiffFeed : public http::BodyStream {
 public:
  DiffFeed(DiffAnswer answer, const Query& query);
  ~DiffFeed() override;
  DiffFeed(const DiffFeed&) = delete;
  DiffFeed& operator=(const DiffFeed&) = delete;

  // Has all that there will be: pull() always gives something.
  void when_ready(std::function<void()> /*wake*/) override {}
  Piece pull() override;
  std::size_t held_bytes() const override { return held_; }

 private:
  DiffAnswer answer_;
  std::size_t held_ = 0;
  Listing text_;
  std::size_t at_ = 0;  // the next row
};

}  // namespace stillframe::socket_api
