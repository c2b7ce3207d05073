// A store that takes its time: who waits for nobody any more ends its statement, and who is too
// much is told at once.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "tests/integration/query/query_world.h"
#include "tests/support/wait.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

constexpr int64_t kDay = 1'700'006'400;  // 2023-11-15 00:00:00 UTC

v1::GetCandlesRequest CandlesOf(const std::string& instrument) {
  v1::GetCandlesRequest request;
  request.set_instrument(instrument);
  request.set_interval("1s");
  return request;
}

// A call on a thread of its own.
class Call {
 public:
  explicit Call(QueryWorld* world) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    ended_ = std::async(std::launch::async, [this, world] {
      v1::GetCandlesResponse response;
      return world->stub().GetCandles(&context_, CandlesOf(kBtc), &response);
    });
  }
  void Cancel() { context_.TryCancel(); }
  bool Ended() const {
    return ended_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  grpc::Status Finish() { return ended_.get(); }

 private:
  grpc::ClientContext context_;
  std::future<grpc::Status> ended_;
};

class QueryStoreLimits : public ::testing::Test {
 protected:
  // From now on every page takes 30 s.
  void SlowDown() {
    v1::GetCandlesResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(world_.stub().GetCandles(&context, CandlesOf(kBtc), &response).ok());
    test_support::Query(world_.database().ConnectionString(),
                        "ALTER TABLE partition_progress RENAME TO moved;"
                        "CREATE VIEW partition_progress AS SELECT * FROM moved WHERE "
                        "pg_sleep(30)::text IS NOT NULL");
  }
  // That run now in PostgreSQL.
  std::string Statements() const {
    return test_support::Query(world_.database().ConnectionString(),
                               "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                               "'quantstream-query' AND state = 'active' AND query LIKE "
                               "'%partition_progress%'");
  }
  // A call whose statement runs. The service's own look at the store may refuse the first ones.
  std::unique_ptr<Call> Running() {
    std::unique_ptr<Call> call;
    EXPECT_TRUE(test_support::WaitFor([&] {
      if (!call || call->Ended()) call = std::make_unique<Call>(&world_);
      return Statements() == "1";
    }));
    return call;
  }

  QueryWorld world_;
};

TEST_F(QueryStoreLimits, AClientThatGoesAwayEndsItsStatement) {
  world_.Commit({MakeCandle(kBtc, 1, kDay + 10, CandleState::kFinal, 5)}, 6);
  world_.Start();
  ASSERT_TRUE(world_.Ready("ready")) << world_.process().Output();
  SlowDown();
  const std::unique_ptr<Call> call = Running();
  call->Cancel();
  EXPECT_EQ(call->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(test_support::WaitFor([&] { return Statements() == "0"; }));
}

TEST_F(QueryStoreLimits, WhoIsTooMuchIsRefusedAtOnceWithARetry) {
  world_.Commit({MakeCandle(kBtc, 1, kDay + 10, CandleState::kFinal, 5)}, 6);
  world_.Start({{"HISTORY_CONNECTIONS", "1"}, {"HISTORY_WAITING_MAX", "0"}});
  ASSERT_TRUE(world_.Ready("ready")) << world_.process().Output();
  SlowDown();
  const std::unique_ptr<Call> running = Running();
  const grpc::Status refused = Call(&world_).Finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(refused));
  EXPECT_THAT(refused.error_message(), ::testing::HasSubstr("too many calls wait"));
  EXPECT_GE(world_.Metric("quantstream_query_history_refused_total"), 1);
  EXPECT_EQ(world_.Metric("quantstream_query_history_waiting"), 0);
  EXPECT_EQ(Statements(), "1");  // it did not wait for the one that runs
  running->Cancel();
  EXPECT_EQ(running->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// Of a stored interval, and of one that is merged from its candles.
TEST_F(QueryStoreLimits, WhatAStreamMissedComesHoweverMuchItIs) {
  constexpr int64_t kMissed = 4998;
  world_.Commit({MakeCandle(kBtc, 1, kDay, CandleState::kFinal, 5)}, 6);
  world_.Start({{"HISTORY_CANDLES_MAX", "1000"}});
  ASSERT_TRUE(world_.Ready("ready")) << world_.process().Output();
  v1::StreamCandlesRequest request;
  request.add_instruments(kBtc);
  request.add_intervals("1s");
  request.add_intervals("3s");
  request.set_last(10);
  world_.PublishProgress(kBtc, 6, kDay + 1);
  request.set_resume_token(StreamClient(&world_.stub(), request).NextToken());
  std::vector<KeyedCandle> missed;
  for (int64_t second = 1; second < kMissed; ++second) {
    missed.push_back(MakeCandle(kBtc, 1, kDay + second, CandleState::kFinal, 10 + second / 2));
  }
  world_.Commit(missed, 10'000);  // and the live side knows nothing of it yet
  StreamClient client(&world_.stub(), request, std::chrono::minutes(1));
  std::set<std::string> seen;
  while (!seen.contains("end")) {
    const auto next = client.Next(1);
    ASSERT_FALSE(next.empty()) << client.Finish().error_message() << world_.process().Output();
    seen.insert(next.front());
  }
  for (int64_t second = 1; second < kMissed; ++second) {
    const std::string time = absl::StrCat("BTC-USDT ", kDay + second);
    const std::string version = absl::StrCat(" v", 10 + second / 2, " FINAL");
    ASSERT_TRUE(seen.contains(time + version)) << second;
    const std::string merged = absl::StrCat(" v", 11 + second / 2, " FINAL");
    ASSERT_TRUE(second % 3 != 0 || seen.contains(time + merged)) << second << ", merged";
  }
  EXPECT_GE(world_.Metric("quantstream_query_snapshot_pieces_total"), 5 + 5);
}

TEST_F(QueryStoreLimits, AStatementThatIsTooSlowIsRunOnceAndTheReplicaStaysReady) {
  world_.Commit({MakeCandle(kBtc, 1, kDay + 10, CandleState::kFinal, 5)}, 6);
  world_.Start({{"HISTORY_STATEMENT_MS", "500"}});
  ASSERT_TRUE(world_.Ready("ready")) << world_.process().Output();
  SlowDown();
  const auto begin = std::chrono::steady_clock::now();
  const grpc::Status status = Call(&world_).Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("within 500 ms; ask for less"));
  EXPECT_FALSE(DetailOf<google::rpc::RetryInfo>(status)) << "it would be as slow";
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  const std::string reads = "quantstream_query_history_reads_total{code=";
  EXPECT_EQ(world_.Metric(reads + "\"DEADLINE_EXCEEDED\"}"), 1);
  EXPECT_EQ(world_.Metric(reads + "\"UNAVAILABLE\"}"), -1) << "there is none";
  EXPECT_TRUE(world_.Ready("ready")) << "one client's call is nobody else's matter";
}

}  // namespace
}  // namespace quantstream::query::testing
