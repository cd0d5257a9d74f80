// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/prometheus.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <functional>
#include <mutex>
#include <thread>

namespace stillframe::journal {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::int64_t kNow = 1'800'000'000;

class FakePrometheus : public testing::Test {
 protected:
  using Answer = std::function<void(const std::string& query, std::int64_t time,
                                    httplib::Response& response)>;

  void serve(Answer answer) {
    answer_ = std::move(answer);
    server_.Get(
        "/prom/api/v1/query", [this](const auto& request, auto& response) {
          const std::string query = request.get_param_value("query");
          const std::scoped_lock lock(mutex_);
          queries_.push_back(query);
          answer_(query, std::stoll(request.get_param_value("time")), response);
        });
    const int port = server_.bind_to_any_port("127.0.0.1");
    url_ = "http://127.0.0.1:" + std::to_string(port) + "/prom/";
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  void TearDown() override {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }
  Result<std::vector<Scrape>> ask(const std::string& instance = "n:1",
                                  std::int64_t days = 1) {
    return ask_prometheus(
        {.url = url_,
         .instance = instance,
         .since = WallTime{(kNow - days * 86'400) * 1'000'000'000},
         .now = WallTime{kNow * 1'000'000'000}});
  }

  std::vector<std::string> queries_;
  std::string url_;

 private:
  std::mutex mutex_;
  Answer answer_;
  httplib::Server server_;
  std::thread thread_;
};

std::string matrix(std::int64_t time, const std::string& value) {
  return R"({"status":"success","data":{"resultType":"matrix","result":[
             {"metric":{"instance":"n:1"},"values":[[)" +
         std::to_string(time) + ",\"" + value + "\"]]}]}}";
}

std::string vector_of(const std::vector<std::string>& instances) {
  std::string rows;
  for (const auto& instance : instances) {
    rows += std::string(rows.empty() ? "" : ",") +
            R"({"metric":{"instance":")" + instance + R"("},"value":[1,"1"]})";
  }
  return R"({"data":{"resultType":"vector","result":[)" + rows + "]}}";
}

TEST_F(FakePrometheus, IsAskedDayByDay) {
  serve([](const auto& query, std::int64_t time, auto& response) {
    const bool head = query.find("head") != std::string::npos;
    response.set_content(matrix(time - 5, head ? "255" : std::to_string(time)),
                         "application/json");
  });
  const auto scrapes = ask("n:1", 3);
  ASSERT_TRUE(scrapes) << scrapes.error().message;
  ASSERT_THAT(*scrapes, SizeIs(4));
  EXPECT_EQ((*scrapes)[0].entry, static_cast<std::uint64_t>(kNow) + 1);
  EXPECT_EQ((*scrapes)[0].head, 255U);
  EXPECT_EQ((*scrapes)[0].time, WallTime{(kNow - 4) * 1'000'000'000});
  EXPECT_EQ(queries_[0],
            R"(stillframe_journal_entries_total{instance="n:1"}[86400s])");
  EXPECT_EQ(queries_[1], R"(stillframe_journal_head{instance="n:1"}[86400s])");
  EXPECT_THAT(queries_.back(), HasSubstr("[1s]"));
}

TEST_F(FakePrometheus, TheOnlyInstanceNeedsNoName) {
  serve([](const auto& query, std::int64_t time, auto& response) {
    response.set_content(
        query.find("count") == 0 ? vector_of({"a\\\"b"}) : matrix(time, "1"),
        "application/json");
  });
  ASSERT_TRUE(ask(""));
  EXPECT_THAT(queries_[0], HasSubstr("last_over_time(stillframe_journal_"));
  EXPECT_THAT(queries_[1], HasSubstr(R"({instance="a\"b"})"));
}

TEST_F(FakePrometheus, SeveralInstancesAreNamed) {
  serve([](const auto&, std::int64_t, auto& response) {
    response.set_content(vector_of({"a:1", "b:1", "c", "d", "e", "f"}),
                         "application/json");
  });
  const auto scrapes = ask("");
  ASSERT_FALSE(scrapes);
  EXPECT_THAT(scrapes.error().message,
              HasSubstr("it knows 6 agents: say which by --instance (a:1, b:1, "
                        "c, d, e, …)"));
}

TEST_F(FakePrometheus, WhatGoesWrongIsSaid) {
  const std::string nothing = R"({"data":{"resultType":"matrix","result":[]}})";
  const struct {
    int status;
    std::string body;
    const char* why;
  } kCases[] = {
      {200, nothing, "it has no stillframe_journal_entries_total and "},
      {200, "<html>", "it answered what is not JSON"},
      {404, "<html>", "HTTP status 404: is this Prometheus?"},
      {302, "", "HTTP status 302"},
      {422, R"({"status":"error","error":"too many \u001b samples"})",
       "Prometheus: too many \\x1b samples"},
      {200, std::string(33 << 20, ' '), "larger than 32 MiB"},
  };
  std::size_t at = 0;
  serve([&](const auto&, std::int64_t, auto& response) {
    response.status = kCases[at].status;
    response.set_content(kCases[at].body, "application/json");
  });
  for (; at < std::size(kCases); ++at) {
    const auto scrapes = ask();
    ASSERT_FALSE(scrapes) << kCases[at].why;
    EXPECT_THAT(scrapes.error().message,
                AllOf(HasSubstr(url_), HasSubstr(kCases[at].why),
                      Not(HasSubstr("\x1b"))));
  }
}

TEST_F(FakePrometheus, NobodyIsThere) {
  url_ = "http://127.0.0.1:1";
  const auto scrapes = ask();
  ASSERT_FALSE(scrapes);
  EXPECT_THAT(scrapes.error().message, HasSubstr("http://127.0.0.1:1: "));
}

TEST(PrometheusUrl, IsHttpAndAHost) {
  for (const char* good : {"http://a:9090", "https://a", "http://[::1]:9090/",
                           "https://a.example/prometheus/"}) {
    EXPECT_EQ(check_prometheus_url(good), "") << good;
  }
  for (const char* bad : {"", "a:9090", "ftp://a", "http://", "http:///x",
                          "http://u:p@a", "http://a?x", "http://a/b?c"}) {
    EXPECT_NE(check_prometheus_url(bad), "") << bad;
  }
}

}  // namespace
}  // namespace stillframe::journal
