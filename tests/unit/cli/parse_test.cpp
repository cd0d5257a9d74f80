// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/base/file.h"

namespace stillframe::cli {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Words = std::vector<std::string>;

tl::expected<Options, Exit> parse_words(const Words& words) {
  std::vector<const char*> argv = {"stillframe"};
  for (const auto& word : words) argv.push_back(word.c_str());
  return parse(static_cast<int>(argv.size()), argv.data(),
               "stillframe 1.2\ncommit abc\nlibbpf 1.1");
}

// A file that goes away with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    ::close(::mkstemp(path_));
    static_cast<void>(write_file_atomic(path_, text));
  }
  ~TemporaryFile() { ::unlink(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/stillframe-cli-XXXXXX";
};

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    ::setenv(name, value, 1);
  }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Parse, GivesRunItsDefaults) {
  const auto options = parse_words({"run"});
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->command, Command::run);
  EXPECT_EQ(options->socket, "/run/stillframe/stillframe.sock");
  const RunOptions& run = options->run;
  EXPECT_THAT(run.listen,
              testing::ElementsAre(metrics::ListenAddress{"", 12015}));
  EXPECT_EQ(run.telemetry_path, "/metrics");
  EXPECT_EQ(run.state_dir, "/var/lib/stillframe");
  EXPECT_EQ(run.scan_interval, milliseconds(60'000));
  EXPECT_EQ(run.metrics_grace, milliseconds(300'000));
  EXPECT_EQ(run.max_containers, 1000u);
  EXPECT_FALSE(run.events_journald);
  EXPECT_EQ(run.journal.max_bytes, 1U << 30);
  EXPECT_EQ(run.journal.segment_bytes, 16U << 20);
  EXPECT_EQ(run.journal.retention, std::chrono::hours(24 * 90));
  EXPECT_EQ(run.journal.when_full, journal::WhenFull::prune);
  EXPECT_EQ(run.log_level, LogLevel::info);
  EXPECT_EQ(run.log_format, LogFormat::logfmt);
}

TEST(Parse, TakesEveryFlagOfRun) {
  const auto options = parse_words({"run",
                                    "--web.listen-address",
                                    "127.0.0.1:1",
                                    "--web.listen-address",
                                    "[::1]:2",
                                    "--web.telemetry-path=/m",
                                    "--state-dir",
                                    "/s",
                                    "--socket",
                                    "/x.sock",
                                    "--scan-interval",
                                    "500ms",
                                    "--log.level",
                                    "debug",
                                    "--log.format",
                                    "json",
                                    "--metrics.grace",
                                    "1m",
                                    "--metrics.max-containers",
                                    "7",
                                    "--events.journald",
                                    "--color",
                                    "never"});
  ASSERT_TRUE(options) << options.error().err;
  const RunOptions& run = options->run;
  EXPECT_EQ(options->socket, "/x.sock");
  EXPECT_EQ(options->color, console::ColorMode::never);
  EXPECT_EQ(run.listen.size(), 2u);
  EXPECT_EQ(run.listen.at(1).host, "::1");
  EXPECT_EQ(run.telemetry_path, "/m");
  EXPECT_EQ(run.state_dir, "/s");
  EXPECT_EQ(run.scan_interval, milliseconds(500));
  EXPECT_EQ(run.log_level, LogLevel::debug);
  EXPECT_EQ(run.log_format, LogFormat::json);
  EXPECT_EQ(run.metrics_grace, milliseconds(60'000));
  EXPECT_EQ(run.max_containers, 7u);
  EXPECT_TRUE(run.events_journald);
}

TEST(Parse, TakesTheAskingCommands) {
  const auto ps = parse_words({"ps", "--workloads"});
  ASSERT_TRUE(ps);
  EXPECT_EQ(ps->command, Command::ps);
  EXPECT_EQ(ps->ps.output, "table");
  EXPECT_TRUE(ps->ps.workloads);
  EXPECT_EQ(ps->ps.space, "");
  EXPECT_EQ(parse_words({"ps", "-n", "shop"})->ps.space, "shop");
  EXPECT_TRUE(parse_words({"ps", "-A"}));
  EXPECT_FALSE(ps->ps.all || ps->ps.whole || ps->ps.watch);
  const auto more =
      parse_words({"ps", "-a", "-q", "--no-trunc", "--watch", "--filter",
                   "state=mutated", "--filter", "label=a=b", "--sort", "-age"});
  ASSERT_TRUE(more) << more.error().err;
  EXPECT_TRUE(more->ps.all && more->ps.whole && more->ps.watch);
  EXPECT_EQ(more->ps.output, "id");
  EXPECT_EQ(more->ps.filters,
            (std::vector<std::string>{"state=mutated", "label=a=b"}));
  EXPECT_EQ(more->ps.sort, "-age");

  const auto diff = parse_words({"diff", "web", "-o", "docker", "--exit-code"});
  ASSERT_TRUE(diff);
  EXPECT_EQ(diff->command, Command::diff);
  EXPECT_EQ(diff->diff.container, "web");
  EXPECT_EQ(diff->diff.output, "docker");
  EXPECT_TRUE(diff->diff.exit_code);
  EXPECT_FALSE(diff->diff.all);
  EXPECT_TRUE(parse_words({"diff", "web", "-o", "wide", "--all"})->diff.all);

  const auto events = parse_words(
      {"events", "-f", "--container", "w", "--since", "2026-11-22T12:00:00Z"});
  ASSERT_TRUE(events);
  EXPECT_EQ(events->command, Command::events);
  EXPECT_TRUE(events->events.follow);
  EXPECT_EQ(events->events.container, "w");
  EXPECT_EQ(events->events.since, WallTime{1'795'348'800'000'000'000});
  EXPECT_EQ(events->events.output, "compact");

  const auto doctor = parse_words({"doctor", "-o", "json"});
  ASSERT_TRUE(doctor);
  EXPECT_EQ(doctor->command, Command::doctor);
  EXPECT_EQ(doctor->doctor.output, "json");
}

TEST(Parse, TakesAContainerAsAMetricNamesIt) {
  EXPECT_EQ(parse_words({"diff", "podman://3f2a"})->diff.container, "3f2a");
  EXPECT_EQ(parse_words({"events", "--container", "containerd://default/web"})
                ->events.container,
            "default/web");
  EXPECT_EQ(
      parse_words({"policy", "explain", "--container", "docker://3f2a", "/etc"})
          ->policy.container,
      "3f2a");
  EXPECT_EQ(parse_words({"diff", "other://3f2a"})->diff.container,
            "other://3f2a");
}

TEST(Parse, CountsSinceBackFromNow) {
  const WallTime before = wall_now();
  const auto events = parse_words({"events", "--since", "10m"});
  ASSERT_TRUE(events);
  const std::int64_t ago = 600'000'000'000;
  EXPECT_GE(events->events.since->ns, before.ns - ago);
  EXPECT_LE(events->events.since->ns, wall_now().ns - ago);
}

struct BadCase {
  Words words;
  const char* named;  // what the message must name
};

TEST(Parse, RefusesWhatItDoesNotKnowNamingIt) {
  const BadCase cases[] = {
      {{}, "a command is missing"},
      {{"nothing"}, "nothing"},
      {{"--nothing"}, "--nothing"},
      {{"run", "--polisy", "f"}, "--polisy"},
      {{"run", "--web.config", "f"}, "--web.config"},
      {{"run", "extra"}, "extra"},
      {{"run", "--scan-interval", "soon"}, "--scan-interval"},
      {{"run", "--scan-interval", "0s"}, "--scan-interval"},
      {{"run", "--scan-interval"}, "--scan-interval"},
      {{"run", "--metrics.grace", "-5m"}, "--metrics.grace"},
      {{"run", "--metrics.max-containers", "0"}, "--metrics.max-containers"},
      {{"run", "--metrics.max-containers", "x"}, "--metrics.max-containers"},
      {{"run", "--journal.max-size", "1MB"}, "is not a size"},
      {{"run", "--journal.max-size", "1K"}, "64KiB at least"},
      {{"run", "--journal.max-size", "99999999999G"}, "is not a size"},
      {{"run", "--journal.sync", "x"}, "--journal.sync"},
      {{"run", "--journal.when-full", "x"}, "--journal.when-full"},
      {{"run", "--web.listen-address", "12015"}, "--web.listen-address"},
      {{"run", "--web.telemetry-path", "metrics"}, "--web.telemetry-path"},
      {{"run", "--web.telemetry-path", "/healthz"}, "--web.telemetry-path"},
      {{"run", "--state-dir", "relative"}, "--state-dir"},
      {{"run", "--log.level", "loud"}, "--log.level"},
      {{"run", "--log.format", "xml"}, "--log.format"},
      {{"run", "--config.file", "/does/not/exist"}, "/does/not/exist"},
      {{"run", "--socket", ""}, "--socket"},
      {{"ps", "-o", "docker"}, "--output"},
      {{"ps", "--color", "red"}, "--color"},
      {{"ps", "--workloads", "-o", "json"}, "--workloads"},
      {{"ps", "--workloads", "-o", "name"}, "--workloads"},
      {{"ps", "-o", "docker"}, "docker"},
      {{"ps", "-q", "-o", "json"}, "--output"},
      {{"ps", "-q", "--workloads"}, "--workloads"},
      {{"ps", "-A", "-n", "shop"}, "--all-namespaces"},
      {{"ps", "--filter", "status=up"}, "runtime, state, workload"},
      {{"ps", "--filter", "state=up"}, "still, mutated or unknown"},
      {{"ps", "--sort", "size"}, "started, age"},
      {{"diff"}, "CONTAINER"},
      {{"diff", ""}, "CONTAINER"},
      {{"diff", "a", "b"}, "b"},
      {{"diff", "a", "-o", "compact"}, "--output"},
      {{"events", "--since", "some day"}, "--since"},
      {{"events", "--since", "2026-11-"}, "--since"},
      {{"events", "--class", "x"}, "--class"},
      {{"events", "--verdict", "x"}, "--verdict"},
      {{"events", "--path", "etc"}, "--path"},
      {{"events", "-n", "0"}, "--last"},
      {{"events", "-f", "--until", "1h"}, "--until"},
      {{"events", "--since", "2026-11-22T12:00:00"}, "--since"},
      {{"events", "-o", "table"}, "--output"},
      {{"doctor", "--follow"}, "--follow"},
      {{"policy"}, "suggest"},
      {{"policy", "check"}, "FILE"},
      {{"policy", "explain", "/x"}, "--container"},
      {{"policy", "explain", "--container", "a"}, "PATH"},
      {{"policy", "explain", "--container", "a", "x"}, "absolute"},
      {{"policy", "suggest"}, "--workload"},
      {{"audit"}, "keygen"},
      {{"audit", "verify", "-o", "table"}, "--output"},
      {{"audit", "verify", "--key", ""}, "--key"},
      {{"audit", "verify", "--instance", "a"}, "--prometheus"},
      {{"audit", "verify", "--prometheus", "host:9090"}, "http://host:9090"},
      {{"audit", "verify", "a", "b"}, "b"},
      {{"completion"}, "SHELL"},
      {{"completion", "tcsh"}, "fish"},
  };
  for (const auto& [words, named] : cases) {
    const auto options = parse_words(words);
    ASSERT_FALSE(options) << named;
    EXPECT_EQ(options.error().code, 2) << named;
    EXPECT_THAT(options.error().err, StartsWith("stillframe: "));
    EXPECT_THAT(options.error().err, HasSubstr(named));
    EXPECT_THAT(options.error().err, HasSubstr("\nTry 'stillframe"));
    EXPECT_EQ(options.error().out, "");
  }
}

TEST(Parse, UnderstandsPolicyCommands) {
  const auto check = parse_words({"policy", "check", "a.yaml", "b.yaml"});
  ASSERT_TRUE(check);
  EXPECT_EQ(check->command, Command::policy_check);
  EXPECT_THAT(check->policy.files, ::testing::ElementsAre("a.yaml", "b.yaml"));
  const auto explain = parse_words({"policy", "explain", "--container", "web",
                                    "/etc/x", "--socket", "/s", "-o", "json"});
  ASSERT_TRUE(explain);
  EXPECT_EQ(explain->command, Command::policy_explain);
  EXPECT_EQ(explain->policy.container, "web");
  EXPECT_EQ(explain->policy.path, "/etc/x");
  EXPECT_EQ(explain->policy.output, "json");
  EXPECT_EQ(explain->socket, "/s");
  const auto suggest = parse_words(
      {"policy", "--socket", "/s", "suggest", "--workload", "shop"});
  ASSERT_TRUE(suggest);
  EXPECT_EQ(suggest->command, Command::policy_suggest);
  EXPECT_EQ(suggest->policy.workload, "shop");
  EXPECT_EQ(suggest->socket, "/s");
  const auto run = parse_words({"run", "--policy", "/p.yaml"});
  ASSERT_TRUE(run);
  EXPECT_EQ(run->run.policy, "/p.yaml");
}

TEST(Parse, AuditCommands) {
  const auto plain = parse_words({"audit", "verify"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->command, Command::audit_verify);
  EXPECT_EQ(plain->audit.directory, "/var/lib/stillframe/journal");
  EXPECT_EQ(plain->audit.output, "text");
  const auto verify = parse_words({"audit", "verify", "--key", "a.pub", "--key",
                                   "b.pub", "/d", "-o", "json"});
  ASSERT_TRUE(verify) << verify.error().err;
  EXPECT_EQ(verify->audit.directory, "/d");
  EXPECT_THAT(verify->audit.keys, ::testing::ElementsAre("a.pub", "b.pub"));
  EXPECT_EQ(verify->audit.output, "json");
  const auto keygen = parse_words({"audit", "keygen", "--out", "k"});
  ASSERT_TRUE(keygen);
  EXPECT_EQ(keygen->command, Command::audit_keygen);
  EXPECT_EQ(keygen->audit.key_file, "k");
  EXPECT_EQ(parse_words({"audit", "keygen"})->audit.key_file, "journal.key");
}

TEST(Parse, EscapesHostileWordsInItsComplaint) {
  const auto options = parse_words({"run", "--x\x1b[31m\n\xff"});
  ASSERT_FALSE(options);
  EXPECT_THAT(options.error().err, HasSubstr("--x\\x1b[31m\\n\\xff"));
}

TEST(Parse, HelpsWithExamplesFirst) {
  for (Words words :
       {Words{}, Words{"run"}, Words{"ps"}, Words{"diff"}, Words{"events"},
        Words{"doctor"}, Words{"policy"}, Words{"policy", "check"},
        Words{"policy", "explain"}, Words{"policy", "suggest"}, Words{"audit"},
        Words{"audit", "verify"}, Words{"audit", "report"},
        Words{"audit", "keygen"}, Words{"completion"}, Words{"help"},
        Words{"version"}}) {
    words.emplace_back("--help");
    const auto help = parse_words(words);
    ASSERT_FALSE(help);
    EXPECT_EQ(help.error().code, 0);
    EXPECT_EQ(help.error().err, "");
    const std::string& text = help.error().out;
    const auto examples = text.find("Examples:\n  ");
    const auto usage = text.find("Usage:");
    ASSERT_NE(examples, std::string::npos) << text;
    ASSERT_NE(usage, std::string::npos) << text;
    EXPECT_LT(examples, usage);
  }
}

TEST(Parse, PrintsItsVersion) {
  const auto version = parse_words({"--version"});
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, 0);
  EXPECT_EQ(version.error().out, "stillframe 1.2\ncommit abc\nlibbpf 1.1\n");
}

TEST(Parse, TakesTheSocketBeforeAndAfterTheCommand) {
  EXPECT_EQ(parse_words({"--socket", "/a", "ps"})->socket, "/a");
  EXPECT_EQ(parse_words({"ps", "--socket", "/b"})->socket, "/b");
  EXPECT_EQ(parse_words({"--socket", "/a", "ps", "--socket", "/b"})->socket,
            "/b");
  const Variable variable("STILLFRAME_SOCKET", "/env");
  EXPECT_EQ(parse_words({"ps"})->socket, "/env");
  EXPECT_EQ(parse_words({"run"})->socket, "/env");
  EXPECT_EQ(parse_words({"--socket", "/a", "ps"})->socket, "/a");
  EXPECT_EQ(parse_words({"ps", "--socket", "/b"})->socket, "/b");
}

TEST(Parse, PrefersFlagsToEnvironmentToFileToDefaults) {
  const TemporaryFile file(
      "scan-interval = \"1s\"\nstate-dir = \"/file\"\n"
      "[web]\nlisten-address = [\":1\", \":2\"]\ntelemetry-path = '/file'\n");
  const Variable one("STILLFRAME_STATE_DIR", "/env");
  const Variable two("STILLFRAME_SCAN_INTERVAL", "2s");
  const auto options = parse_words(
      {"run", "--config.file", file.path(), "--scan-interval", "3s"});
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->run.scan_interval, milliseconds(3000));
  EXPECT_EQ(options->run.state_dir, "/env");
  EXPECT_EQ(options->run.telemetry_path, "/file");
  EXPECT_EQ(options->run.listen.size(), 2u);
  EXPECT_EQ(options->run.log_level, LogLevel::info);
}

TEST(Parse, NamesFileLineOrVariableOfABadValue) {
  const std::pair<const char*, const char*> cases[] = {
      {"a = 1\n", ":1:1: unknown key 'a'"},
      {"\ncolor = 'never'\n", ":2:1: unknown key 'color'"},
      {"config.file = 'x'\n", ":1:8: unknown key 'config.file'"},
      {"\n[log]\nlevel = 'loud'\n", ":3:1: --log.level"},
      {"state-dir = [\"/a\", \"/b\"]\n", ":1:1: state-dir takes one value"},
      {"web.listen-address = []\n", ":1:5: web.listen-address needs a value"},
      {"nonsense\n", ":1:"},
  };
  for (const auto& [text, expected] : cases) {
    const TemporaryFile file(text);
    const auto options = parse_words({"run", "--config.file", file.path()});
    ASSERT_FALSE(options) << text;
    EXPECT_EQ(options.error().code, 2);
    EXPECT_THAT(options.error().err, HasSubstr(file.path() + expected));
  }
  const Variable variable("STILLFRAME_LOG_LEVEL", "loud");
  const auto options = parse_words({"run"});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, 2);
  EXPECT_THAT(options.error().err, HasSubstr("STILLFRAME_LOG_LEVEL"));
  EXPECT_TRUE(parse_words({"run", "--log.level", "warn"}));
}

TEST(Parse, PrintsAConfigurationThatItCanRead) {
  const auto printed =
      parse_words({"run", "--print-config", "--scan-interval", "7s",
                   "--web.listen-address", ":1", "--web.listen-address", ":2"});
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error().code, 0);
  const std::string& text = printed.error().out;
  EXPECT_THAT(text, HasSubstr("scan-interval = \"7s\"\n"));
  EXPECT_THAT(text, HasSubstr("web.listen-address = [\":1\", \":2\"]\n"));
  EXPECT_THAT(text, HasSubstr("log.level = \"info\"\n"));
  const TemporaryFile file(text);
  const auto again =
      parse_words({"run", "--config.file", file.path(), "--print-config"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().err, "");
  EXPECT_EQ(again.error().out, text);

  const auto defaults = parse_words({"run", "--print-config"});
  const TemporaryFile defaults_file(defaults.error().out);
  EXPECT_TRUE(parse_words({"run", "--config.file", defaults_file.path()}))
      << defaults.error().out;
}

// It would not be listened on, wherever it comes from.
TEST(Parse, AnAddressBesidesSocketsOfSystemdIsRefused) {
  const Words both = {"run", "--web.systemd-socket", "--web.listen-address",
                      ":1"};
  const auto refused = [](const Words& words) {
    const auto options = parse_words(words);
    return options ? std::string() : options.error().err;
  };
  constexpr auto kWhy = "on no --web.listen-address: give one of them";
  EXPECT_THAT(refused(both), HasSubstr(kWhy));
  EXPECT_EQ(parse_words(both).error().code, 2);
  const TemporaryFile file("\n[web]\nlisten-address = [':1']\n");
  EXPECT_THAT(
      refused({"run", "--web.systemd-socket", "--config.file", file.path()}),
      AllOf(HasSubstr(file.path() + ":3:1: "), HasSubstr(kWhy)));
  {
    const Variable variable("STILLFRAME_WEB_LISTEN_ADDRESS", ":1");
    EXPECT_THAT(refused({"run", "--web.systemd-socket"}), HasSubstr(kWhy));
  }
  EXPECT_EQ(refused({"run", "--web.systemd-socket"}), "");
  const TemporaryFile off("web.systemd-socket = false\n");
  EXPECT_EQ(refused({"run", "--web.listen-address", ":1", "--config.file",
                     off.path()}),
            "");

  const auto printed =
      parse_words({"run", "--web.systemd-socket", "--print-config"});
  const TemporaryFile printed_file(printed.error().out);
  EXPECT_EQ(refused({"run", "--config.file", printed_file.path()}), "");
}

TEST(Parse, HelpsByACommandAsByAnOption) {
  for (const Words& about : {Words{}, Words{"ps"}, Words{"policy"},
                             Words{"policy", "check"}, Words{"help"}}) {
    Words option = about;
    option.emplace_back("--help");
    Words command = about;
    command.insert(command.begin(), "help");
    const auto help = parse_words(command);
    ASSERT_FALSE(help);
    EXPECT_EQ(help.error().code, 0) << help.error().err;
    EXPECT_EQ(help.error().out, parse_words(option).error().out);
  }
}

TEST(Parse, SaysItsVersionInEachWay) {
  for (const Words& words : {Words{"version"}, Words{"-V"}}) {
    EXPECT_EQ(parse_words(words).error().out,
              parse_words({"--version"}).error().out);
  }
}

TEST(Parse, LeavesWhatIsToBeCompletedAlone) {
  const auto options = parse_words({"__complete", "diff", "--", "-x", ""});
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->command, Command::complete);
  EXPECT_THAT(options->complete.words,
              testing::ElementsAre("diff", "--", "-x", ""));
}

}  // namespace
}  // namespace stillframe::cli
