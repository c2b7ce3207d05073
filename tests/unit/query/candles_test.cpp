// GetCandles over gRPC: pages that are filled, and what is refused only once the store was read.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include <future>

#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;

class CandlesTest : public ServiceTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.request.filled_candles_max = 50;
  }
  void SetUp() override {
    ServiceTest::SetUp();
    history_.Commit({Final(kA, 10, 5), Final(kA, 13, 6), Revised(kA, 14, 7)}, 8);
  }
  grpc::Status GetCandles(const v1::GetCandlesRequest& request, v1::GetCandlesResponse* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return stub_->GetCandles(&context, request, response);
  }
  // All pages: open times, filled ones with a "+"; a page ends with "|".
  std::vector<std::string> Pages(v1::GetCandlesRequest request) {
    std::vector<std::string> words;
    do {
      v1::GetCandlesResponse response;
      const grpc::Status status = GetCandles(request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::Candle& candle : response.candles()) {
        words.push_back(std::to_string(candle.open_time().seconds()) +
                        (candle.filled() ? "+" : "") +
                        (candle.completeness() == v1::COMPLETENESS_GAP_SUSPECTED ? "?" : ""));
      }
      words.push_back("|");
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty() && words.size() < 100);
    return words;
  }
};

v1::GetCandlesRequest LastOf(int32_t last) {
  v1::GetCandlesRequest request;
  request.set_instrument(kA);
  request.set_interval("1s");
  request.set_last(last);
  return request;
}

TEST_F(CandlesTest, TheNewestAreReadFromTheStoreOnceAndThenFollowTheTopic) {
  const auto now = std::chrono::steady_clock::now();
  recent_.OnEvent(ProgressOf(8, 0), now);
  EXPECT_THAT(Pages(LastOf(2)), ElementsAre("13", "14", "|"));
  history_.Fail(absl::UnavailableError("the store is not asked"));
  EXPECT_THAT(Pages(LastOf(2)), ElementsAre("13", "14", "|"));
  v1::GetCandlesRequest range = LastOf(0);
  range.mutable_start_time()->set_seconds(11);
  range.set_page_size(1);
  EXPECT_THAT(Pages(range), ElementsAre("13", "|", "14", "|"));
  range.set_order(v1::CANDLE_ORDER_DESCENDING);
  EXPECT_THAT(Pages(range), ElementsAre("14", "|", "13", "|"));
  recent_.OnEvent(ClosedOf({Final(kA, 15, 8)}), now);
  recent_.OnEvent(ProgressOf(9, 0), now);
  EXPECT_THAT(Pages(LastOf(2)), ElementsAre("14", "15", "|"));
  v1::GetCandlesRequest before = LastOf(0);
  before.mutable_end_time()->set_seconds(10);
  v1::GetCandlesResponse response;
  EXPECT_EQ(GetCandles(before, &response).error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(CandlesTest, WhatWasReadAheadAnswersTheCallThatReadIt) {
  recent_.OnEvent(ProgressOf(8, 0), std::chrono::steady_clock::now());
  v1::GetCandlesRequest range = LastOf(0);
  range.mutable_start_time()->set_seconds(11);
  range.mutable_end_time()->set_seconds(14);
  range.add_states(v1::CANDLE_STATE_FINAL);
  EXPECT_THAT(Pages(range), ElementsAre("13", "|"));
  EXPECT_EQ(recent_.series(), 1);
}

TEST_F(CandlesTest, WhileTheTopicIsSilentEveryCallReadsTheStore) {
  EXPECT_THAT(Pages(LastOf(2)), ElementsAre("13", "14", "|"));
  history_.Commit({Final(kA, 15, 8)}, 9);
  EXPECT_THAT(Pages(LastOf(2)), ElementsAre("14", "15", "|"));
  EXPECT_EQ(recent_.series(), 0);
}

TEST_F(CandlesTest, BytesThatAreNoRequestAreInvalid) {
  grpc::GenericStub stub(grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                             grpc::InsecureChannelCredentials()));
  const grpc::Slice slice(std::string("\x0a\x7f"));
  grpc::ByteBuffer out(&slice, 1), in;
  grpc::ClientContext context;
  std::promise<grpc::Status> ended;
  stub.UnaryCall(&context, "/quantstream.v1.MarketData/GetCandles", grpc::StubOptions(), &out, &in,
                 [&](grpc::Status status) { ended.set_value(std::move(status)); });
  EXPECT_EQ(ended.get_future().get().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

v1::GetCandlesRequest FilledOf(int64_t start, int32_t page_size) {
  v1::GetCandlesRequest request;
  request.set_instrument(kA);
  request.set_interval("1s");
  request.mutable_start_time()->set_seconds(start);
  request.set_page_size(page_size);
  request.set_fill(v1::FILL_PREVIOUS_CLOSE);
  return request;
}

TEST_F(CandlesTest, FilledWindowsComeInPagesInBothOrders) {
  v1::GetCandlesRequest request = FilledOf(0, 2);
  EXPECT_THAT(Pages(request), ElementsAre("10", "11+", "|", "12+", "13", "|", "14", "|"));
  request.set_order(v1::CANDLE_ORDER_DESCENDING);
  EXPECT_THAT(Pages(request), ElementsAre("14", "13", "|", "12+", "11+", "|", "10", "|"));
}

TEST_F(CandlesTest, TheLastNCountFilledWindows) {
  v1::GetCandlesRequest request = FilledOf(0, 2);
  request.set_last(3);
  EXPECT_THAT(Pages(request), ElementsAre("12+", "13", "|", "14", "|"));
  request.set_order(v1::CANDLE_ORDER_DESCENDING);
  EXPECT_THAT(Pages(request), ElementsAre("14", "13", "|", "12+", "|"));
}

TEST_F(CandlesTest, OpenCandlesFollowTheFilledOnesAndNothingIsFilledBetween) {
  fanout_.OnEvent(OpenOf({Partial(kA, 17, 9)}));
  v1::GetCandlesRequest request = FilledOf(12, 10);
  request.add_states(v1::CANDLE_STATE_PARTIAL);
  request.add_states(v1::CANDLE_STATE_FINAL);
  request.add_states(v1::CANDLE_STATE_REVISED);
  EXPECT_THAT(Pages(request), ElementsAre("12+", "13", "14", "17", "|"));
}

TEST_F(CandlesTest, FilledWindowsWithinAGapSaySo) {
  Gap gap;
  gap.from_time = EventTime{11'900'000};
  gap.until_time = EventTime{12'100'000};
  history_.SetGaps({gap});
  EXPECT_THAT(Pages(FilledOf(10, 10)), ElementsAre("10", "11+?", "12+?", "13", "14", "|"));
}

TEST_F(CandlesTest, MoreWindowsThanMayBeFilledAreRefusedAlsoWithoutAnEnd) {
  history_.Commit({Final(kA, 100, 9)}, 10);
  v1::GetCandlesResponse response;
  const grpc::Status status = GetCandles(FilledOf(0, 10), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto detail = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->field_violations(0).field(), "start_time");
  EXPECT_TRUE(GetCandles(FilledOf(60, 10), &response).ok());
}

}  // namespace
}  // namespace quantstream::query::testing
