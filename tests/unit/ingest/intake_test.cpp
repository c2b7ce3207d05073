#include "ingest/intake.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "ingest/venue/binance/binance_decoder.h"
#include "tests/unit/ingest/fakes.h"

namespace quantstream::ingest {
namespace {

constexpr int64_t kSecond = 1'000'000;

std::string Frame(uint64_t id, int64_t time_ms, const char* price = "100",
                  const char* quantity = "1") {
  return absl::StrCat(R"({"e":"trade","s":"BTCUSDT","t":)", id, R"(,"p":")", price, R"(","q":")",
                      quantity, R"(","T":)", time_ms, R"(,"m":true})");
}

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    clock_.Connected(1, std::nullopt, Instant{0});
    Make({});
  }
  void Make(IntakeOptions options) {
    options.source_name = "binance test";
    intake_ =
        std::make_unique<Intake>(1, MakeBinanceDecoder(symbols_, "trade"),
                                 IntakeParts{sink_, sink_, clock_, metrics_.metrics}, options);
  }
  // Received at `at` seconds, stamped `ahead_ms` later.
  void Take(uint64_t id, double at, int64_t ahead_ms = 0) {
    const auto us = static_cast<int64_t>(at * 1e6);
    intake_->Take(Frame(id, 1'700'000'000'000 + us / 1000 + ahead_ms),
                  EventTime{1'700'000'000'000'000 + us}, Instant{us});
  }
  void LearnWithTrades(uint64_t count = 11) {
    for (uint64_t id = 1; id <= count; ++id) Take(id, 0);
  }

  SymbolTable symbols_ = *SymbolTable::Make("binance", {"BTC-USDT"}, false);
  FakeSink sink_;
  TestMetrics metrics_;
  VenueClock clock_{"binance", {}};
  std::unique_ptr<Intake> intake_;
};

TEST_F(IntakeTest, LetsTheFirstTradesWaitUntilElevenWereSeen) {
  for (uint64_t id = 1; id <= 10; ++id) Take(id, 0);
  EXPECT_TRUE(sink_.trades.empty());
  EXPECT_FALSE(clock_.Read(Instant{0}).venue_time.has_value()) << "no time covers what waits";
  Take(11, 0);
  ASSERT_EQ(sink_.trades.size(), 11u);
  EXPECT_EQ(sink_.trades[0].id, 1u);
  EXPECT_EQ(sink_.trades[10].id, 11u);
  EXPECT_TRUE(clock_.Read(Instant{0}).venue_time.has_value());
}

TEST_F(IntakeTest, LetsNoTradeWaitLongerThanASecond) {
  Take(1, 0);
  intake_->Tick(Instant{kSecond - 1});
  EXPECT_TRUE(sink_.trades.empty());
  intake_->Tick(Instant{kSecond});
  EXPECT_EQ(sink_.trades.size(), 1u);
  Take(2, 1.1);
  EXPECT_EQ(sink_.trades.size(), 2u) << "once is enough";
}

TEST_F(IntakeTest, LosesNoWaitingTradeWhenTheConnectionEnds) {
  Take(1, 0);
  intake_->Close();
  EXPECT_EQ(sink_.trades.size(), 1u);
}

TEST_F(IntakeTest, RefusesATradeStampedInTheFutureAlsoAmongTheFirst) {
  Take(1, 0, 6'000);
  for (uint64_t id = 2; id <= 11; ++id) Take(id, 0);
  EXPECT_EQ(sink_.trades.size(), 10u);
  Take(12, 1, 5'001);
  Take(13, 1, 5'000);
  EXPECT_EQ(sink_.trades.size(), 11u);
  ASSERT_EQ(sink_.letters.size(), 2u);
  for (const DeadLetter& letter : sink_.letters) EXPECT_EQ(letter.reason, "future");
  EXPECT_EQ(sink_.letters[1].bytes, Frame(12, 1'700'000'006'001));
  EXPECT_EQ(sink_.letters[1].source, "binance test");
}

TEST_F(IntakeTest, AllowsForARecordersWrongClock) {
  for (uint64_t id = 1; id <= 20; ++id) Take(id, static_cast<double>(id), 30'000);
  EXPECT_EQ(sink_.trades.size(), 20u);
  EXPECT_EQ(intake_->offset_us(), 30 * kSecond);
}

TEST_F(IntakeTest, NeverMovesTheClockByARefusedTrade) {
  LearnWithTrades();
  Take(12, 0, 3'600'000'0);
  EXPECT_EQ(clock_.Read(Instant{0}).venue_time, EventTime{1'700'000'000'000'000});
}

TEST_F(IntakeTest, RefusesZeroAndNegativePricesAndQuantitiesAndGoesOn) {
  LearnWithTrades();
  const EventTime received{1'700'000'000'000'000};
  intake_->Take(Frame(20, 1'700'000'000'000, "0"), received, Instant{0});
  intake_->Take(Frame(21, 1'700'000'000'000, "-1"), received, Instant{0});
  intake_->Take(Frame(22, 1'700'000'000'000, "1", "0.000"), received, Instant{0});
  intake_->Take(Frame(23, 1'700'000'000'000, "1", "-2"), received, Instant{0});
  intake_->Take(Frame(24, 1'700'000'000'000, "9e18", "9e18"), received, Instant{0});
  intake_->Take("{\"e\":", received, Instant{0});
  Take(25, 0);
  std::vector<std::string> reasons;
  for (const DeadLetter& letter : sink_.letters) reasons.push_back(letter.reason);
  EXPECT_EQ(reasons, (std::vector<std::string>{"price", "price", "quantity", "quantity", "notional",
                                               "truncated"}));
  EXPECT_EQ(sink_.trades.size(), 12u);
}

TEST_F(IntakeTest, RefusesARecordedFrameThatIsTooLarge) {
  const std::string frame = "{\"a\":\"" + std::string(1 << 20, 'x') + "\"}";
  EXPECT_EQ(intake_->Take(frame, EventTime{1}, Instant{0}).kind, FrameKind::kBad);
  ASSERT_EQ(sink_.letters.size(), 1u);
  EXPECT_EQ(sink_.letters[0].reason, "oversized");
  EXPECT_EQ(sink_.letters[0].length, frame.size());
  EXPECT_EQ(sink_.letters[0].bytes.size(), DeadLetter::kBytesMax);
}

TEST_F(IntakeTest, GivesCsvTradesTheirOwnTimeAsReceiveTimeAndDoesNotLetThemWait) {
  Make({.source = TradeSource::kReplay, .trade_time_is_receive_time = true, .source_name = ""});
  Take(1, 10, -7'000);
  ASSERT_EQ(sink_.trades.size(), 1u);
  EXPECT_EQ(sink_.trades[0].receive_time, sink_.trades[0].venue_time);
  EXPECT_EQ(sink_.trades[0].source, TradeSource::kReplay);
}

TEST_F(IntakeTest, StampsLiveTradesWithTheirReceipt) {
  LearnWithTrades();
  Take(12, 2.5, -300);
  EXPECT_EQ(sink_.trades.back().receive_time.us, 1'700'000'002'500'000);
  EXPECT_EQ(sink_.trades.back().venue_time.us, 1'700'000'002'200'000);
  EXPECT_EQ(sink_.trades.back().source, TradeSource::kLive);
}

}  // namespace
}  // namespace quantstream::ingest
