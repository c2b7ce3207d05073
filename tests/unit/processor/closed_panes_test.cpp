// Trades of closed windows: from memory as from the log, the returns grow by each late trade as if
// all were computed anew.
#include "processor/closed_panes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "processor/pane_reread.h"

namespace quantstream::processor {
namespace {

constexpr int64_t kStart_us = 1'700'000'000'000'000;

// A pane's trades by order key, of which `late` of them come after it closed.
class Trades {
 public:
  Trades(uint64_t seed, int count) : random_(seed) {
    int64_t mantissa = 100'000;
    for (int i = 0; i < count; ++i) {
      PaneTrade trade;
      trade.id = 1'000 + static_cast<uint64_t>(i);
      trade.time = EventTime{kStart_us + Below(1'000) * 1'000};  // many share a stamp
      mantissa += Below(21) - 10;
      trade.price = CanonicalPrice(Decimal{mantissa, 2});
      trade.quantity = Decimal{1 + Below(1'000), 3};
      trade.offset = Offset{i};
      trade.count = static_cast<uint32_t>(1 + Below(3));
      trades_.push_back(KeptTrade{trade, {}});
    }
    std::shuffle(trades_.begin(), trades_.end(), random_);
  }

  const std::vector<KeptTrade>& all() const { return trades_; }
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }

 private:
  std::mt19937_64 random_;
  std::vector<KeptTrade> trades_;
};

std::unique_ptr<Pane> PaneOf(const std::vector<KeptTrade>& trades, size_t count) {
  auto pane = std::make_unique<Pane>();
  pane->Reset(EventTime{kStart_us});
  for (size_t i = 0; i < count; ++i) pane->Add(trades[i]);
  pane->Values();
  return pane;
}

TEST(PaneItems, GrowsTheReturnsByEachLateTradeFromMemoryAsFromTheLog) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Trades trades(seed, 60);
    const auto& all = trades.all();
    const size_t on_time = 1 + static_cast<size_t>(trades.Below(59));
    const auto pane = PaneOf(all, on_time);
    const std::optional<ClosedPane> closed = ClosedPane::Of(*pane);
    ASSERT_TRUE(closed);
    PaneItems memory, log;
    memory.Borrow(*closed);
    for (size_t i = 0; i < on_time; ++i) log.Add(all[i]);
    LogReturnSums from_memory = *pane->Values().returns, from_log = from_memory;
    for (size_t i = on_time; i < all.size(); ++i) {
      memory.AddNew(all[i]);
      log.AddNew(all[i]);
      from_memory += memory.TakeReturnsChange();
      from_log += log.TakeReturnsChange();
      const LogReturnSums anew = *PaneOf(all, i + 1)->Values().returns;
      ASSERT_EQ(from_memory, anew) << "seed " << seed << ", trade " << i;
      ASSERT_EQ(from_log, anew) << "seed " << seed << ", trade " << i;
      ASSERT_EQ(memory.trade_count(), log.trade_count());
    }
  }
}

TEST(PaneItems, KnowsATradeOfMemoryByItsId) {
  Trades trades(1, 20);
  const auto pane = PaneOf(trades.all(), 10);
  const std::optional<ClosedPane> closed = ClosedPane::Of(*pane);
  PaneItems items;
  items.Borrow(*closed);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(items.Has(trades.all()[i]), i < 10);
  const uint64_t count = items.trade_count();
  items.AddNew(trades.all()[3]);
  EXPECT_EQ(items.trade_count(), count);
  EXPECT_EQ(items.TakeReturnsChange(), LogReturnSums{});
}

TEST(ClosedPane, GivesBackWhatThePaneHeld) {
  const auto pane = PaneOf(Trades(7, 100).all(), 100);
  const std::optional<ClosedPane> closed = ClosedPane::Of(*pane);
  ASSERT_EQ(closed->size(), 100);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(closed->at(i).time, pane->trades()[i].time);
    EXPECT_EQ(closed->at(i).id, pane->trades()[i].id);
    EXPECT_TRUE(SameValue(closed->at(i).price, pane->trades()[i].price));
  }
}

TEST(ClosedPane, RefusesWhatDoesNotFit) {
  const auto with = [](uint64_t id, Decimal price) {
    std::vector<KeptTrade> trades = Trades(1, 2).all();
    trades[1].trade.id = id;
    trades[1].trade.price = price;
    return ClosedPane::Of(*PaneOf(trades, 2)).has_value();
  };
  EXPECT_TRUE(with(5'000, Decimal{1'000, 0}));
  EXPECT_FALSE(with(uint64_t{1} << 40, Decimal{1'000, 0}));
  EXPECT_FALSE(with(5'000, Decimal{int64_t{1} << 40, 0}));
  EXPECT_FALSE(with(5'000, Decimal{1'000, 18}));
}

TEST(ClosedPanes, KeepNoMoreThanTheBudgetOfAllOfThem) {
  const auto pane = PaneOf(Trades(1, 100).all(), 100);
  const size_t bytes = ClosedPane::Of(*pane)->bytes();
  ClosedPanesBudget budget(3 * bytes);
  ClosedPanes a(budget);
  {
    ClosedPanes b(budget);
    a.Keep(1, *pane, pane->end());
    b.Keep(1, *pane, pane->end());
    b.Keep(2, *pane, pane->end());
    EXPECT_EQ(budget.used(), 3 * bytes);
    b.Keep(3, *pane, pane->end());  // the oldest of its own gives way
    EXPECT_EQ(b.Find(1, pane->start()), nullptr);
    EXPECT_NE(b.Find(3, pane->start()), nullptr);
    EXPECT_NE(a.Find(1, pane->start()), nullptr);
    EXPECT_EQ(budget.used(), 3 * bytes);
  }
  EXPECT_EQ(budget.used(), bytes);
}

TEST(ClosedPanes, ForgetWhatClosedMoreThanAMinuteAgo) {
  const auto pane = PaneOf(Trades(1, 10).all(), 10);
  ClosedPanesBudget budget(1 << 20);
  ClosedPanes panes(budget);
  panes.Keep(1, *pane, pane->end());
  panes.Keep(2, *pane, EventTime{pane->start().us + ClosedPanes::kKept_us});
  EXPECT_NE(panes.Find(1, pane->start()), nullptr);
  panes.Keep(3, *pane, EventTime{pane->start().us + ClosedPanes::kKept_us + 1});
  EXPECT_EQ(panes.Find(1, pane->start()), nullptr);
}

}  // namespace
}  // namespace quantstream::processor
