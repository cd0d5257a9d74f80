// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/kubernetes_audit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/journal/scratch_directory.h"
#include "tests/unit/report/story.h"

namespace stillframe::report {
namespace {

using testing::HasSubstr;

struct Line {
  std::string user = "ann";
  std::string pod = "shop-1";
  std::string query = "command=sh&command=-c&command=echo+x%3D1&container=web";
  std::int64_t second = 100;
  std::string annotation = "";
  std::string subresource = "exec";
  int code = 101;
};

std::string line(const Line& of) {
  return fmt::format(
      R"({{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"id-{}",)"
      R"("stage":"ResponseStarted","requestURI":"/api/v1/namespaces/prod/pods/)"
      R"({}/exec?{}","verb":"create","user":{{"username":"{}"}},)"
      R"("responseStatus":{{"code":{}}},)"
      R"("objectRef":{{"resource":"pods","namespace":"prod","name":"{}",)"
      R"("subresource":"{}"}},"requestReceivedTimestamp":"{}",)"
      R"("annotations":{{"execmetadata.spo.io/SPO_EXEC_REQUEST_UID":"{}"}}}})"
      "\n",
      of.user, of.pod, of.query, of.user, of.code, of.pod, of.subresource,
      rfc3339(at(of.second)), of.annotation);
}

class KubernetesAuditTest : public testing::Test {
 protected:
  KubernetesAuditTest() {
    container_.pod_namespace = "prod";
    container_.pod = "shop-1";
    container_.pod_container = "web";
    session_.first_cmd = "sh -c echo x=1";
    session_.start = at(101);
  }
  void read(const std::string& text) {
    directory_.write("audit.log", text);
    const auto done = audit_.read(file());
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string file() const { return directory_.path() + "/audit.log"; }
  // "ann", "ann?" of a guess, or "".
  std::string found() const {
    const auto user = audit_.find(container_, session_);
    return user ? user->name + (user->probable ? "?" : "") : "";
  }

  journal::ScratchDirectory directory_;
  KubernetesAudit audit_;
  ContainerInfo container_;
  Session session_;
};

TEST_F(KubernetesAuditTest, ByPodCommandAndTime) {
  read(line({}));
  EXPECT_EQ(found(), "ann?");
  EXPECT_EQ(audit_.find(container_, session_)->audit_id, "id-ann");
}

TEST_F(KubernetesAuditTest, WhatDoesNotFitIsNobody) {
  const Line lines[] = {{.pod = "shop-2"},
                        {.query = "command=sh&container=web"},
                        {.query = "command=sh&command=-c&command=echo+x%3D1&"
                                  "container=sidecar"},
                        {.second = 104},
                        {.second = 90},
                        {.subresource = "portforward"}};
  for (const auto& one : lines) {
    audit_ = {};
    read(line(one));
    EXPECT_EQ(found(), "") << line(one);
  }
}

TEST_F(KubernetesAuditTest, OneOfTwoIsNobody) {
  read(line({}) + line({.user = "bob", .second = 99}));
  EXPECT_EQ(found(), "");
}

TEST_F(KubernetesAuditTest, TheSameUserTwiceIsThem) {
  read(line({}) + line({.second = 99}));
  EXPECT_EQ(found(), "ann?");
}

TEST_F(KubernetesAuditTest, ByTheNumberOfTheRequest) {
  read(line({.user = "bob", .query = "command=x", .annotation = "uid-1"}) +
       line({}));
  session_.request_uid = "uid-1";
  EXPECT_EQ(found(), "bob");
}

TEST_F(KubernetesAuditTest, ByTheNumberOfTheAuditEvent) {
  read(line({.user = "bob", .query = "command=x"}));
  session_.request_uid = "id-bob";
  EXPECT_EQ(found(), "bob");
}

// Whoever is in the container can read the number of a session of before.
TEST_F(KubernetesAuditTest, ANumberOfBeforeIsNothing) {
  read(line({.user = "bob", .second = 1, .annotation = "uid-1"}));
  session_.request_uid = "uid-1";
  EXPECT_EQ(found(), "");
}

TEST_F(KubernetesAuditTest, WhoWasRefusedCameNotIn) {
  read(line({.code = 403}));
  EXPECT_EQ(found(), "");
}

TEST_F(KubernetesAuditTest, WhoIsRefusedLaterCameNotInEither) {
  read(line({}) + line({.code = 403}));
  EXPECT_EQ(found(), "");
}

TEST_F(KubernetesAuditTest, NobodyIsInDoubtByAnothersRefusedTry) {
  read(line({}) + line({.user = "bob", .second = 99, .code = 403}));
  EXPECT_EQ(found(), "ann?");
}

// A container can say what it likes.
TEST_F(KubernetesAuditTest, TheNumberOfAnotherPodsRequestIsNothing) {
  read(line({.user = "bob", .pod = "shop-2", .annotation = "uid-1"}));
  session_.request_uid = "uid-1";
  EXPECT_EQ(found(), "");
}

TEST_F(KubernetesAuditTest, ACutCommand) {
  const std::string longer(300, 'x');
  read(line({.query = "command=" + longer + "&container=web"}));
  session_.first_cmd = longer.substr(0, 250);
  EXPECT_EQ(found(), "ann?");
  session_.first_cmd = longer.substr(0, 20);
  EXPECT_EQ(found(), "");
}

TEST_F(KubernetesAuditTest, WithoutAPodThereIsNobody) {
  read(line({}));
  container_.pod.clear();
  EXPECT_EQ(found(), "");
}

TEST_F(KubernetesAuditTest, WhatIsNoAuditLog) {
  for (const std::string text : {"", "\n", "{}\n", "[1,2]\n", "\xff\xfe\n",
                                 R"({"kind":"Event","apiVersion":"v1"})"}) {
    directory_.write("audit.log", text);
    const auto done = audit_.read(file());
    ASSERT_FALSE(done) << text;
    EXPECT_THAT(done.error().message, HasSubstr("audit.log"));
  }
  EXPECT_FALSE(audit_.read(directory_.path() + "/none"));
}

TEST_F(KubernetesAuditTest, HostileLinesArePassedOver) {
  const std::string head =
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","objectRef":)";
  read(head + "null}\n" + head + "[]}\n" + head +
       R"({"resource":"pods","subresource":"exec","name":7},"user":[],)"
       R"("requestReceivedTimestamp":"2026-01-01T00:00:00Z","requestURI":)"
       R"("/x?command=%&command=%z1&=&command","annotations":7})"
       "\n" +
       line({}));
  EXPECT_EQ(found(), "ann?");
}

}  // namespace
}  // namespace stillframe::report
