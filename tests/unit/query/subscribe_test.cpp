// Subscribe, resume tokens and slow_consumer_policy against a store and a live side that are moved
// by hand.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>

#include <set>

#include "tests/support/wait.h"
#include "tests/unit/query/subscribe_client.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using SubscribeTest = ServiceTest;

TEST_F(SubscribeTest, AnswersEachItemThenSendsItsHistoryThenLive) {
  history_.Commit({Final(kA, 10, 5)}, 6);
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(kA, "1s", 50)}));
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 1s ok", "AAA-USD 10 v5 FINAL", "end"));
  EXPECT_EQ(client.statuses().front().item().min_update_ms(), 50);
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 9)}));
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 11 v9 FINAL"));
}

TEST_F(SubscribeTest, AddsWhileItStreamsAndEachAdditionHasAnEndOfItsOwn) {
  history_.Commit({Final(kA, 10, 5), Final(kB, 10, 5)}, 6);
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(kA)}));
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 1s ok", "AAA-USD 10 v5 FINAL", "end"));
  client.Send(Adding({Item(kB)}));
  EXPECT_THAT(client.Next(3), ElementsAre("BBB-USD 1s ok", "BBB-USD 10 v5 FINAL", "end"));
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 9), Final(kB, 11, 9)}));
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 11 v9 FINAL", "BBB-USD 11 v9 FINAL"));
}

TEST_F(SubscribeTest, AnItemThatIsThereAlreadyIsFineAndComesOnce) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(kA), Item(kA)}));
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 1s ok", "AAA-USD 1s ok", "end"));
  client.Send(Adding({Item("aaa/usd")}));
  EXPECT_THAT(client.Next(1), ElementsAre("aaa/usd 1s ok"));
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 9)}));
  fanout_.OnEvent(ClosedOf({Final(kA, 12, 10)}));
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 11 v9 FINAL", "AAA-USD 12 v10 FINAL"));
}

TEST_F(SubscribeTest, ARemovalIsAnsweredAndNothingOfItComesAfterwards) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(kA), Item(kB)}));
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 1s ok", "BBB-USD 1s ok", "end"));
  client.Send(Removing({Item(kA), Item(kA, "5s")}));
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 1s ok", "AAA-USD 5s 5"));
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 9), Final(kB, 11, 9)}));
  EXPECT_THAT(client.Next(1), ElementsAre("BBB-USD 11 v9 FINAL"));
}

TEST_F(SubscribeTest, AWrongItemIsAnsweredAndTheOthersAreAdded) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("venue:NOSUCH"), Item(kA, "1.5s"), Item(kA)}));
  EXPECT_THAT(client.Next(4), ElementsAre("NOSUCH 1s 5", "AAA-USD 1.5s 3", "AAA-USD 1s ok", "end"));
  EXPECT_THAT(client.statuses()[1].message(), HasSubstr("add[1].interval"));
}

TEST_F(SubscribeTest, AWholeVenueBringsAlsoWhatComesLater) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("venue:*")}));
  EXPECT_THAT(client.Next(2), ElementsAre("* 1s ok", "end"));
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 9), Final(kB, 11, 9)}));
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 11 v9 FINAL", "BBB-USD 11 v9 FINAL"));
  history_.AddInstrument("venue:NEW-USD", kPartition);
  history_.Commit({Final("venue:NEW-USD", 12, 10)}, 11);
  fanout_.OnEvent(ClosedOf({Final("venue:NEW-USD", 12, 10)}));
  EXPECT_THAT(client.Next(3), ElementsAre("NEW-USD 1s ok", "NEW-USD 12 v10 FINAL", "end"));
  fanout_.OnEvent(ClosedOf({Final("other:X-USD", 12, 11), Final("venue:NEW-USD", 13, 11)}));
  EXPECT_THAT(client.Next(1), ElementsAre("NEW-USD 13 v11 FINAL"));
  client.Send(Removing({Item("venue:*")}));
  EXPECT_THAT(client.Next(1), ElementsAre("* 1s ok"));
}

TEST_F(SubscribeTest, ARequestThatIsWrongAsAWholeEndsTheStream) {
  SubscribeClient client(stub_.get());
  client.Send(v1::SubscribeRequest());
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(SubscribeTest, ResumesWithTheSameItems) {
  history_.Commit({Final(kA, 10, 5)}, 6);
  std::string token;
  {
    SubscribeClient client(stub_.get());
    client.Send(Adding({Item(kA), Item(kB)}));
    token = client.NextToken();
  }
  history_.Commit({Final(kA, 11, 7)}, 8);
  v1::SubscribeRequest again = Adding({Item(kB), Item(kA)});
  again.set_resume_token(token);
  SubscribeClient client(stub_.get());
  client.Send(again);
  EXPECT_THAT(client.Next(5), ElementsAre("BBB-USD 1s ok", "AAA-USD 1s ok", "AAA-USD 10 v5 FINAL",
                                          "AAA-USD 11 v7 FINAL", "end"));
  SubscribeClient other(stub_.get());
  v1::SubscribeRequest foreign = Adding({Item(kA)});
  foreign.set_resume_token(token);
  other.Send(foreign);
  const grpc::Status status = other.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("belongs to other items"));
}

TEST_F(SubscribeTest, AClientThatHasSaidAllGoesOnReading) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(kA)}));
  client.SayAll();
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 1s ok", "end"));
  fanout_.OnEvent(ClosedOf({Final(kA, 11, 9)}));
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 11 v9 FINAL"));
}

TEST_F(SubscribeTest, AClientThatSaysNothingAtAllIsToldWhatIsMissing) {
  SubscribeClient client(stub_.get());
  client.SayAll();
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("add"));
}

class ResumeTest : public ServiceTest {
 protected:
  // The token of the first message that has one.
  std::string TokenOf(const v1::StreamCandlesRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    auto reader = stub_->StreamCandles(&context, request);
    v1::StreamCandlesResponse response;
    while (reader->Read(&response) && response.resume_token().empty()) {
    }
    context.TryCancel();
    while (reader->Read(&response)) {
    }
    reader->Finish();
    return response.resume_token();
  }

  void Adjust(ServerOptions* options) override {
    options->service.lag_wait_max = lag_wait_max_;
    options->service.token_age_max = age_max_;
  }
  grpc::StatusCode EndOf(const v1::StreamCandlesRequest& request, std::chrono::seconds deadline) {
    return StreamClient(stub_.get(), request, deadline).Finish().error_code();
  }

  std::chrono::milliseconds lag_wait_max_{300};
  std::chrono::milliseconds age_max_ = std::chrono::hours(1);
};

TEST_F(ResumeTest, GoesOnAtTheMark) {
  history_.Commit({Final(kA, 10, 5), Final(kA, 9, 4)}, 6);
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  ASSERT_FALSE(request.resume_token().empty());
  history_.Commit({Revised(kA, 9, 7), Final(kA, 11, 8)}, 9);
  StreamClient client(stub_.get(), request);
  EXPECT_THAT(client.Next(4), ElementsAre("AAA-USD 9 v7 REVISED", "AAA-USD 10 v5 FINAL",
                                          "AAA-USD 11 v8 FINAL", "end"));
}

TEST_F(ResumeTest, Rule21_AReplicaThatIsBehindIsWaitedForWithinABound) {
  TailEvent far = OpenOf({Partial(kA, 11, 7)});
  far.offset = 41;
  fanout_.OnEvent(far);
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  fanout_.places().Set(kPartition, 20);
  EXPECT_EQ(EndOf(request, std::chrono::seconds(30)), grpc::StatusCode::UNAVAILABLE);
  lag_wait_max_ = std::chrono::hours(1);
  StartServer();
  EXPECT_EQ(EndOf(request, std::chrono::seconds(1)), grpc::StatusCode::DEADLINE_EXCEEDED)
      << "no bound";
}

TEST_F(ResumeTest, WaitsUntilTheOwnTailHasReadAsFarAndThenShowsNothingOlder) {
  TailEvent far = OpenOf({Partial(kA, 11, 7)});
  far.offset = 41;
  fanout_.OnEvent(far);
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  fanout_.places().Set(kPartition, 20);  // as if this were another replica, which is behind
  StreamClient late(stub_.get(), request);
  const grpc::Status status = late.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("has not read the live candles as far"));
  fanout_.places().Set(kPartition, 42);
  StreamClient client(stub_.get(), request);
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 11 v7 PARTIAL", "end"));
}

TEST_F(ResumeTest, APositionThatTheLogDoesNotReachCountsAsReadAndIsTold) {
  TailEvent far = OpenOf({Partial(kA, 11, 7)});
  far.offset = 41;
  fanout_.OnEvent(far);
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  fanout_.places().Set(kPartition, 3);  // the topic was made again
  StreamClient client(stub_.get(), request);
  ASSERT_TRUE(test_support::WaitFor([&] { return !fanout_.places().Sought().empty(); }));
  fanout_.places().OnLogEnd(kPartition, 3);
  EXPECT_THAT(client.Next(3), ElementsAre("discontinuity", "AAA-USD 11 v7 PARTIAL", "end"));
}

TEST_F(ResumeTest, ATokenOfAnotherStreamIsInvalidAndSaysSo) {
  v1::StreamCandlesRequest request = StreamOf(kA);
  const std::string token = TokenOf(request);
  v1::StreamCandlesRequest other = StreamOf(kB);
  other.set_resume_token(token);
  StreamClient client(stub_.get(), other);
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("belongs to another stream"));
}

// One read holds 100 of these 300. What a piece ends with comes again with the next one.
TEST_F(ResumeTest, WhatOneReadDoesNotHoldComesInPieces) {
  history_.Commit({Final(kA, 9, 4), Final(kA, 10, 5)}, 6);
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  std::vector<Update> missed = {Revised(kA, 9, 150)};
  for (int64_t second = 11; second < 311; ++second) missed.push_back(Final(kA, second, second));
  history_.Commit(missed, 311);
  fanout_.OnEvent(OpenOf({Partial(kA, 311, 312)}));
  history_.HoldsAtMost(100);
  const int before = history_.snapshots_begun();
  StreamClient client(stub_.get(), request);
  std::vector<std::string> words;
  while (words.empty() || words.back() != "end") words.push_back(client.Next(1).at(0));
  ASSERT_GE(words.size(), 2u);
  EXPECT_EQ(words[words.size() - 2], "AAA-USD 311 v312 PARTIAL");
  const int pieces = history_.snapshots_begun() - before - 1;
  EXPECT_GE(pieces, 4);
  EXPECT_LE(words.size(), 304u + static_cast<size_t>(pieces));
  std::set<std::string> expected = {"AAA-USD 10 v5 FINAL", "AAA-USD 9 v150 REVISED",
                                    "AAA-USD 311 v312 PARTIAL", "end"};
  for (int64_t second = 11; second < 311; ++second) {
    expected.insert(absl::StrCat("AAA-USD ", second, " v", second, " FINAL"));
  }
  EXPECT_EQ(std::set<std::string>(words.begin(), words.end()), expected);
}

TEST_F(ResumeTest, AClientThatIsCutOffBetweenPiecesGoesOnThere) {
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  std::vector<Update> missed;
  for (int64_t second = 11; second < 311; ++second) missed.push_back(Final(kA, second, second));
  history_.Commit(missed, 311);
  history_.HoldsAtMost(100);
  StreamClient first(stub_.get(), request);
  std::string last;
  for (int i = 0; i < 150; ++i) last = first.Next(1).at(0);
  request.set_resume_token(first.NextToken());
  StreamClient second(stub_.get(), request);
  std::string word = second.Next(1).at(0);
  EXPECT_NE(word, "AAA-USD 11 v11 FINAL") << "what the first had is not sent again";
  while (word != "AAA-USD 310 v310 FINAL") word = second.Next(1).at(0);
  EXPECT_THAT(second.Next(1), ElementsAre("end"));
}

TEST_F(ResumeTest, WhatNotEvenAPieceHoldsIsOutOfRangeAndSaysSo) {
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  history_.Fail(absl::OutOfRangeError("100000"));
  StreamClient client(stub_.get(), request);
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->field_violations(0).field(), "resume_token");
  EXPECT_THAT(bad->field_violations(0).description(), HasSubstr("GetCandles"));
}

class OldTokenTest : public ResumeTest {
 protected:
  OldTokenTest() { age_max_ = std::chrono::milliseconds(-2000); }
};

TEST_F(OldTokenTest, IsOutOfRangeWithTheEarliestTime) {
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_resume_token(TokenOf(request));
  StreamClient client(stub_.get(), request);
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->reason(), "TOKEN_TOO_OLD");
  EXPECT_THAT(info->metadata().at("earliest_time"), HasSubstr("T"));
}

class DeletedRowsTest : public ResumeTest, public ::testing::WithParamInterface<const char*> {
  void Adjust(ServerOptions* options) override {
    ResumeTest::Adjust(options);
    options->service.info.retention = {{Interval{1}, std::chrono::seconds(-2)}};
  }
};

// Its interval is kept for a shorter time than tokens are.
TEST_P(DeletedRowsTest, ATokenOlderThanTheRetentionIsTooOld) {
  v1::StreamCandlesRequest request = StreamOf(kA);
  request.set_intervals(0, GetParam());
  request.set_resume_token(TokenOf(request));
  ASSERT_FALSE(request.resume_token().empty());
  StreamClient client(stub_.get(), request);
  const grpc::Status status = client.Finish();
  ASSERT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status)->reason(), "TOKEN_TOO_OLD");
}

INSTANTIATE_TEST_SUITE_P(Intervals, DeletedRowsTest, ::testing::Values("1s", "7s"));

class StreamAgeTest : public ServiceTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.stream_age_max = std::chrono::milliseconds(50);
    options->service.drain_grace = std::chrono::milliseconds(20);
  }
};

TEST_F(StreamAgeTest, AnOldStreamIsAskedToGoAndCanGoOnElsewhere) {
  StreamClient client(stub_.get(), StreamOf(kA));
  EXPECT_THAT(client.Next(2), ElementsAre("end", "draining"));
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status));
}

}  // namespace
}  // namespace quantstream::query::testing
