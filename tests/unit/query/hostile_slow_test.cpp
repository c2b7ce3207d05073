// Clients that do not read: each costs its own bound and nobody else anything, and gets what it
// chose. Bytes are counted after every candle.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>

#include <thread>

#include "tests/support/wait.h"
#include "tests/unit/query/hostile_fixture.h"

namespace quantstream::query::testing {
namespace {

constexpr int64_t kBound = 64 << 10;

class HostileSlowClients : public HostileTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.subscription = {.queue_bytes_max = kBound, .message_bytes_max = 8 << 10};
    options->service.end_wait_max = std::chrono::minutes(2);
    options->streams_per_connection_max = 200;
  }

  // What a client's own gRPC takes in ahead of it would else grow to megabytes a stream.
  std::unique_ptr<v1::MarketData::Stub> ConnectSlow() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 << 10);
    return v1::MarketData::NewStub(
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                  grpc::InsecureChannelCredentials(), arguments));
  }
  v1::StreamCandlesRequest SlowStream(v1::SlowConsumerPolicy policy) const {
    v1::StreamCandlesRequest request = StreamOf(kA);
    request.set_slow_consumer_policy(policy);
    return request;
  }
  // Closes candles until so many streams did not read them and were dealt with.
  void CloseUntilTooSlow(double times, int64_t streams) {
    while (Metric("quantstream_query_slow_clients_total") < times) {
      CloseNext();
      // Between two looks at the bound at most one candle comes.
      ASSERT_LE(WaitingBytes(), streams * kBound + 2'000);
      ASSERT_LT(closed(), 100'000);
    }
  }
  // Each adds an instrument that there is; most of its answer is about those that there are not.
  std::vector<v1::SubscribeRequest> Additions(int count) {
    std::vector<v1::SubscribeRequest> requests;
    for (int i = 0; i < count; ++i) {
      const std::string name = "venue:X" + std::to_string(i) + "-USD";
      history_.AddInstrument(name, kPartition);
      v1::SubscribeRequest& request = requests.emplace_back();
      request.set_last(1);
      request.add_add()->set_instrument(name);
      for (int k = 0; k < 100; ++k) request.add_add()->set_instrument("venue:NO" + name);
      for (auto& item : *request.mutable_add()) item.set_interval("1s");
    }
    return requests;
  }
  static void ExpectAll(const std::set<int64_t>& finals, int64_t from, int64_t until) {
    for (int64_t open_s = from; open_s <= until; ++open_s) {
      ASSERT_TRUE(finals.contains(open_s)) << open_s;
    }
  }
};

TEST_F(HostileSlowClients, ConflateStaysInItsBoundAndGoesOnFromTheStoreWithEveryFinal) {
  const auto stub = ConnectSlow();
  EventReader slow(stub.get(), SlowStream(v1::SLOW_CONSUMER_POLICY_CONFLATE));
  ASSERT_TRUE(slow.ReadUntilSnapshotEnd());
  CloseUntilTooSlow(1, 1);
  // Its own gRPC may take a little more, and then it is live again until it is too slow once more.
  for (int i = 0; i < 1'000 || WaitingBytes() > 0; ++i) {
    CloseNext();
    ASSERT_LE(WaitingBytes(), kBound + 2'000);
    ASSERT_LT(closed(), 100'000) << "what waits is not let go";
  }
  ASSERT_TRUE(slow.ReadUntil(closed()));
  ExpectAll(slow.finals(), 1, closed());
  EXPECT_FALSE(slow.went_back());
  CloseNext();
  EXPECT_TRUE(slow.ReadUntil(closed())) << "it is live again";
}

TEST_F(HostileSlowClients, SkipAndTellTellsCountRangeAndTheCallsThatFetchIt) {
  const auto stub = ConnectSlow();
  EventReader slow(stub.get(), SlowStream(v1::SLOW_CONSUMER_POLICY_SKIP_AND_TELL));
  ASSERT_TRUE(slow.ReadUntilSnapshotEnd());
  CloseUntilTooSlow(3, 1);
  const int64_t last = closed();
  ASSERT_TRUE(slow.ReadUntil(last));
  std::set<int64_t> all = slow.finals();
  auto told = static_cast<int64_t>(all.size());
  for (const v1::Skipped& skipped : slow.skipped()) {
    told += static_cast<int64_t>(skipped.count());
    EXPECT_EQ(static_cast<int64_t>(skipped.count()),
              skipped.last_open_time().seconds() - skipped.first_open_time().seconds() + 1);
    ASSERT_EQ(skipped.fetch_size(), 1);
    v1::GetCandlesRequest fetch = skipped.fetch(0);
    do {
      grpc::ClientContext context;
      v1::GetCandlesResponse response;
      ASSERT_TRUE(stub_->GetCandles(&context, fetch, &response).ok());
      for (const v1::Candle& candle : response.candles()) all.insert(candle.open_time().seconds());
      fetch.set_page_token(response.next_page_token());
    } while (!fetch.page_token().empty());
  }
  EXPECT_EQ(told, last) << "each came, or was counted, once";
  ExpectAll(all, 1, last);
}

TEST_F(HostileSlowClients, DisconnectEndsWithCountsAndATokenThatGoesOn) {
  std::string token;
  int64_t read_until = 0;
  const auto stub = ConnectSlow();
  {
    EventReader slow(stub.get(), SlowStream(v1::SLOW_CONSUMER_POLICY_DISCONNECT));
    ASSERT_TRUE(slow.ReadUntilSnapshotEnd());
    CloseUntilTooSlow(1, 1);
    EXPECT_TRUE(test_support::WaitFor([&] { return WaitingBytes() == 0; }));
    const grpc::Status status = slow.Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    const auto info = DetailOf<google::rpc::ErrorInfo>(status);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->reason(), "SLOW_CLIENT");
    EXPECT_GT(std::stoll(info->metadata().at("bytes_waiting")), kBound);
    EXPECT_EQ(std::stoll(info->metadata().at("bytes_max")), kBound);
    read_until = slow.finals().empty() ? 0 : *slow.finals().rbegin();
    EXPECT_EQ(std::stoll(info->metadata().at("closed_candles_waiting")), closed() - read_until);
    token = info->metadata().at("resume_token");
  }
  CloseNext();
  v1::StreamCandlesRequest request = SlowStream(v1::SLOW_CONSUMER_POLICY_DISCONNECT);
  request.set_resume_token(token);
  EventReader again(stub_.get(), request);
  ASSERT_TRUE(again.ReadUntil(closed()));
  ExpectAll(again.finals(), read_until + 1, closed());
}

// Its history is still on its way: there is nothing yet to go on from.
TEST_F(HostileSlowClients, DisconnectWithoutATokenLeavesItOut) {
  std::vector<Update> rows;
  for (int64_t n = 1; n <= 20'000; ++n) rows.push_back(Final(kA, n - 30'000, 0));
  history_.Commit(rows, 1);
  const auto stub = ConnectSlow();
  v1::StreamCandlesRequest request = SlowStream(v1::SLOW_CONSUMER_POLICY_DISCONNECT);
  request.set_last(10'000);
  EventReader slow(stub.get(), request);
  ASSERT_TRUE(
      test_support::WaitFor([&] { return Metric("quantstream_query_snapshot_bytes") > 0; }));
  CloseUntilTooSlow(1, 1);
  const auto info = DetailOf<google::rpc::ErrorInfo>(slow.Finish());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->reason(), "SLOW_CLIENT");
  EXPECT_FALSE(info->metadata().contains("resume_token"));
}

class HostileHistoryReaders : public HostileSlowClients {
  void Adjust(ServerOptions* options) override {
    HostileSlowClients::Adjust(options);
    options->service.snapshot_bytes_max = 16 << 20;
  }
};

// Ten ask for more history than their shares, and do not read it: one that asks for a little has
// its own, and one that asks for much is told.
TEST_F(HostileHistoryReaders, TakeNobodyElsesShareOfTheMemory) {
  std::vector<Update> rows;
  for (int64_t n = 1; n <= 10'000; ++n) rows.push_back(Final(kA, n - 30'000, 0));
  history_.Commit(rows, 1);
  const auto stub = ConnectSlow();
  v1::StreamCandlesRequest much = SlowStream(v1::SLOW_CONSUMER_POLICY_CONFLATE);
  much.set_last(10'000);
  std::vector<std::unique_ptr<EventReader>> slow;
  for (int i = 0; i < 10; ++i) {
    slow.push_back(std::make_unique<EventReader>(stub.get(), much));
    ASSERT_TRUE(history_.WaitForSnapshots(i + 1));
  }
  EventReader small(stub_.get(), SlowStream(v1::SLOW_CONSUMER_POLICY_CONFLATE));
  EXPECT_TRUE(small.ReadUntilSnapshotEnd());
  EXPECT_EQ(small.finals().size(), 100u);
  EventReader large(stub_.get(), much);
  const auto info = DetailOf<google::rpc::ErrorInfo>(large.Finish());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->reason(), "SNAPSHOT_MEMORY");
}

TEST_F(HostileSlowClients, AHundredBesideAFastOneCostTheirBoundsAndItNothing) {
  constexpr int kSlow = 100;
  const auto others = ConnectSlow();
  std::vector<std::unique_ptr<EventReader>> slow;
  for (int i = 0; i < kSlow; ++i) {
    const auto policy = static_cast<v1::SlowConsumerPolicy>(1 + i % 3);
    slow.push_back(std::make_unique<EventReader>(others.get(), SlowStream(policy)));
    ASSERT_TRUE(slow.back()->ReadUntilSnapshotEnd());
  }
  EventReader fast(stub_.get(), SlowStream(v1::SLOW_CONSUMER_POLICY_DISCONNECT));
  ASSERT_TRUE(fast.ReadUntilSnapshotEnd());
  while (Metric("quantstream_query_slow_clients_total") < kSlow) {
    for (int i = 0; i < 50; ++i) CloseNext();
    ASSERT_TRUE(fast.ReadUntil(closed()));
    ASSERT_LE(WaitingBytes(), kSlow * (kBound + 2'000));
    ASSERT_LT(closed(), 100'000);
  }
  ExpectAll(fast.finals(), 1, closed());
  EXPECT_EQ(fast.skipped().size(), 0u);
}

TEST_F(HostileSlowClients, OneThatAsksAndNeverReadsIsNotListenedToUntilItReads) {
  constexpr int kRequests = 200, kTakenMax = 40;
  const std::vector<v1::SubscribeRequest> requests = Additions(kRequests);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
  const auto stub = ConnectSlow();
  auto stream = stub->Subscribe(&context);
  std::thread writer([&] {
    for (const auto& request : requests) EXPECT_TRUE(stream->Write(request));
  });
  EXPECT_TRUE(history_.WaitForSnapshots(1));
  // Each that is taken has a history read begun: were it listened to, all would be.
  EXPECT_FALSE(test_support::WaitFor([&] { return history_.snapshots_begun() > kTakenMax; },
                                     std::chrono::milliseconds(500)));
  v1::SubscribeResponse response;
  int answered = 0;
  while (answered < kRequests && stream->Read(&response)) answered += response.statuses_size() > 0;
  EXPECT_EQ(answered, kRequests);
  EXPECT_TRUE(history_.WaitForSnapshots(kRequests));
  writer.join();
  context.TryCancel();
  while (stream->Read(&response)) {
  }
  stream->Finish();
}

}  // namespace
}  // namespace quantstream::query::testing
