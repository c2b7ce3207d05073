#include "market/candle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/unit/market/random.h"

namespace quantstream {
namespace {

using test::Random;

constexpr int64_t kStartUs = 1'700'000'000'000'000;
const Interval kPane{1};

struct KeyedTrade {
  Trade trade;
  OrderKey key;
};
using Trades = std::vector<KeyedTrade>;

OrderKey KeyOf(const Trade& trade, uint32_t index) {
  OrderKey key{trade.venue_time, trade.id};
  if (trade.id == 0) {
    key.receive_time = trade.receive_time;
    key.node = "node";
    key.index = index;
  }
  return key;
}

// Trades of a few seconds, many at the same moment; numbered, without ids, or both.
Trades RandomTrades(Random& random, int count) {
  Trades trades;
  const uint64_t without_id = random.Below(3);
  uint64_t next_id = 1 + random.Below(100);
  for (int i = 0; i < count; ++i) {
    const int64_t time_us = kStartUs + static_cast<int64_t>(random.Below(40)) * 250'000;
    Trade trade = test::LegalTrade(random, next_id, time_us);
    trade.count = random.OneIn(5) ? static_cast<uint32_t>(random.Between(2, 9)) : 1;
    next_id += trade.count;
    if (random.Below(2) < without_id) trade.id = 0;
    trades.push_back({trade, KeyOf(trade, static_cast<uint32_t>(i))});
  }
  return trades;
}

// Sums and edges by sorting, with no merging at all.
CandleValues Reference(Trades trades) {
  std::sort(trades.begin(), trades.end(),
            [](const KeyedTrade& a, const KeyedTrade& b) { return a.key < b.key; });
  CandleValues values = OfTrade(trades.front().trade, trades.front().key);
  const CandleValues last = OfTrade(trades.back().trade, trades.back().key);
  values.last = last.last;
  values.volume = values.quote_volume = ExactSum();
  values.buy_volume = ExactSum();
  values.trade_count = 0;
  for (const auto& [trade, key] : trades) {
    if (CompareValue(trade.price, values.high) > 0) values.high = trade.price.Canonical();
    if (CompareValue(trade.price, values.low) < 0) values.low = trade.price.Canonical();
    values.volume += ExactSum::Of(trade.quantity);
    values.quote_volume += ExactSum::Product(trade.price, trade.quantity);
    if (trade.aggressor_side == Side::kBuy) *values.buy_volume += ExactSum::Of(trade.quantity);
    values.trade_count += trade.count;
  }
  return values;
}

// A pane has no returns here: those are its caller's.
CandleValues PaneOf(const Trades& trades) {
  CandleValues pane = Reference(trades);
  pane.returns = LogReturnSums{};
  pane.first_pane_close = pane.close();
  return pane;
}

using Panes = std::map<int64_t, Trades>;

Panes PanesOf(const Trades& trades) {
  Panes panes;
  for (const KeyedTrade& trade : trades) {
    panes[WindowStart(trade.trade.venue_time, kPane).us].push_back(trade);
  }
  return panes;
}

// A longer candle by its definition: returns between consecutive panes' closes.
CandleValues LongReference(const Trades& trades) {
  CandleValues values = Reference(trades);
  values.returns = LogReturnSums{};
  std::optional<Decimal> previous;
  for (const auto& [start, pane] : PanesOf(trades)) {
    const Decimal close = PaneOf(pane).close();
    if (previous.has_value()) {
      values.returns->Add(LogReturn(*previous, close));
    } else {
      values.first_pane_close = close;
    }
    previous = close;
  }
  return values;
}

CandleValues Appended(const Trades& trades) {
  CandleValues whole;
  for (const auto& [start, pane] : PanesOf(trades)) AppendPane(whole, PaneOf(pane));
  return whole;
}

TEST(OrderKey, TimeComesFirstThenTheIdThenTheReceipt) {
  const OrderKey first{EventTime{1}, 9};
  const OrderKey unnumbered{EventTime{2}, 0, EventTime{7}};
  const OrderKey received_later{EventTime{2}, 0, EventTime{8}};
  const OrderKey numbered{EventTime{2}, 1};
  EXPECT_LT(first, unnumbered);
  EXPECT_LT(unnumbered, received_later);
  EXPECT_LT(received_later, numbered);
}

TEST(Candle, OfOneTrade) {
  Random random(1);
  Trade trade = test::LegalTrade(random, 7, kStartUs);
  trade.price = Decimal{1'500, 2};
  trade.quantity = Decimal{20, 1};
  trade.aggressor_side = Side::kSell;
  trade.count = 3;
  const CandleValues values = OfTrade(trade, KeyOf(trade, 0));
  EXPECT_EQ(values.open(), (Decimal{15, 0}));
  EXPECT_EQ(values.first.key.id, 7u);
  EXPECT_EQ(values.last.key.id, 9u) << "the last of the aggregate's ids";
  EXPECT_EQ(values.volume.ToString(), "2");
  EXPECT_EQ(values.quote_volume.ToString(), "30");
  EXPECT_EQ(values.buy_volume.value().ToString(), "0");
  EXPECT_EQ(values.trade_count, 3u);
  EXPECT_EQ(values.Vwap(), "15");
  EXPECT_EQ(values.returns.value().count, 0);
}

TEST(Candle, AnyOrderAndAnyGroupingGiveTheSameValues) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Trades trades = RandomTrades(random, random.Between(1, 20));
    const CandleValues expected = Reference(trades);
    std::vector<CandleValues> parts;
    for (const auto& [trade, key] : trades) parts.push_back(OfTrade(trade, key));
    random.Shuffle(parts);
    while (parts.size() > 1) {
      const size_t into = random.Below(parts.size() - 1);
      MergeSums(parts[into], parts.back());
      parts.pop_back();
      random.Shuffle(parts);
    }
    parts[0].first_pane_close = expected.first_pane_close;
    ASSERT_EQ(parts[0], expected);
  }
}

TEST(Candle, AddingTradesOneByOneIsMergingThem) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Trades trades = RandomTrades(random, random.Between(1, 20));
    random.Shuffle(trades);
    if (random.OneIn(3)) trades[0].trade.aggressor_side = Side::kUnspecified;
    CandleValues added;
    CandleValues merged;
    for (const auto& [trade, key] : trades) {
      AddTrade(added, trade, key);
      MergeSums(merged, OfTrade(trade, key));
    }
    ASSERT_EQ(added, merged);
  }
}

TEST(Candle, EqualPricesOfDifferentScalesAreOnePrice) {
  Random random(1);
  Trade plain = test::LegalTrade(random, 1, kStartUs);
  plain.price = Decimal{15, 1};
  Trade padded = plain;
  padded.price = Decimal{1'500, 3};
  EXPECT_EQ(OfTrade(plain, KeyOf(plain, 0)), OfTrade(padded, KeyOf(padded, 0)));
}

TEST(Candle, BuyVolumeIsAbsentOnceASideIsUntold) {
  Random random(1);
  Trade told = test::LegalTrade(random, 1, kStartUs);
  Trade untold = test::LegalTrade(random, 2, kStartUs);
  untold.aggressor_side = Side::kUnspecified;
  CandleValues whole = OfTrade(told, KeyOf(told, 0));
  EXPECT_TRUE(whole.buy_volume.has_value());
  MergeSums(whole, OfTrade(untold, KeyOf(untold, 1)));
  EXPECT_FALSE(whole.buy_volume.has_value());
  MergeSums(whole, OfTrade(told, KeyOf(told, 0)));
  EXPECT_FALSE(whole.buy_volume.has_value());
}

TEST(Candle, AnEmptyOneAddsNothing) {
  Random random(1);
  const Trades trades = RandomTrades(random, 9);
  const CandleValues values = LongReference(trades);
  CandleValues whole = values;
  MergeSums(whole, CandleValues());
  AppendPane(whole, CandleValues());
  EXPECT_EQ(whole, values);
  EXPECT_EQ(Join(values, CandleValues()), values);
  EXPECT_EQ(Join(CandleValues(), values), values);
}

TEST(LongCandle, GrowsByItsPanes) {
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Trades trades = RandomTrades(random, random.Between(1, 30));
    ASSERT_EQ(Appended(trades), LongReference(trades));
  }
}

TEST(LongCandle, IsTheJoinOfItsParts) {
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Trades trades = RandomTrades(random, random.Between(1, 30));
    std::vector<CandleValues> parts(1);
    for (const auto& [start, pane] : PanesOf(trades)) {
      if (random.OneIn(3)) parts.emplace_back();
      AppendPane(parts.back(), PaneOf(pane));
    }
    const CandleValues expected = LongReference(trades);
    CandleValues from_left;
    for (const CandleValues& part : parts) from_left = Join(from_left, part);
    ASSERT_EQ(from_left, expected);
    CandleValues from_right;
    for (size_t i = parts.size(); i-- > 0;) from_right = Join(parts[i], from_right);
    ASSERT_EQ(from_right, expected) << "associative";
  }
}

TEST(LongCandle, ReturnsThatAreAbsentStayAbsent) {
  Random random(3);
  const Trades trades = RandomTrades(random, 30);
  CandleValues known = LongReference(trades);
  CandleValues unknown = known;
  unknown.returns.reset();
  EXPECT_FALSE(Join(known, unknown).returns.has_value());
  EXPECT_FALSE(Join(unknown, known).returns.has_value());
  AppendPane(unknown, PaneOf(trades));
  EXPECT_FALSE(unknown.returns.has_value());
}

std::optional<Decimal> CloseBefore(const Panes& panes, int64_t start_us) {
  auto pane = panes.lower_bound(start_us);
  if (pane == panes.begin()) return std::nullopt;
  return PaneOf(std::prev(pane)->second).close();
}

std::optional<Decimal> CloseAfter(const Panes& panes, int64_t start_us) {
  auto pane = panes.upper_bound(start_us);
  if (pane == panes.end()) return std::nullopt;
  return PaneOf(pane->second).close();
}

// All trades of a longer candle, and those of them that were there before some came late into one
// of its panes.
struct LateTrades {
  Trades after;
  Trades before;
  int64_t pane_us = 0;

  explicit LateTrades(Random& random) : after(RandomTrades(random, random.Between(2, 30))) {
    pane_us = WindowStart(random.Pick(after).trade.venue_time, kPane).us;
    bool any_late = false;
    for (const KeyedTrade& trade : after) {
      const bool in_pane = WindowStart(trade.trade.venue_time, kPane).us == pane_us;
      const bool late = in_pane && (!any_late || random.OneIn(2));
      any_late = any_late || late;
      if (!late) before.push_back(trade);
    }
  }
};

TEST(LongCandle, ReplacingAPaneIsRecomputingTheCandle) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const LateTrades trades(random);
    if (trades.before.empty()) continue;
    const Panes panes = PanesOf(trades.before);
    std::optional<CandleValues> old;
    if (panes.contains(trades.pane_us)) old = PaneOf(panes.at(trades.pane_us));
    const CandleValues now = PaneOf(PanesOf(trades.after).at(trades.pane_us));
    CandleValues whole = LongReference(trades.before);
    ReplacePane(whole, old, now, CloseBefore(panes, trades.pane_us),
                CloseAfter(panes, trades.pane_us));
    ASSERT_EQ(whole, LongReference(trades.after));
  }
}

TEST(LongCandle, AReplacedPaneWithoutSidesTakesTheBuyVolumeAway) {
  Random random(5);
  Trades trades = RandomTrades(random, 10);
  const Panes panes = PanesOf(trades);
  CandleValues whole = LongReference(trades);
  const auto& [start, members] = *panes.begin();
  const CandleValues old = PaneOf(members);
  CandleValues now = old;
  now.buy_volume.reset();
  ReplacePane(whole, old, now, std::nullopt, CloseAfter(panes, start));
  EXPECT_FALSE(whole.buy_volume.has_value());
}

TEST(CandleKey, ClosesWhereTheNextWindowOpens) {
  const CandleKey key{"binance:BTC-USDT", Interval{60}, EventTime{120'000'000}};
  EXPECT_EQ(key.close_time(), EventTime{180'000'000});
}

}  // namespace
}  // namespace quantstream
