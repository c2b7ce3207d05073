// GetCandles of intervals that are not stored, over gRPC.
#include <gmock/gmock.h>

#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MergedCandles : public ServiceTest {
 protected:
  // Seconds `from` to `to`, each with a trade; version = second + 1.
  void Store(int64_t from, int64_t to) {
    std::vector<Update> rows;
    for (int64_t second = from; second < to; ++second) {
      rows.push_back(Part(kA, 1, second, CandleState::kFinal, second + 1));
    }
    history_.Commit(rows, to + 1);
  }
  void Close(int64_t until_s, int64_t next_version) {
    fanout_.OnEvent(ProgressOf(next_version, until_s));
  }

  static v1::GetCandlesRequest Ask(const std::string& interval) {
    v1::GetCandlesRequest request;
    request.set_instrument(kA);
    request.set_interval(interval);
    return request;
  }

  // All pages as words: "7 v14 FINAL x7", the number of trades last; a page ends with "|".
  std::vector<std::string> Pages(v1::GetCandlesRequest request) {
    std::vector<std::string> words;
    do {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      v1::GetCandlesResponse response;
      const grpc::Status status = stub_->GetCandles(&context, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::Candle& candle : response.candles()) {
        EXPECT_EQ(candle.close_time().seconds() - candle.open_time().seconds(),
                  candle.interval().seconds());
        words.push_back(std::to_string(candle.open_time().seconds()) + " v" +
                        std::to_string(candle.version()) + " " +
                        v1::CandleState_Name(candle.state()).substr(13) + " x" +
                        std::to_string(candle.trade_count()));
      }
      request.set_page_token(response.next_page_token());
      if (!request.page_token().empty()) words.push_back("|");
    } while (!request.page_token().empty() && words.size() < 100);
    return words;
  }
};

TEST_F(MergedCandles, WindowsAreMergedFromWhatIsStored) {
  Store(0, 25);
  EXPECT_THAT(Pages(Ask("7s")),
              ElementsAre("0 v7 FINAL x7", "7 v14 FINAL x7", "14 v21 FINAL x7"));
  EXPECT_THAT(Pages(Ask("20s")), IsEmpty()) << "5s is not stored here: nothing of it";
}

TEST_F(MergedCandles, TheNewestWindowIsFinalWhenTheClockHasPassedItsEnd) {
  Store(0, 25);
  Close(27, 26);
  EXPECT_THAT(Pages(Ask("7s")).back(), "14 v21 FINAL x7");
  Close(28, 26);
  EXPECT_THAT(Pages(Ask("7s")).back(), "21 v25 FINAL x4");
}

TEST_F(MergedCandles, AStoreThatLagsBehindTheClockMakesNothingFinal) {
  Store(0, 25);
  Close(28, 27);
  EXPECT_THAT(Pages(Ask("7s")).back(), "14 v21 FINAL x7");
}

TEST_F(MergedCandles, OpenWindowsComeWhereTheyAreAskedFor) {
  Store(0, 16);
  fanout_.OnEvent(OpenOf({Part(kA, 1, 16, CandleState::kPartial, 17),
                          Part(kA, 1, 21, CandleState::kPartial, 17)}));
  v1::GetCandlesRequest request = Ask("7s");
  request.add_states(v1::CANDLE_STATE_PARTIAL);
  EXPECT_THAT(Pages(request), ElementsAre("14 v17 PARTIAL x3", "21 v17 PARTIAL x1"));
}

TEST_F(MergedCandles, OnlyTheStatesThatWereAskedFor) {
  Store(0, 14);
  history_.Commit({Part(kA, 1, 3, CandleState::kRevised, 20)}, 21);
  v1::GetCandlesRequest request = Ask("7s");
  request.add_states(v1::CANDLE_STATE_REVISED);
  EXPECT_THAT(Pages(request), ElementsAre("0 v20 REVISED x7"));
  request.set_states(0, v1::CANDLE_STATE_FINAL);
  EXPECT_THAT(Pages(request), ElementsAre("7 v14 FINAL x7"));
}

TEST_F(MergedCandles, ARangeHoldsTheWindowsThatBeginInIt) {
  Store(0, 35);
  v1::GetCandlesRequest request = Ask("7s");
  request.mutable_start_time()->set_seconds(1);
  request.mutable_end_time()->set_seconds(22);
  EXPECT_THAT(Pages(request),
              ElementsAre("7 v14 FINAL x7", "14 v21 FINAL x7", "21 v28 FINAL x7"));
  request.set_order(v1::CANDLE_ORDER_DESCENDING);
  request.mutable_end_time()->set_seconds(21);
  EXPECT_THAT(Pages(request), ElementsAre("14 v21 FINAL x7", "7 v14 FINAL x7"));
}

TEST_F(MergedCandles, PagesAreCutBetweenWindows) {
  Store(0, 35);
  v1::GetCandlesRequest request = Ask("7s");
  request.set_page_size(2);
  EXPECT_THAT(Pages(request), ElementsAre("0 v7 FINAL x7", "7 v14 FINAL x7", "|",
                                          "14 v21 FINAL x7", "21 v28 FINAL x7", "|",
                                          "28 v35 FINAL x7"));
  request.set_order(v1::CANDLE_ORDER_DESCENDING);
  EXPECT_THAT(Pages(request), ElementsAre("28 v35 FINAL x7", "21 v28 FINAL x7", "|",
                                          "14 v21 FINAL x7", "7 v14 FINAL x7", "|",
                                          "0 v7 FINAL x7"));
}

TEST_F(MergedCandles, TheNewestN) {
  Store(0, 38);
  v1::GetCandlesRequest request = Ask("7s");
  request.set_last(3);
  request.set_page_size(2);
  EXPECT_THAT(Pages(request),
              ElementsAre("14 v21 FINAL x7", "21 v28 FINAL x7", "|", "28 v35 FINAL x7"));
  request.set_order(v1::CANDLE_ORDER_DESCENDING);
  EXPECT_THAT(Pages(request),
              ElementsAre("28 v35 FINAL x7", "21 v28 FINAL x7", "|", "14 v21 FINAL x7"));
}

TEST_F(MergedCandles, ADayOfATimeZone) {
  std::vector<Update> rows;
  for (int64_t hour = 0; hour < 48; ++hour) {
    rows.push_back(
        Part(kA, 3600, 1'772'928'000 + hour * 3600, CandleState::kFinal, hour + 1));
  }
  history_.Commit(rows, 49);
  v1::GetCandlesRequest request = Ask("1d@America/New_York");
  grpc::ClientContext context;
  v1::GetCandlesResponse response;
  ASSERT_TRUE(stub_->GetCandles(&context, request, &response).ok());
  ASSERT_EQ(response.candles_size(), 2);
  const v1::Candle& day = response.candles(1);  // 2026-03-08, when clocks go forward
  EXPECT_EQ(day.time_zone(), "America/New_York");
  EXPECT_EQ(day.trade_count(), 23u);
  EXPECT_EQ(day.close_time().seconds() - day.open_time().seconds(), 23 * 3600);
  EXPECT_EQ(day.interval().seconds(), 86'400);
}

class MergedCandlesFilled : public MergedCandles {
 protected:
  // Windows of 7 s without trades: 7, 14, 28. What is after 42 is open.
  void StoreWithHoles() {
    for (const int64_t start : {0, 21, 35, 42}) {
      const int64_t seconds = start == 42 ? 3 : 7;
      std::vector<Update> rows;
      for (int64_t second = start; second < start + seconds; ++second) {
        rows.push_back(Part(kA, 1, second, CandleState::kFinal, second + 1, 100 + second));
      }
      history_.Commit(rows, start + seconds + 1);
    }
  }
  static v1::GetCandlesRequest AskFilled() {
    v1::GetCandlesRequest request = Ask("7s");
    request.set_fill(v1::FILL_PREVIOUS_CLOSE);
    return request;
  }
  std::vector<std::string> Candles(const v1::GetCandlesRequest& request) {
    std::vector<std::string> words = Pages(request);
    std::erase(words, "|");
    return words;
  }
  // However the pages are cut.
  void ExpectInAllPages(v1::GetCandlesRequest request, std::vector<std::string> expected) {
    for (int32_t size = 1; size <= 7; ++size) {
      request.set_page_size(size);
      request.set_order(v1::CANDLE_ORDER_ASCENDING);
      EXPECT_EQ(Candles(request), expected) << "pages of " << size;
      request.set_order(v1::CANDLE_ORDER_DESCENDING);
      const std::vector<std::string> newest_first(expected.rbegin(), expected.rend());
      EXPECT_EQ(Candles(request), newest_first) << "newest first, pages of " << size;
    }
  }
};

const std::vector<std::string> kFilled = {"0 v7 FINAL x7",   "7 v0 FINAL x0",  "14 v0 FINAL x0",
                                          "21 v28 FINAL x7", "28 v0 FINAL x0", "35 v42 FINAL x7"};

TEST_F(MergedCandlesFilled, FromTheFirstWindowToTheNewestClosedOneInPagesOfAnySize) {
  StoreWithHoles();
  ExpectInAllPages(AskFilled(), kFilled);
}

TEST_F(MergedCandlesFilled, ARangeThatBeginsInAHoleTakesTheCloseBeforeIt) {
  StoreWithHoles();
  v1::GetCandlesRequest request = AskFilled();
  request.mutable_start_time()->set_seconds(10);
  request.mutable_end_time()->set_seconds(35);
  ExpectInAllPages(request, {kFilled.begin() + 2, kFilled.begin() + 5});
  grpc::ClientContext context;
  v1::GetCandlesResponse response;
  ASSERT_TRUE(stub_->GetCandles(&context, request, &response).ok());
  const v1::Candle& filled = response.candles(0);
  EXPECT_TRUE(filled.filled());
  EXPECT_EQ(filled.open(), "106") << "of second 6";
  EXPECT_EQ(filled.close(), "106");
  EXPECT_EQ(filled.interval().seconds(), 7);
  EXPECT_EQ(response.candles(2).close(), "127");
}

TEST_F(MergedCandlesFilled, TheNewestN) {
  StoreWithHoles();
  for (int32_t last = 1; last <= 6; ++last) {
    v1::GetCandlesRequest request = AskFilled();
    request.set_last(last);
    ExpectInAllPages(request, {kFilled.end() - last, kFilled.end()});
  }
}

TEST_F(MergedCandlesFilled, AnOpenWindowComesBehindWhatIsFilled) {
  StoreWithHoles();
  v1::GetCandlesRequest request = AskFilled();
  for (const auto state :
       {v1::CANDLE_STATE_FINAL, v1::CANDLE_STATE_REVISED, v1::CANDLE_STATE_PARTIAL}) {
    request.add_states(state);
  }
  std::vector<std::string> expected = kFilled;
  expected.push_back("42 v45 PARTIAL x3");
  EXPECT_EQ(Candles(request), expected);
}

class MergedCandlesFilledInFewParts : public MergedCandlesFilled {
  void Adjust(ServerOptions* options) override {
    options->service.request.snapshot_candles_max = 10;
    options->service.request.filled_candles_max = 7;
  }
};

TEST_F(MergedCandlesFilledInFewParts, PagesThatEndWithinAWindowAreFilledToIt) {
  StoreWithHoles();
  ExpectInAllPages(AskFilled(), kFilled);
}

TEST_F(MergedCandlesFilledInFewParts, MoreWindowsThanOneRangeMayHaveAreRefused) {
  StoreWithHoles();
  history_.Commit({Part(kA, 1, 90, CandleState::kFinal, 91)}, 92);
  grpc::ClientContext context;
  v1::GetCandlesResponse response;
  const grpc::Status status = stub_->GetCandles(&context, AskFilled(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

class MergedCandlesInFewParts : public MergedCandles {
  void Adjust(ServerOptions* options) override {
    options->service.request.snapshot_candles_max = 10;
  }
};

TEST_F(MergedCandlesInFewParts, APageThatTakesTooManyPartsGoesOnInTheNext) {
  Store(0, 30);
  EXPECT_THAT(Pages(Ask("7s")),
              ElementsAre("0 v7 FINAL x7", "|", "7 v14 FINAL x7", "|", "14 v21 FINAL x7", "|",
                          "21 v28 FINAL x7"));
  v1::GetCandlesRequest request = Ask("7s");
  request.set_order(v1::CANDLE_ORDER_DESCENDING);
  EXPECT_THAT(Pages(request), ElementsAre("21 v28 FINAL x7", "|", "14 v21 FINAL x7", "|",
                                          "7 v14 FINAL x7", "|", "0 v7 FINAL x7"));
}

}  // namespace
}  // namespace quantstream::query::testing
