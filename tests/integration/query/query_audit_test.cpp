// Gaps and lineage out of real tables: which gaps concern whom, in which order, and what a candle
// was made of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "market/instrument.h"
#include "tests/integration/query/query_world.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kDay = 1'700'006'400;  // 2023-11-15 00:00:00 UTC

std::unique_ptr<grpc::ClientContext> Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  return context;
}

class QueryAudit : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.Commit({MakeCandle(kBtc, 1, kDay + 10, CandleState::kFinal, 5),
                   MakeCandle(kBtc, 60, kDay, CandleState::kRevised, 9),
                   MakeCandle(kEth, 1, kDay + 10, CandleState::kFinal, 5)},
                  10);
    world_.Start();
    ASSERT_TRUE(world_.Ready("ready")) << world_.process().Output();
  }

  // "12<100.5": filled, and closed at that; "?": within a gap. In order of time.
  std::vector<std::string> Filled(const v1::GetCandlesRequest& request) {
    v1::GetCandlesResponse response;
    const grpc::Status status = world_.stub().GetCandles(Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> words;
    for (const v1::Candle& candle : response.candles()) {
      words.push_back(absl::StrCat(candle.open_time().seconds() - kDay, candle.filled() ? "<" : "=",
                                   candle.close(),
                                   candle.completeness() == v1::COMPLETENESS_COMPLETE ? "" : "?"));
    }
    if (request.order() == v1::CANDLE_ORDER_DESCENDING) std::ranges::reverse(words);
    return words;
  }
  void Sql(const std::string& sql) {
    test_support::Query(world_.database().ConnectionString(), sql);
  }
  // `seconds` of the day, or NULL. The version tells the rows apart.
  void AddGap(const std::string& instrument, const std::string& venue, int32_t partition,
              const std::string& cause, const std::string& from, const std::string& until,
              int64_t version, const std::string& closed = "NULL") {
    const auto time = [](const std::string& second) {
      return second == "NULL" ? second : absl::StrCat("to_timestamp(", kDay, " + ", second, ")");
    };
    Sql(absl::StrCat("INSERT INTO trade_gaps (topic, partition, instrument_id, venue, cause, "
                     "first_trade_id, last_trade_id, from_time, until_time, opened_version, "
                     "closed_version) VALUES ('",
                     world_.TradesTopic(), "', ", partition,
                     ", (SELECT instrument_id FROM instruments WHERE name = '", instrument, "'), ",
                     venue.empty() ? "NULL" : "'" + venue + "'", ", '", cause,
                     "', 18446744073709551610, 18446744073709551615, ", time(from), ", ",
                     time(until), ", ", version, ", ", closed, ")"));
  }
  std::vector<int64_t> Gaps(v1::ListGapsRequest request) {
    std::vector<int64_t> versions;
    do {
      v1::ListGapsResponse response;
      const grpc::Status status = world_.stub().ListGaps(Context().get(), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::Gap& gap : response.gaps()) versions.push_back(gap.opened_version());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty() && versions.size() < 100);
    return versions;
  }

  QueryWorld world_;
};

TEST_F(QueryAudit, GapsByInstrumentTimeStateAndPage) {
  const int32_t mine = PartitionOf(kBtc, kPartitions);
  const int32_t other = (mine + 1) % kPartitions;
  AddGap(kBtc, "binance", mine, "MISSING_IDS", "20", "30", 1, "99");
  AddGap(kBtc, "binance", mine, "UNKNOWN", "10", "12", 2);
  AddGap(kEth, "binance", PartitionOf(kEth, kPartitions), "MISSING_IDS", "11", "12", 3);
  AddGap("", "binance", mine, "DISCONNECTED", "40", "50", 4);
  AddGap("", "binance", other, "DISCONNECTED", "40", "50", 5);
  AddGap("", "okx", mine, "DISCONNECTED", "40", "50", 6);
  AddGap("", "", mine, "DATA_LOSS", "NULL", "NULL", 7);
  v1::ListGapsRequest all;
  all.set_page_size(2);
  EXPECT_THAT(Gaps(all), ElementsAre(7, 2, 3, 1, 4, 5, 6));
  v1::ListGapsRequest mine_only;
  mine_only.set_instrument("btcusdt");
  EXPECT_THAT(Gaps(mine_only), ElementsAre(7, 2, 1, 4));
  mine_only.set_open_only(true);
  EXPECT_THAT(Gaps(mine_only), ElementsAre(7, 2, 4));
  v1::ListGapsRequest within;
  within.set_instrument(kBtc);
  within.mutable_start_time()->set_seconds(kDay + 12);  // the gap that ends there is one of them
  within.mutable_end_time()->set_seconds(kDay + 40);    // the one that begins there is not
  EXPECT_THAT(Gaps(within), ElementsAre(7, 2, 1));
}

TEST_F(QueryAudit, AGapsNumbersComeWhole) {
  AddGap(kBtc, "binance", 2, "MISSING_IDS", "20.25", "30", 1, "99");
  v1::ListGapsResponse response;
  ASSERT_TRUE(world_.stub().ListGaps(Context().get(), {}, &response).ok());
  ASSERT_EQ(response.gaps_size(), 1);
  const v1::Gap& gap = response.gaps(0);
  EXPECT_EQ(gap.instrument(), kBtc);
  EXPECT_EQ(gap.venue(), "binance");
  EXPECT_EQ(gap.partition(), 2);
  EXPECT_EQ(gap.cause(), v1::GAP_CAUSE_MISSING_IDS);
  EXPECT_EQ(gap.first_trade_id(), 18'446'744'073'709'551'610u);
  EXPECT_EQ(gap.last_trade_id(), 18'446'744'073'709'551'615u);
  EXPECT_EQ(gap.start_time().seconds(), kDay + 20);
  EXPECT_EQ(gap.start_time().nanos(), 250'000'000);
  EXPECT_EQ(gap.closed_version(), 99);
}

TEST_F(QueryAudit, LineageOfALongCandleListsTheLateTradesOfAllItsSeconds) {
  v1::TradeBatch batch;
  batch.add_trades()->set_symbol("BTC-USDT");
  const std::string bytes = absl::BytesToHexString(batch.SerializeAsString());
  for (const char* row : {"59, 9, 1", "59, 9, 0", "0, 8, 3", "60, 7, 0", "-1, 7, 0"}) {
    Sql(absl::StrCat("INSERT INTO late_trades SELECT instrument_id, to_timestamp(", kDay,
                     " + v.second), v.version, v.index, now(), NULL, 1, 1, '\\x", bytes,
                     "' FROM instruments, (VALUES (", row,
                     ")) AS v (second, version, index) WHERE name = '", kBtc, "'"));
  }
  v1::GetCandleLineageRequest request;
  request.set_instrument(kBtc);
  request.set_interval("1m");
  request.mutable_open_time()->set_seconds(kDay);
  v1::GetCandleLineageResponse lineage;
  const grpc::Status status =
      world_.stub().GetCandleLineage(Context().get(), request, &lineage);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(lineage.lineage().partition(), PartitionOf(kBtc, kPartitions));
  EXPECT_EQ(lineage.lineage().last_offset(), 9);
  EXPECT_EQ(lineage.revision(), 1u);
  EXPECT_EQ(lineage.first_trade_id(), "10");
  std::vector<std::string> places;
  for (const v1::LateTrade& late : lineage.late_trades()) {
    places.push_back(absl::StrCat(late.offset(), ".", late.index()));
    EXPECT_EQ(late.trade().symbol(), "BTC-USDT");
  }
  EXPECT_THAT(places, ElementsAre("8.3", "9.0", "9.1"));
  EXPECT_EQ(lineage.late_trade_count(), 3u);
  request.mutable_open_time()->set_seconds(kDay + 60);
  EXPECT_EQ(world_.stub().GetCandleLineage(Context().get(), request, &lineage).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(QueryAudit, FilledWindowsKnowTheCloseBeforeAndTheOpenGaps) {
  const int32_t mine = PartitionOf(kBtc, kPartitions);
  world_.Commit({MakeCandle(kBtc, 1, kDay + 16, CandleState::kFinal, 9, "7.5")}, 10);
  AddGap(kBtc, "binance", mine, "MISSING_IDS", "11.5", "12.5", 1, "99");
  AddGap("", "binance", mine, "DISCONNECTED", "13.5", "13.7", 2);
  AddGap("", "", mine, "DATA_LOSS", "NULL", "NULL", 3);
  AddGap(kEth, "binance", mine, "MISSING_IDS", "12", "16", 4);
  v1::GetCandlesRequest request;
  request.set_instrument(kBtc);
  request.set_interval("1s");
  request.mutable_start_time()->set_seconds(kDay + 12);
  request.set_fill(v1::FILL_PREVIOUS_CLOSE);
  for (const auto order : {v1::CANDLE_ORDER_ASCENDING, v1::CANDLE_ORDER_DESCENDING}) {
    request.set_order(order);
    request.set_interval("1s");
    EXPECT_THAT(Filled(request),
                ElementsAre("12<100.5", "13<100.5?", "14<100.5", "15<100.5", "16=7.5"));
    request.set_interval("2s");  // merged; the newest window is open
    EXPECT_THAT(Filled(request), ElementsAre("12<100.5?", "14<100.5"));
  }
}

TEST_F(QueryAudit, ServerInfoKnowsTheVenues) {
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(world_.stub().GetServerInfo(Context().get(), {}, &info).ok());
  EXPECT_THAT(info.venues(), ElementsAre("binance"));
  v1::ListGapsResponse gaps;
  ASSERT_TRUE(world_.stub().ListGaps(Context().get(), {}, &gaps).ok());
  EXPECT_THAT(gaps.gaps(), IsEmpty());
}

}  // namespace
}  // namespace quantstream::query::testing
