// Merging live: what goes in and comes out, step by step.
#include "query/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/query/merge_scenario.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Merger, HistoryIsMergedWindowByWindow) {
  Scenario s;
  s.Begin({FinalPart(0, 1), FinalPart(6, 2), FinalPart(7, 3), FinalPart(13, 4), FinalPart(14, 5)},
          6);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v2 FINAL x2", "A 7 v4 FINAL x2"));
  EXPECT_THAT(s.Open(), ElementsAre("A 14 v5 PARTIAL x1"));
  EXPECT_THAT(s.Closed(), IsEmpty());
  EXPECT_THAT(s.Open(), IsEmpty());
}

TEST(Merger, NothingComesBeforeTheSnapshot) {
  Scenario s;
  s.merger.AddFrom(kA, kPartition, kBeginning);
  s.merger.OnPart(OpenPart(8, 3));
  s.Close(7);
  EXPECT_THAT(s.Open(), IsEmpty());
  s.Read({FinalPart(0, 1)}, 4);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v1 FINAL x1"));
  EXPECT_THAT(s.Open(), ElementsAre("A 7 v3 PARTIAL x1"));
}

TEST(Merger, AWindowIsFinalWhenProgressHasPassedItsEnd) {
  const auto story = [](MergeRules rules) {
    Scenario s({}, rules);
    s.Begin();
    s.merger.OnPart(FinalPart(0, 5));
    s.Close(6);
    std::vector<std::string> told = s.Closed();
    EXPECT_EQ(s.Open().size(), rules.final_waits_for_progress ? 1u : 0u);
    s.merger.OnPart(FinalPart(6, 6));
    for (auto& text : s.Closed()) told.push_back(text);
    s.Close(7);
    for (auto& text : s.Closed()) told.push_back(text);
    return told;
  };
  EXPECT_THAT(story({}), ElementsAre("A 0 v6 FINAL x2"));
  MergeRules rules;
  rules.final_waits_for_progress = false;
  EXPECT_THAT(story(rules), ElementsAre("A 0 v5 FINAL x1", "A 0 v6 FINAL x2"));
}

TEST(Merger, Rule22_APartWhoseFinalIsOnItsWayCountsWithItsLastPartial) {
  const auto story = [](MergeRules rules) {
    Scenario s({}, rules);
    s.Begin();
    s.merger.OnPart(OpenPart(0, 5));
    s.merger.OnPart(FinalPart(1, 6));
    const std::vector<std::string> told = s.Open();
    s.merger.OnPart(FinalPart(0, 6));
    EXPECT_THAT(s.Open(), ElementsAre("A 0 v6 PARTIAL x2"));
    s.Close(7);
    EXPECT_THAT(s.Closed(), ElementsAre("A 0 v6 FINAL x2"));
    return told;
  };
  EXPECT_THAT(story({}), ElementsAre("A 0 v6 PARTIAL x2"));
  MergeRules rules;
  rules.open_parts_count = false;
  EXPECT_THAT(story(rules), ElementsAre("A 0 v6 PARTIAL x1"));
}

TEST(Merger, Rule22_ALowerVersionOfAPartIsDropped) {
  const auto story = [](MergeRules rules) {
    Scenario s({}, rules);
    s.Begin({FinalPart(3, 1), FinalPart(8, 2)}, 3);
    EXPECT_THAT(s.Closed(), ElementsAre("A 0 v1 FINAL x1"));
    s.merger.OnPart(RevisedPart(3, 9, 101));
    EXPECT_THAT(s.Closed(), ElementsAre("A 0 v9 REVISED x1"));
    s.merger.OnPart(RevisedPart(3, 7, 102));
    return s.Closed();
  };
  EXPECT_THAT(story({}), IsEmpty());
  MergeRules rules;
  rules.lower_version_is_dropped = false;
  EXPECT_THAT(story(rules), ElementsAre("A 0 v9 REVISED x1")) << "older contents";
}

TEST(Merger, AnEqualVersionReplacesAndALowerOneIsDropped) {
  Scenario s;
  s.Begin();
  s.merger.OnPart(RevisedPart(0, 6, 101));
  EXPECT_THAT(s.Open(), ElementsAre("A 0 v6 PARTIAL x1"));
  s.merger.OnPart(RevisedPart(0, 5, 102));
  s.merger.OnPart(OpenPart(0, 7));
  EXPECT_THAT(s.Open(), IsEmpty()) << "an older one, and an open one after it closed";
  s.merger.OnPart(RevisedPart(0, 6, 103));
  EXPECT_THAT(s.Open(), ElementsAre("A 0 v6 PARTIAL x1"));
  s.merger.OnPart(RevisedPart(0, 6, 103));
  EXPECT_THAT(s.Open(), IsEmpty()) << "the same again";
}

TEST(Merger, AnOpenWindowIsMergedWhenItIsTaken) {
  Scenario s;
  s.Begin();
  for (int64_t version = 1; version <= 9; ++version) s.merger.OnPart(OpenPart(0, version));
  EXPECT_TRUE(s.merger.open_waits());
  EXPECT_THAT(s.Open(), ElementsAre("A 0 v9 PARTIAL x1"));
  EXPECT_FALSE(s.merger.open_waits());
}

TEST(Merger, Rule22_APartThatWasNeverCommittedGoesAndTheVersionStays) {
  const auto story = [](MergeRules rules) {
    Scenario s({}, rules);
    s.Begin();
    s.merger.OnPart(FinalPart(0, 5));
    s.merger.OnPart(OpenPart(3, 7));
    EXPECT_THAT(s.Open(), ElementsAre("A 0 v7 PARTIAL x2"));
    s.Close(7);
    return s.Closed();
  };
  EXPECT_THAT(story({}), ElementsAre("A 0 v7 FINAL x1")) << "the version does not go down";
  MergeRules rules;
  rules.uncommitted_parts_are_dropped = false;
  EXPECT_THAT(story(rules), IsEmpty());
  rules = {};
  rules.version_does_not_go_down = false;
  EXPECT_THAT(story(rules), ElementsAre("A 0 v5 FINAL x1"));
}

TEST(Merger, ALatePartRevisesItsWindow) {
  Scenario s;
  s.Begin({FinalPart(0, 1), FinalPart(8, 2)}, 3);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v1 FINAL x1"));
  s.merger.OnPart(RevisedPart(3, 9));
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v9 REVISED x2"));
}

TEST(Merger, ARevisedPartOfAForgottenWindowIsReadWithItsWindow) {
  const auto story = [](MergeRules rules) {
    Scenario s({.parts_apart_max = 1}, rules);
    s.Begin({FinalPart(0, 1), FinalPart(1, 1), FinalPart(8, 2), FinalPart(9, 2)}, 3);
    EXPECT_THAT(s.Closed(), ElementsAre("A 0 v1 FINAL x2"));
    EXPECT_EQ(s.merger.windows(), 1);
    s.merger.OnPart(RevisedPart(1, 9));
    EXPECT_EQ(s.merger.PendingVersion(kPartition),
              rules.forgotten_windows_are_read ? std::optional<int64_t>(9) : std::nullopt);
    s.Answer({FinalPart(0, 1), RevisedPart(1, 9)}, 10);
    EXPECT_FALSE(s.merger.PendingVersion(kPartition));
    return s.Closed();
  };
  EXPECT_THAT(story({}), ElementsAre("A 0 v9 REVISED x2"));
  MergeRules rules;
  rules.forgotten_windows_are_read = false;
  EXPECT_THAT(story(rules), IsEmpty());
}

TEST(Merger, AReadThatLagsIsMadeAgain) {
  const auto story = [](MergeRules rules) {
    Scenario s({.parts_apart_max = 1}, rules);
    s.Begin({FinalPart(0, 1), FinalPart(8, 2), FinalPart(9, 2)}, 3);
    EXPECT_THAT(s.Closed(), ElementsAre("A 0 v1 FINAL x1"));
    s.merger.OnPart(RevisedPart(0, 9));
    EXPECT_THAT(s.Needed(), ElementsAre("0..7"));
    s.Answer({FinalPart(0, 1)}, 9);
    std::vector<std::string> told = s.Closed();
    s.Answer({RevisedPart(0, 9)}, 10);
    for (auto& text : s.Closed()) told.push_back(text);
    EXPECT_THAT(s.Needed(), IsEmpty());
    return told;
  };
  EXPECT_THAT(story({}), ElementsAre("A 0 v9 REVISED x1"));
  MergeRules rules;
  rules.lagging_read_waits = false;
  EXPECT_THAT(story(rules), ElementsAre("A 0 v1 FINAL x1"));
}

TEST(Merger, AWindowThatIsRevisedWhileItIsReadIsReadOnceMore) {
  Scenario s({.parts_apart_max = 1});
  s.Begin({FinalPart(0, 1), FinalPart(8, 2), FinalPart(9, 2)}, 3);
  s.Closed();
  s.merger.OnPart(RevisedPart(0, 9));
  s.merger.OnPart(RevisedPart(1, 12));
  EXPECT_EQ(s.merger.PendingVersion(kPartition), 9);
  s.Answer({RevisedPart(0, 9)}, 10);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v9 REVISED x1"));
  EXPECT_THAT(s.Needed(), ElementsAre("0..7"));
  EXPECT_EQ(s.merger.PendingVersion(kPartition), 10);
  s.Answer({RevisedPart(0, 9), RevisedPart(1, 12)}, 13);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v12 REVISED x2"));
  EXPECT_THAT(s.Needed(), IsEmpty());
}

TEST(Merger, ARevisedPartThatWasFoldedIsReadWithItsWindow) {
  const auto story = [](MergeRules rules) {
    Scenario s({.parts_apart_max = 2}, rules);
    s.Begin();
    for (int64_t second = 0; second < 6; ++second) s.merger.OnPart(FinalPart(second, second + 1));
    EXPECT_EQ(s.merger.parts_apart(), 2);
    s.merger.OnPart(RevisedPart(1, 9));
    EXPECT_EQ(s.Open().size(), rules.folded_revisions_are_read ? 0u : 1u);
    s.merger.OnPart(FinalPart(6, 10));
    s.Answer({FinalPart(0, 1), RevisedPart(1, 9), FinalPart(2, 3)}, 10);
    EXPECT_EQ(s.merger.parts_apart(), 2);
    s.Close(7);
    return s.Closed();
  };
  EXPECT_THAT(story({}), ElementsAre("A 0 v10 REVISED x5")) << "3 read, 2 kept";
  MergeRules rules;
  rules.folded_revisions_are_read = false;
  EXPECT_THAT(story(rules), ElementsAre("A 0 v10 FINAL x7"));
}

TEST(Merger, TheNewestNWindowsAreWhole) {
  const auto story = [](int32_t last) {
    Scenario s({.parts_apart_max = 100});
    s.merger.AddLast(kA, kPartition, last);
    std::vector<Update> parts;
    for (int64_t i = 0; i < s.merger.PartsOfLast(last); ++i) {
      parts.insert(parts.begin(), FinalPart(30 - i, 31 - i));
    }
    s.Read(parts, 40);
    s.merger.OnPart(RevisedPart(8, 41));
    return s.Closed();
  };
  // 28 to 30 are there of the window that is open.
  EXPECT_THAT(story(2), ElementsAre("A 14 v21 FINAL x7", "A 21 v28 FINAL x7"));
  EXPECT_THAT(story(1), ElementsAre("A 21 v28 FINAL x7"));
  EXPECT_THAT(story(0), IsEmpty());
  EXPECT_THAT(story(3),
              ElementsAre("A 7 v41 REVISED x7", "A 14 v21 FINAL x7", "A 21 v28 FINAL x7"));
}

TEST(Merger, ASeriesThatBeginsLaterThanTheNewestNIsTakenFromItsBegin) {
  Scenario s;
  s.merger.AddLast(kA, kPartition, 5);
  s.Read({FinalPart(3, 1), FinalPart(9, 2), FinalPart(14, 3)}, 4);
  EXPECT_THAT(s.Closed(), ElementsAre("A 0 v1 FINAL x1", "A 7 v2 FINAL x1"));
  EXPECT_THAT(s.Open(), ElementsAre("A 14 v3 PARTIAL x1"));
}

TEST(Merger, WithoutClosedHistoryTheOpenWindowStillComesWhole) {
  Scenario s;
  s.merger.AddLast(kA, kPartition, 0);
  s.Close(16);
  s.Read({FinalPart(8, 1), FinalPart(14, 2), FinalPart(15, 3)}, 4);
  EXPECT_THAT(s.Closed(), IsEmpty());
  EXPECT_THAT(s.Open(), ElementsAre("A 14 v3 PARTIAL x2"));
  EXPECT_EQ(s.merger.from(kA), At(14));
}

TEST(Merger, WindowsBeforeTheStartAreNotTheStreams) {
  Scenario s;
  EXPECT_EQ(s.merger.grid().FirstFrom(At(8)), At(14));
  EXPECT_EQ(s.merger.grid().FirstFrom(At(14)), At(14));
  s.merger.AddFrom(kA, kPartition, At(14));
  s.Read({FinalPart(14, 3)}, 4);
  s.merger.OnPart(RevisedPart(13, 5));
  s.Close(21);
  EXPECT_THAT(s.Closed(), ElementsAre("A 14 v3 FINAL x1"));
}

}  // namespace
}  // namespace quantstream::query::testing
