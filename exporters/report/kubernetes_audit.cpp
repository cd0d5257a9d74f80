// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/kubernetes_audit.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "agent/base/text.h"

namespace stillframe::report {
namespace {

using nlohmann::json;

// As the security profiles operator's webhook annotates a request; what is
// before it is the webhook's name.
constexpr std::string_view kNumberAnnotation = "/SPO_EXEC_REQUEST_UID";

std::string text(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto at = object.find(name);
  return at != object.end() && at->is_string()
             ? json_bytes(at->get_ref<const std::string&>())
             : std::string();
}

const json& member(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto at = object.find(name);
  return at == object.end() ? kNull : *at;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// application/x-www-form-urlencoded, as Go's net/url has it.
std::string decoded(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const int high =
        value[i] == '%' && i + 2 < value.size() ? hex_digit(value[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(value[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += value[i] == '+' ? ' ' : value[i];
    }
  }
  return out;
}

constexpr std::uint64_t kRefused = 400;  // and above, of HTTP's codes

struct Asked {
  std::string container;
  std::string command;
};

Asked asked_by(std::string_view uri) {
  Asked asked;
  const auto query = uri.find('?');
  if (query == std::string_view::npos) return asked;
  for (const auto& part : split(uri.substr(query + 1), '&')) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = std::string_view(part).substr(0, equals);
    const std::string value =
        decoded(std::string_view(part).substr(equals + 1));
    if (name == "container") asked.container = value;
    if (name == "command") {
      asked.command += (asked.command.empty() ? "" : " ") + value;
    }
  }
  return asked;
}

// Who acts, and for whom they do, where they do for another.
std::string user_of(const json& event) {
  const std::string user = text(member(event, "user"), "username");
  const std::string other = text(member(event, "impersonatedUser"), "username");
  return other.empty() ? user : user + " as " + other;
}

std::string pod_of(const ContainerInfo& container) {
  return container.pod_namespace + '/' + container.pod;
}

// A session's command is cut.
bool is_command(const std::string& asked, const std::string& seen) {
  constexpr std::size_t kSurelyNotCut = 64;
  if (asked == seen) return true;
  return seen.size() >= kSurelyNotCut && starts_with(asked, seen);
}

}  // namespace

Result<> KubernetesAudit::read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(printable(file), errno);
  std::string line;
  bool any = false;
  while (std::getline(in, line)) any = take(line) || any;
  if (in.bad()) return fail(printable(file), EIO);
  if (!any) {
    return fail(printable(file) +
                ": it has no events of the API server's audit log, a JSON "
                "object a line");
  }
  return {};
}

bool KubernetesAudit::take(std::string_view line) {
  const auto event = parse_json(line);
  if (!event || text(*event, "kind") != "Event" ||
      !starts_with(text(*event, "apiVersion"), "audit.k8s.io/")) {
    return false;
  }
  const json& object = member(*event, "objectRef");
  const std::string subresource = text(object, "subresource");
  if (text(object, "resource") != "pods" || subresource != "exec") return true;
  const auto time = parse_rfc3339(text(*event, "requestReceivedTimestamp"));
  if (!time || time->ns < 0) return true;
  const Asked asked = asked_by(text(*event, "requestURI"));
  const json& code = member(member(*event, "responseStatus"), "code");
  const bool refused =
      code.is_number_unsigned() && code.get<std::uint64_t>() >= kRefused;
  const std::string audit_id = text(*event, "auditID");
  // A request has an event for each of its stages; how it ended is in the last.
  if (const auto known = by_number_.find(audit_id);
      !audit_id.empty() && known != by_number_.end()) {
    if (refused) requests_[known->second].refused = true;
    return true;
  }
  Request request{.user = user_of(*event),
                  .audit_id = audit_id,
                  .pod = text(object, "namespace") + '/' + text(object, "name"),
                  .container = asked.container,
                  .command = asked.command,
                  .time = *time,
                  .refused = refused};
  const std::size_t index = requests_.size();
  const json& annotations = member(*event, "annotations");
  if (annotations.is_object()) {
    for (const auto& [name, value] : annotations.items()) {
      if (value.is_string() && ends_with(name, kNumberAnnotation)) {
        by_number_[value.get<std::string>()] = index;
      }
    }
  }
  if (!request.audit_id.empty()) by_number_[request.audit_id] = index;
  by_pod_[request.pod].push_back(index);
  requests_.push_back(std::move(request));
  return true;
}

bool KubernetesAudit::fits(const Request& request,
                           const ContainerInfo& container,
                           const Session& session) const {
  if (request.refused || request.pod != pod_of(container)) return false;
  if (!request.container.empty() &&
      request.container != container.pod_container) {
    return false;
  }
  const std::int64_t later = session.start.ns - request.time.ns;
  return later >= kEarliestNs && later <= kLatestNs;
}

std::optional<KubernetesUser> KubernetesAudit::find(
    const ContainerInfo& container, const Session& session) const {
  const auto pod = by_pod_.find(pod_of(container));
  if (container.pod.empty() || pod == by_pod_.end() || session.start.ns < 0) {
    return std::nullopt;
  }
  const auto user = [](const Request& request, bool probable) {
    return KubernetesUser{.name = request.user,
                          .audit_id = request.audit_id,
                          .probable = probable};
  };
  if (!session.request_uid.empty()) {
    // The container can say any number: of another's request, or of one long
    // ago, it is none.
    const auto at = by_number_.find(session.request_uid);
    if (at != by_number_.end() &&
        fits(requests_[at->second], container, session)) {
      return user(requests_[at->second], false);
    }
  }
  std::optional<KubernetesUser> found;
  for (const std::size_t index : pod->second) {
    const Request& request = requests_[index];
    if (!fits(request, container, session) ||
        !is_command(request.command, session.first_cmd)) {
      continue;
    }
    // Two users with one command at one time: it may be either.
    if (found && found->name != request.user) return std::nullopt;
    found = user(request, true);
  }
  return found;
}

}  // namespace stillframe::report
