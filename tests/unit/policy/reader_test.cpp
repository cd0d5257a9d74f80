// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/base/file.h"

namespace stillframe::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WallTime kNow = *parse_rfc3339("2026-06-15T12:00:00Z");

struct Bad {
  std::string name;
  std::string text;
  std::size_t line;
  std::size_t column;
  std::string message;
  std::string hint;
};

std::ostream& operator<<(std::ostream& out, const Bad& bad) {
  return out << bad.name;
}

// A file with one rule, whose lines begin on line 4.
std::string rule(const std::string& lines) {
  return "version: 1\nrules:\n  - name: x\n" + lines;
}

class BadFile : public ::testing::TestWithParam<Bad> {};

TEST_P(BadFile, SaysWhereAndWhatToDo) {
  const auto& bad = GetParam();
  const auto reading = read_policy(bad.text, kNow);
  EXPECT_FALSE(reading.policy);
  ASSERT_THAT(reading.problems, SizeIs(1))
      << describe("policy.yaml", reading.problems);
  const auto& problem = reading.problems[0];
  EXPECT_EQ(problem.line, bad.line) << problem.message;
  EXPECT_EQ(problem.column, bad.column) << problem.message;
  EXPECT_THAT(problem.message, HasSubstr(bad.message));
  EXPECT_FALSE(problem.hint.empty());
  EXPECT_THAT(problem.hint, HasSubstr(bad.hint));
}

const std::string kGood = "    allow: [{class: content, path: /a/**}]\n";

INSTANTIATE_TEST_SUITE_P(
    All, BadFile,
    ::testing::Values(
        Bad{"empty", "", 1, 1, "no policy", "version: 1"},
        Bad{"comment_only", "# nothing\n", 1, 1, "no policy", "version: 1"},
        Bad{"a_list", "- 1\n", 1, 1, "is a list", "map"},
        Bad{"a_text", "hello\n", 1, 1, "is a text", "map"},
        Bad{"no_version", "rules: []\n", 1, 1, "version is missing",
            "version: 1"},
        Bad{"version_2", "version: 2\n", 1, 10, "'2' is not supported",
            "version: 1"},
        Bad{"version_list", "version: [1]\n", 1, 10, "version is a list",
            "text"},
        Bad{"unknown_top_key", "version: 1\nrulez: []\n", 2, 1,
            "unknown key 'rulez'", "did you mean 'rules'?"},
        Bad{"unknown_key_far_off", "version: 1\nzzzzzzzz: []\n", 2, 1,
            "unknown key", "known: version, scratch, rules"},
        Bad{"top_key_twice", "version: 1\nrules: []\nrules: []\n", 3, 1,
            "given twice", "keep one"},
        Bad{"key_is_a_list", "version: 1\n? [a]\n: b\n", 2, 3, "a key is",
            "word"},
        Bad{"rules_a_map", "version: 1\nrules: {a: b}\n", 2, 8,
            "rules is a map", "list"},
        Bad{"rule_a_text", "version: 1\nrules:\n  - hello\n", 3, 5,
            "a rule is a text", "map"},
        Bad{"rule_without_name",
            "version: 1\nrules:\n  - allow: [{class: content}]\n", 3, 5,
            "without a name", "name:"},
        Bad{"rule_without_allow", rule(""), 3, 5, "decides nothing", "allow"},
        Bad{"name_with_blank", "version: 1\nrules:\n  - name: a b\n" + kGood, 3,
            11, "not a name", "letters"},
        Bad{"name_twice",
            rule(kGood) + "  - name: x\n    allow: [{path: /b}]\n", 5, 11,
            "second rule named 'x'", "line 3"},
        Bad{"unknown_rule_key", rule(kGood + "    resaon: y\n"), 5, 5,
            "unknown key 'resaon'", "did you mean 'reason'?"},
        Bad{"reason_a_map", rule(kGood + "    reason: {a: b}\n"), 5, 13,
            "reason is a map", "text"},
        Bad{"allow_a_text", rule("    allow: content\n"), 4, 12,
            "allow is a text", "list"},
        Bad{"allow_empty", rule("    allow: []\n"), 4, 12, "allow is empty",
            "take it out"},
        Bad{"allow_null", rule("    allow:\n"), 4, 5, "allow is nothing",
            "list"},
        Bad{"entry_a_text", rule("    allow: [content]\n"), 4, 13,
            "an entry of allow is a text", "map"},
        Bad{"entry_empty", rule("    allow: [{}]\n"), 4, 13, "an empty entry",
            "class"},
        Bad{"unknown_entry_key", rule("    allow: [{klass: content}]\n"), 4, 14,
            "unknown key 'klass'", "did you mean 'class'?"},
        Bad{"tool_grants_nothing", rule("    allow: [{tool: apt}]\n"), 4, 14,
            "unknown key 'tool'", "grants nothing"},
        Bad{"unknown_class", rule("    allow: [{class: contnet}]\n"), 4, 21,
            "unknown class 'contnet'", "did you mean 'content'?"},
        Bad{"unknown_kind", rule("    allow: [{kind: file_wirte}]\n"), 4, 20,
            "unknown kind 'file_wirte'", "did you mean 'file_write'?"},
        Bad{"unknown_origin", rule("    allow: [{origin: [exec, hosts]}]\n"), 4,
            29, "unknown origin 'hosts'", "did you mean 'host'?"},
        Bad{"class_a_map", rule("    allow: [{class: {a: b}}]\n"), 4, 21,
            "class is a map", "list of texts"},
        Bad{"class_list_empty", rule("    allow: [{class: []}]\n"), 4, 21,
            "empty list", "leave it out"},
        Bad{"kind_not_of_class",
            rule("    allow: [{class: content, kind: mode_change}]\n"), 4, 36,
            "'mode_change' is not of the entry's class", "metadata"},
        Bad{"class_without_its_kind",
            rule("    allow: [{class: [content, metadata], kind: "
                 "file_write}]\n"),
            4, 31, "class 'metadata' can never match", "take it out"},
        Bad{"code_not_named", rule("    allow: [{kind: exec_new}]\n"), 4, 20,
            "without 'class: code'", "class: code"},
        Bad{"path_relative", rule("    allow: [{path: var/log}]\n"), 4, 20,
            "absolute", "begin it with '/'"},
        Bad{"path_climbs", rule("    allow: [{path: /a/../b}]\n"), 4, 20,
            "'..'", "without"},
        Bad{"path_ends_in_slash", rule("    allow: [{path: /var/log/}]\n"), 4,
            20, "end with a slash", "/dir/**"},
        Bad{"path_two_slashes", rule("    allow: [{path: /var//log}]\n"), 4, 20,
            "two slashes", "/dir/**"},
        Bad{"path_stars_inside", rule("    allow: [{path: /var/log**}]\n"), 4,
            20, "full component", "/dir/*.log"},
        Bad{"path_open_bracket", rule("    allow:\n      - path: '/a/[b'\n"), 5,
            15, "'[' without its ']' (byte 4)", "\\"},
        Bad{"path_range_backwards",
            rule("    allow:\n      - path: '/a/[z-a]'\n"), 5, 15, "backwards",
            "\\"},
        Bad{"path_braces", rule("    allow:\n      - path: '/a/{b,c}'\n"), 5,
            15, "braces", "list of patterns"},
        Bad{"path_in_a_list",
            rule("    allow:\n      - path:\n          - /a\n          - b\n"),
            7, 13, "absolute", "begin"},
        Bad{"path_below_scratch", rule("    allow: [{path: /tmp/cache/**}]\n"),
            4, 20, "lies in the scratch place '/tmp/**'", "tolerated before"},
        Bad{"path_below_own_scratch",
            "version: 1\nrules:\n  - name: x\n    allow: [{path: /c/d}]\n"
            "scratch: {extend: [/c/**]}\n",
            4, 20, "lies in the scratch place '/c/**'", "tolerated before"},
        Bad{"same_entry_twice",
            rule("    allow:\n      - path: /a/**\n      - path: /a/b\n"), 6, 9,
            "can never match", "line 5"},
        Bad{"rule_shadowed",
            rule(kGood) + "  - name: y\n    match: {name: web}\n"
                          "    allow: [{class: content, path: /a/b}]\n",
            5, 11, "rule 'y' can never match", "rule 'x' on line 3"},
        Bad{"match_a_text", rule("    match: web\n" + kGood), 4, 12,
            "match is a text", "map"},
        Bad{"match_empty", rule("    match: {}\n" + kGood), 4, 12,
            "match is empty", "leave it out"},
        Bad{"unknown_match_key", rule("    match: {imgae: a}\n" + kGood), 4, 13,
            "unknown key 'imgae'", "did you mean 'image'?"},
        Bad{"match_key_twice", rule("    match: {name: a, name: b}\n" + kGood),
            4, 22, "given twice", "keep one"},
        Bad{"match_bad_pattern", rule("    match: {image: 'a[b'}\n" + kGood), 4,
            20, "'[' without its ']'", "\\"},
        Bad{"match_null", rule("    match: {image: }\n" + kGood), 4, 13,
            "image is nothing", "text"},
        Bad{"unknown_runtime", rule("    match: {runtime: dokcer}\n" + kGood),
            4, 22, "unknown runtime 'dokcer'", "did you mean 'docker'?"},
        Bad{"labels_a_list", rule("    match: {labels: [a]}\n" + kGood), 4, 21,
            "labels is a list", "map"},
        Bad{"label_twice", rule("    match: {labels: {a: b, a: c}}\n" + kGood),
            4, 28, "given twice in labels", "list of values"},
        Bad{"bad_date", rule(kGood + "    expires: soon\n"), 5, 14,
            "neither a date", "2027-01-31"},
        Bad{"no_such_day", rule(kGood + "    expires: 2027-02-30\n"), 5, 14,
            "no such day", "2027-01-31"},
        Bad{"scratch_a_list", "version: 1\nscratch: [/a]\n", 2, 10,
            "scratch is a list", "map"},
        Bad{"scratch_both",
            "version: 1\nscratch:\n  extend: [/a]\n  replace: [/b]\n", 4, 12,
            "both", "replaces"},
        Bad{"scratch_relative", "version: 1\nscratch: {extend: [a]}\n", 2, 20,
            "absolute", "begin"},
        Bad{"scratch_already", "version: 1\nscratch: {extend: [/tmp/x]}\n", 2,
            20, "scratch already", "take it out"},
        Bad{"unknown_scratch_key", "version: 1\nscratch: {extends: [/a]}\n", 2,
            11, "unknown key 'extends'", "did you mean 'extend'?"},
        Bad{"alias", "version: 1\nscratch: {extend: [&a /a]}\n", 2, 20,
            "an anchor", "write the value out"},
        Bad{"unquoted_star", "version: 1\nscratch: {extend: [*.log]}\n", 2, 20,
            "anchor", "quotes"},
        Bad{"tag", "version: !!int 1\n", 1, 10, "a tag", "leave it out"},
        Bad{"unclosed_quote", "version: 1\nrules: \"abc\n", 2, 8,
            "never closed", "close it"},
        Bad{"unclosed_quote_at_the_end",
            rule(kGood + "    reason: 'it''s open"), 5, 24, "EOF", "quotes"},
        Bad{"unclosed_bracket", rule("    allow: [{path: /a}\n"), 4, 12,
            "flow not found", "brackets"},
        Bad{"tab_indent", "version: 1\nrules:\n\t- name: x\n", 3, 2, "",
            "tab on this line"},
        Bad{"indentation", "version: 1\n rules: []\n", 2, 7, "map value",
            "indentation"},
        Bad{"second_document", "version: 1\n---\nversion: 1\n", 3, 1,
            "second document", "---"},
        Bad{"not_utf8", "version: 1\n# \xff\n", 2, 3, "not UTF-8", "?"},
        Bad{"control_character", "version: 1\n# \x1b[31m\n", 2, 3, "not UTF-8",
            "?"},
        Bad{"too_deep",
            "version: 1\nrules: " + std::string(100, '[') +
                std::string(100, ']') + "\n",
            2, 23, "deeper than 16", "six"},
        Bad{"too_large", "version: 1\n" + std::string(300 << 10, '#') + "\n", 1,
            1, "256 KiB", "wider"}),
    [](const auto& info) { return info.param.name; });

TEST(Reader, SaysAllThatIsWrongAtOnce) {
  const auto reading = read_policy(
      "version: 3\nfoo: 1\nrules:\n  - nmae: x\n    allow: [{class: c0de}]\n",
      kNow);
  EXPECT_FALSE(reading.policy);
  EXPECT_EQ(describe("p.yaml", reading.problems),
            "p.yaml:1:10: version '3' is not supported\n"
            "  hint: this Stillframe understands 'version: 1'\n"
            "p.yaml:2:1: unknown key 'foo' in the file\n"
            "  hint: known: version, scratch, rules\n"
            "p.yaml:4:5: unknown key 'nmae' in a rule\n"
            "  hint: did you mean 'name'?\n"
            "p.yaml:4:5: a rule without a name\n"
            "  hint: add 'name:'; verdicts are shown with it\n"
            "p.yaml:5:21: unknown class 'c0de'\n"
            "  hint: did you mean 'code'?\n");
}

TEST(Reader, AnAliasBombIsNotSwallowed) {
  std::string bomb = "version: 1\na: &a [x, x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [*" + char(c - 1) + ", *" +
            char(c - 1) + "]\n";
  }
  const auto reading = read_policy(bomb, kNow);
  EXPECT_FALSE(reading.policy);
  EXPECT_THAT(reading.problems.size(), ::testing::Lt(200u));
}

TEST(Reader, AnExpiredRuleIsReportedAndAllowsNothing) {
  const auto reading =
      read_policy(rule(kGood + "    expires: 2026-06-14\n"), kNow);
  ASSERT_TRUE(reading.policy);
  ASSERT_THAT(reading.problems, SizeIs(1));
  EXPECT_TRUE(reading.problems[0].warning);
  EXPECT_EQ(reading.problems[0].line, 5u);
  EXPECT_EQ(reading.policy->expired_rules(), std::vector<std::string>{"x"});
}

TEST(Reader, TheLastDayCounts) {
  const auto reading =
      read_policy(rule(kGood + "    expires: 2026-06-15\n"), kNow);
  ASSERT_TRUE(reading.policy);
  EXPECT_THAT(reading.problems, IsEmpty());
  const auto& policy = *reading.policy;
  const WallTime end = *parse_rfc3339("2026-06-16T00:00:00Z");
  EXPECT_FALSE(policy.differs_at({end.ns - 1}));
  EXPECT_TRUE(policy.differs_at(end));
  const auto judge = [](const Policy& p) {
    return p
        .judge({}, Class::content, Kind::file_write, Origin::workload, "/a/b")
        .verdict;
  };
  EXPECT_EQ(judge(policy), Verdict::allowed);
  const auto later = policy.as_of(end);
  EXPECT_EQ(judge(later), Verdict::violation);
  EXPECT_FALSE(later.differs_at({end.ns + 1}));
  // A clock that ran ahead for a while ends nothing for good.
  EXPECT_TRUE(later.differs_at({end.ns - 1}));
  EXPECT_EQ(judge(later.as_of({end.ns - 1})), Verdict::allowed);
}

TEST(Reader, ARuleBehindOneThatExpiresFirstIsNotShadowed) {
  const auto reading = read_policy(
      rule(kGood + "    expires: 2027-01-01\n") +
          "  - name: y\n    allow: [{class: content, path: /a/b}]\n",
      kNow);
  EXPECT_TRUE(reading.policy) << describe("p", reading.problems);
}

TEST(Reader, TakesTheExampleOfTheReference) {
  const auto reading = read_policy(
      R"yaml(version: 1
scratch: {extend: [/var/cache/**]}
rules:
  - name: postgres-data
    match: {namespace: db, image: "docker.io/library/postgres:*", labels: {app: pg}, runtime: podman}
    allow: [{class: content, path: /var/lib/postgresql/**}]
    reason: "data directory, no volume yet (OPS-112)"
    expires: 2027-01-31
)yaml",
      kNow);
  ASSERT_TRUE(reading.policy) << describe("p", reading.problems);
  const auto& only = *reading.policy->rule("postgres-data");
  EXPECT_EQ(only.line, 4u);
  EXPECT_EQ(only.reason, "data directory, no volume yet (OPS-112)");
  ContainerInfo container;
  container.pod_namespace = "db";
  container.image = "docker.io/library/postgres:16";
  container.runtime = "podman";
  container.labels["app"] = "pg";
  const auto judge = [&](Class c, Kind k, const char* path) {
    return reading.policy->judge(container, c, k, Origin::exec, path);
  };
  EXPECT_EQ(judge(Class::content, Kind::file_write, "/var/lib/postgresql/16/x"),
            (Judgement{Verdict::allowed, "postgres-data"}));
  EXPECT_EQ(judge(Class::metadata, Kind::mode_change, "/var/lib/postgresql"),
            (Judgement{Verdict::violation, ""}));
  EXPECT_EQ(judge(Class::content, Kind::file_write, "/var/cache/x"),
            (Judgement{Verdict::scratch, ""}));
  container.labels["app"] = "other";
  EXPECT_EQ(judge(Class::content, Kind::file_write, "/var/lib/postgresql/16/x"),
            (Judgement{Verdict::violation, ""}));
}

// Each row: how `text` judges a change.
struct Row {
  std::string allow;
  Kind kind;
  Origin origin;
  std::string path;
  Verdict verdict;
};

TEST(Verdicts, FollowTheEntries) {
  const std::vector<Row> rows = {
      {"{path: /a/**}", Kind::file_write, Origin::exec, "/a/b",
       Verdict::allowed},
      {"{path: /a/**}", Kind::mode_change, Origin::host, "/a",
       Verdict::allowed},
      {"{path: /a/**}", Kind::file_write, Origin::exec, "/b",
       Verdict::violation},
      // Never by the way:
      {"{path: /a/**}", Kind::exec_new, Origin::workload, "/a/b",
       Verdict::violation},
      {"{path: /a/**}", Kind::memory_write, Origin::workload, "/a/b",
       Verdict::violation},
      {"{class: code, path: /tmp/**}", Kind::library_new, Origin::workload,
       "/tmp/x.so", Verdict::allowed},
      {"{class: code, path: /tmp/**}", Kind::file_write, Origin::workload,
       "/tmp/x.so", Verdict::scratch},
      {"{class: code, path: /a/**}", Kind::file_write, Origin::workload,
       "/a/x.so", Verdict::violation},
      {"{class: code, kind: library_new}", Kind::exec_new, Origin::workload,
       "/tmp/x.so", Verdict::violation},
      {"{kind: file_create, path: /a/**}", Kind::file_create, Origin::host,
       "/a/b", Verdict::allowed},
      {"{kind: file_create, path: /a/**}", Kind::file_write, Origin::host,
       "/a/b", Verdict::violation},
      {"{origin: workload, path: /a/**}", Kind::file_write, Origin::workload,
       "/a/b", Verdict::allowed},
      {"{origin: workload, path: /a/**}", Kind::file_write, Origin::exec,
       "/a/b", Verdict::violation},
      {"{origin: workload, path: /a/**}", Kind::file_write,
       Origin::unattributed, "/a/b", Verdict::violation},
      {"{class: kernel}", Kind::sysctl_write, Origin::exec, "/proc/sys/net/x",
       Verdict::allowed},
      {"{path: /a}", Kind::limit_change, Origin::host, "", Verdict::allowed},
      {"{path: /a}", Kind::limit_change, Origin::workload, "",
       Verdict::violation},
  };
  for (const auto& row : rows) {
    const auto reading =
        read_policy(rule("    allow: [" + row.allow + "]\n"), kNow);
    ASSERT_TRUE(reading.policy) << row.allow << describe("p", reading.problems);
    EXPECT_EQ(
        reading.policy
            ->judge({}, class_of(row.kind), row.kind, row.origin, row.path)
            .verdict,
        row.verdict)
        << row.allow << " " << to_string(row.kind) << " " << row.path;
  }
}

TEST(Verdicts, TheFirstRuleThatMatchesDecides) {
  const auto reading = read_policy(
      "version: 1\n"
      "rules:\n"
      "  - name: frozen\n"
      "    match: {name: 'db-*'}\n"
      "    violation: [{class: limits}, {path: /data/frozen/**}]\n"
      "    allow: [{path: /data/**}]\n"
      "  - name: all\n"
      "    allow: [{path: /data/**}, {class: limits}]\n",
      kNow);
  ASSERT_TRUE(reading.policy) << describe("p", reading.problems);
  const auto judge = [&](const char* name, Kind kind, const char* path) {
    ContainerInfo container;
    container.name = name;
    return reading.policy->judge(container, class_of(kind), kind, Origin::host,
                                 path);
  };
  EXPECT_EQ(judge("db-1", Kind::file_write, "/data/x"),
            (Judgement{Verdict::allowed, "frozen"}));
  EXPECT_EQ(judge("db-1", Kind::file_write, "/data/frozen/x"),
            (Judgement{Verdict::violation, "frozen"}));
  EXPECT_EQ(judge("db-1", Kind::limit_change, ""),
            (Judgement{Verdict::violation, "frozen"}));
  EXPECT_EQ(judge("web", Kind::file_write, "/data/frozen/x"),
            (Judgement{Verdict::allowed, "all"}));
  EXPECT_EQ(judge("web", Kind::limit_change, ""),
            (Judgement{Verdict::allowed, "all"}));
}

class Shipped : public ::testing::TestWithParam<const char*> {
 protected:
  static Reading read() {
    const auto text =
        read_file(std::string(STILLFRAME_SHIPPED_POLICIES) + "/" + GetParam());
    return read_policy(text.value_or(""), kNow);
  }
};

TEST_P(Shipped, IsSound) {
  const auto reading = read();
  EXPECT_TRUE(reading.policy);
  EXPECT_THAT(reading.problems, IsEmpty())
      << describe(GetParam(), reading.problems);
}

TEST_P(Shipped, GivesAReasonForEachRule) {
  const auto reading = read();
  ASSERT_TRUE(reading.policy);
  for (const auto& one : reading.policy->rules()) {
    EXPECT_FALSE(one.reason.empty()) << one.name;
  }
}

TEST_P(Shipped, LeavesSystemContainersAlone) {
  const auto reading = read();
  ASSERT_TRUE(reading.policy);
  ContainerInfo machine;
  machine.runtime = "lxc";
  for (const Kind kind : {Kind::file_write, Kind::exec_new, Kind::sysctl_write,
                          Kind::mount_change}) {
    EXPECT_EQ(
        reading.policy
            ->judge(machine, class_of(kind), kind, Origin::exec, "/usr/bin/x")
            .verdict,
        Verdict::allowed);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Shipped,
                         ::testing::Values("default.yaml", "strict.yaml"),
                         [](const auto& info) {
                           const std::string name = info.param;
                           return name.substr(0, name.find('.'));
                         });

// The examples in comments are what people begin with.
TEST(ShippedDefault, ItsExamplesAreSound) {
  const auto text =
      read_file(std::string(STILLFRAME_SHIPPED_POLICIES) + "/default.yaml");
  ASSERT_TRUE(text);
  std::string examples = "version: 1\nrules:\n";
  std::size_t at = text->find("  # - name:");
  ASSERT_NE(at, std::string::npos);
  while (at < text->size()) {
    const auto end = text->find('\n', at);
    const std::string line = text->substr(at, end - at);
    const bool yaml =
        line.compare(0, 5, "  # -") == 0 || line.compare(0, 6, "  #   ") == 0;
    if (yaml) examples += "  " + line.substr(4) + "\n";
    at = end + 1;
  }
  const auto reading = read_policy(examples, kNow);
  ASSERT_TRUE(reading.policy) << describe("examples", reading.problems);
  EXPECT_THAT(reading.policy->rules(), SizeIs(3));
}

TEST(Reference, NamesEachKeyAndWord) {
  const auto text = read_file(STILLFRAME_POLICY_REFERENCE);
  ASSERT_TRUE(text) << text.error().message;
  const auto named = [&](std::string_view word) {
    EXPECT_THAT(*text, HasSubstr("`" + std::string(word) + "`"));
  };
  for (const auto& set : key_sets()) {
    for (const auto key : set.keys) named(key);
  }
  for (const auto name : kClassNames) named(name);
  for (const auto name : kKindNames) named(name);
  for (const auto name : kOriginNames) named(name);
}

}  // namespace
}  // namespace stillframe::policy
