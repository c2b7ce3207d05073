#include "ingest/simulator/market_model.h"

#include <gtest/gtest.h>

#include <map>

namespace quantstream::simulator {
namespace {

constexpr int64_t kStart = 1'700'000'000'000'000;

std::vector<VenueTrade> TradesUntil(MarketModel& market, int64_t until_us) {
  std::vector<VenueTrade> trades;
  VenueMessage message;
  while (market.TakeDue(until_us, &message)) trades.push_back(*message.trade);
  return trades;
}

MarketOptions Options() {
  return {.instruments = {"BTC-USDT", "ETH-USDT", "XRP-USDT"},
          .trades_per_s = 1000,
          .start_us = kStart};
}

TEST(MarketModel, OneSeedGivesOneMarket) {
  MarketModel first(Options());
  MarketModel second(Options());
  const auto a = TradesUntil(first, kStart + 1'000'000);
  const auto b = TradesUntil(second, kStart + 1'000'000);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].id, b[i].id);
    EXPECT_EQ(a[i].price, b[i].price);
    EXPECT_EQ(a[i].time_ms, b[i].time_ms);
  }
}

TEST(MarketModel, AnotherSeedGivesAnotherMarket) {
  MarketOptions other = Options();
  other.seed = 2;
  MarketModel first(Options());
  MarketModel second(other);
  EXPECT_NE(TradesUntil(first, kStart + 1'000'000).size(),
            TradesUntil(second, kStart + 1'000'000).size());
}

TEST(MarketModel, TheRateIsTheOneAskedFor) {
  MarketModel market(Options());
  EXPECT_NEAR(static_cast<double>(TradesUntil(market, kStart + 1'500'000).size()), 1500, 200);
}

TEST(MarketModel, IdsOfAnInstrumentGrowByOneAndTimesNeverGoBack) {
  MarketModel market(Options());
  std::map<uint32_t, uint64_t> last;
  int64_t time = 0;
  for (const VenueTrade& trade : TradesUntil(market, kStart + 1'500'000)) {
    if (last.contains(trade.symbol)) {
      EXPECT_EQ(trade.id, last[trade.symbol] + 1);
    }
    last[trade.symbol] = trade.id;
    EXPECT_GE(trade.time_ms, time);
    time = trade.time_ms;
    EXPECT_GT(trade.price.mantissa, 0);
    EXPECT_GT(trade.quantity.mantissa, 0);
  }
  EXPECT_EQ(last.size(), 3u);
}

TEST(MarketModel, AMarketThatOpensLaterBeginsWithGreaterIds) {
  MarketOptions fast = Options();
  fast.instruments = {"BTC-USDT"};
  fast.trades_per_s = 100'000;
  MarketModel before(fast);
  const uint64_t last = TradesUntil(before, kStart + 1'000'000).back().id;
  fast.start_us = kStart + 1'000'000;
  MarketModel after(fast);
  EXPECT_GT(TradesUntil(after, kStart + 1'100'000).front().id, last);
}

TEST(MarketModel, FirstInstrumentsTradeMost) {
  MarketModel market(Options());
  std::map<uint32_t, int> count;
  for (const VenueTrade& trade : TradesUntil(market, kStart + 1'900'000)) ++count[trade.symbol];
  EXPECT_GT(count[0], count[1]);
  EXPECT_GT(count[1], count[2]);
}

TEST(MarketModel, WhatWasMissedWhileNobodyLookedIsLeftOut) {
  MarketModel market(Options());
  const auto trades = TradesUntil(market, kStart + 3'600'000'000);
  EXPECT_LT(trades.size(), 10u);
  EXPECT_GT(market.left_out_us(), 3'590'000'000);
}

}  // namespace
}  // namespace quantstream::simulator
