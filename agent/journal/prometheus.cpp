// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/prometheus.h"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "agent/base/text.h"

namespace stillframe::journal {
namespace {

constexpr std::time_t kConnectSeconds = 10;
constexpr std::time_t kAnswerSeconds = 120;
// A day of samples, one a second, is a tenth of it.
constexpr std::size_t kMostAnswer = 32 << 20;
constexpr std::size_t kMostScrapes = 4'000'000;
constexpr std::size_t kMostShown = 200;
constexpr std::size_t kMostInstancesShown = 5;
constexpr std::int64_t kSecondNs = 1'000'000'000;
// Each query is about a day at most, so that no answer is large.
constexpr std::int64_t kDaySeconds = 24L * 3600;
constexpr std::int64_t kMostDays = 1100;

struct Address {
  std::string server;  // http://host:9090
  std::string prefix;  // empty or /path
};

std::optional<Address> split_url(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return std::nullopt;
  const std::string name = url.substr(0, scheme);
  if (name != "http" && name != "https") return std::nullopt;
  const auto path = url.find('/', scheme + 3);
  Address out{.server = url.substr(0, path),
              .prefix = path == std::string::npos ? "" : url.substr(path)};
  while (ends_with(out.prefix, "/")) out.prefix.pop_back();
  const std::string_view host = std::string_view(out.server).substr(scheme + 3);
  if (host.empty() || host.find_first_of("@?#% ") != std::string_view::npos ||
      out.prefix.find_first_of("?# ") != std::string::npos) {
    return std::nullopt;
  }
  return out;
}

std::string promql_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

class Api {
 public:
  explicit Api(const Address& address)
      : client_(address.server), path_(address.prefix + "/api/v1/query") {
    client_.set_connection_timeout(kConnectSeconds);
    client_.set_read_timeout(kAnswerSeconds);
    client_.set_keep_alive(true);
  }

  // The answer's text, which says that all is well.
  Result<std::string> query(const std::string& expression, std::int64_t time);

 private:
  httplib::Client client_;
  std::string path_;
};

// What Prometheus says of a query that it does not answer.
std::string refusal(int status, const std::string& body) {
  const auto json = parse_json(body);
  if (json && json->is_object()) {
    const auto error = json->find("error");
    if (error != json->end() && error->is_string()) {
      return "Prometheus: " +
             printable(error->get<std::string>().substr(0, kMostShown));
    }
  }
  return fmt::format("it answered with HTTP status {}: is this Prometheus?",
                     status);
}

// Why there was no answer at all.
std::string failure(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return "cannot connect to it: are host and port right, and does "
             "Prometheus run there?";
    case httplib::Error::Read:
      return "it took the query and gave no answer: is this Prometheus, and "
             "does it speak http, not https?";
    case httplib::Error::SSLConnection:
      return "no TLS connection: does it speak http, not https?";
    case httplib::Error::SSLServerVerification:
      return "its certificate is not one that this machine trusts";
    default:
      return "the query failed: " + httplib::to_string(error);
  }
}

Result<std::string> Api::query(const std::string& expression,
                               std::int64_t time) {
  const std::string target = httplib::append_query_params(
      path_, {{"query", expression}, {"time", std::to_string(time)}});
  int status = 0;
  bool large = false;
  std::string body;
  const auto response = client_.Get(
      target, httplib::Headers{{"Accept-Encoding", "gzip"}},
      [&](const httplib::Response& head) {
        status = head.status;
        return true;
      },
      [&](const char* data, std::size_t size) {
        large = body.size() + size > kMostAnswer;
        if (!large) body.append(data, size);
        return !large;
      });
  if (large) return fail("its answer is larger than 32 MiB");
  if (!response) return fail(failure(response.error()));
  if (status != 200) return fail(refusal(status, body));
  return body;
}

Result<std::set<std::string>> instances_of(std::string_view answer) {
  const auto json = parse_json(answer);
  if (!json || !json->is_object()) return fail("it answered what is not JSON");
  std::set<std::string> out;
  try {
    for (const auto& one : json->at("data").at("result")) {
      out.insert(one.at("metric").value("instance", ""));
    }
  } catch (const nlohmann::json::exception& error) {
    return fail(std::string("it answered what is not its API's: ") +
                error.what());
  }
  return out;
}

Result<std::string> only_instance(Api& api, std::int64_t since,
                                  std::int64_t now) {
  auto answer =
      api.query(fmt::format("count by (instance) (last_over_time({}[{}s]))",
                            kEntriesMetric, now - since),
                now);
  if (!answer) return answer;
  const auto instances = instances_of(*answer);
  if (!instances) return tl::unexpected<Error>(instances.error());
  if (instances->empty()) {
    return fail(fmt::format("it has no {}", kEntriesMetric));
  }
  if (instances->size() == 1) return *instances->begin();
  std::string names;
  std::size_t shown = 0;
  for (const auto& name : *instances) {
    if (shown++ == kMostInstancesShown) break;
    names += (names.empty() ? "" : ", ") + name.substr(0, kMostShown);
  }
  return fail(fmt::format(
      "it knows {} agents: say which by --instance ({}{})", instances->size(),
      printable(names), instances->size() > kMostInstancesShown ? ", …" : ""));
}

// One day's, or less.
Result<std::vector<Scrape>> scrapes_of(Api& api, const std::string& selector,
                                       std::int64_t from, std::int64_t to) {
  const auto range = [&](std::string_view metric) {
    return fmt::format("{}{}[{}s]", metric, selector, to - from);
  };
  const auto entries = api.query(range(kEntriesMetric), to);
  if (!entries) return tl::unexpected<Error>(entries.error());
  const auto heads = api.query(range(kHeadMetric), to);
  if (!heads) return tl::unexpected<Error>(heads.error());
  auto scrapes = pair_scrapes(*entries, *heads);
  if (!scrapes) return fail("it answered " + scrapes.error().message);
  return scrapes;
}

Result<std::vector<Scrape>> ask(const PrometheusOptions& options) {
  const auto address = split_url(options.url);
  if (!address) return fail(check_prometheus_url(options.url));
  Api api(*address);
  // The second that has begun is not over.
  const std::int64_t now = options.now.ns / kSecondNs + 1;
  const std::int64_t since =
      std::max(options.since.ns / kSecondNs, now - kMostDays * kDaySeconds);
  std::string instance = options.instance;
  if (instance.empty()) {
    auto only = only_instance(api, since, now);
    if (!only) return tl::unexpected<Error>(only.error());
    instance = std::move(*only);
  }
  const std::string selector = "{instance=" + promql_string(instance) + '}';
  std::vector<Scrape> out;
  for (std::int64_t to = now; to > since; to -= kDaySeconds) {
    auto day = scrapes_of(api, selector, std::max(since, to - kDaySeconds), to);
    if (!day) return day;
    out.insert(out.end(), day->begin(), day->end());
    if (out.size() > kMostScrapes) {
      return fail("it has more samples than can be compared");
    }
  }
  if (out.empty()) {
    return fail(fmt::format("it has no {} and {} of instance {}",
                            kEntriesMetric, kHeadMetric, display(instance)));
  }
  return out;
}

}  // namespace

std::string check_prometheus_url(const std::string& url) {
  return split_url(url) ? ""
                        : "must be as http://host:9090 or https://host/path";
}

Result<std::vector<Scrape>> ask_prometheus(const PrometheusOptions& options) {
  auto scrapes = ask(options);
  if (!scrapes) return fail(scrapes, printable(options.url));
  return scrapes;
}

}  // namespace stillframe::journal
