// Streams and GetLatest of intervals that are not stored, against a store and a live side that are
// moved by hand.
#include <gmock/gmock.h>

#include "tests/unit/query/subscribe_client.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr int64_t kSpring = 1'741'478'400;  // 2025-03-09T00:00:00Z; that day New York changes

class MergedStream : public ServiceTest {
 protected:
  // Seconds `from` to `to`, each with a trade; version = second + 1.
  void Store(int64_t from, int64_t to) {
    std::vector<Update> rows;
    for (int64_t second = from; second < to; ++second) rows.push_back(Closed(second));
    history_.Commit(rows, to + 1);
  }
  // The same, stored and published, and the clock after it.
  void Commit(int64_t from, int64_t to) {
    Store(from, to);
    for (int64_t second = from; second < to; ++second) {
      fanout_.OnEvent(ClosedOf({Closed(second)}));
    }
    fanout_.OnEvent(ProgressOf(to + 1, to));
  }
  void Revise(int64_t second, int64_t version) {
    const Update part = Part(kA, 1, second, CandleState::kRevised, version);
    history_.Commit({part}, version + 1);
    fanout_.OnEvent(ClosedOf({part}));
  }
  static Update Closed(int64_t second) {
    return Part(kA, 1, second, CandleState::kFinal, second + 1);
  }
  // Of a client that had 0 7 14 21 and the open 28.
  v1::StreamCandlesRequest AwaySinceSecond30() {
    Commit(0, 30);
    v1::StreamCandlesRequest request = Ask("7s");
    StreamClient client(stub_.get(), request);
    EXPECT_EQ(client.Next(6).back(), "end");
    request.set_resume_token(client.NextToken());
    return request;
  }
  static v1::StreamCandlesRequest Ask(const std::string& interval, int32_t last = 100) {
    v1::StreamCandlesRequest request;
    request.add_instruments(kA);
    request.add_intervals(interval);
    request.set_last(last);
    return request;
  }
};

TEST_F(MergedStream, HistoryThenOpenWindowThenLiveOverACommit) {
  Commit(0, 14);
  fanout_.OnEvent(OpenOf({Part(kA, 1, 14, CandleState::kPartial, 15)}));
  StreamClient client(stub_.get(), Ask("7s"));
  EXPECT_THAT(client.Next(4), ElementsAre("AAA-USD 0 v7 FINAL", "AAA-USD 7 v14 FINAL",
                                          "AAA-USD 14 v15 PARTIAL", "end"));
  fanout_.OnEvent(OpenOf({Part(kA, 1, 15, CandleState::kPartial, 16)}));
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 14 v16 PARTIAL"));
  for (int64_t second = 14; second < 21; ++second) fanout_.OnEvent(ClosedOf({Closed(second)}));
  std::string word;
  while (word != "AAA-USD 14 v21 PARTIAL") word = client.Next(1).at(0);
  fanout_.OnEvent(ProgressOf(22, 21));
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 14 v21 FINAL"));
}

TEST_F(MergedStream, AnOldWindowThatIsRevisedIsReadAndSent) {
  Commit(0, 70);
  StreamClient client(stub_.get(), Ask("7s", 10));
  EXPECT_EQ(client.Next(11).back(), "end");
  Revise(3, 90);
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 0 v90 REVISED"));
}

TEST_F(MergedStream, AWindowBeforeTheStreamsStartIsNotItsOwn) {
  Commit(0, 70);
  StreamClient client(stub_.get(), Ask("7s", 1));
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 63 v70 FINAL", "end"));
  Revise(3, 90);
  Revise(64, 91);
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 63 v91 REVISED"));
}

TEST_F(MergedStream, ResumesWhereItWasWithWhatWasRevisedMeanwhile) {
  v1::StreamCandlesRequest request = AwaySinceSecond30();
  Commit(30, 35);
  Revise(8, 90);
  StreamClient client(stub_.get(), request);
  std::vector<std::string> words;
  while (words.size() < 3) words.push_back(client.Next(1).at(0));
  EXPECT_THAT(words, UnorderedElementsAre("AAA-USD 28 v35 FINAL", "end", "AAA-USD 7 v90 REVISED"));
}

// One read holds 40 of these 210 parts.
TEST_F(MergedStream, WhatOneReadDoesNotHoldComesInPieces) {
  v1::StreamCandlesRequest request = AwaySinceSecond30();
  Revise(8, 35);
  Commit(40, 240);
  history_.HoldsAtMost(40);
  const int before = history_.snapshots_begun();
  StreamClient client(stub_.get(), request);
  std::vector<std::string> words;
  while (words.empty() || words.back() != "end") words.push_back(client.Next(1).at(0));
  EXPECT_GE(history_.snapshots_begun() - before, 8);
  std::vector<std::string> expected = {"AAA-USD 7 v35 REVISED", "AAA-USD 28 v30 FINAL"};
  for (int64_t start = 35; start < 238; start += 7) {
    expected.push_back(absl::StrCat("AAA-USD ", start, " v", start + 7, " FINAL"));
  }
  expected.insert(expected.end(), {"AAA-USD 238 v240 PARTIAL", "end"});
  EXPECT_THAT(words, ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(MergedStream, ALostPlaceSendsAgainWhatWasMissed) {
  StreamClient client(stub_.get(), Ask("7s"));
  EXPECT_THAT(client.Next(1), ElementsAre("end"));
  Store(0, 14);
  fanout_.OnPlaceLost({kPartition}, "test", std::chrono::steady_clock::now());
  fanout_.OnEvent(ProgressOf(15, 14));
  EXPECT_THAT(client.Next(3),
              ElementsAre("discontinuity", "AAA-USD 0 v7 FINAL", "AAA-USD 7 v14 FINAL"));
}

TEST_F(MergedStream, ADayOfATimeZoneHas23HoursWhereClocksChange) {
  std::vector<Update> rows;
  for (int64_t hour = 0; hour < 48; ++hour) {
    rows.push_back(Part(kA, 3600, kSpring + hour * 3600, CandleState::kFinal, hour + 1));
  }
  history_.Commit(rows, 49);
  fanout_.OnEvent(ProgressOf(49, kSpring + 48 * 3600));
  StreamClient client(stub_.get(), Ask("1d@America/New_York", 1));
  // From 05:00Z (midnight EST) to 04:00Z (midnight EDT); the next one is open.
  EXPECT_THAT(client.Next(3),
              ElementsAre("AAA-USD 1741496400 v28 FINAL", "AAA-USD 1741579200 v48 PARTIAL", "end"));
}

TEST_F(MergedStream, GetLatestTellsTheOpenWindowInTheOrderAskedFor) {
  Commit(0, 16);
  v1::GetLatestRequest request;
  request.add_instruments(kA);
  for (const char* interval : {"7s", "1s", "2s"}) request.add_intervals(interval);
  grpc::ClientContext context;
  v1::GetLatestResponse response;
  ASSERT_TRUE(stub_->GetLatest(&context, request, &response).ok());
  ASSERT_EQ(response.candles_size(), 3);
  EXPECT_EQ(response.candles(0).interval().seconds(), 7);
  EXPECT_EQ(response.candles(0).open_time().seconds(), 14);
  EXPECT_EQ(response.candles(0).state(), v1::CANDLE_STATE_PARTIAL);
  EXPECT_EQ(response.candles(1).interval().seconds(), 1);
  EXPECT_EQ(response.candles(2).open_time().seconds(), 14);
  EXPECT_EQ(response.candles(2).state(), v1::CANDLE_STATE_FINAL);
}

TEST_F(MergedStream, AStandbyThatLagsIsWaitedFor) {
  Commit(0, 14);
  history_.Freeze();
  Commit(14, 21);
  StreamClient client(stub_.get(), Ask("7s"));
  ASSERT_TRUE(history_.WaitForSnapshots(2)) << "asked once more";
  history_.Thaw();
  EXPECT_THAT(client.Next(4), ElementsAre("AAA-USD 0 v7 FINAL", "AAA-USD 7 v14 FINAL",
                                          "AAA-USD 14 v21 FINAL", "end"));
}

TEST_F(MergedStream, AnOldWindowIsReadAgainUntilTheStandbyHasWhatWasRevised) {
  Commit(0, 70);
  StreamClient client(stub_.get(), Ask("7s", 10));
  EXPECT_EQ(client.Next(11).back(), "end");
  const int begun = history_.snapshots_begun();
  history_.Freeze();
  Revise(3, 90);
  ASSERT_TRUE(history_.WaitForSnapshots(begun + 2)) << "asked once more";
  history_.Thaw();
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 0 v90 REVISED"));
}

TEST_F(MergedStream, SubscribeResumesAMergedItemWithItsToken) {
  Commit(0, 30);
  std::string token;
  {
    SubscribeClient client(stub_.get());
    client.Send(Adding({Item(kA, "7s"), Item(kB)}));
    token = client.NextToken();
  }
  Commit(30, 35);
  Revise(8, 90);
  v1::SubscribeRequest again = Adding({Item(kB), Item(kA, "7s")});
  again.set_resume_token(token);
  SubscribeClient client(stub_.get());
  client.Send(again);
  EXPECT_THAT(client.Next(2), ElementsAre("BBB-USD 1s ok", "AAA-USD 7s ok"));
  EXPECT_THAT(client.Next(3),
              UnorderedElementsAre("AAA-USD 28 v35 FINAL", "end", "AAA-USD 7 v90 REVISED"));
  v1::SubscribeRequest other = Adding({Item(kB), Item(kA, "9s")});
  other.set_resume_token(token);
  SubscribeClient foreign(stub_.get());
  foreign.Send(other);
  EXPECT_EQ(foreign.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(MergedStream, AWholeVenueBringsAlsoWhatComesLater) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("venue:*", "7s", 50)}));
  EXPECT_THAT(client.Next(2), ElementsAre("* 7s ok", "end"));
  EXPECT_EQ(client.statuses().front().item().min_update_ms(), 50);
  const std::string fresh = "venue:NEW-USD";
  history_.AddInstrument(fresh, kPartition);
  const auto publish = [&](int64_t from, int64_t to) {
    std::vector<Update> parts;
    for (int64_t second = from; second < to; ++second) {
      parts.push_back(Part(fresh, 1, second, CandleState::kFinal, second + 1));
    }
    history_.Commit(parts, to + 1);
    fanout_.OnEvent(ClosedOf(parts));
    fanout_.OnEvent(ProgressOf(to + 1, to));
  };
  publish(0, 7);
  EXPECT_THAT(client.Next(3), ElementsAre("NEW-USD 7s ok", "NEW-USD 0 v7 FINAL", "end"));
  publish(7, 14);
  std::string word;
  while (word != "NEW-USD 7 v14 FINAL") {
    const auto next = client.Next(1);
    ASSERT_FALSE(next.empty());
    word = next.front();
  }
}

class MergedLag : public MergedStream {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.lag_wait_max = std::chrono::milliseconds(50);
  }
};

TEST_F(MergedLag, AStandbyThatNeverHasWhatWasRevisedIsUnavailable) {
  Commit(0, 70);
  StreamClient client(stub_.get(), Ask("7s", 10));
  EXPECT_EQ(client.Next(11).back(), "end");
  history_.Freeze();
  Revise(3, 90);
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("lags"));
}

TEST_F(MergedStream, SubscribeTakesMergedItemsAndLetsGoOfThem) {
  Commit(0, 14);
  grpc::ClientContext context;
  const auto stream = stub_->Subscribe(&context);
  v1::SubscribeRequest request;
  for (const char* interval : {"7s", "1d@Nowhere/None"}) {
    auto* item = request.add_add();
    item->set_instrument(kA);
    item->set_interval(interval);
  }
  request.set_last(1);
  ASSERT_TRUE(stream->Write(request));
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.statuses_size(), 2);
  EXPECT_EQ(response.statuses(0).code(), 0);
  EXPECT_THAT(response.statuses(1).message(), HasSubstr("add[1].interval"));
  while (response.event().candles().candles_size() == 0) ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.event().candles().candles(0).open_time().seconds(), 7);
  v1::SubscribeRequest remove;
  remove.add_remove()->set_instrument(kA);
  remove.mutable_remove(0)->set_interval("7s");
  ASSERT_TRUE(stream->Write(remove));
  while (response.statuses_size() != 1) ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.statuses(0).code(), 0);
  context.TryCancel();
  while (stream->Read(&response)) {
  }
  stream->Finish();
}

}  // namespace
}  // namespace quantstream::query::testing
