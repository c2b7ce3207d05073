// Clients of a merged interval that do not read: each gets what it chose, and no window is missing.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>

#include "tests/support/wait.h"
#include "tests/unit/query/hostile_fixture.h"

namespace quantstream::query::testing {
namespace {

constexpr int64_t kBound = 64 << 10;
constexpr int64_t kLength = 2;  // seconds; stored is 1s

class MergedSlowClients : public HostileTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.subscription = {.queue_bytes_max = kBound, .message_bytes_max = 8 << 10};
    options->service.end_wait_max = std::chrono::minutes(2);
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
  static v1::StreamCandlesRequest Ask(v1::SlowConsumerPolicy policy) {
    v1::StreamCandlesRequest request;
    request.add_instruments(kA);
    request.add_intervals("2s");
    request.set_closed_only(true);
    request.set_slow_consumer_policy(policy);
    return request;
  }
  // One window: its seconds are closed, and the clock has passed them.
  void CloseWindow() {
    do {
      CloseNext();
      fanout_.OnEvent(ProgressOf(closed() + 1, closed() + 1));
    } while (closed() % kLength != 1);
  }
  int64_t newest() const { return closed() - 1; }
  void CloseUntilTooSlow(double times) {
    while (Metric("quantstream_query_slow_clients_total") < times) {
      CloseWindow();
      ASSERT_LE(WaitingBytes(), kBound + 2'000);
      ASSERT_LT(closed(), 200'000);
    }
  }
  // From the first one that is whole.
  void ExpectAll(const std::set<int64_t>& windows) const {
    for (int64_t open_s = kLength; open_s <= newest(); open_s += kLength) {
      ASSERT_TRUE(windows.contains(open_s)) << open_s;
    }
  }
};

TEST_F(MergedSlowClients, ConflateGoesOnFromTheStoreWithEveryWindow) {
  const auto stub = ConnectSlow();
  EventReader slow(stub.get(), Ask(v1::SLOW_CONSUMER_POLICY_CONFLATE));
  ASSERT_TRUE(slow.ReadUntilSnapshotEnd());
  CloseUntilTooSlow(1);
  for (int i = 0; i < 500; ++i) CloseWindow();
  EXPECT_TRUE(test_support::WaitFor([&] { return WaitingBytes() == 0; })) << "it was let go";
  ASSERT_TRUE(slow.ReadUntil(newest()));
  ExpectAll(slow.finals());
  EXPECT_FALSE(slow.went_back());
  CloseWindow();
  EXPECT_TRUE(slow.ReadUntil(newest())) << "it is live again";
}

TEST_F(MergedSlowClients, SkipAndTellTellsTheCallsThatFetchTheWindows) {
  const auto stub = ConnectSlow();
  EventReader slow(stub.get(), Ask(v1::SLOW_CONSUMER_POLICY_SKIP_AND_TELL));
  ASSERT_TRUE(slow.ReadUntilSnapshotEnd());
  CloseUntilTooSlow(2);
  ASSERT_TRUE(slow.ReadUntil(newest()));
  ASSERT_FALSE(slow.skipped().empty());
  std::set<int64_t> all = slow.finals();
  for (const v1::Skipped& skipped : slow.skipped()) {
    ASSERT_EQ(skipped.fetch_size(), 1);
    v1::GetCandlesRequest fetch = skipped.fetch(0);
    EXPECT_EQ(fetch.interval(), "2s");
    do {
      grpc::ClientContext context;
      v1::GetCandlesResponse response;
      ASSERT_TRUE(stub_->GetCandles(&context, fetch, &response).ok());
      for (const v1::Candle& candle : response.candles()) all.insert(candle.open_time().seconds());
      fetch.set_page_token(response.next_page_token());
    } while (!fetch.page_token().empty());
  }
  ExpectAll(all);
}

TEST_F(MergedSlowClients, DisconnectGivesATokenThatLeavesNoWindowOut) {
  const auto stub = ConnectSlow();
  v1::StreamCandlesRequest request = Ask(v1::SLOW_CONSUMER_POLICY_DISCONNECT);
  std::set<int64_t> all;
  {
    EventReader slow(stub.get(), request);
    ASSERT_TRUE(slow.ReadUntilSnapshotEnd());
    CloseUntilTooSlow(1);
    const grpc::Status status = slow.Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    const auto info = DetailOf<google::rpc::ErrorInfo>(status);
    ASSERT_TRUE(info);
    request.set_resume_token(info->metadata().at("resume_token"));
    EXPECT_FALSE(request.resume_token().empty());
    all = slow.finals();
  }
  CloseWindow();
  EventReader again(stub_.get(), request);
  ASSERT_TRUE(again.ReadUntil(newest()));
  all.insert(again.finals().begin(), again.finals().end());
  ExpectAll(all);
}

}  // namespace
}  // namespace quantstream::query::testing
