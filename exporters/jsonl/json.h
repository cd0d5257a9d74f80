// SPDX-License-Identifier: Apache-2.0
//
// The JSON that scripts outside read: shapes and names are a contract. Every
// string of a container goes through json_text(), so the values here are only
// good for dump_json(), which the *_json() functions end with.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/model/snapshot.h"
#include "exporters/agent_api.h"
#include "exporters/container_list.h"
#include "exporters/listing.h"

namespace stillframe::jsonl {

// The JSON of a diff, a change a row, without a newline. `answer` must outlive
// it.
Listing diff_listing(const DiffAnswer& answer);

// One line each, without a newline.
std::string ps_json(const ContainerList& list);
std::string explain_json(const ExplainAnswer& answer);
std::string doctor_json(const DoctorReport& report);

// An entry of the event stream. Its "detail" is an object: the event's detail
// as "text", each fact by its name, and "count" when above one.
std::string event_json(const StreamEvent& event, std::string_view node);

// Their parts.
nlohmann::json container_value(const ContainerInfo& info);
nlohmann::json actor_value(const Actor& actor);
nlohmann::json update_value(const Update& update);

// The JSON of changes, one after the other. Most of one is who did it, which it
// has in common with the one before.
class ChangeWriter {
 public:
  std::string operator()(const PathChange& change);

 private:
  bool written_ = false;
  ActorList actors_;
  std::string text_;
};

}  // namespace stillframe::jsonl
