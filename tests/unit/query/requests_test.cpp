// Every INVALID_ARGUMENT by name: the field, and what is legal.
#include "query/service/requests.h"

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include <functional>

#include "platform/status.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/service/errors.h"
#include "query/service/stream_requests.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query {
namespace {

using ::testing::HasSubstr;

v1::GetCandlesRequest GoodCandles() {
  v1::GetCandlesRequest request;
  request.set_instrument("binance:BTC-USDT");
  request.set_interval("1m");
  return request;
}

v1::StreamCandlesRequest GoodStream() {
  v1::StreamCandlesRequest request;
  request.add_instruments("binance:BTC-USDT");
  request.add_intervals("1m");
  return request;
}

template <typename Request>
struct Wrong {
  const char* name;
  std::function<void(Request*)> make;
  const char* field;
  const char* says;
};

template <typename Request>
void ExpectRefused(const Request& request, const Wrong<Request>& wrong) {
  const auto query = Check(request, RequestLimits{});
  ASSERT_EQ(query.status().code(), absl::StatusCode::kInvalidArgument) << query.status();
  const auto detail = testing::DetailOf<google::rpc::BadRequest>(ToGrpc(query.status()));
  ASSERT_TRUE(detail);
  ASSERT_EQ(detail->field_violations_size(), 1) << detail->DebugString();
  EXPECT_EQ(detail->field_violations(0).field(), wrong.field);
  EXPECT_THAT(detail->field_violations(0).description(), HasSubstr(wrong.says));
}

const auto kName = [](const auto& info) { return std::string(info.param.name); };

using CandlesCase = Wrong<v1::GetCandlesRequest>;
class GetCandlesRefuses : public ::testing::TestWithParam<CandlesCase> {};
TEST_P(GetCandlesRefuses, AndNamesTheField) {
  v1::GetCandlesRequest request = GoodCandles();
  GetParam().make(&request);
  ExpectRefused(request, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Requests, GetCandlesRefuses,
    ::testing::Values(
        CandlesCase{"AMissingInstrument", [](auto* r) { r->clear_instrument(); }, "instrument",
                    "legal: venue:symbol"},
        CandlesCase{"AnInstrumentThatIsTooLong",
                    [](auto* r) { r->set_instrument(std::string(101, 'A')); }, "instrument",
                    "longer than 100"},
        CandlesCase{"AnInstrumentWithControlCharacters",
                    [](auto* r) { r->set_instrument("BTC\nUSDT"); }, "instrument", "control"},
        CandlesCase{"AnInstrumentWithoutASymbol", [](auto* r) { r->set_instrument("binance:"); },
                    "instrument", ""},
        CandlesCase{"AMissingInterval", [](auto* r) { r->clear_interval(); }, "interval",
                    "is missing; legal: 1s to 1d"},
        CandlesCase{"AnIntervalThatIsNone", [](auto* r) { r->set_interval("abc"); }, "interval",
                    "legal: 1s to 1d"},
        CandlesCase{"AnIntervalOfZero", [](auto* r) { r->set_interval("0s"); }, "interval",
                    "'0s' is not"},
        CandlesCase{"ANegativeInterval", [](auto* r) { r->set_interval("-1m"); }, "interval",
                    "'-1m' is not"},
        CandlesCase{"AnIntervalThatIsNotWhole", [](auto* r) { r->set_interval("1.5s"); },
                    "interval", "'1.5s' is not"},
        CandlesCase{"AnIntervalOf400Days", [](auto* r) { r->set_interval("400d"); }, "interval",
                    "'400d' is not"},
        CandlesCase{"AnUnknownTimeZone", [](auto* r) { r->set_interval("1d@Mars/Olympus"); },
                    "interval", "'Mars/Olympus' is not a time zone"},
        CandlesCase{"TheNewestOfMorePartsThanAreReadAtOnce",
                    [](auto* r) {
                      r->set_interval("1439m");
                      r->set_last(100);
                    },
                    "last", "legal: up to 68 of 1439m"},
        CandlesCase{"AStartTimeBeforeTheYear1",
                    [](auto* r) { r->mutable_start_time()->set_seconds(-62'135'596'801); },
                    "start_time", "years 1 to 9999"},
        CandlesCase{"AStartTimeFarAfterAnyYear",
                    [](auto* r) {
                      r->mutable_start_time()->set_seconds(INT64_MAX);
                      r->mutable_end_time()->set_seconds(10);
                    },
                    "start_time", "years 1 to 9999"},
        CandlesCase{"AStartTimeWithBadNanos",
                    [](auto* r) { r->mutable_start_time()->set_nanos(-1); }, "start_time", "nanos"},
        CandlesCase{"AnEndTimeAfterTheYear9999",
                    [](auto* r) { r->mutable_end_time()->set_seconds(253'402'300'800); },
                    "end_time", "years 1 to 9999"},
        CandlesCase{"AnEndTimeBeforeTheStartTime",
                    [](auto* r) {
                      r->mutable_start_time()->set_seconds(10);
                      r->mutable_end_time()->set_seconds(9);
                    },
                    "end_time", "before start_time"},
        CandlesCase{"ANegativeLast", [](auto* r) { r->set_last(-1); }, "last", "legal: 0 to 10000"},
        CandlesCase{"ALastThatIsTooLarge", [](auto* r) { r->set_last(10'001); }, "last",
                    "legal: 0 to 10000"},
        CandlesCase{"AnUnknownOrder",
                    [](auto* r) { r->set_order(static_cast<v1::CandleOrder>(9)); }, "order",
                    "CANDLE_ORDER_ASCENDING"},
        CandlesCase{"ANegativePageSize", [](auto* r) { r->set_page_size(-5); }, "page_size",
                    "is -5; legal: 0 to 10000"},
        CandlesCase{"APageSizeThatIsTooLarge", [](auto* r) { r->set_page_size(10'001); },
                    "page_size", "legal: 0 to 10000"},
        CandlesCase{"APageTokenThatIsNone", [](auto* r) { r->set_page_token("!"); }, "page_token",
                    "not a next_page_token"},
        CandlesCase{"AnUnknownFill", [](auto* r) { r->set_fill(static_cast<v1::Fill>(9)); }, "fill",
                    "FILL_NONE"},
        CandlesCase{"AFillOfRevisedOnesAlone",
                    [](auto* r) {
                      r->set_fill(v1::FILL_PREVIOUS_CLOSE);
                      r->add_states(v1::CANDLE_STATE_REVISED);
                    },
                    "states", "at least CANDLE_STATE_FINAL and CANDLE_STATE_REVISED"},
        CandlesCase{"MoreWindowsThanMayBeFilled",
                    [](auto* r) {
                      r->set_fill(v1::FILL_PREVIOUS_CLOSE);
                      r->mutable_start_time()->set_seconds(0);
                      r->mutable_end_time()->set_seconds(100'001 * 60);
                    },
                    "end_time", "holds 100001 windows of 1m; legal: up to 100000"},
        CandlesCase{"AnUnknownState", [](auto* r) { r->add_states(v1::CANDLE_STATE_UNSPECIFIED); },
                    "states[0]", "CANDLE_STATE_PARTIAL"}),
    kName);

using StreamCase = Wrong<v1::StreamCandlesRequest>;
class StreamCandlesRefuses : public ::testing::TestWithParam<StreamCase> {};
TEST_P(StreamCandlesRefuses, AndNamesTheField) {
  v1::StreamCandlesRequest request = GoodStream();
  GetParam().make(&request);
  ExpectRefused(request, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Requests, StreamCandlesRefuses,
    ::testing::Values(
        StreamCase{"NoInstruments", [](auto* r) { r->clear_instruments(); }, "instruments",
                   "legal: 1 to 1000"},
        StreamCase{"TooManyInstruments",
                   [](auto* r) {
                     for (int i = 0; i < 1000; ++i) r->add_instruments("a:B");
                   },
                   "instruments", "holds 1001"},
        StreamCase{"AnEmptyInstrument", [](auto* r) { r->add_instruments(""); }, "instruments[1]",
                   "is missing"},
        StreamCase{"NoIntervals", [](auto* r) { r->clear_intervals(); }, "intervals",
                   "legal: 1 to 16"},
        StreamCase{"TooManyIntervals",
                   [](auto* r) {
                     for (int i = 0; i < 16; ++i) r->add_intervals("1s");
                   },
                   "intervals", "holds 17"},
        StreamCase{"AnIntervalLongerThanADay", [](auto* r) { r->add_intervals("25h"); },
                   "intervals[1]", "legal"},
        StreamCase{"AStartTimeOutsideTheYears",
                   [](auto* r) { r->mutable_start_time()->set_seconds(1LL << 60); }, "start_time",
                   "years 1 to 9999"},
        StreamCase{"LastTogetherWithStartTime",
                   [](auto* r) {
                     r->set_last(1);
                     r->mutable_start_time()->set_seconds(1);
                   },
                   "last", "together with start_time"},
        StreamCase{"ANegativeLast", [](auto* r) { r->set_last(-1); }, "last", "legal: 0 to 10000"},
        StreamCase{"MoreHistoryThanAStreamMayHave",
                   [](auto* r) {
                     for (int i = 0; i < 20; ++i) r->add_instruments("a:B" + std::to_string(i));
                     r->set_last(10'000);
                   },
                   "last", "legal: up to 100000"},
        StreamCase{
            "AnUnknownPolicy",
            [](auto* r) { r->set_slow_consumer_policy(static_cast<v1::SlowConsumerPolicy>(9)); },
            "slow_consumer_policy", "CONFLATE"},
        StreamCase{"AProgressIntervalThatIsTooShort",
                   [](auto* r) { r->set_progress_interval_ms(99); }, "progress_interval_ms",
                   "legal: 0, or 100 to 60000"},
        StreamCase{"ANegativeUpdateInterval", [](auto* r) { r->set_min_update_ms(-1); },
                   "min_update_ms", "legal: 0 to 60000"}),
    kName);

TEST(Requests, AllThatIsWrongIsNamedAtOnce) {
  v1::GetCandlesRequest request;
  request.set_page_size(-1);
  const auto detail =
      testing::DetailOf<google::rpc::BadRequest>(ToGrpc(Check(request, RequestLimits{}).status()));
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->field_violations_size(), 3);
}

TEST(Requests, ListInstrumentsRefusesBadSizesTokensAndTexts) {
  const auto refused = [](auto set) {
    v1::ListInstrumentsRequest request;
    set(&request);
    return absl::IsInvalidArgument(Check(request, RequestLimits{}).status());
  };
  EXPECT_TRUE(refused([](auto* r) { r->set_page_size(10'001); }));
  EXPECT_TRUE(refused([](auto* r) { r->set_page_token("x"); }));
  EXPECT_TRUE(refused([](auto* r) { r->set_venue(std::string(101, 'a')); }));
  EXPECT_TRUE(refused([](auto* r) { r->set_filter(std::string(101, 'a')); }));
  EXPECT_FALSE(refused([](auto*) {}));
}

TEST(Requests, GetLatestRefusesWhatStreamCandlesRefuses) {
  v1::GetLatestRequest request;
  request.add_instruments("binance:BTC-USDT");
  EXPECT_TRUE(absl::IsInvalidArgument(Check(request, RequestLimits{}).status()));
  request.add_intervals("1s");
  EXPECT_EQ(Check(request, RequestLimits{})->history.last, 1);
}

TEST(Requests, GetLatestTakesNoMoreSeriesThanAStreamMayHave) {
  v1::GetLatestRequest request;
  for (int i = 0; i < 1000; ++i) request.add_instruments("venue:X-" + std::to_string(i));
  for (int minutes = 2; minutes <= 10; ++minutes) {
    request.add_intervals(std::to_string(minutes) + "m");
  }
  const absl::Status status = Check(request, RequestLimits{}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), HasSubstr("x intervals are 9000; legal: up to 8000"));
}

TEST(Requests, GetLatestNamesItsOwnFieldWhereMergingTakesTooManyCandles) {
  v1::GetLatestRequest request;
  for (int i = 0; i < 1000; ++i) request.add_instruments("venue:X-" + std::to_string(i));
  request.add_intervals("59m");
  const absl::Status status = Check(request, RequestLimits{}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), HasSubstr("instruments: x intervals are merged from 118000"));
}

TEST(Requests, APageTokenOfAnotherRequestIsRefused) {
  const auto query = Check(GoodCandles(), RequestLimits{});
  v1::GetCandlesRequest request = GoodCandles();
  request.set_page_token(NextPageToken(*query, EventTime{5}, std::nullopt));
  EXPECT_TRUE(Check(request, RequestLimits{}).ok());
  request.set_page_size(7);  // may change
  EXPECT_TRUE(Check(request, RequestLimits{}).ok());
  request.set_interval("5m");
  EXPECT_THAT(Message(Check(request, RequestLimits{}).status()), HasSubstr("another request"));
}

v1::SubscribeRequest GoodSubscribe() {
  v1::SubscribeRequest request;
  auto* item = request.add_add();
  item->set_instrument("binance:BTC-USDT");
  item->set_interval("1s");
  return request;
}

TEST(Requests, ASubscribeRequestThatAsksForNothingIsRefused) {
  EXPECT_TRUE(Check(GoodSubscribe(), RequestLimits{}, true).ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(Check(v1::SubscribeRequest(), RequestLimits{}, true).status()));
}

TEST(Requests, MoreItemsThanAStreamMayHaveAreRefusedWithTheNumber) {
  v1::SubscribeRequest request;
  for (int i = 0; i < 10'000; ++i) *request.add_add() = GoodSubscribe().add(0);
  EXPECT_THAT(Message(Check(request, RequestLimits{}, true).status()),
              HasSubstr("holds 10000 items; legal: up to 8000"));
}

TEST(Requests, AWrongItemIsItsOwnErrorAndNotTheRequests) {
  v1::SubscribeRequest request = GoodSubscribe();
  request.add_add()->set_instrument("binance:BTC-USDT");
  request.add_add()->set_interval("1s");
  const auto query = Check(request, RequestLimits{}, true);
  ASSERT_TRUE(query.ok());
  EXPECT_TRUE(query->add[0].status.ok());
  EXPECT_THAT(Message(query->add[1].status), HasSubstr("add[1].interval"));
  EXPECT_THAT(Message(query->add[2].status), HasSubstr("add[2].instrument"));
}

TEST(Requests, OptionsOfTheStreamStandInItsFirstRequestOnly) {
  v1::SubscribeRequest request = GoodSubscribe();
  request.set_slow_consumer_policy(v1::SLOW_CONSUMER_POLICY_DISCONNECT);
  EXPECT_TRUE(Check(request, RequestLimits{}, true).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Check(request, RequestLimits{}, false).status()));
}

TEST(Requests, AForgedPageTokenDoesNotAskForMoreThanTheRequest) {
  v1::GetCandlesRequest request = GoodCandles();
  request.set_last(5);
  const auto query = Check(request, RequestLimits{});
  for (const int64_t left : {int64_t{-1}, int64_t{6}, INT64_MAX}) {
    request.set_page_token(NextPageToken(*query, EventTime{5}, left));
    EXPECT_TRUE(absl::IsInvalidArgument(Check(request, RequestLimits{}).status())) << left;
  }
  request.set_page_token(NextPageToken(*query, EventTime{5}, 5));
  EXPECT_TRUE(Check(request, RequestLimits{}).ok());
}

TEST(Requests, AFillOfTheLastNMayStandInALongRange) {
  v1::GetCandlesRequest request = GoodCandles();
  request.set_fill(v1::FILL_PREVIOUS_CLOSE);
  request.mutable_start_time()->set_seconds(0);
  request.mutable_end_time()->set_seconds(1'000'000 * 60);
  request.set_last(10);
  EXPECT_TRUE(Check(request, RequestLimits{})->fill);
}

TEST(Requests, TimesBetweenMicrosecondsAreRoundedUp) {
  v1::GetCandlesRequest request = GoodCandles();
  request.mutable_start_time()->set_seconds(1);
  request.mutable_start_time()->set_nanos(1);
  EXPECT_EQ(Check(request, RequestLimits{})->from.us, 1'000'001);
}

TEST(Requests, AnEmptyRangeIsFine) {
  v1::GetCandlesRequest request = GoodCandles();
  request.mutable_start_time()->set_seconds(9);
  request.mutable_end_time()->set_seconds(9);
  EXPECT_TRUE(Check(request, RequestLimits{}).ok());
}

}  // namespace
}  // namespace quantstream::query
