// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "agent/base/file.h"
#include "exporters/prometheus/exposition.h"
#include "exporters/prometheus/listen_address.h"
#include "exporters/prometheus/metrics_text.h"
#include "exporters/prometheus/self_metrics.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::metrics {
namespace {

using test::kHostile;
using test::kNoon;
using testing::HasSubstr;
using testing::Not;

const JournalState kJournal{.entries = 4812,
                            .head = 0xffffffffffff,
                            .bytes = 65536,
                            .segments = 2,
                            .lost = {{"write_failed", 3}},
                            .write_errors = 1,
                            .error = ""};

std::string scrape(const Snapshot& snapshot, std::size_t most = 1000) {
  const SnapshotCollector collector(
      {.snapshot = [&] { return std::make_shared<const Snapshot>(snapshot); },
       .phase = [] { return AgentPhase{AgentPhase::Name::running, "", kNoon}; },
       .journal = [] { return kJournal; },
       .journald =
           [] {
             return journald::State{
                 .sent = 5, .queue_full = 2, .send_failed = 1};
           },
       .web =
           [] {
             return web::State{.load_success = false,
                               .last_success = kNoon,
                               .load_errors = 1,
                               .handshakes_refused = 2,
                               .without_credentials = 3,
                               .wrong_credentials = 4};
           }},
      {.version = "1.2", .revision = "abc"}, most);
  Exposition text(Format::text);
  collector.each([&](const auto& family) { text.add(family); });
  return text.take();
}

Snapshot full_snapshot() {
  Snapshot s;
  s.containers = {test::make_container("3f2a", "web"),
                  test::make_container("bbbb", kHostile),
                  test::make_container("cccc", "lost")};
  auto& web = s.containers.edit(0);
  web.state = ContainerState::mutated;
  web.mutated_paths = 3;
  web.first_mutation = kNoon;
  web.last_mutation = {kNoon.ns + 60'000'000'000};
  web.last_scan = kNoon;
  s.containers.edit(2).state = ContainerState::unknown;
  s.containers.edit(2).complete = false;
  web.violations = {{{Class::code, Origin::exec}, 2},
                    {{Class::content, Origin::host}, 0}};
  web.verdicts[static_cast<std::size_t>(Verdict::violation)] = 3;
  web.verdicts[static_cast<std::size_t>(Verdict::runtime)] = 8;
  web.sessions = 4;
  s.mutations = {
      {{"db", "shop", Kind::file_write, Origin::exec, Verdict::violation}, 9}};
  s.in_place_updates = {{{"db", "shop", "apt"}, 1}};
  s.replacements = {{{"db", "shop", true}, 4}};
  s.lifecycle = {{"created", 5}};
  s.mutated_lifetime = {.bounds = {1, 60}, .counts = {1, 2, 3}, .sum = 500};
  s.sensors = {{.sensor = "files",
                .implementation = "tp_btf ctime",
                .coverage = Coverage::events,
                .reason = "",
                .fix = "",
                .tried = {}}};
  s.stats.lost = {{"ringbuf_full", 0}, {"budget", 7}};
  return s;
}

TEST(Metrics, HaveTheContractedSeries) {
  const std::string text = scrape(full_snapshot());
  for (const char* line : {
           "stillframe_container_info{container_id=\"podman://3f2a\",name="
           "\"web\",namespace=\"\",pod=\"\",container=\"\",image=\"docker.io/"
           "library/nginx:1\",image_id=\"beef\",runtime=\"podman\",workload="
           "\"shop\"} 1",
           "stillframe_container_start_time_seconds{container_id=\"podman://"
           "3f2a\"} 1795348800",
           "stillframe_container_running{container_id=\"podman://3f2a\"} 1",
           "stillframe_container_mutated{container_id=\"podman://3f2a\"} 1",
           "stillframe_container_mutated{container_id=\"podman://bbbb\"} 0",
           "stillframe_container_mutated_paths{container_id=\"podman://"
           "3f2a\"} 3",
           "stillframe_container_violations{container_id=\"podman://3f2a\","
           "class=\"code\",origin=\"exec\"} 2",
           "stillframe_container_changed_paths{container_id=\"podman://3f2a\","
           "verdict=\"runtime\"} 8",
           "stillframe_container_sessions_total{container_id=\"podman://"
           "3f2a\"} 4",
           "stillframe_container_sessions_total{container_id=\"podman://"
           "cccc\"} 0",
           "stillframe_mutations_total{namespace=\"db\",workload=\"shop\","
           "class=\"content\",kind=\"file_write\",origin=\"exec\",verdict="
           "\"violation\"} 9",
           "stillframe_in_place_updates_total{namespace=\"db\",workload="
           "\"shop\",tool=\"apt\"} 1",
           "stillframe_replacements_total{namespace=\"db\",workload=\"shop\","
           "image_changed=\"true\"} 4",
           "stillframe_mutated_lifetime_seconds_bucket{le=\"60\"} 3",
           "stillframe_mutated_lifetime_seconds_bucket{le=\"+Inf\"} 6",
           "stillframe_mutated_lifetime_seconds_sum 500",
           "stillframe_containers{state=\"still\"} 1",
           "stillframe_containers{state=\"mutated\"} 1",
           "stillframe_containers{state=\"unknown\"} 1",
           "stillframe_containers_overflow 0",
           "stillframe_container_state{container_id=\"podman://3f2a\",state="
           "\"mutated\"} 1",
           "stillframe_container_state{container_id=\"podman://3f2a\",state="
           "\"still\"} 0",
           "stillframe_container_state{container_id=\"podman://cccc\",state="
           "\"unknown\"} 1",
           "stillframe_container_complete{container_id=\"podman://3f2a\"} 1",
           "stillframe_container_complete{container_id=\"podman://cccc\"} 0",
           "stillframe_container_last_scan_time_seconds{container_id="
           "\"podman://3f2a\"} 1795348800",
           "stillframe_container_lifecycle_total{event=\"created\"} 5",
           "stillframe_container_lifecycle_total{event=\"removed\"} 0",
           "stillframe_sensor_info{sensor=\"files\",implementation=\"tp_btf "
           "ctime\"} 1",
           "stillframe_sensor_coverage{sensor=\"files\",coverage=\"events\"} 1",
           "stillframe_sensor_coverage{sensor=\"files\",coverage=\"none\"} 0",
           "stillframe_events_total 0",
           "stillframe_events_lost_total{reason=\"ringbuf_full\"} 0",
           "stillframe_events_lost_total{reason=\"budget\"} 7",
           "stillframe_build_info{version=\"1.2\",revision=\"abc\"} 1",
       }) {
    EXPECT_THAT(text, HasSubstr(std::string(line) + '\n'));
  }
  EXPECT_THAT(text, HasSubstr("\nprocess_resident_memory_bytes "));
  EXPECT_THAT(text, HasSubstr("\nprocess_start_time_seconds "));
}

TEST(Metrics, LeaveOutWhatIsNot) {
  const std::string text = scrape(full_snapshot());
  EXPECT_THAT(text, Not(HasSubstr("origin=\"host\"")));
  EXPECT_THAT(text, Not(HasSubstr("first_mutation_time_seconds{container_id="
                                  "\"podman://bbbb\"")));
  // Nobody could look: neither mutated nor still, and never scanned.
  EXPECT_THAT(text, Not(HasSubstr("stillframe_container_mutated{container_id="
                                  "\"podman://cccc\"")));
  EXPECT_THAT(text, Not(HasSubstr("last_scan_time_seconds{container_id="
                                  "\"podman://cccc\"")));
}

// The lines that are about the agent itself differ from scrape to scrape.
std::string without_process(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("process_") == std::string::npos) out += line + '\n';
  }
  return out;
}

TEST(Metrics, ShowEveryTotalOfTheAgent) {
  const std::string nothing = without_process(scrape(Snapshot{}));
  AgentStats names;
  each_stat(names, [&](std::string_view name, auto&) {
    Snapshot s;
    each_stat(s.stats, [&](std::string_view other, auto& value) {
      if (other != name) return;
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>) {
        value = 4711;
      } else {
        value["ringbuf_full"] = 4711;
      }
    });
    EXPECT_NE(without_process(scrape(s)), nothing) << name;
  });
}

TEST(Metrics, MakeHostileNamesPrintable) {
  const std::string text = scrape(full_snapshot());
  EXPECT_THAT(text, HasSubstr(R"(name="a\\n\\x1b[31m\\xff\"b\\c")"));
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

// The same series twice would make Prometheus refuse the entire scrape.
TEST(Metrics, NeverRepeatASeries) {
  Snapshot s = full_snapshot();
  s.containers.push_back(s.containers[0]);
  s.mutations = {
      {{"", "\xff", Kind::file_write, Origin::exec, Verdict::violation}, 2},
      {{"", "\\xff", Kind::file_write, Origin::exec, Verdict::violation}, 3}};
  const std::string text = scrape(s);
  std::set<std::string> series;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line[0] == '#') continue;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_THAT(text, HasSubstr("workload=\"\\\\xff\",class=\"content\",kind="
                              "\"file_write\",origin=\"exec\",verdict="
                              "\"violation\"} 5\n"));
}

TEST(Metrics, CutLongLabelsAtACharacter) {
  std::string name(511, 'a');
  name += "é";
  EXPECT_EQ(label_value(name), std::string(511, 'a'));
  EXPECT_EQ(label_value(std::string(2000, '\xff')).size(), 512u);
  EXPECT_EQ(label_value(std::string(2000, 'a')), std::string(512, 'a'));
}

TEST(Metrics, CapContainersAndKeepTheMutatedOnes) {
  Snapshot s;
  for (int i = 0; i < 10; ++i) {
    s.containers.push_back(test::make_container("id" + std::to_string(i), "c"));
  }
  s.containers.edit(9).state = ContainerState::mutated;
  s.containers.edit(8).state = ContainerState::unknown;
  s.containers.edit(0).running = false;
  const std::string text = scrape(s, 3);
  EXPECT_THAT(text, HasSubstr("stillframe_containers_overflow 7\n"));
  EXPECT_THAT(text, HasSubstr("container_mutated{container_id=\"podman://id9\"}"
                              " 1"));
  EXPECT_THAT(text, HasSubstr("podman://id8"));
  EXPECT_THAT(text, Not(HasSubstr("podman://id0")));
  EXPECT_THAT(text, Not(HasSubstr("podman://id3")));
  EXPECT_THAT(text, HasSubstr("stillframe_containers{state=\"mutated\"} 1\n"));
}

TEST(Metrics, PassPromtool) {
  if (::access("/usr/bin/promtool", X_OK) != 0) {
    GTEST_SKIP() << "missing: promtool";
  }
  char path[] = "/tmp/stillframe-metrics-XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  const std::string text = scrape(full_snapshot());
  ASSERT_EQ(::write(fd, text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
  ::close(fd);
  const std::string command =
      std::string("/usr/bin/promtool check metrics < ") + path + " 1>&2";
  EXPECT_EQ(std::system(command.c_str()), 0);
  ::unlink(path);
}

TEST(Metrics, TheJournalIsWitnessed) {
  const std::string text = scrape(Snapshot{});
  for (const char* line :
       {"stillframe_journal_entries_total 4812",
        // Each of 48 bits, which a double holds exactly.
        "stillframe_journal_head 281474976710655",
        "stillframe_journal_bytes 65536", "stillframe_journal_segments 2",
        "stillframe_journal_lost_total{reason=\"write_failed\"} 3",
        "stillframe_journal_lost_total{reason=\"queue_full\"} 0",
        "stillframe_journal_write_errors_total 1",
        "stillframe_journald_events_total 5",
        "stillframe_journald_lost_total{reason=\"queue_full\"} 2",
        "stillframe_journald_lost_total{reason=\"send_failed\"} 1",
        "stillframe_web_config_load_success 0",
        "stillframe_web_config_load_errors_total 1",
        "stillframe_web_tls_handshakes_refused_total 2",
        "stillframe_web_requests_refused_total{reason=\"no_credentials\"} 3",
        "stillframe_web_requests_refused_total{reason=\"wrong_credentials\"} "
        "4"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(SelfMetrics, KeepTheStartOfTheProcess) {
  const auto first = read_self_metrics();
  ASSERT_TRUE(first);
  EXPECT_GT(first->start_time_seconds, 1.7e9);
  // As often as the clocks take to drift apart by what a double can show.
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(read_self_metrics()->start_time_seconds,
              first->start_time_seconds);
  }
}

TEST(MetricsText, TellsThePolicyInUseAndWhenItsRulesExpire) {
  Snapshot s;
  EXPECT_THAT(scrape(s), Not(HasSubstr("stillframe_policy_info")));
  s.policy.sha256 = "beef";
  s.policy.expiries = {{"postgres-data", kNoon}, {"cache", {0}}};
  const std::string text = scrape(s);
  for (const char* line :
       {"stillframe_policy_info{sha256=\"beef\"} 1\n",
        "stillframe_policy_rule_expiry_time_seconds{rule=\"postgres-data\"} "
        "1795348800\n",
        "stillframe_policy_rule_expiry_time_seconds{rule=\"cache\"} 0\n",
        "stillframe_agent_phase_start_time_seconds{phase=\"running\"} "
        "1795348800\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricsDoc, IsUpToDate) {
  const auto doc = read_file(STILLFRAME_METRICS_DOC);
  ASSERT_TRUE(doc) << doc.error().message;
  EXPECT_EQ(*doc, metrics_markdown())
      << "run: cmake --build BUILD --target metrics_doc";
}

// OpenMetrics names a counter without its end.
TEST(MetricTable, NoCounterWithoutItsEndIsAnotherMetric) {
  std::set<std::string_view> names;
  for (const auto& section : metric_table()) {
    for (const auto& spec : section.metrics) {
      std::string_view name = spec.name;
      if (name.ends_with("_total")) name.remove_suffix(6);
      EXPECT_TRUE(names.insert(name).second) << spec.name;
    }
  }
}

TEST(MetricTable, NamesEachMetricOnce) {
  std::set<std::string_view> names;
  for (const auto& section : metric_table()) {
    for (const auto& spec : section.metrics) {
      EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
      EXPECT_EQ(spec.name.ends_with("_total"),
                spec.type == prometheus::MetricType::Counter)
          << spec.name;
    }
  }
}

TEST(ListenAddress, ReadsItsForms) {
  EXPECT_EQ(*parse_listen_address(":12015"), (ListenAddress{"", 12015}));
  EXPECT_EQ(*parse_listen_address("127.0.0.1:1"),
            (ListenAddress{"127.0.0.1", 1}));
  EXPECT_EQ(*parse_listen_address("[::]:0"), (ListenAddress{"::", 0}));
  for (const char* good : {":12015", "127.0.0.1:1", "[::1]:9", "a-b.c:7"}) {
    EXPECT_EQ(to_string(*parse_listen_address(good)), good);
  }
}

TEST(ListenAddress, RefusesTheRest) {
  for (const char* bad :
       {"", "12015", ":", ":-1", ":65536", ":12x", "::1:9", "[]:9", "[::1]",
        "a b:9", "h\n:9", "http://x:9", ":99999999999999999999"}) {
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
  }
}

}  // namespace
}  // namespace stillframe::metrics
