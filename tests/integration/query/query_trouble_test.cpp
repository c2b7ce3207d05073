// quantstream-query while Kafka or PostgreSQL is away, and with topics that do not fit: it stays
// up, says what is missing, and goes on by itself without a hole.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include "market/instrument.h"
#include "tests/integration/query/query_world.h"
#include "tests/support/wait.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

using test_support::KafkaServer;
using test_support::PostgresServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kDay = 1'700'006'400;       // 2023-11-15 00:00:00 UTC
constexpr std::chrono::minutes kRestarts{4};  // a server is down and up again within

KeyedCandle Closed(int64_t second, int64_t version) {
  return MakeCandle(kBtc, 1, kDay + second, CandleState::kFinal, version);
}

std::string Word(int64_t second, int64_t version) {
  return "BTC-USDT " + std::to_string(kDay + second) + " v" + std::to_string(version) + " FINAL";
}

v1::StreamCandlesRequest StreamFrom(int64_t second) {
  v1::StreamCandlesRequest request;
  request.add_instruments(kBtc);
  request.add_intervals("1s");
  request.mutable_start_time()->set_seconds(kDay + second);
  return request;
}

// Commits and publishes, as the processor does while all is well.
void CommitAndPublish(QueryWorld& world, const KeyedCandle& candle) {
  world.Commit({candle}, candle.candle.version + 1);
  world.PublishClosed({candle});
}

TEST(QueryWithKafkaDown, WaitsAtTheStartAndSaysSoUntilItIsThere) {
  KafkaServer kafka;
  QueryWorld world(kafka, PostgresServer::Shared());
  world.Commit({Closed(10, 5)}, 6);
  kafka.Stop();
  world.Start();
  ASSERT_TRUE(world.process().WaitForOutput("waiting for Kafka")) << world.process().Output();
  EXPECT_TRUE(world.Ready("kafka: describing topic"));
  kafka.Start();
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  StreamClient client(&world.stub(), StreamFrom(10));
  EXPECT_THAT(client.Next(2), ElementsAre(Word(10, 5), "end"));
}

TEST(QueryWithKafkaDown, StreamsStayOpenAndGoOnWithoutAHole) {
  KafkaServer kafka;
  QueryWorld world(kafka, PostgresServer::Shared());
  CommitAndPublish(world, Closed(10, 5));
  world.Start();
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  StreamClient open(&world.stub(), StreamFrom(10), kRestarts);
  EXPECT_THAT(open.Next(2), ElementsAre(Word(10, 5), "end"));
  kafka.Stop();
  ASSERT_TRUE(world.Ready("kafka: ")) << world.process().Output();
  world.Commit({Closed(11, 7)}, 8);  // committed, and not published: the processor cannot either
  StreamClient meanwhile(&world.stub(), StreamFrom(10), kRestarts);
  EXPECT_THAT(meanwhile.Next(3), ElementsAre(Word(10, 5), Word(11, 7), "end"));
  kafka.Start();
  EXPECT_TRUE(world.Ready("ready\n")) << "though no record comes: " << world.process().Output();
  world.PublishClosed({Closed(11, 7)});
  CommitAndPublish(world, Closed(12, 9));
  EXPECT_THAT(open.Next(2), ElementsAre(Word(11, 7), Word(12, 9)));
  EXPECT_THAT(meanwhile.Next(2), ElementsAre(Word(11, 7), Word(12, 9)));  // one may come twice
  EXPECT_TRUE(world.process().Running());
}

TEST(QueryWithKafkaDown, ABrokerThatIsKilledIsReadOnFromWhereItWas) {
  KafkaServer kafka;
  QueryWorld world(kafka, PostgresServer::Shared());
  CommitAndPublish(world, Closed(10, 5));
  world.Start();
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  StreamClient open(&world.stub(), StreamFrom(10), kRestarts);
  EXPECT_THAT(open.Next(2), ElementsAre(Word(10, 5), "end"));
  kafka.Kill();
  ASSERT_TRUE(world.Ready("kafka: ")) << world.process().Output();
  kafka.Start();
  CommitAndPublish(world, Closed(11, 7));
  EXPECT_THAT(open.Next(1), ElementsAre(Word(11, 7)));
  EXPECT_TRUE(world.Ready("ready\n")) << world.process().Output();
}

TEST(QueryWithPostgresqlDown, StreamsGoOnNewOnesAreUnavailableAndItComesBackByItself) {
  PostgresServer postgres;
  QueryWorld world(KafkaServer::Shared(), postgres);
  CommitAndPublish(world, Closed(10, 5));
  world.Start();
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  StreamClient open(&world.stub(), StreamFrom(10), kRestarts);
  EXPECT_THAT(open.Next(2), ElementsAre(Word(10, 5), "end"));
  CommitAndPublish(world, Closed(11, 7));
  postgres.Stop(PostgresServer::Mode::kImmediate);
  ASSERT_TRUE(world.Ready("postgres: ")) << world.process().Output();
  EXPECT_THAT(open.Next(1), ElementsAre(Word(11, 7)));
  const grpc::Status refused = StreamClient(&world.stub(), StreamFrom(10)).Finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(refused));
  postgres.Start();
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  world.Reconnect();
  CommitAndPublish(world, Closed(12, 9));
  EXPECT_THAT(open.Next(1), ElementsAre(Word(12, 9)));
  StreamClient fresh(&world.stub(), StreamFrom(10));
  EXPECT_THAT(fresh.Next(4), ElementsAre(Word(10, 5), Word(11, 7), Word(12, 9), "end"));
}

TEST(QueryPartitionCount, ATopicCandlesWithAnotherOneThanConfiguredIsRefusedWithBoth) {
  QueryWorld world;
  world.Start({{"PARTITIONS", "6"}});
  EXPECT_EQ(world.process().WaitForExit(), 1);
  EXPECT_THAT(world.process().Output(),
              HasSubstr(world.CandlesTopic() + " has 4 partitions, expected 6"));
}

TEST(QueryPartitionCount, ATopicTradesWithAnotherOneIsRefusedWithBoth) {
  QueryWorld world;
  kafka::TopicSpec spec;
  spec.name = world.TradesTopic();
  spec.partitions = 6;
  ASSERT_TRUE(world.topics().Ensure(spec, std::chrono::seconds(30)).ok());
  world.Start();
  EXPECT_EQ(world.process().WaitForExit(), 1);
  EXPECT_THAT(world.process().Output(),
              HasSubstr(world.TradesTopic() + " has 6 partitions, expected 4"));
}

TEST(QueryPartitionCount, AStoreThatWasBuiltWithAnotherOneIsRefusedWithBoth) {
  QueryWorld world;
  world.Commit({Closed(10, 5)}, 6);
  test_support::Query(world.database().ConnectionString(),
                      "UPDATE partition_progress SET partition_count = 7");
  world.Start();
  EXPECT_EQ(world.process().WaitForExit(), 1);
  EXPECT_THAT(world.process().Output(), HasSubstr("has 4 partitions"));
  EXPECT_THAT(world.process().Output(), HasSubstr("built with 7"));
}

}  // namespace
}  // namespace quantstream::query::testing
