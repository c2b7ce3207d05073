#include "market/trade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "tests/unit/market/random.h"

namespace quantstream {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

Trade Legal() {
  test::Random random(1);
  return test::LegalTrade(random, 1, 1'700'000'000'000'000);
}

Refusal Check(const Trade& trade) {
  return CheckTrade(trade, kHourUs);
}

TEST(CheckTrade, LetsALegalTradePass) {
  EXPECT_EQ(Check(Legal()), Refusal::kNone);
}

TEST(CheckTrade, RefusesATradeWithoutInstrument) {
  for (std::string_view venue :
       {"", "Binance", "a:b", "a b", "\xC3\xA9", "123456789012345678901234567890123"}) {
    Trade trade = Legal();
    trade.venue = venue;
    EXPECT_EQ(Check(trade), Refusal::kNoInstrument) << venue;
  }
  const std::string too_long(65, 'A');
  for (std::string_view symbol :
       {std::string_view(), std::string_view("A:B"), std::string_view("A\tB"),
        std::string_view("\xFF"), std::string_view("\0", 1), std::string_view(too_long)}) {
    Trade trade = Legal();
    trade.symbol = symbol;
    EXPECT_EQ(Check(trade), Refusal::kNoInstrument) << symbol;
  }
}

TEST(CheckTrade, RefusesPricesAndQuantitiesThatAreNotAboveZeroOrDoNotFit) {
  for (const Decimal& value : {Decimal{0, 0}, Decimal{-1, 0}, Decimal{1, 19}, Decimal{1, 255}}) {
    Trade trade = Legal();
    trade.price = value;
    EXPECT_EQ(Check(trade), Refusal::kPrice);
    trade = Legal();
    trade.quantity = value;
    EXPECT_EQ(Check(trade), Refusal::kQuantity);
  }
}

TEST(CheckTrade, RefusesANotionalThatCouldOverflowASum) {
  Trade trade = Legal();
  trade.price = trade.quantity = Decimal{kMost, 0};
  EXPECT_EQ(Check(trade), Refusal::kNotional);
  trade.quantity = Decimal{1, 18};
  EXPECT_EQ(Check(trade), Refusal::kNone) << "a strange price is not refused";
}

TEST(CheckTrade, RefusesTimesThatAreNotAboveZeroOrBeyondTheYear9999) {
  for (int64_t time_us : {int64_t{0}, int64_t{-1}, kTimeMax.us + 1, kMost}) {
    Trade trade = Legal();
    trade.venue_time = trade.receive_time = EventTime{time_us};
    EXPECT_EQ(Check(trade), Refusal::kTime) << time_us;
  }
  Trade trade = Legal();
  trade.venue_time = trade.receive_time = kTimeMax;
  EXPECT_EQ(Check(trade), Refusal::kNone);
}

TEST(CheckTrade, RefusesStampsTooFarAheadOfTheirReceipt) {
  Trade trade = Legal();
  trade.receive_time = EventTime{trade.venue_time.us - kHourUs};
  EXPECT_EQ(Check(trade), Refusal::kNone);
  --trade.receive_time.us;
  EXPECT_EQ(Check(trade), Refusal::kFuture);
  trade.receive_time.us = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(Check(trade), Refusal::kFuture);
}

TEST(CheckTrade, RefusesMoreIdsThanThereAreNumbers) {
  Trade trade = Legal();
  trade.id = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(Check(trade), Refusal::kNone);
  trade.count = 2;
  EXPECT_EQ(Check(trade), Refusal::kCount);
  --trade.id;
  EXPECT_EQ(Check(trade), Refusal::kNone);
  trade.count = 0;
  EXPECT_EQ(Check(trade), Refusal::kCount);
}

TEST(CheckTrade, RefusesTextIdsThatNoTableHolds) {
  const std::string long_id(Trade::kTextIdMax + 1, 'x');
  for (std::string_view id :
       {std::string_view("a\0b", 3), std::string_view("\xED\xA0\x80"), std::string_view(long_id)}) {
    Trade trade = Legal();
    trade.text_id = id;
    EXPECT_EQ(Check(trade), Refusal::kTextId) << id;
  }
}

TEST(CheckTrade, NamesTheFirstReasonInTheirOrder) {
  Trade trade;
  trade.count = 0;
  EXPECT_EQ(Check(trade), Refusal::kNoInstrument);
  trade.venue = "v";
  trade.symbol = "S";
  EXPECT_EQ(Check(trade), Refusal::kPrice);
  trade.price = Decimal{kMost, 0};
  EXPECT_EQ(Check(trade), Refusal::kQuantity);
  trade.quantity = Decimal{kMost, 0};
  EXPECT_EQ(Check(trade), Refusal::kNotional);
  trade.quantity = Decimal{1, 0};
  EXPECT_EQ(Check(trade), Refusal::kTime);
  trade.venue_time = EventTime{2 * kHourUs};
  EXPECT_EQ(Check(trade), Refusal::kFuture);
  trade.receive_time = trade.venue_time;
  EXPECT_EQ(Check(trade), Refusal::kCount);
}

TEST(Refusal, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Refusal::kTextId); ++i) {
    names.insert(RefusalName(static_cast<Refusal>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Refusal::kTextId) + 1);
  EXPECT_EQ(RefusalName(Refusal::kPrice), "price");
  EXPECT_EQ(RefusalName(Refusal::kFuture), "future");
}

TEST(TradeBatch, ClearKeepsItsMemory) {
  TradeBatch batch;
  batch.node = "n";
  batch.trades.resize(10);
  batch.heartbeats.resize(3);
  batch.Clear();
  EXPECT_EQ(batch, TradeBatch());
  EXPECT_GE(batch.trades.capacity(), 10u);
}

}  // namespace
}  // namespace quantstream
