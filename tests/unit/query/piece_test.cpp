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
  EXPECT_EQ(PieceCut(request, 10).at_most(1), 16) << "the least";
}

TEST(PieceCutTest, WhatIsNotInPiecesIsReadWhole) {
  SnapshotRequest request{{Changes(1), Changes(1)}};
  request.series[0].in_pieces = request.series[1].in_pieces = false;
  request.series[1].newest = 7;
  const PieceCut cut(request, 100);
  EXPECT_EQ(cut.at_most(0), 101);
  EXPECT_EQ(cut.at_most(1), 7);
}

// The third FINAL is the last that is read: another one may have its version.
TEST(PieceCutTest, ChangesAreCutBelowTheVersionOfTheLastRow) {
  const SnapshotRequest request{{Changes(1), Changes(60)}};
  PieceCut cut(request, 0, 3);
  Snapshot snapshot;
  ReadAtMost(request, 0,
             {Row(1, CandleState::kFinal, 10), Row(2, CandleState::kRevised, 12),
              Row(3, CandleState::kFinal, 11), Row(4, CandleState::kFinal, 12),
              Row(5, CandleState::kFinal, 12)},
             &cut, &snapshot);
  ReadAtMost(request, 1,
             {Row(0, CandleState::kFinal, 11, 60), Row(60, CandleState::kFinal, 13, 60)}, &cut,
             &snapshot);
  cut.Apply(&snapshot);
  EXPECT_THAT(snapshot.changed_through, ElementsAre(std::pair(kPartition, 11)));
  std::vector<int64_t> versions;
  for (const Update& row : snapshot.candles) versions.push_back(row->version);
  EXPECT_THAT(versions, ElementsAre(10, 11, 11));
}

TEST(PieceCutTest, WhatIsNotFullIsWhole) {
  const SnapshotRequest request{{Changes(1)}};
  PieceCut cut(request, 0, 3);
  Snapshot snapshot;
  ReadAtMost(request, 0, {Row(1, CandleState::kFinal, 10), Row(2, CandleState::kFinal, 11)}, &cut,
             &snapshot);
  cut.Apply(&snapshot);
  EXPECT_FALSE(snapshot.is_piece());
  EXPECT_EQ(snapshot.candles.size(), 2u);
}

TEST(PieceCutTest, ARangeIsCutBeforeTheLastRow) {
  SnapshotRequest request{{Changes(1)}};
  request.series[0].changed_since.reset();
  PieceCut cut(request, 0, 2);
  Snapshot snapshot;
  ReadAtMost(request, 0,
             {Row(1, CandleState::kFinal, 10), Row(2, CandleState::kRevised, 99),
              Row(3, CandleState::kFinal, 11)},
             &cut, &snapshot);
  cut.Apply(&snapshot);
  EXPECT_EQ(snapshot.to, EventTime{2 * kMicrosecondsPerSecond});
  EXPECT_THAT(snapshot.changed_through, IsEmpty());
  EXPECT_EQ(snapshot.candles.size(), 1u);
}

}  // namespace
}  // namespace quantstream::query::testing
