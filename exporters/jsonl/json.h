// SPDX-License-Identifier: Apache-2.0
//
// The JSON that scripts outside read: shapes and names are a contract. Every
// string of a container goes through json_text(), so the values here are only
// good for dump_json(), which the *_json() functions end with.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/model/snapshot.h"
#include "exporters/agent_api.h"

namespace stillframe::jsonl {

// The JSON of a diff in pieces of about a size: of a million changes no more
// than a piece is ever text. Together they are diff_json().
class DiffPieces {
 public:
  // `answer` must outlive it.
  explicit DiffPieces(const DiffAnswer& answer) : answer_(answer) {}
  std::string next(std::size_t about);
  bool ended() const { return ended_; }

 private:
  const DiffAnswer& answer_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// One line each, without a newline.
std::string diff_json(const DiffAnswer& answer);
std::string ps_json(const Snapshot& snapshot);
std::string explain_json(const ExplainAnswer& answer);
std::string doctor_json(const DoctorReport& report);

// An entry of the event stream. Its "detail" is an object: the event's detail
// as "text", each fact by its name, and "count" when above one.
std::string event_json(const StreamEvent& event, std::string_view node);

// Their parts.
nlohmann::json container_value(const ContainerInfo& info);
nlohmann::json actor_value(const Actor& actor);
nlohmann::json change_value(const PathChange& change);

}  // namespace stillframe::jsonl
