// quantstream-query from outside, with hostile clients and servers that go away under it: what it
// answers, what it counts, and that nothing of theirs stays in the process.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/integration/query/query_world.h"
#include "tests/support/wait.h"
#include "tests/unit/query/hostile_fixture.h"

namespace quantstream::query::testing {
namespace {

using test_support::KafkaServer;
using test_support::PostgresServer;
using test_support::WaitFor;

constexpr int64_t kDay = 1'700'006'400;  // 2023-11-15 00:00:00 UTC

KeyedCandle Closed(int64_t second) {
  return MakeCandle(kBtc, 1, kDay + second, CandleState::kFinal, second);
}

// As the processor does while all is well.
void Close(QueryWorld& world, int64_t second) {
  world.Commit({Closed(second)}, second + 1);
  world.PublishClosed({Closed(second)});
}

v1::StreamCandlesRequest StreamOfBtc() {
  v1::StreamCandlesRequest request;
  request.add_instruments(kBtc);
  request.add_intervals("1s");
  request.mutable_start_time()->set_seconds(kDay);
  return request;
}

v1::GetCandlesRequest CandlesOfBtc() {
  v1::GetCandlesRequest request;
  request.set_instrument(kBtc);
  request.set_interval("1s");
  return request;
}

std::unique_ptr<grpc::ClientContext> Context(
    std::chrono::milliseconds deadline = std::chrono::minutes(2)) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + deadline);
  return context;
}

grpc::Status GetCandles(QueryWorld& world) {
  v1::GetCandlesResponse response;
  return world.stub().GetCandles(Context().get(), CandlesOfBtc(), &response);
}

// Until then reads of the history wait in PostgreSQL.
void BlockHistory(const QueryWorld& world) {
  test_support::Query(world.database().ConnectionString(),
                      "ALTER TABLE partition_progress RENAME TO moved;"
                      "CREATE VIEW partition_progress AS SELECT * FROM moved WHERE "
                      "pg_sleep(600)::text IS NOT NULL");
}

void UnblockHistory(const QueryWorld& world) {
  test_support::Query(world.database().ConnectionString(),
                      "DROP VIEW partition_progress;"
                      "ALTER TABLE moved RENAME TO partition_progress");
}

bool WaitForStatements(const QueryWorld& world, const std::string& count) {
  return WaitFor([&] {
    return test_support::Query(world.database().ConnectionString(),
                               "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                               "'quantstream-query' AND state = 'active'") == count;
  });
}

// Nothing of a client is in the process any more.
void ExpectNothingLeft(QueryWorld& world, int64_t descriptors) {
  for (const char* gauge : {"streams", "trade_streams", "connections", "queue_bytes",
                            "snapshot_bytes", "trade_queue_bytes"}) {
    const std::string name = std::string("quantstream_query_") + gauge;
    EXPECT_TRUE(WaitFor([&] { return world.Metric(name) == 0; }))
        << name << " " << world.Metric(name);
  }
  EXPECT_TRUE(WaitFor([&] { return Descriptors(world.process().pid()) <= descriptors; }))
      << Descriptors(world.process().pid()) << " descriptors, " << descriptors << " before";
}

TEST(HostileQuery, PostgresqlThatRestartsInTheMiddleOfAHistoryReadIsUnavailableAndComesBack) {
  PostgresServer postgres;
  QueryWorld world(KafkaServer::Shared(), postgres);
  Close(world, 10);
  world.Start();
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  ASSERT_TRUE(GetCandles(world).ok());
  BlockHistory(world);
  auto call = std::async(std::launch::async, [&] { return GetCandles(world); });
  EventReader stream(&world.stub(), StreamOfBtc());
  ASSERT_TRUE(WaitForStatements(world, "2"));
  postgres.Stop(PostgresServer::Mode::kImmediate);
  postgres.Start();
  for (const grpc::Status& status : {call.get(), stream.Finish()}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status));
  }
  world.Reconnect();
  UnblockHistory(world);
  EXPECT_TRUE(WaitFor([&] { return GetCandles(world).ok(); }));
  EventReader again(&world.stub(), StreamOfBtc());
  EXPECT_TRUE(again.ReadUntilSnapshotEnd());
  EXPECT_EQ(again.finals(), std::set<int64_t>{kDay + 10});
}

// The next Progress of a stream says so, or says that there is no trouble.
bool ReadUntilTrouble(grpc::ClientReader<v1::StreamCandlesResponse>* stream, bool trouble) {
  v1::StreamCandlesResponse event;
  while (stream->Read(&event)) {
    if (!event.has_progress()) continue;
    if (event.progress().live_feed_trouble().empty() != trouble) return true;
  }
  return false;
}

TEST(HostileQuery, WhileKafkaIsGoneStreamsSaySoAndHistoryGoesOn) {
  KafkaServer kafka;
  QueryWorld world(kafka, PostgresServer::Shared());
  Close(world, 10);
  world.Start();
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  const auto context = Context(std::chrono::minutes(5));
  const auto stream = world.stub().StreamCandles(context.get(), StreamOfBtc());
  ASSERT_TRUE(ReadUntilTrouble(stream.get(), false));
  kafka.Stop();
  ASSERT_TRUE(ReadUntilTrouble(stream.get(), true));
  world.Commit({Closed(11)}, 12);
  EXPECT_TRUE(GetCandles(world).ok());
  EventReader fresh(&world.stub(), StreamOfBtc());
  EXPECT_TRUE(fresh.ReadUntilSnapshotEnd());
  EXPECT_EQ(fresh.finals(), (std::set<int64_t>{kDay + 10, kDay + 11}));
  kafka.Start();
  EXPECT_TRUE(ReadUntilTrouble(stream.get(), false));
  context->TryCancel();
  stream->Finish();
}

// One of them, on a connection of its own: it reads a little or nothing, and goes as it likes.
void BeHostile(const QueryWorld& world, int which) {
  const auto port = static_cast<uint16_t>(world.grpc_port());
  const std::string call = RawCall("StreamCandles", StreamOfBtc().SerializeAsString());
  if (which % 4 == 0) return Reset(DialAndSend(port, call));
  if (which % 4 == 1) return Reset(DialAndSend(port, call.substr(0, call.size() / 2)));
  grpc::ChannelArguments own;
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub = v1::MarketData::NewStub(grpc::CreateCustomChannel(
      "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), own));
  if (which % 4 == 2) {
    v1::GetCandlesResponse response;
    stub->GetCandles(Context(std::chrono::milliseconds(1)).get(), CandlesOfBtc(), &response);
    v1::ListInstrumentsResponse list;
    const auto large = Context();
    large->AddMetadata("large", std::string(1 << 20, 'x'));
    stub->ListInstruments(large.get(), {}, &list);
  }
  v1::StreamCandlesRequest request = StreamOfBtc();
  request.set_slow_consumer_policy(static_cast<v1::SlowConsumerPolicy>(1 + which % 3));
  EventReader reader(stub.get(), request);
  if (which % 8 < 4) reader.ReadOne();
}

TEST(HostileQuery, AfterAStormOfThemAllNothingIsLeftAndItAnswers) {
  QueryWorld world;
  Close(world, 1);
  world.Start({{"QUEUE_BYTES_MAX", "65536"}, {"HANDSHAKE_TIMEOUT_MS", "1000"}});
  ASSERT_TRUE(world.Ready("ready\n")) << world.process().Output();
  // Whatever is made once is there now: threads, connections to PostgreSQL.
  for (int which = 0; which < 16; ++which) BeHostile(world, which);
  ASSERT_TRUE(WaitFor([&] { return world.Metric("quantstream_query_connections") == 0; }));
  const int64_t descriptors = Descriptors(world.process().pid());
  std::vector<std::thread> storm;
  for (int thread = 0; thread < 4; ++thread) {
    storm.emplace_back([&world, thread] {
      for (int which = thread; which < 200; which += 4) BeHostile(world, which * 7 + thread);
    });
  }
  std::vector<int> silent;
  const auto port = static_cast<uint16_t>(world.grpc_port());
  for (int i = 0; i < 300; ++i) silent.push_back(DialAndSend(port, ""));
  for (int64_t second = 2; second < 100; ++second) Close(world, second);
  for (std::thread& thread : storm) thread.join();
  for (const int fd : silent) Reset(fd);
  ExpectNothingLeft(world, descriptors);
  EXPECT_TRUE(world.process().Running());
  ASSERT_TRUE(GetCandles(world).ok());
  EventReader stream(&world.stub(), StreamOfBtc());
  Close(world, 100);
  EXPECT_TRUE(stream.ReadUntil(kDay + 100));
  EXPECT_EQ(stream.finals().size(), 100u);
}

}  // namespace
}  // namespace quantstream::query::testing
