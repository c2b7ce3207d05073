// Merging live, over restarts and for as long as a stream lasts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/merge.h"
#include "tests/unit/query/merge_scenario.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MergerRestart, Rule22_VersionsAreKeptOverRestarts) {
  const auto story = [](MergeRules rules) {
    Scenario s({}, rules);
    s.Begin({FinalPart(0, 1), FinalPart(7, 2)}, 3);
    s.Close(8);
    EXPECT_THAT(s.Closed(), ElementsAre("A 0 v1 FINAL x1"));
    const VenueClocks settled = s.merger.clocks();
    s.merger.OnPart(FinalPart(8, 4));
    s.merger.OnPart(FinalPart(9, 6));
    s.merger.OnPart(OpenPart(10, 7));
    EXPECT_THAT(s.Open(), ElementsAre("A 7 v7 PARTIAL x4"));
    s.merger.Restart(settled);
    EXPECT_THAT(s.Open(), IsEmpty());
    SnapshotRequest request;
    request.series = {{.series = {kA, Interval{1}},
                       .partition = kPartition,
                       .from = kBeginning,
                       .changed_since = 4}};
    s.merger.Complete(&request);
    const bool whole = request.series.size() == 2;
    EXPECT_EQ(whole, rules.restart_reads_unsettled_windows);
    if (whole) {
      EXPECT_EQ(request.series[0].to, At(7));
      EXPECT_EQ(request.series[1].from, At(7));
      EXPECT_FALSE(request.series[1].changed_since);
    }
    s.Read(whole ? std::vector<Update>{FinalPart(7, 2), FinalPart(8, 4)}
                 : std::vector<Update>{FinalPart(8, 4)},
           5);
    s.Close(11);  // the open part was never committed
    return s.Open();
  };
  EXPECT_THAT(story({}), ElementsAre("A 7 v7 PARTIAL x2")) << "the version does not go down";
  MergeRules rules;
  rules.restart_reads_unsettled_windows = false;
  EXPECT_THAT(story(rules), ElementsAre("A 7 v7 PARTIAL x1"));
  rules = {};
  rules.versions_are_kept_over_restarts = false;
  EXPECT_THAT(story(rules), ElementsAre("A 7 v4 PARTIAL x2"));
}

TEST(MergerRestart, Rule22_ASnapshotAfterARestartMustHoldWhatWasHandedIn) {
  Scenario s;
  s.Begin({FinalPart(0, 5)}, 8);
  EXPECT_EQ(s.merger.RequiredVersion(kPartition), 8);
  s.merger.OnPart(FinalPart(1, 9));
  s.merger.OnPart(OpenPart(2, 12));
  EXPECT_EQ(s.merger.RequiredVersion(kPartition), 10);
  MergeRules rules;
  rules.lagging_snapshot_waits = false;
  EXPECT_EQ(Scenario({}, rules).merger.RequiredVersion(kPartition), 0);
}

TEST(MergerRestart, AReadFromAStoreThatIsBehindAnEarlierReadIsNotTaken) {
  Scenario s;
  s.merger.AddResumed(kA, kPartition, kBeginning, At(14));
  s.Read({}, 6);
  s.merger.OnPart(RevisedPart(1, 8));
  s.Answer({RevisedPart(1, 8), RevisedPart(2, 11)}, 12);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v11 REVISED x2"));
  EXPECT_EQ(s.merger.RequiredVersion(kPartition), 12);
  s.merger.OnPart(RevisedPart(3, 9));
  s.Answer({RevisedPart(1, 8), RevisedPart(3, 9)}, 10);
  EXPECT_THAT(s.Closed(), IsEmpty());
  s.Answer({RevisedPart(1, 8), RevisedPart(2, 11), RevisedPart(3, 9)}, 12);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v11 REVISED x3"));
}

TEST(MergerRestart, AWindowBeforeTheNewestNIsNotReadThoughAPartOfItWasFolded) {
  Scenario s({.parts_apart_max = 0});
  s.merger.AddLast(kA, kPartition, 1);
  s.merger.OnPart(FinalPart(0, 1));
  s.merger.OnPart(FinalPart(7, 2));
  s.merger.OnPart(FinalPart(14, 3));
  s.merger.OnPart(RevisedPart(0, 5));
  EXPECT_THAT(s.Needed(), ElementsAre("0..7"));
  s.merger.OnSnapshot(Stored({FinalPart(0, 1), FinalPart(7, 2), FinalPart(14, 3)}, 4));
  EXPECT_THAT(s.Needed(), IsEmpty());
}

TEST(MergerRestart, OpenPartsOutliveARestart) {
  Scenario s;
  s.Begin();
  s.merger.OnPart(OpenPart(0, 5));
  s.Open();
  s.merger.Restart({});
  s.Read({}, 5);
  s.merger.OnPart(OpenPart(1, 6));
  EXPECT_THAT(s.Open(), ElementsAre("A 0 v6 PARTIAL x2"));
}

TEST(MergerRestart, AStreamThatResumesReadsWhatWasOpenAndOlderWindowsWhenTheyChange) {
  Scenario s;
  s.merger.AddResumed(kA, kPartition, kBeginning, At(15));
  s.Read({FinalPart(14, 3), FinalPart(21, 4)}, 6);
  EXPECT_THAT(s.Closed(), ElementsAre("A 14 v3 FINAL x1"));
  s.merger.OnPart(RevisedPart(13, 5));
  EXPECT_THAT(s.Needed(), ElementsAre("7..14"));
}

TEST(MergerRestart, InstrumentsComeAndGo) {
  Scenario s;
  s.Begin({FinalPart(0, 1)}, 2);
  s.merger.AddFrom("venue:B", kPartition, kBeginning);
  s.merger.OnPart(Part("venue:B", 1, 1, CandleState::kFinal, 1));
  s.merger.Remove(kA);
  s.merger.OnPart(FinalPart(1, 2));
  s.Close(7);
  EXPECT_THAT(s.Closed(), ElementsAre("B 0 v1 FINAL x1"));
  s.merger.Remove("venue:B");
  EXPECT_EQ(s.merger.windows(), 0);
}

TEST(MergerRestart, KeepsFewPartsOfManyWindows) {
  Scenario s({.parts_apart_max = 16});
  s.Begin();
  for (int64_t second = 0; second < 7 * 1000; ++second) {
    s.merger.OnPart(OpenPart(second, second * 2 + 1));
    s.Open();
    s.merger.OnPart(FinalPart(second, second * 2 + 2));
    s.Close(second + 1);
    s.Closed();
    ASSERT_LE(s.merger.parts_apart(), 17);
    ASSERT_LE(s.merger.windows(), 5);
  }
}

}  // namespace
}  // namespace quantstream::query::testing
