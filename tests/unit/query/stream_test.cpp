// StreamCandles and GetLatest against a store that blocks where told: the races on purpose, and
// every way to end.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>

#include <thread>

#include "tests/support/wait.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using StreamTest = ServiceTest;

std::unique_ptr<grpc::ClientContext> Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  return context;
}

TEST_F(StreamTest, HistoryThenOpenCandlesThenLive) {
  history_.Commit({Final(kA, 10, 5)}, 6);
  fanout_.OnEvent(OpenOf({Partial(kA, 11, 7)}));
  StreamClient client(stub_.get(), StreamOf(kA));
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 10 v5 FINAL", "AAA-USD 11 v7 PARTIAL", "end"));
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 9)}));
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 11 v9 FINAL"));
}

TEST_F(StreamTest, ACommitThatIsPublishedWhileHistoryIsReadIsNotMissed) {
  history_.Commit({Final(kA, 10, 5)}, 6);
  history_.Hold();
  StreamClient client(stub_.get(), StreamOf(kA));
  ASSERT_TRUE(history_.WaitForSnapshots(1));  // it sees version 5
  history_.Commit({Final(kA, 11, 7)}, 8);
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 7)}));
  history_.Release();
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 10 v5 FINAL", "end", "AAA-USD 11 v7 FINAL"));
}

TEST_F(StreamTest, ACommitThatWasReadIsNotSentAgainInAnOlderState) {
  history_.Hold();
  history_.Commit({Revised(kA, 10, 9)}, 10);
  StreamClient client(stub_.get(), StreamOf(kA));
  ASSERT_TRUE(history_.WaitForSnapshots(1));
  fanout_.OnEvent(ClosedOf({Final(kA, 10, 5)}));  // published late
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 12)}));
  history_.Release();
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 10 v9 REVISED", "end", "AAA-USD 11 v12 FINAL"));
}

TEST_F(StreamTest, AStandbyThatLagsIsWaitedFor) {
  history_.Commit({Final(kA, 10, 5)}, 6);
  history_.Freeze();
  history_.Commit({Final(kA, 11, 7)}, 8);
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 7)}));  // the live side is past the standby
  StreamClient client(stub_.get(), StreamOf(kA));
  ASSERT_TRUE(history_.WaitForSnapshots(3));  // it asks again and again
  history_.Thaw();
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 10 v5 FINAL", "AAA-USD 11 v7 FINAL", "end"));
}

TEST_F(StreamTest, ALostPlaceIsToldAndWhatWasMissedIsRead) {
  StreamClient client(stub_.get(), StreamOf(kA));
  EXPECT_THAT(client.Next(1), ElementsAre("end"));
  fanout_.OnEvent(ClosedOf({Final(kA, 10, 5)}));
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 10 v5 FINAL"));
  history_.Commit({Final(kA, 10, 5), Final(kA, 11, 7)}, 8);
  fanout_.OnPlaceLost({kPartition}, "test", std::chrono::steady_clock::now());
  fanout_.OnEvent(ProgressOf(8, 100));
  EXPECT_THAT(client.Next(3),
              ElementsAre("discontinuity", "AAA-USD 10 v5 FINAL", "AAA-USD 11 v7 FINAL"));
}

TEST_F(StreamTest, ProgressTellsTheWatermark) {
  StreamClient client(stub_.get(), StreamOf(kA));
  EXPECT_THAT(client.Next(1), ElementsAre("end"));
  fanout_.OnEvent(ProgressOf(8, 100));
  ASSERT_TRUE(client.WaitForWatermark());
  EXPECT_EQ(client.watermark_s(), 100);
}

TEST_F(StreamTest, ACancelledStreamLeavesTheLiveSide) {
  {
    StreamClient client(stub_.get(), StreamOf(kA));
    EXPECT_THAT(client.Next(1), ElementsAre("end"));
    ASSERT_TRUE(WaitForSubscribers(1));
  }
  EXPECT_TRUE(WaitForSubscribers(0));
}

TEST_F(StreamTest, AStreamMayBeCancelledWhileHistoryIsRead) {
  history_.Hold();
  {
    StreamClient client(stub_.get(), StreamOf(kA));
    ASSERT_TRUE(history_.WaitForSnapshots(1));
  }
  EXPECT_TRUE(WaitForSubscribers(0));
  history_.Release();
  StreamClient next(stub_.get(), StreamOf(kA));
  EXPECT_THAT(next.Next(1), ElementsAre("end"));
}

TEST_F(StreamTest, AnUnreachableStoreIsUnavailableWithWhenToTryAgain) {
  StreamClient first(stub_.get(), StreamOf(kA));  // the names are known now
  EXPECT_THAT(first.Next(1), ElementsAre("end"));
  history_.Fail(absl::UnavailableError("the store is down"));
  StreamClient client(stub_.get(), StreamOf(kA));
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status));
}

TEST_F(StreamTest, TooMuchHistoryIsOutOfRangeWithTheField) {
  StreamClient first(stub_.get(), StreamOf(kA));
  EXPECT_THAT(first.Next(1), ElementsAre("end"));
  history_.Fail(absl::OutOfRangeError("100000"));
  StreamClient client(stub_.get(), StreamOf(kA));
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  ASSERT_TRUE(DetailOf<google::rpc::BadRequest>(status));
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(status)->field_violations(0).field(), "start_time");
}

TEST_F(StreamTest, DrainingIsToldAndThenTheStreamEnds) {
  StreamClient client(stub_.get(), StreamOf(kA));
  EXPECT_THAT(client.Next(1), ElementsAre("end"));
  server_->Drain(std::chrono::milliseconds(100), std::chrono::seconds(10));
  EXPECT_THAT(client.Next(1), ElementsAre("draining"));
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status));
}

TEST_F(StreamTest, DrainingIsBoundedThoughTheStoreDoesNotAnswer) {
  history_.Hold();
  StreamClient client(stub_.get(), StreamOf(kA));
  ASSERT_TRUE(history_.WaitForSnapshots(1));
  server_->Drain(std::chrono::milliseconds(50), std::chrono::seconds(10));
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  history_.Release();
}

TEST_F(StreamTest, TheStoreMayAnswerWhenTheServerIsGone) {
  history_.Hold();
  StreamClient client(stub_.get(), StreamOf(kA));
  ASSERT_TRUE(history_.WaitForSnapshots(1));
  server_.reset();
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  history_.Release();  // sanitizers watch what the answer touches
}

TEST_F(StreamTest, WhileItDrainsEveryNewCallIsUnavailableWithWhenToTryAgain) {
  StreamClient open(stub_.get(), StreamOf(kA));
  EXPECT_THAT(open.Next(1), ElementsAre("end"));
  std::thread drain([&] { server_->Drain(std::chrono::seconds(20), std::chrono::seconds(10)); });
  EXPECT_THAT(open.Next(1), ElementsAre("draining"));
  v1::GetLatestRequest latest;
  latest.add_instruments(kA);
  latest.add_intervals("1s");
  v1::GetCandlesRequest candles;
  candles.set_instrument(kA);
  candles.set_interval("1s");
  v1::GetLatestResponse latest_answer;
  v1::GetCandlesResponse candles_answer;
  v1::ListInstrumentsResponse list_answer;
  for (const grpc::Status& status : {stub_->GetLatest(Context().get(), latest, &latest_answer),
                                     stub_->GetCandles(Context().get(), candles, &candles_answer),
                                     stub_->ListInstruments(Context().get(), {}, &list_answer),
                                     StreamClient(stub_.get(), StreamOf(kA)).Finish()}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status)) << status.error_message();
  }
  open.Cancel();
  drain.join();
}

TEST_F(StreamTest, AForgedResumeTokenIsInvalid) {
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token("x");
  StreamClient client(stub_.get(), request);
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("resume_token"));
}

class SlowClientTest : public ServiceTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.subscription.queue_bytes_max = 256 << 10;
    options->service.end_wait_max = std::chrono::milliseconds(100);
  }
};

TEST_F(SlowClientTest, EndsItsOwnStreamAndNobodyElses) {
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_slow_consumer_policy(v1::SLOW_CONSUMER_POLICY_DISCONNECT);
  StreamClient slow(stub_.get(), request);
  EXPECT_THAT(slow.Next(1), ElementsAre("end"));
  const auto other_stub = Connect();
  StreamClient other(other_stub.get(), StreamOf(kB));
  EXPECT_THAT(other.Next(1), ElementsAre("end"));
  ASSERT_TRUE(WaitForSubscribers(2));
  int64_t version = 100;
  while (fanout_.subscribers() == 2) {
    ++version;
    fanout_.OnEvent(ClosedOf({Final(kA, version, version)}));
    ASSERT_LT(version, 1'000'000);
  }
  const grpc::StatusCode code = slow.Finish().error_code();
  EXPECT_TRUE(code == grpc::StatusCode::RESOURCE_EXHAUSTED || code == grpc::StatusCode::CANCELLED)
      << code;
  fanout_.OnEvent(ClosedOf({Final(kB, 10, version + 1)}));
  EXPECT_EQ(other.Next(1),
            std::vector<std::string>{"BBB-USD 10 v" + std::to_string(version + 1) + " FINAL"});
}

TEST_F(SlowClientTest, PartialCandlesAloneNeverEndAStream) {
  StreamClient slow(stub_.get(), StreamOf(kA));
  EXPECT_THAT(slow.Next(1), ElementsAre("end"));
  for (int64_t version = 1; version <= 50'000; ++version)
    fanout_.OnEvent(OpenOf({Partial(kA, 10, version)}));
  fanout_.OnEvent(ClosedOf({Final(kA, 10, 60'000)}));
  std::string last;
  while (last != "AAA-USD 10 v60000 FINAL") {
    const auto next = slow.Next(1);
    ASSERT_FALSE(next.empty());
    last = next.front();
  }
}

class LagTest : public ServiceTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.lag_wait_max = std::chrono::milliseconds(50);
  }
};

TEST_F(LagTest, AStandbyThatDoesNotCatchUpIsUnavailable) {
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 7)}));
  StreamClient client(stub_.get(), StreamOf(kA));
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("lags"));
}

class LatestTest : public ServiceTest {
 protected:
  std::vector<std::string> Latest(const std::vector<std::string>& instruments) {
    v1::GetLatestRequest request;
    for (const std::string& instrument : instruments) request.add_instruments(instrument);
    request.add_intervals("1s");
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::GetLatestResponse response;
    status_ = stub_->GetLatest(&context, request, &response);
    std::vector<std::string> words;
    for (const v1::Candle& candle : response.candles()) {
      words.push_back(candle.instrument() + " " + std::to_string(candle.open_time().seconds()) +
                      " " + v1::CandleState_Name(candle.state()).substr(13));
    }
    return words;
  }

  grpc::Status status_;
};

TEST_F(LatestTest, IsTheOpenCandleWhereThereIsOne) {
  history_.Commit({Final(kA, 10, 5), Final(kB, 10, 5)}, 6);
  fanout_.OnEvent(OpenOf({Partial(kA, 11, 7), Partial(kA, 12, 7)}));
  EXPECT_THAT(Latest({kB, kA}), ElementsAre("venue:BBB-USD 10 FINAL", "venue:AAA-USD 12 PARTIAL"));
}

TEST_F(LatestTest, AnOpenCandleThatIsStoredAlreadyIsFinal) {
  fanout_.OnEvent(OpenOf({Partial(kA, 10, 7)}));
  history_.Commit({Final(kA, 10, 8)}, 9);
  EXPECT_THAT(Latest({kA}), ElementsAre("venue:AAA-USD 10 FINAL"));
}

TEST_F(LatestTest, SeriesWithoutCandlesAreLeftOut) {
  EXPECT_THAT(Latest({kA}), IsEmpty());
  EXPECT_TRUE(status_.ok());
}

TEST_F(LatestTest, ADeadlineEndsTheCall) {
  history_.Hold();
  v1::GetLatestRequest request;
  request.add_instruments(kA);
  request.add_intervals("1s");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  v1::GetLatestResponse response;
  EXPECT_EQ(stub_->GetLatest(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(WaitForSubscribers(0));
  history_.Release();
}

}  // namespace
}  // namespace quantstream::query::testing
