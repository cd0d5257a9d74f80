// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/last_state.h"

#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "agent/base/text.h"
#include "exporters/jsonl/json.h"
#include "exporters/jsonl/value_reader.h"

namespace stillframe::jsonl {
namespace {

using nlohmann::json;

constexpr std::uint64_t kVersion = 1;

json time_or_null(WallTime time) {
  return time.ns == 0 ? json(nullptr) : json(rfc3339(time));
}

std::string head_line(const DiffAnswer& answer) {
  const ContainerView& view = answer.container;
  return dump_json(
             {{"v", kVersion},
              {"container", container_value(view.info)},
              {"as_of", time_or_null(answer.gone->as_of)},
              {"gone", time_or_null(answer.gone->since)},
              {"state", to_string(view.state)},
              {"why_unknown", json_text(view.why_unknown)},
              {"ever_mutated", view.ever_mutated},
              {"started", time_or_null(view.started)},
              {"mutated_paths", view.mutated_paths},
              {"first_mutation", time_or_null(view.first_mutation)},
              {"last_actor",
               view.last_actor ? actor_value(*view.last_actor) : json(nullptr)},
              {"complete", answer.complete}}) +
         '\n';
}

tl::unexpected<Error> not_understood(const std::string& what) {
  return tl::unexpected<Error>(
      Error{EPROTONOSUPPORT,
            "written by another version of the agent: " + printable(what)});
}

template <typename Word>
Result<> read_word(const std::optional<Word>& word, const std::string& text,
                   Word& into) {
  if (!word) return not_understood(text);
  into = *word;
  return {};
}

std::optional<Change> change_from(const json& value) {
  if (value.is_null()) return Change::none;
  const std::string letter = bytes(value);
  for (const Change one : {Change::added, Change::changed, Change::deleted}) {
    if (letter == std::string{static_cast<char>(one)}) return one;
  }
  return std::nullopt;
}

class ChangeReader {
 public:
  Result<PathChange> operator()(const json& value) {
    PathChange change;
    change.path = text(value, "path");
    const auto letter = change_from(member(value, "change"));
    if (!letter) return not_understood("a change");
    change.change = *letter;
    for (const auto& name : member(value, "kinds")) {
      const auto kind = kind_from(bytes(name));
      if (!kind) return not_understood(bytes(name));
      change.kinds.add(*kind);
    }
    const std::string mutation_class = text(value, "class");
    auto done = read_word(from_name<Class>(kClassNames, mutation_class),
                          mutation_class, change.mutation_class);
    const std::string verdict = text(value, "verdict");
    if (done) done = read_word(verdict_from(verdict), verdict, change.verdict);
    if (!done) return tl::unexpected<Error>(done.error());
    change.rule = text(value, "rule");
    change.shown_by_runtime = flag(value, "shown_by_runtime");
    change.first_seen = time_of(value, "first_seen");
    change.last_seen = time_of(value, "last_seen");
    change.count = number(value, "count");
    if (member(value, "from").is_string()) {
      change.from = std::make_shared<const SharedPath>(text(value, "from"));
    }
    change.actors_left_out = number<std::uint32_t>(value, "actors_left_out");
    change.actors = actors_of(member(value, "actors"));
    return change;
  }

 private:
  // Most have the same as the one before.
  const ActorList& actors_of(const json& value) {
    if (value == last_) return actors_;
    last_ = value;
    ActorList::All all;
    for (const auto& one : value) all.push_back(actor_of(one));
    actors_ = all.empty() ? ActorList() : ActorList(std::move(all));
    return actors_;
  }

  json last_;
  ActorList actors_;
};

Update whole_update_of(const json& value) {
  Update update = update_of(value);
  update.actor = SharedActor(actor_of(member(value, "actor")));
  return update;
}

std::optional<RuntimeLine> runtime_line_of(const std::string& line) {
  if (line.size() < 3 || line[1] != ' ') return std::nullopt;
  const auto change = change_from(json(line.substr(0, 1)));
  if (!change) return std::nullopt;
  return RuntimeLine{*change, line.substr(2)};
}

}  // namespace

Listing last_state_lines(const DiffAnswer& answer) {
  const std::size_t lines = answer.runtime_lines.size();
  const std::size_t updates = lines + answer.updates.size();
  auto row = [&answer, lines, updates,
              writer = ChangeWriter()](std::size_t i) mutable {
    if (i < lines) {
      return dump_json(json_text(answer.runtime_lines[i].text())) + '\n';
    }
    if (i < updates) {
      return dump_json({{"update", update_value(answer.updates[i - lines])}}) +
             '\n';
    }
    return writer(answer.changes[i - updates]) + '\n';
  };
  return {.head = head_line(answer),
          .rows = updates + answer.changes.size(),
          .row = std::move(row),
          .tail = {}};
}

Result<DiffAnswer> last_state_head(std::string_view line) {
  const auto parsed = parse_json(line);
  if (!parsed || !parsed->is_object()) return fail("not a last state");
  const json& value = *parsed;
  if (!member(value, "v").is_number_unsigned()) return fail("not a last state");
  if (number(value, "v") != kVersion) {
    return not_understood("format " + std::to_string(number(value, "v")));
  }
  DiffAnswer answer;
  ContainerView& view = answer.container;
  view.info = container_of(member(value, "container"));
  view.gone = true;
  const std::string state = text(value, "state");
  if (auto done = read_word(state_from(state), state, view.state); !done) {
    return tl::unexpected<Error>(done.error());
  }
  view.why_unknown = text(value, "why_unknown");
  view.ever_mutated = flag(value, "ever_mutated");
  view.complete = answer.complete = flag(value, "complete");
  view.started = time_of(value, "started");
  view.mutated_paths = number(value, "mutated_paths");
  view.first_mutation = time_of(value, "first_mutation");
  if (const json& actor = member(value, "last_actor"); actor.is_object()) {
    view.last_actor = actor_of(actor);
  }
  const WallTime gone = time_of(value, "gone");
  answer.gone = Gone{
      .since = gone, .as_of = time_of(value, "as_of"), .seen = gone.ns != 0};
  return answer;
}

Result<> last_state_rest(
    DiffAnswer& answer,
    const std::function<Result<std::optional<std::string_view>>()>& lines) {
  ChangeReader read_change;
  for (;;) {
    const auto line = lines();
    if (!line) return tl::unexpected<Error>(line.error());
    if (!*line) return {};
    const auto value = parse_json(**line);
    if (!value) return fail("not JSON");
    if (value->is_string()) {
      const auto one = runtime_line_of(bytes(*value));
      if (!one) return not_understood("a line of the runtime's");
      answer.runtime_lines.push_back(*one);
    } else if (const json& update = member(*value, "update");
               update.is_object()) {
      answer.updates.push_back(whole_update_of(update));
    } else {
      auto change = read_change(*value);
      if (!change) return tl::unexpected<Error>(change.error());
      answer.changes.push_back(*change);
    }
  }
}

}  // namespace stillframe::jsonl
