// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "agent/base/sha256.h"
#include "agent/base/text.h"
#include "agent/journal/signature.h"
#include "exporters/report/page.h"
#include "exporters/report/report.h"
#include "exporters/report/requirements.h"
#include "exporters/report/svg.h"
#include "exporters/report/words.h"
#include "tests/unit/report/story.h"

namespace stillframe::report {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Whatever a container may choose.
const std::string kHostile =
    "</title><script>alert(1)</script><img src=x onerror=\"f()\">'&\n\x1b[31m"
    "\xff";

Report hostile_report() {
  Teller teller;
  teller.container.id = kHostile;
  teller.container.name = kHostile;
  teller.container.image = kHostile;
  teller.container.image_id = kHostile;
  teller.container.workload = kHostile;
  teller.container.pod_namespace = kHostile;
  teller.container.pod = kHostile;
  teller.agent(0, "started", kHostile,
               {{"version", kHostile}, {"sensor_" + kHostile, kHostile}});
  teller.agent(1, "policy_loaded", kHostile, {{"sha256", kHostile}});
  teller.agent(1, "sensor_gap", kHostile);
  teller.state(2, Condition::still);
  Actor actor = by_exec(1, kHostile, at(9));
  actor.tool = kHostile;
  actor.login = Login{.uid = 1, .session = 1, .user = kHostile};
  actor.session->tty = kHostile;
  actor.session->request_uid = kHostile;
  actor.session->ancestors = NameList({kHostile});
  teller.change(10, kHostile, actor);
  teller.change(11, kHostile, actor, "allowed", kHostile);
  StreamEvent update = teller.of_container(12, "lifecycle", "update_ended");
  Update run;
  run.id = 1;
  run.tool = kHostile;
  run.command = kHostile;
  run.started = at(12);
  run.ended = at(13);
  run.packages.push_back({kHostile, kHostile, kHostile, false});
  run.actor = SharedActor(actor);
  update.update = std::make_shared<const Update>(run);
  teller.take(update);
  teller.life(14, Lifecycle::removed);
  teller.life(15, Lifecycle::replaced, {{"by", kHostile}});
  std::vector<NodeReport> nodes;
  nodes.push_back(teller.finish(20));
  nodes.back().node = kHostile;
  nodes.back().audit.directory = kHostile;
  nodes.back().audit.verification.faults.push_back(
      {.file = kHostile, .what = kHostile});
  nodes.back().audit.verification.fault_count = 1;
  Report report = make_report({at(0), at(100)}, std::move(nodes));
  report.made = at(100);
  report.version = "0";
  return report;
}

TEST(Html, NothingOfAContainerIsMarkup) {
  const std::string html = report_html(hostile_report());
  EXPECT_THAT(html,
              AllOf(Not(HasSubstr("<script>alert")), Not(HasSubstr("<img")),
                    Not(HasSubstr("\x1b")), Not(HasSubstr("\xff"))));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)"));
  const std::string quoted = "onerror=\"";
  EXPECT_THAT(html, Not(HasSubstr(quoted)));
}

TEST(Html, FetchesNothing) {
  const std::string html = report_html(hostile_report());
  for (const char* part : {"http:", "https:", "src=\"", "@import", "url("}) {
    EXPECT_THAT(html, Not(HasSubstr(part)));
  }
}

// What runs is the page's own script, by the hash in its policy.
TEST(Html, OneScriptMayRun) {
  const std::string html = page("a<b", "");
  EXPECT_THAT(html, HasSubstr("<title>a&lt;b</title>"));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  std::smatch policy;
  ASSERT_TRUE(std::regex_search(
      html, policy, std::regex("script-src 'sha256-([A-Za-z0-9+/=]+)'")));
  const auto begin = html.find("<script>") + 8;
  const std::string script = html.substr(begin, html.find("</script>") - begin);
  const std::string hex = sha256_hex(script);
  std::string digest;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  EXPECT_EQ(policy[1].str().size(), 44);
  EXPECT_EQ(journal::to_base64(digest), policy[1].str());
}

TEST(Text, NothingDrivesATerminal) {
  const std::string text = report_text(hostile_report(), false);
  EXPECT_THAT(text, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\xff"))));
}

TEST(Json, KeepsAllBytes) {
  const auto bytes = [](const nlohmann::json& value) {
    return json_bytes(value.get<std::string>());
  };
  const auto json = parse_json(report_json(hostile_report()));
  ASSERT_TRUE(json);
  const auto& one = json->at("containers").at(0);
  EXPECT_EQ(bytes(one.at("container").at("name")), kHostile);
  EXPECT_EQ(bytes(one.at("actors").at(0).at("paths").at(0)), kHostile);
  EXPECT_EQ(bytes(one.at("actors").at(0).at("person")), kHostile);
  EXPECT_EQ(one.at("state"), "mutated");
  EXPECT_EQ(json->at("summary").at("violations"), 1);
  EXPECT_EQ(json->at("requirements").size(), requirements().size());
}

TEST(Words, PercentIsNeverMoreThanIsTrue) {
  EXPECT_EQ(percent(std::nullopt), "-");
  EXPECT_EQ(percent(1.0), "100 %");
  EXPECT_EQ(percent(0.999999), "99.99 %");
  EXPECT_EQ(percent(0.5), "50.00 %");
  EXPECT_EQ(percent(0.0), "0.00 %");
}

TEST(Words, Durations) {
  EXPECT_EQ(duration(0), "-");
  EXPECT_EQ(duration(0.5), "<1s");
  EXPECT_EQ(duration(61), "1m01s");
  EXPECT_EQ(duration(1e12), "11574074d");
}

TEST(Svg, NothingToShow) {
  const Report report = make_report({at(0), at(100)}, {});
  EXPECT_EQ(classes_svg(report), "");
  EXPECT_EQ(updates_svg(report), "");
  EXPECT_THAT(report_html(report), HasSubstr("No gaps are on record."));
}

}  // namespace
}  // namespace stillframe::report
