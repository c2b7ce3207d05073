// Parts, put together: the same values as those that the fold makes of the trades themselves.
#include "query/merged_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "quantstream/v1/candle.pb.h"
#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {
namespace {

v1::Candle Read(const Update& update) {
  v1::Candle candle;
  EXPECT_TRUE(candle.ParseFromString(update->message));
  return candle;
}

// Trades of two hours, some seconds without any; of each second the pane that the fold makes.
std::map<int64_t, CandleValues> RandomPanes(std::mt19937_64* random) {
  std::map<int64_t, CandleValues> panes;
  for (uint64_t id = 1; id < 20'000; ++id) {
    Trade trade;
    trade.price = Decimal(static_cast<int64_t>(9'900 + (*random)() % 200), 2);
    trade.quantity = Decimal(static_cast<int64_t>(1 + (*random)() % 1000), 3);
    trade.venue_time = EventTime{static_cast<int64_t>((*random)() % 7'200'000'000)};
    trade.aggressor_side = (*random)() % 2 == 0 ? Side::kBuy : Side::kSell;
    trade.id = id;
    const int64_t second = trade.venue_time.us / kMicrosecondsPerSecond;
    CandleValues& pane = panes[second];
    if (pane.trade_count == 0) {
      pane = OfTrade(trade, {trade.venue_time, id});
    } else {
      AddTrade(pane, trade, {trade.venue_time, id});
    }
  }
  // As the fold keeps them: the return of a pane starts from its last close.
  for (auto& [second, pane] : panes) pane.first_pane_close = pane.close();
  return panes;
}

// What is stored for an interval: the panes of each window, one after another.
std::map<int64_t, CandleValues> Stored(const std::map<int64_t, CandleValues>& panes,
                                       int64_t seconds) {
  std::map<int64_t, CandleValues> stored;
  for (const auto& [second, pane] : panes) {
    AppendPane(stored[second - second % seconds], pane);
  }
  return stored;
}

CandleValues Merge(const std::map<int64_t, CandleValues>& parts, int32_t part_s, int64_t from,
                   int64_t to) {
  MergedParts merged{Interval{part_s}};
  for (auto part = parts.lower_bound(from); part != parts.end() && part->first < to; ++part) {
    quantstream::Candle candle;
    candle.values = part->second;
    candle.state = CandleState::kFinal;
    merged.Append(candle);
  }
  return merged.candle().values;
}

TEST(MergedParts, EqualWhatIsStoredForTheSameWindow) {
  std::mt19937_64 random(7);
  const auto panes = RandomPanes(&random);
  const auto minutes = Stored(panes, 60);
  for (const auto& [start, stored] : minutes) {
    ASSERT_EQ(Merge(panes, 1, start, start + 60), stored) << start;
  }
  const auto fives = Stored(panes, 5);
  for (const int32_t seconds : {300, 900, 3600}) {
    for (const auto& [start, stored] : Stored(panes, seconds)) {
      ASSERT_EQ(Merge(panes, 1, start, start + seconds), stored) << seconds << " " << start;
      ASSERT_EQ(Merge(fives, 5, start, start + seconds), stored) << seconds << " " << start;
      ASSERT_EQ(Merge(minutes, 60, start, start + seconds), stored) << seconds << " " << start;
    }
  }
}

TEST(MergedParts, AWindowThatIsNotStoredEqualsItsPanes) {
  std::mt19937_64 random(8);
  const auto panes = RandomPanes(&random);
  const auto minutes = Stored(panes, 60);
  for (const auto& [start, whole] : Stored(panes, 7 * 60)) {
    ASSERT_EQ(Merge(minutes, 60, start, start + 7 * 60), whole) << start;
  }
}

MergedParts Of(const std::vector<quantstream::Candle>& parts) {
  MergedParts merged(Interval{1});
  for (const quantstream::Candle& part : parts) merged.Append(part);
  return merged;
}

quantstream::Candle At(int64_t second, CandleState state, int64_t version) {
  return CandleOf(Part("v:A", 1, second, state, version));
}

TEST(MergedParts, TheVersionIsTheGreatestAndTheRevisionTheSum) {
  const MergedParts parts = Of({At(0, CandleState::kFinal, 5), At(1, CandleState::kRevised, 9),
                                At(2, CandleState::kRevised, 7)});
  const quantstream::Candle& merged = parts.candle();
  EXPECT_EQ(merged.version, 9);
  EXPECT_EQ(merged.revision, 2u);
  EXPECT_EQ(merged.state, CandleState::kRevised);
  EXPECT_EQ(Of({At(0, CandleState::kFinal, 5)}).candle().state, CandleState::kFinal);
  EXPECT_EQ(Of({At(0, CandleState::kPartial, 5), At(1, CandleState::kRevised, 6)}).candle().state,
            CandleState::kPartial);
}

TEST(MergedParts, AreAsCompleteAsTheWorstPart) {
  const quantstream::Candle complete = At(0, CandleState::kFinal, 1);
  quantstream::Candle healed = At(1, CandleState::kFinal, 1);
  quantstream::Candle suspect = At(2, CandleState::kFinal, 1);
  healed.completeness = Completeness::kHealed;
  suspect.completeness = Completeness::kGapSuspected;
  EXPECT_EQ(Of({complete}).candle().completeness, Completeness::kComplete);
  EXPECT_EQ(Of({complete, healed}).candle().completeness, Completeness::kHealed);
  EXPECT_EQ(Of({healed, complete}).candle().completeness, Completeness::kHealed);
  EXPECT_EQ(Of({complete, healed, suspect}).candle().completeness, Completeness::kGapSuspected);
  healed.values.first.key.time.us += 2'000'000;
  EXPECT_EQ(Of({suspect, healed}).candle().completeness, Completeness::kGapSuspected);
}

TEST(MergedParts, TheLineageIsOfAllOnTimeTrades) {
  quantstream::Candle first = At(0, CandleState::kFinal, 5);
  quantstream::Candle late = At(1, CandleState::kRevised, 9);
  quantstream::Candle last = At(2, CandleState::kFinal, 7);
  first.lineage = OffsetSpan{Offset{3}, Offset{6}};
  late.lineage.reset();
  last.lineage = OffsetSpan{Offset{2}, Offset{5}};
  EXPECT_EQ(Of({first, late, last}).candle().lineage, (OffsetSpan{Offset{2}, Offset{6}}));
  EXPECT_FALSE(Of({late}).candle().lineage);
}

TEST(MergedParts, ClientsGetTheWindowsOwnTimes) {
  const std::vector<Interval> stored(std::begin(kDefaultIntervals), std::end(kDefaultIntervals));
  const auto grid = WindowGrid::Parse("1d@America/New_York", stored);
  ASSERT_TRUE(grid.ok());
  const EventTime start = grid->Start(EventTime{1'772'971'200'000'000});  // 2026-03-08, 12:00
  const auto merged = MakeMerged(*grid, "v:A", 3, start,
                                 Of({At(start.us / 1'000'000, CandleState::kFinal, 5)}), true);
  const v1::Candle candle = Read(merged);
  EXPECT_EQ(candle.time_zone(), "America/New_York");
  EXPECT_EQ(candle.interval().seconds(), 86'400);
  EXPECT_EQ(candle.close_time().seconds() - candle.open_time().seconds(), 23 * 3600);
  EXPECT_EQ(candle.open_time().seconds(), 1'772'946'000);
  EXPECT_EQ(candle.lineage().partition(), 3);
  EXPECT_EQ(merged->key, (CandleKey{"v:A", Interval{86'400}, start}));
}

TEST(MergedParts, WhatIsNotClosedIsPartialAndItsVersionDoesNotGoDown) {
  const WindowGrid grid = *WindowGrid::Parse("7s", {Interval{1}});
  const MergedParts parts = Of({At(0, CandleState::kFinal, 5)});
  const Update open = MakeMerged(grid, "v:A", 3, EventTime{0}, parts, false, 8);
  EXPECT_EQ(open->state, CandleState::kPartial);
  EXPECT_EQ(open->version, 8);
  EXPECT_EQ(Read(open).state(), v1::CANDLE_STATE_PARTIAL);
  EXPECT_EQ(Read(open).version(), 8);
  EXPECT_EQ(Read(open).close_time().seconds(), 7);
  EXPECT_EQ(Read(open).time_zone(), "");
}

}  // namespace
}  // namespace quantstream::query::testing
