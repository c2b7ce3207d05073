// Rule 17, the query side.
#include "query/latest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/query/updates.h"

namespace quantstream::query {
namespace {

using testing::ClosedOf;
using ::testing::ElementsAre;
using testing::Final;
using ::testing::IsEmpty;
using testing::kPartition;
using testing::OpenOf;
using testing::Partial;
using testing::ProgressOf;
using testing::Revised;

constexpr char kA[] = "venue:A";

std::vector<std::string> Open(const Latest& latest, const char* instrument = kA) {
  std::vector<Update> open;
  latest.CopyOpen({instrument, {1}}, &open);
  return testing::Texts(open);
}

std::vector<std::string> AfterAll(const std::vector<TailEvent>& events, LatestRules rules = {}) {
  Latest latest({}, rules);
  for (const TailEvent& event : events) latest.Apply(event);
  return Open(latest);
}

TEST(Latest, KeepsTheNewestStateOfEachOpenCandle) {
  EXPECT_THAT(
      AfterAll({OpenOf({Partial(kA, 10, 1), Partial(kA, 11, 1)}), OpenOf({Partial(kA, 11, 3)})}),
      ElementsAre("A 10 v1 PARTIAL", "A 11 v3 PARTIAL"));
}

TEST(Latest, AClosedCandleBeatsAPartialWhateverTheirVersions) {
  const std::vector<TailEvent> events = {ClosedOf({Final(kA, 10, 5)}),
                                         OpenOf({Partial(kA, 10, 9)})};
  EXPECT_THAT(AfterAll(events), IsEmpty());
  EXPECT_THAT(AfterAll(events, {.closed_beats_partial = false}), ElementsAre("A 10 v9 PARTIAL"));
}

TEST(Latest, ARevisionOfAnOlderCandleLeavesOpenOnesOpen) {
  EXPECT_THAT(AfterAll({OpenOf({Partial(kA, 11, 4)}), ClosedOf({Revised(kA, 9, 6)})}),
              ElementsAre("A 11 v4 PARTIAL"));
}

TEST(Latest, TheHigherVersionOfAPartialWins) {
  const std::vector<TailEvent> events = {OpenOf({Partial(kA, 10, 9)}),
                                         OpenOf({Partial(kA, 10, 8)})};
  EXPECT_THAT(AfterAll(events), ElementsAre("A 10 v9 PARTIAL"));
  EXPECT_THAT(AfterAll(events, {.higher_version_wins = false}), ElementsAre("A 10 v8 PARTIAL"));
}

TEST(Latest, ProgressOfALowerEpochIsDropped) {
  for (const bool rule : {true, false}) {
    Latest latest({}, {.older_epoch_is_dropped = rule});
    EXPECT_TRUE(latest.Apply(ProgressOf(9, 120, 2)));
    EXPECT_EQ(latest.Apply(ProgressOf(7, 110, 1)), !rule);
    EXPECT_EQ(latest.ClosedUntil(kPartition, "venue")->us, rule ? 120'000'000 : 110'000'000);
  }
}

TEST(Latest, CandlesOfANewOwnerMakeTheProgressOfTheOldOneOld) {
  Latest latest;
  latest.Apply(ClosedOf({Final(kA, 10, 5)}, 3));
  EXPECT_FALSE(latest.Apply(ProgressOf(9, 120, 2)));
  EXPECT_EQ(latest.Committed(kPartition), 6);
}

TEST(Latest, KnowsHowFarAPartitionIsCommitted) {
  Latest latest;
  EXPECT_EQ(latest.Committed(kPartition), 0);
  latest.Apply(ClosedOf({Final(kA, 10, 5)}));
  EXPECT_EQ(latest.Committed(kPartition), 6);
  latest.Apply(ProgressOf(9, 120));
  EXPECT_EQ(latest.Committed(kPartition), 9);
  latest.Apply(ClosedOf({Final(kA, 10, 5)}));
  EXPECT_EQ(latest.Committed(kPartition), 9);
}

TEST(Latest, IsBoundedInInstruments) {
  Latest latest({.instruments_max = 1});
  latest.Apply(OpenOf({Partial(kA, 10, 1)}));
  latest.Apply(OpenOf({Partial("venue:B", 10, 2)}));
  EXPECT_THAT(Open(latest), ElementsAre("A 10 v1 PARTIAL"));
  EXPECT_THAT(Open(latest, "venue:B"), IsEmpty());
  EXPECT_EQ(latest.refused(), 1);
}

TEST(Latest, IsBoundedInOpenCandlesOfASeriesAndForgetsTheOldest) {
  Latest latest({.open_per_series_max = 2});
  latest.Apply(OpenOf({Partial(kA, 10, 1), Partial(kA, 11, 1), Partial(kA, 12, 1)}));
  EXPECT_THAT(Open(latest), ElementsAre("A 11 v1 PARTIAL", "A 12 v1 PARTIAL"));
  EXPECT_EQ(latest.open_candles(), 2);
}

}  // namespace
}  // namespace quantstream::query
