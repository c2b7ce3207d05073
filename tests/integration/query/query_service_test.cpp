// quantstream-query with real Kafka and real PostgreSQL: every statement, the tail, and what it
// does when they go away.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "market/instrument.h"
#include "tests/integration/query/query_world.h"
#include "tests/support/wait.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kDay = 1'700'006'400;  // 2023-11-15 00:00:00 UTC

KeyedCandle Closed(const std::string& instrument, int64_t second, int64_t version,
                   CandleState state = CandleState::kFinal) {
  return MakeCandle(instrument, 1, kDay + second, state, version);
}
KeyedCandle Open(const std::string& instrument, int64_t second, int64_t version) {
  return MakeCandle(instrument, 1, kDay + second, CandleState::kPartial, version);
}

std::string At(int64_t second) {
  return std::to_string(kDay + second);
}

v1::StreamCandlesRequest StreamOf(std::optional<int64_t> start, int32_t last = 0) {
  v1::StreamCandlesRequest request;
  request.add_instruments(kBtc);
  request.add_intervals("1s");
  if (start) request.mutable_start_time()->set_seconds(kDay + *start);
  request.set_last(last);
  return request;
}

std::unique_ptr<grpc::ClientContext> Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  return context;
}

// Pages of a GetCandles, as versions; a page ends with 0.
std::vector<int64_t> AllPages(QueryWorld& world, v1::GetCandlesRequest request) {
  std::vector<int64_t> versions;
  do {
    v1::GetCandlesResponse response;
    const grpc::Status status = world.stub().GetCandles(Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    for (const v1::Candle& candle : response.candles()) versions.push_back(candle.version());
    versions.push_back(0);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && versions.size() < 100);
  return versions;
}

v1::GetCandlesRequest CandlesOf(const std::string& instrument) {
  v1::GetCandlesRequest request;
  request.set_instrument(instrument);
  request.set_interval("1s");
  return request;
}

TEST(QueryService, ServesHistoryThenLiveFromTheRealStoreAndTopic) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 5), Closed(kBtc, 11, 6)}, 7);
  world.PublishOpen({Open(kBtc, 12, 8)});
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  StreamClient all(&world.stub(), StreamOf(10));
  EXPECT_THAT(all.Next(4),
              ElementsAre("BTC-USDT " + At(10) + " v5 FINAL", "BTC-USDT " + At(11) + " v6 FINAL",
                          "BTC-USDT " + At(12) + " v8 PARTIAL", "end"));
  StreamClient last(&world.stub(), StreamOf(std::nullopt, 1));
  EXPECT_THAT(last.Next(3), ElementsAre("BTC-USDT " + At(11) + " v6 FINAL",
                                        "BTC-USDT " + At(12) + " v8 PARTIAL", "end"));
  StreamClient none(&world.stub(), StreamOf(std::nullopt));
  EXPECT_THAT(none.Next(2), ElementsAre("BTC-USDT " + At(12) + " v8 PARTIAL", "end"));
  world.Commit({Closed(kBtc, 12, 9)}, 10);
  world.PublishClosed({Closed(kBtc, 12, 9)});
  world.PublishProgress(kBtc, 10, kDay + 13);
  for (StreamClient* client : {&all, &last, &none}) {
    EXPECT_THAT(client->Next(1), ElementsAre("BTC-USDT " + At(12) + " v9 FINAL"));
    EXPECT_TRUE(client->WaitForWatermark());
    EXPECT_EQ(client->watermark_s(), kDay + 13);
  }
}

TEST(QueryService, GetLatestAndListInstruments) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 5), Closed(kEth, 10, 5), Closed(kEth, 11, 6)}, 7);
  world.PublishOpen({Open(kBtc, 12, 8)});
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  v1::GetLatestRequest latest;
  latest.add_instruments("btcusdt");
  latest.add_instruments(kEth);
  latest.add_intervals("1s");
  latest.add_intervals("1m");
  v1::GetLatestResponse candles;
  ASSERT_TRUE(world.stub().GetLatest(Context().get(), latest, &candles).ok());
  ASSERT_EQ(candles.candles_size(), 2);
  EXPECT_EQ(candles.candles(0).state(), v1::CANDLE_STATE_PARTIAL);
  EXPECT_EQ(candles.candles(1).version(), 6);
  EXPECT_EQ(candles.candles(1).vwap(), "100.5");
  v1::ListInstrumentsRequest list;
  list.set_page_size(1);
  v1::ListInstrumentsResponse instruments;
  ASSERT_TRUE(world.stub().ListInstruments(Context().get(), list, &instruments).ok());
  ASSERT_EQ(instruments.instruments_size(), 1);
  EXPECT_EQ(instruments.instruments(0).name(), kBtc);
  EXPECT_GT(instruments.instruments(0).first_seen_time().seconds(), kDay);
  list.set_page_token(instruments.next_page_token());
  v1::ListInstrumentsResponse rest;
  ASSERT_TRUE(world.stub().ListInstruments(Context().get(), list, &rest).ok());
  EXPECT_EQ(rest.instruments(0).name(), kEth);
  EXPECT_EQ(rest.next_page_token(), "");
}

TEST(QueryService, GetCandlesByRangeLastOrderStateAndPage) {
  QueryWorld world;
  world.Commit(
      {Closed(kBtc, 10, 1), Closed(kBtc, 11, 2), Closed(kBtc, 12, 9, CandleState::kRevised),
       Closed(kBtc, 14, 4), Closed(kBtc, 15, 5)},
      10);
  world.PublishOpen({Open(kBtc, 16, 11)});
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  v1::GetCandlesRequest request = CandlesOf("BTC/USDT");
  EXPECT_THAT(AllPages(world, request), ElementsAre(1, 2, 9, 4, 5, 0));
  request.set_page_size(2);
  EXPECT_THAT(AllPages(world, request), ElementsAre(1, 2, 0, 9, 4, 0, 5, 0));
  request.set_order(v1::CANDLE_ORDER_DESCENDING);
  EXPECT_THAT(AllPages(world, request), ElementsAre(5, 4, 0, 9, 2, 0, 1, 0));
  request.set_last(3);
  EXPECT_THAT(AllPages(world, request), ElementsAre(5, 4, 0, 9, 0));
  request.set_order(v1::CANDLE_ORDER_ASCENDING);
  EXPECT_THAT(AllPages(world, request), ElementsAre(9, 4, 0, 5, 0));
  request.add_states(v1::CANDLE_STATE_PARTIAL);
  request.add_states(v1::CANDLE_STATE_FINAL);
  EXPECT_THAT(AllPages(world, request), ElementsAre(4, 5, 0, 11, 0));
  v1::GetCandlesRequest range = CandlesOf(kBtc);
  range.mutable_start_time()->set_seconds(kDay + 11);
  range.mutable_end_time()->set_seconds(kDay + 14);
  EXPECT_THAT(AllPages(world, range), ElementsAre(2, 9, 0));
  range.add_states(v1::CANDLE_STATE_REVISED);
  EXPECT_THAT(AllPages(world, range), ElementsAre(9, 0));
  range.clear_states();
  range.mutable_start_time()->set_seconds(kDay + 13);
  EXPECT_THAT(AllPages(world, range), ElementsAre(0));  // no trades: OK and empty
}

TEST(QueryService, ARangeBeforeTheFirstCandleIsOutOfRangeAndNamesTheEarliestTime) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 1)}, 2);
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  v1::GetCandlesRequest request = CandlesOf(kBtc);
  request.mutable_end_time()->set_seconds(kDay + 10);
  v1::GetCandlesResponse response;
  const grpc::Status status = world.stub().GetCandles(Context().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status)->metadata().at("earliest_time"),
            "2023-11-15T00:00:10Z");
}

TEST(QueryService, AnUnknownInstrumentIsNotFoundWithTheNearestNames) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 1)}, 2);
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  v1::GetCandlesResponse response;
  const grpc::Status status =
      world.stub().GetCandles(Context().get(), CandlesOf("binance:BTC-USDX"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(DetailOf<google::rpc::ResourceInfo>(status)->description(), HasSubstr(kBtc));
}

TEST(QueryService, ATailThatLosesItsPlaceResumesEveryStreamFromTheStore) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 5)}, 6);
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  StreamClient client(&world.stub(), StreamOf(10));
  EXPECT_THAT(client.Next(2), ElementsAre("BTC-USDT " + At(10) + " v5 FINAL", "end"));
  world.process().Pause();
  world.PublishProgress(kBtc, 6, kDay + 11);  // answers the fetch that is in flight
  world.Commit({Closed(kBtc, 11, 7), Closed(kBtc, 10, 8, CandleState::kRevised)}, 9);
  world.PublishClosed({Closed(kBtc, 11, 7), Closed(kBtc, 10, 8, CandleState::kRevised)});
  world.PublishProgress(kBtc, 9, kDay + 12);
  const int32_t partition = PartitionOf(kBtc, kPartitions);
  const absl::Status deleted = world.topics().DeleteRecordsBefore(world.CandlesTopic(), partition,
                                                                  2, std::chrono::seconds(20));
  ASSERT_TRUE(deleted.ok()) << deleted;
  world.process().Resume();
  EXPECT_THAT(client.Next(3), ElementsAre("discontinuity", "BTC-USDT " + At(10) + " v8 REVISED",
                                          "BTC-USDT " + At(11) + " v7 FINAL"))
      << world.process().Output();
}

// The new topic has a record where the tail stands: reading on would leave out those before it.
TEST(QueryService, ATopicThatIsMadeAgainIsALostPlace) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 5)}, 6);
  world.PublishClosed({Closed(kBtc, 10, 5)});
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  StreamClient client(&world.stub(), StreamOf(10), std::chrono::minutes(2));
  EXPECT_THAT(client.Next(2), ElementsAre("BTC-USDT " + At(10) + " v5 FINAL", "end"));
  world.process().Pause();
  world.MakeCandlesAgain();
  world.Commit({Closed(kBtc, 11, 7), Closed(kBtc, 12, 9)}, 10);
  world.PublishClosed({Closed(kBtc, 11, 7)});
  world.PublishClosed({Closed(kBtc, 12, 9)});
  world.PublishProgress(kBtc, 10, kDay + 13);
  world.process().Resume();
  EXPECT_THAT(client.Next(1), ElementsAre("discontinuity"));
  std::set<std::string> seen;
  while (!seen.contains("BTC-USDT " + At(12) + " v9 FINAL")) {
    const auto next = client.Next(1);
    ASSERT_FALSE(next.empty()) << world.process().Output();
    seen.insert(next.front());
  }
  EXPECT_TRUE(seen.contains("BTC-USDT " + At(11) + " v7 FINAL")) << world.process().Output();
  EXPECT_TRUE(world.Ready("ready")) << world.process().Output();
}

TEST(QueryService, ABadRecordIsPassedOverAndWhatItMayHaveHeldIsReadFromTheStore) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 5)}, 6);
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  StreamClient client(&world.stub(), StreamOf(10));
  EXPECT_THAT(client.Next(2), ElementsAre("BTC-USDT " + At(10) + " v5 FINAL", "end"));
  world.Commit({Closed(kBtc, 11, 7), Closed(kBtc, 10, 8, CandleState::kRevised)}, 9);
  world.PublishBytes(PartitionOf(kBtc, kPartitions), "\x12\x7fgarbage");
  world.PublishProgress(kBtc, 9, kDay + 12);
  EXPECT_THAT(client.Next(3), ElementsAre("discontinuity", "BTC-USDT " + At(10) + " v8 REVISED",
                                          "BTC-USDT " + At(11) + " v7 FINAL"));
}

TEST(QueryService, SigtermTellsTheStreamsAndEndsInTime) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 5)}, 6);
  world.Start({{"DRAIN_GRACE_MS", "300"}});
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  StreamClient client(&world.stub(), StreamOf(10));
  EXPECT_THAT(client.Next(2), ElementsAre("BTC-USDT " + At(10) + " v5 FINAL", "end"));
  world.process().Signal(SIGTERM);
  EXPECT_THAT(client.Next(1), ElementsAre("draining"));
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(world.process().WaitForExit(), 0) << world.process().Output();
}

TEST(QueryService, WaitsForPostgresqlSaysSoAndComesBackByItself) {
  test_support::PostgresServer postgres;
  QueryWorld world(test_support::KafkaServer::Shared(), postgres);
  world.Commit({Closed(kBtc, 10, 5)}, 6);
  postgres.Stop();
  world.Start();
  ASSERT_TRUE(world.process().WaitForOutput("waiting for PostgreSQL"));
  ASSERT_TRUE(world.Ready("postgres"));
  postgres.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  postgres.Stop(test_support::PostgresServer::Mode::kImmediate);
  v1::GetCandlesResponse response;
  const grpc::Status down = world.stub().GetCandles(Context().get(), CandlesOf(kBtc), &response);
  EXPECT_EQ(down.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(down));
  ASSERT_TRUE(world.Ready("postgres"));
  postgres.Start();
  EXPECT_TRUE(test_support::WaitFor(
      [&] { return world.stub().GetCandles(Context().get(), CandlesOf(kBtc), &response).ok(); }));
}

TEST(QueryService, ADeadlineStopsTheStatement) {
  QueryWorld world;
  world.Commit({Closed(kBtc, 10, 5)}, 6);
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  v1::GetCandlesResponse response;
  ASSERT_TRUE(world.stub().GetCandles(Context().get(), CandlesOf(kBtc), &response).ok());
  const std::string at = world.database().ConnectionString();
  test_support::Query(at,
                      "ALTER TABLE partition_progress RENAME TO moved;"
                      "CREATE VIEW partition_progress AS SELECT * FROM moved WHERE "
                      "pg_sleep(30)::text IS NOT NULL");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
  EXPECT_EQ(world.stub().GetCandles(&context, CandlesOf(kBtc), &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(test_support::WaitFor([&] {
    return test_support::Query(at,
                               "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                               "'quantstream-query' AND state = 'active'") == "0";
  }));
}

}  // namespace
}  // namespace quantstream::query::testing
