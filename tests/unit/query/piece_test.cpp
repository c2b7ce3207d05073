#include "query/piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/query/pieces.h"
#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kA[] = "venue:A";

WantedSeries Changes(int32_t seconds) {
  return {.series = {kA, Interval{seconds}},
          .partition = kPartition,
          .from = {},
          .changed_since = 0,
          .in_pieces = true};
}

Update Row(int64_t second, CandleState state, int64_t version, int32_t seconds = 1) {
  return Part(kA, seconds, second, state, version);
}

TEST(PieceCutTest, ASeriesShareIsAsItClosesCandles) {
  const SnapshotRequest request{{Changes(1), Changes(60)}};
  const PieceCut cut(request, 100'000);
  EXPECT_NEAR(static_cast<double>(cut.at_most(0)), 60.0 / 61 * 50'000, 100);
  EXPECT_NEAR(static_cast<double>(cut.at_most(1)), 1.0 / 61 * 50'000, 100);
  EXPECT_GE(PieceCut(request, 1'000).at_most(1), 16) << "the least";
  EXPECT_LE(2 * (PieceCut(request, 8).at_most(0) + PieceCut(request, 8).at_most(1)), 8)
      << "all of them";
}

TEST(PieceCutTest, WhatIsNotInPiecesIsReadWhole) {
  SnapshotRequest request{{Changes(1), Changes(1)}};
  request.series[0].in_pieces = request.series[1].in_pieces = false;
  request.series[1].newest = 7;
  const PieceCut cut(request, 100);
  EXPECT_EQ(cut.at_most(0), 101);
  EXPECT_EQ(cut.at_most(1), 7);
}

// The second FINAL is the last that is read: another one may have its version.
TEST(PieceCutTest, ChangesAreCutBelowTheVersionOfTheLastRow) {
  const SnapshotRequest request{{Changes(1), Changes(60)}};
  PieceCut cut(request, 8);
  ASSERT_EQ(cut.at_most(0), 2);
  Snapshot snapshot;
  ReadAtMost(request,
             {{Row(1, CandleState::kFinal, 10), Row(2, CandleState::kRevised, 12),
               Row(3, CandleState::kFinal, 11), Row(4, CandleState::kFinal, 11)},
              {Row(0, CandleState::kRevised, 10, 60)}},
             &cut, &snapshot);
  cut.Apply(&snapshot);
  EXPECT_THAT(snapshot.changed_through, ElementsAre(std::pair(kPartition, 9)));
  EXPECT_THAT(snapshot.candles, IsEmpty());
}

// Each series has six candles at one version, and many after it.
TEST(PieceCutTest, WhereAVersionHasMoreThanTheShareMoreIsReadButNotMuch) {
  SnapshotRequest request{{Changes(1), Changes(1), Changes(1), Changes(1)}};
  std::vector<std::vector<Update>> found(4);
  for (size_t n = 0; n < 4; ++n) {
    request.series[n].changed_since = 6;
    request.series[n].series.instrument += std::to_string(n);
    for (int64_t second = 0; second < 60; ++second) {
      found[n].push_back(Part(request.series[n].series.instrument, 1, second, CandleState::kFinal,
                              second < 6 ? 7 : second + 10));
    }
  }
  PieceCut cut(request, 40);
  ASSERT_LT(cut.at_most(0), 6);
  Snapshot snapshot;
  ReadAtMost(request, found, &cut, &snapshot);
  EXPECT_GT(cut.at_most(0), 6);
  EXPECT_LE(snapshot.candles.size(), 40u);
  cut.Apply(&snapshot);
  ASSERT_TRUE(snapshot.is_piece());
  EXPECT_GE(snapshot.changed_through.at(kPartition), 7);
  EXPECT_GE(snapshot.candles.size(), 24u);
}

TEST(PieceCutTest, WhatIsNotFullIsWhole) {
  const SnapshotRequest request{{Changes(1)}};
  PieceCut cut(request, 12);
  Snapshot snapshot;
  ReadAtMost(request, {{Row(1, CandleState::kFinal, 10), Row(2, CandleState::kFinal, 11)}}, &cut,
             &snapshot);
  cut.Apply(&snapshot);
  EXPECT_FALSE(snapshot.is_piece());
  EXPECT_EQ(snapshot.candles.size(), 2u);
}

TEST(PieceCutTest, ARangeIsCutBeforeTheLastRow) {
  SnapshotRequest request{{Changes(1)}};
  request.series[0].changed_since.reset();
  PieceCut cut(request, 4);
  Snapshot snapshot;
  ReadAtMost(request,
             {{Row(1, CandleState::kFinal, 10), Row(2, CandleState::kRevised, 99),
               Row(3, CandleState::kFinal, 11)}},
             &cut, &snapshot);
  cut.Apply(&snapshot);
  EXPECT_EQ(snapshot.to, EventTime{2 * kMicrosecondsPerSecond});
  EXPECT_THAT(snapshot.changed_through, IsEmpty());
  EXPECT_EQ(snapshot.candles.size(), 1u);
}

// The range of another series begins later: what changed before that stays.
TEST(PieceCutTest, WhatChangedBeforeARangeStays) {
  WantedSeries cut_one = Changes(1), range = Changes(1), changes = Changes(1);
  cut_one.changed_since.reset();
  range.changed_since.reset();
  range.series.instrument = changes.series.instrument = "venue:B";
  range.from = EventTime{100 * kMicrosecondsPerSecond};
  changes.to = range.from;
  changes.in_pieces = false;
  const SnapshotRequest request{{cut_one, range, changes}};
  PieceCut cut(request, 12);
  Snapshot snapshot;
  const Update revised = Part("venue:B", 1, 50, CandleState::kRevised, 99);
  std::vector<Update> many;
  for (int64_t second = 0; second < 9; ++second)
    many.push_back(Row(second, CandleState::kFinal, 1));
  ReadAtMost(request, {many, {Part("venue:B", 1, 100, CandleState::kFinal, 98)}, {revised}}, &cut,
             &snapshot);
  cut.Apply(&snapshot);
  ASSERT_TRUE(snapshot.to);
  EXPECT_LT(*snapshot.to, EventTime{9 * kMicrosecondsPerSecond});
  EXPECT_EQ(snapshot.candles.back(), revised);
  EXPECT_EQ(snapshot.candles.size(),
            1u + static_cast<size_t>(snapshot.to->us / kMicrosecondsPerSecond));
}

}  // namespace
}  // namespace quantstream::query::testing
