// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "exporters/agent_api.h"
#include "exporters/http/answer.h"
#include "exporters/jsonl/json.h"

namespace stillframe::socket_api {

// The JSON of a diff, made as the client takes it: what is not read yet is not
// text yet.
class DiffFeed : public http::BodyStream {
 public:
  explicit DiffFeed(DiffAnswer answer);
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
  jsonl::DiffPieces pieces_;
};

}  // namespace stillframe::socket_api
