// ListGaps, GetCandleLineage and GetServerInfo: what is asked of the store, what clients get, and
// every INVALID_ARGUMENT by name.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>

#include <functional>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/audit_requests.h"
#include "query/service/errors.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

EventTime At(int64_t second) {
  return EventTime{second * kMicrosecondsPerSecond};
}

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  const auto detail = DetailOf<google::rpc::BadRequest>(ToGrpc(status));
  if (!detail) return fields;
  for (const auto& violation : detail->field_violations()) fields.push_back(violation.field());
  return fields;
}

class AuditTest : public ServiceTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.info.retention[Interval{60}] = std::chrono::seconds(3600);
    options->service.info.metadata_bytes_max = 12'345;
    options->service.streams_max = 77;
  }

  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::MarketData::Stub::*method)(grpc::ClientContext*,
                                                                 const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return (stub_.get()->*method)(&context, request, response);
  }
  grpc::Status ListGaps(const v1::ListGapsRequest& request, v1::ListGapsResponse* response) {
    return Call(&v1::MarketData::Stub::ListGaps, request, response);
  }
  grpc::Status GetLineage(const v1::GetCandleLineageRequest& request,
                          v1::GetCandleLineageResponse* response) {
    return Call(&v1::MarketData::Stub::GetCandleLineage, request, response);
  }
};

v1::GetCandleLineageRequest LineageOf(const std::string& interval, int64_t second) {
  v1::GetCandleLineageRequest request;
  request.set_instrument("aaausd");
  request.set_interval(interval);
  request.mutable_open_time()->set_seconds(second);
  return request;
}

TEST_F(AuditTest, AGapComesWithAllThatIsKnownOfIt) {
  history_.SetGaps({{.id = 1,
                     .instrument = kA,
                     .venue = "venue",
                     .partition = 3,
                     .cause = GapCause::kMissingIds,
                     .first_trade_id = 18'000'000'000'000'000'000u,
                     .last_trade_id = 18'000'000'000'000'000'005u,
                     .from_time = EventTime{10'250'000},
                     .until_time = At(12),
                     .first_offset = {},
                     .last_offset = {},
                     .opened_version = 40,
                     .closed_version = 44},
                    {.id = 2,
                     .instrument = "",
                     .venue = "",
                     .partition = 3,
                     .cause = GapCause::kDataLoss,
                     .first_trade_id = {},
                     .last_trade_id = {},
                     .from_time = At(30),
                     .until_time = {},
                     .first_offset = 100,
                     .last_offset = 120,
                     .opened_version = 50,
                     .closed_version = {}}});
  v1::ListGapsResponse response;
  ASSERT_TRUE(ListGaps({}, &response).ok());
  ASSERT_EQ(response.gaps_size(), 2);
  const v1::Gap& ids = response.gaps(0);
  EXPECT_EQ(ids.instrument(), kA);
  EXPECT_EQ(ids.cause(), v1::GAP_CAUSE_MISSING_IDS);
  EXPECT_EQ(ids.last_trade_id() - ids.first_trade_id(), 5u);
  EXPECT_EQ(ids.start_time().nanos(), 250'000'000);
  EXPECT_EQ(ids.end_time().seconds(), 12);
  EXPECT_EQ(ids.closed_version(), 44);
  EXPECT_FALSE(ids.has_first_offset());
  const v1::Gap& loss = response.gaps(1);
  EXPECT_EQ(loss.cause(), v1::GAP_CAUSE_DATA_LOSS);
  EXPECT_EQ(loss.first_offset(), 100);
  EXPECT_EQ(loss.last_offset(), 120);
  EXPECT_FALSE(loss.has_closed_version());
  EXPECT_FALSE(loss.has_end_time());
  EXPECT_FALSE(loss.has_first_trade_id());
  EXPECT_EQ(response.next_page_token(), "");
}

TEST_F(AuditTest, GapsComeInPagesAlsoThoseWithoutATime) {
  std::vector<Gap> gaps(5);
  for (size_t i = 0; i < gaps.size(); ++i) {
    gaps[i].id = static_cast<int64_t>(i) + 1;
    gaps[i].opened_version = gaps[i].id;
    if (i >= 2) gaps[i].from_time = At(100);
  }
  history_.SetGaps(gaps);
  v1::ListGapsRequest request;
  request.set_page_size(2);
  std::vector<int64_t> seen;
  do {
    v1::ListGapsResponse response;
    ASSERT_TRUE(ListGaps(request, &response).ok());
    for (const v1::Gap& gap : response.gaps()) seen.push_back(gap.opened_version());
    seen.push_back(0);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && seen.size() < 20);
  EXPECT_THAT(seen, ElementsAre(1, 2, 0, 3, 4, 0, 5, 0));
  v1::ListGapsResponse response;
  v1::ListGapsRequest first = request;
  first.clear_page_token();
  ASSERT_TRUE(ListGaps(first, &response).ok());
  first.set_page_token(response.next_page_token());
  first.set_open_only(true);
  EXPECT_EQ(ListGaps(first, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(AuditTest, GapsOfAnInstrumentAreAskedForWithItsVenueAndPartition) {
  v1::ListGapsRequest request;
  request.set_instrument("AAA/USD");
  request.mutable_start_time()->set_seconds(10);
  request.mutable_end_time()->set_seconds(20);
  request.set_open_only(true);
  request.set_page_size(7);
  v1::ListGapsResponse response;
  ASSERT_TRUE(ListGaps(request, &response).ok());
  const GapsRequest asked = history_.gaps_request();
  ASSERT_TRUE(asked.of);
  EXPECT_EQ(asked.of->instrument, kA);
  EXPECT_EQ(asked.of->venue, "venue");
  EXPECT_EQ(asked.of->partition, kPartition);
  EXPECT_EQ(asked.from, At(10));
  EXPECT_EQ(asked.to, At(20));
  EXPECT_TRUE(asked.open_only);
  EXPECT_EQ(asked.gaps_max, 8);
  request.set_instrument("venue:NONE-USD");
  EXPECT_EQ(ListGaps(request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(AuditRequests, AllThatIsWrongWithListGapsIsNamedAtOnce) {
  v1::ListGapsRequest request;
  request.set_instrument("a\nb");
  request.mutable_start_time()->set_seconds(20);
  request.mutable_end_time()->set_seconds(10);
  request.set_page_size(10'001);
  request.set_page_token("forged");
  EXPECT_THAT(FieldsOf(Check(request, RequestLimits{}).status()),
              ElementsAre("instrument", "end_time", "page_size", "page_token"));
  EXPECT_TRUE(Check(v1::ListGapsRequest{}, RequestLimits{}).ok());
}

TEST(AuditRequests, AllThatIsWrongWithGetCandleLineageIsNamedAtOnce) {
  EXPECT_THAT(FieldsOf(Check(v1::GetCandleLineageRequest{}, RequestLimits{}).status()),
              ElementsAre("instrument", "interval", "open_time"));
  EXPECT_THAT(FieldsOf(Check(LineageOf("7s", 0), RequestLimits{}).status()),
              ElementsAre("interval"));
  const auto within = Check(LineageOf("1m", 3661), RequestLimits{});
  EXPECT_THAT(FieldsOf(within.status()), ElementsAre("open_time"));
  EXPECT_THAT(std::string(within.status().message()), HasSubstr("1970-01-01T01:01:00Z"));
  EXPECT_TRUE(Check(LineageOf("1m", 3660), RequestLimits{}).ok());
}

StoredLineage Stored() {
  KeyedCandle keyed{{kA, Interval{60}, At(60)}, {}};
  quantstream::Candle& candle = keyed.candle;
  candle.values.first.key = {.time = EventTime{60'500'000}, .id = 7};
  candle.values.last.key = {.time = At(61)};
  candle.values.last.text_id = "t-9";
  candle.state = CandleState::kRevised;
  candle.revision = 2;
  candle.version = VersionOf(1, Offset{44});
  candle.lineage = OffsetSpan{Offset{40}, Offset{43}};
  v1::TradeBatch batch;
  batch.add_trades()->set_symbol("AAA-USD");
  return {.candle = keyed,
          .late_trades = {{.version = VersionOf(1, Offset{44}),
                           .index = 5,
                           .batch = batch.SerializeAsString()}},
          .late_trade_count = 12};
}

TEST_F(AuditTest, LineageTellsRecordsEdgesVersionAndLateTrades) {
  history_.SetLineage(Stored());
  v1::GetCandleLineageResponse response;
  ASSERT_TRUE(GetLineage(LineageOf("1m", 60), &response).ok());
  EXPECT_EQ(response.lineage().partition(), kPartition);
  EXPECT_EQ(response.lineage().first_offset(), 40);
  EXPECT_EQ(response.lineage().last_offset(), 43);
  EXPECT_EQ(response.first_trade_id(), "7");
  EXPECT_EQ(response.last_trade_id(), "t-9");
  EXPECT_EQ(response.first_trade_time().nanos(), 500'000'000);
  EXPECT_EQ(response.last_trade_time().seconds(), 61);
  EXPECT_EQ(response.version(), VersionOf(1, Offset{44}));
  EXPECT_EQ(response.revision(), 2u);
  EXPECT_EQ(response.late_trade_count(), 12u);
  ASSERT_EQ(response.late_trades_size(), 1);
  EXPECT_EQ(response.late_trades(0).offset(), 44);
  EXPECT_EQ(response.late_trades(0).index(), 5);
  EXPECT_EQ(response.late_trades(0).trade().symbol(), "AAA-USD");
  EXPECT_EQ(history_.lineage_request().instrument, kA);
  EXPECT_EQ(history_.lineage_request().open_time, At(60));
}

TEST_F(AuditTest, ACandleThatIsNotThereIsNotFoundAndNamed) {
  v1::GetCandleLineageResponse response;
  const grpc::Status status = GetLineage(LineageOf("1m", 60), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("venue:AAA-USD 1m 1970-01-01T00:01:00Z"));
  EXPECT_EQ(DetailOf<google::rpc::ResourceInfo>(status)->resource_type(), "quantstream.v1.Candle");
}

TEST_F(AuditTest, ALateTradeThatCannotBeReadIsDataLossAndNoHalfAnswer) {
  StoredLineage stored = Stored();
  stored.late_trades[0].batch = "\xff";
  history_.SetLineage(stored);
  v1::GetCandleLineageResponse response;
  EXPECT_EQ(GetLineage(LineageOf("1m", 60), &response).error_code(),
            grpc::StatusCode::DATA_LOSS);
}

TEST_F(AuditTest, ServerInfoTellsVersionIntervalsVenuesLimitsAndRetention) {
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(Call(&v1::MarketData::Stub::GetServerInfo, {}, &info).ok());
  EXPECT_THAT(info.version(), HasSubstr("."));
  EXPECT_THAT(info.intervals(), ElementsAre("1s", "5s", "1m", "5m", "15m", "1h", "1d"));
  EXPECT_THAT(info.venues(), ElementsAre("venue"));
  EXPECT_EQ(info.limits().streams_max(), 77);
  EXPECT_EQ(info.limits().metadata_bytes_max(), 12'345);
  EXPECT_EQ(info.limits().page_size_max(), 10'000);
  EXPECT_EQ(info.limits().history_statement_max().seconds(), 20);
  EXPECT_EQ(info.resume_token_age_max().seconds(), 7 * 86'400);
  ASSERT_EQ(info.retention_size(), 7);
  EXPECT_FALSE(info.retention(0).has_retention());
  EXPECT_EQ(info.retention(2).interval(), "1m");
  EXPECT_EQ(info.retention(2).retention().seconds(), 3600);
}

TEST_F(AuditTest, WhileTheStoreIsDownTheyAreUnavailableWithARetry) {
  history_.Fail(absl::UnavailableError("down"));
  v1::ListGapsResponse gaps;
  const grpc::Status status = ListGaps({}, &gaps);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status));
  v1::GetServerInfoResponse info;
  EXPECT_EQ(Call(&v1::MarketData::Stub::GetServerInfo, {}, &info).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace quantstream::query::testing
