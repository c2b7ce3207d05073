// Each rule of the fold, of owners and commits is needed: with it taken out, some schedule breaks a
// promise, or a story ends otherwise, and with the rule in it does not. The names say the rule;
// tests/simulation/RULES.md lists them by rule, beside those of owner_test and splice_simulation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

#include "tests/simulation/fold/sim_world.h"
#include "tests/unit/processor/story.h"

namespace quantstream::processor::simulation {
namespace {

struct Case {
  const char* name;
  std::function<void(Schedule&)> take_out;
  bool restamp = false;                                   // copies of one id that differ in time
  std::function<void(FoldOptions&)> options = {};         // both with the rule and without it
  std::function<void(Random&, SimLog&)> disturb_log = {};
};

std::ostream& operator<<(std::ostream& out, const Case& rule) {
  return out << rule.name;
}

Schedule ScheduleOf(uint64_t seed, const Case& rule, std::vector<SimLog>& logs) {
  Random random(seed);
  logs = {RandomLog(random, Pick(random, std::vector<int64_t>{25, 50, 90}), rule.restamp)};
  Schedule schedule;
  schedule.seed = random();
  schedule.faults = Pick(random, std::vector<double>{0, .04, .12});
  schedule.options = SimOptions();
  if (rule.options) rule.options(schedule.options);
  if (rule.disturb_log) rule.disturb_log(random, logs[0]);
  return schedule;
}

class EveryRule : public testing::TestWithParam<Case> {};

// What is told to people counts: a state that is stored otherwise is no break yet.
TEST_P(EveryRule, IsNeeded) {
  constexpr uint64_t kSeedsMax = 1'500;
  for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    std::vector<SimLog> logs;
    Schedule broken = ScheduleOf(seed, GetParam(), logs);
    const Schedule sound = broken;
    GetParam().take_out(broken);
    const std::string wrong = RunSchedule(logs, broken);
    if (wrong.empty() || wrong.starts_with("stored state")) continue;
    EXPECT_EQ(RunSchedule(logs, sound), "") << "with the rule, seed " << seed;
    std::cout << "without the rule, seed " << seed << ": " << wrong << "\n";
    return;
  }
  FAIL() << "nothing breaks without the rule in " << kSeedsMax << " schedules";
}

#define TAKE_OUT(rule) [](Schedule& schedule) { schedule.rules.rule = false; }

void NothingIsTooFar(FoldOptions& options) {
  options.hold_us = 0;
}

void PanesHoldFiveRecords(FoldOptions& options) {
  options.replay_records_max = 5;
}

const Case kCases[] = {
    {"Rule1_WindowsCloseAtTheHeartbeatThatMovesTheClock", TAKE_OUT(close_in_record)},
    {"Rule1_WhatARecordsOwnHeartbeatClosesIsOnTime", TAKE_OUT(trades_before_beats)},
    {"Rule1_LivenessIsJudgedAtAHeartbeatOfThatVenue", TAKE_OUT(live_at_own_beat)},
    {"Rule1_LivenessIsJudgedByTheGreatestLogTime", TAKE_OUT(log_time_is_greatest), false, {},
     LetLogTimesGoBack},
    {"Rule2_TheClockNeverGoesBack", TAKE_OUT(clock_never_back)},
    {"Rule2_ANodeWithoutAVenueTimeDoesNotCount", TAKE_OUT(timeless_node_waits), false,
     NothingIsTooFar},
    {"Rule2_ANodeFarBehindTheForemostDoesNotHoldTheClock", TAKE_OUT(far_node_does_not_hold)},
    {"Rule3_TheRowHoldsTheClocksAndNothingIsRebuilt", TAKE_OUT(clock_in_row)},
    {"Rule3_TheRowHoldsTheLogTime", TAKE_OUT(log_time_in_row), false, {}, LetLogTimesGoBack},
    {"Rule3_TheRowHoldsTheSequences", TAKE_OUT(sequences_in_row)},
    {"Rule3_TheRowHoldsTheClaims", TAKE_OUT(claims_in_row), true},
    {"Rule4_RecoveryTakesOnlyTradesOfOpenPanes", TAKE_OUT(recovery_into_open_panes)},
    {"Rule4_RecoveryReadsNoHeartbeats", TAKE_OUT(recovery_skips_beats)},
    {"Rule4_RecoveryDoesNotAskTheLedger", TAKE_OUT(recovery_skips_ledger)},
    {"Rule4_RecoveryTellsNothing", TAKE_OUT(recovery_is_silent)},
    {"Rule4_ReplayFromIsTheFirstRecordOfAnOpenPane", TAKE_OUT(replay_from_open_panes)},
    {"Rule5_PartialHasTheVersionOfTheNewestAcceptedTrade", TAKE_OUT(instrument_version)},
    {"Rule5_ThatVersionIsKeptInTheStateRow", TAKE_OUT(newest_version_in_row)},
    {"Rule5_OneMessageHoldsAllOpenCandles", TAKE_OUT(one_message)},
    {"Rule6_TheFirstCopyCountsAlsoInsideARecord", TAKE_OUT(trades_in_order), true},
    {"Rule6_RefusedTradesAreClaims", TAKE_OUT(claims), true},
    {"Rule6_ClaimsArePlacesNotOffsets", TAKE_OUT(claim_by_index), true},
    {"Rule7_ThePaneIsTheSetNotTheLastFewIds", TAKE_OUT(pane_is_the_set)},
    {"Rule7_TradesSetAsideBelongToThePanesSet", TAKE_OUT(aside_in_the_set)},
    {"Rule7_ARecordSentAgainIsRefused", TAKE_OUT(repeats_refused)},
    {"Rule7_ARecordSentAgainIsRefusedWithItsHeartbeats", TAKE_OUT(refused_whole)},
    {"Rule7_SequencesOfTwoSessionsAreApart", TAKE_OUT(sessions_apart)},
    {"Rule7_SequencesSeenAreRangesNeverTheHighest", TAKE_OUT(sequence_ranges)},
    {"Rule7_ARefusedRecordIsAClaim", TAKE_OUT(sequence_claims)},
    {"Rule8_AReadBackLooksInTheOwnUncommittedRowsFirst", TAKE_OUT(overlay)},
    {"Rule8_ThenInTheCommitInFlight", TAKE_OUT(overlay_in_flight)},
    {"Rule8_ForTheNeighbouringPanesToo", TAKE_OUT(overlay_neighbours)},
    {"Rule10_SumsAreTheStoredCandlePlusTheTrade", TAKE_OUT(sums_stored), true},
    {"Rule10_LateTradesAreKeyedByPlace", TAKE_OUT(late_by_index)},
    {"Rule10_TheFirstCopyOfEachIsReadAgain", TAKE_OUT(reread_first_copy)},
    {"Rule10_RowsOfLateTradesAreReadToo", TAKE_OUT(reread_late_rows)},
    {"Rule10_VolatilityIsAbsentWhenTheCountDiffers", TAKE_OUT(absent_when_unknown), true},
    {"Rule11_TradesSetAsideAreAppliedInOrderOfPlace", TAKE_OUT(aside_in_order)},
    {"Rule11_TradesSetAsideKeepTheMarksOfTheirRecord", TAKE_OUT(marks_of_record)},
    {"Rule11_TradesSetAsideAreAppliedBeforeAWindowCloses", TAKE_OUT(settle_before_close)},
    {"Rule11_TradesSetAsideAreAppliedBeforeTheCommit", TAKE_OUT(settle_before_commit)},
    {"Rule11_TradesSetAsideAreAppliedBeforeTheNextPartial", TAKE_OUT(settle_before_partial)},
    {"Rule12_AGapMarksBothSides", TAKE_OUT(both_sides)},
    {"Rule12_AGapMarksCandlesOfAllIntervals", TAKE_OUT(all_intervals)},
    {"Rule12_MarksAreSetOnceAfterTheRecordsLastTrade", TAKE_OUT(net_marks)},
    {"Rule12_ACandleThatWasSuspectIsHealed", TAKE_OUT(healed_is_told)},
    {"Rule13_ACandleThatALateTradeMakesIsRevisionOne", TAKE_OUT(late_candle_is_revised)},
    {"Rule13_ARecordIsOneRevision", TAKE_OUT(one_revision)},
    {"Rule13_NoRevisionLeavesTheRowAsItWas", TAKE_OUT(revise_only_changes)},
    {"Rule14_EpochAndStateAreTakenInOneTransaction",
     [](Schedule& schedule) { schedule.store_rules.locked_load = false; }},
    {"Rule16_OutboxRowsArePublishedAfterTheCommit", TAKE_OUT(publish_after_commit)},
    {"Rule16_LeftOverRowsArePublishedByTheNextOwner", TAKE_OUT(left_over_published)},
    {"Rule16_OutboxRowsArePublishedInOrderOfVersion", TAKE_OUT(outbox_first)},
    {"Rule16_AKeyNewAndRevisedInOneCommitIsWrittenOnce", TAKE_OUT(key_once)},
    {"Rule24_AFarPaneDoesNotHoldTheLog", TAKE_OUT(store_far_panes), false, PanesHoldFiveRecords},
    {"Rule24_APaneStoredWholeNoLongerCounts", TAKE_OUT(stored_panes_let_go), false,
     PanesHoldFiveRecords},
    {"Rule24_RecoveryStartsFromThePanesStoredWhole", TAKE_OUT(recovery_from_stored_panes), false,
     PanesHoldFiveRecords},
    {"Rule24_RecoverySkipsThePlacesThatAStoredPaneHolds", TAKE_OUT(skip_stored_places), false,
     PanesHoldFiveRecords},
};

INSTANTIATE_TEST_SUITE_P(Rules, EveryRule, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

// What the random logs do not reach is told in a story of tests/unit/processor/testdata.
struct Told {
  const char* name;
  const char* story;
  bool Rules::*rule;
};

std::ostream& operator<<(std::ostream& out, const Told& told) {
  return out << told.name;
}

class EveryToldRule : public testing::TestWithParam<Told> {};

TEST_P(EveryToldRule, IsNeeded) {
  const std::string root = std::getenv("QUANTSTREAM_SOURCE_DIR");
  std::ifstream file(root + "/tests/unit/processor/testdata/" + GetParam().story + "_story.txt");
  ASSERT_TRUE(file.is_open());
  std::ostringstream text;
  text << file.rdbuf();
  const std::string story = text.str();
  EXPECT_EQ(Retell(story), story) << "with the rule";
  Rules without;
  without.*GetParam().rule = false;
  const std::string otherwise = Retell(story, without);
  EXPECT_NE(otherwise, story) << "the story ends the same without the rule";
  const auto differs =
      std::mismatch(story.begin(), story.end(), otherwise.begin(), otherwise.end()).first;
  const size_t line = story.rfind('\n', static_cast<size_t>(differs - story.begin()));
  std::cout << "told otherwise without the rule:" << story.substr(line, 150) << "\n";
}

const Told kTold[] = {
    {"Rule3_ClosedUntilIsStoredAndNeverGoesBack", "stored_options", &Rules::closed_until_in_row},
    {"Rule3_AnAddedIntervalStartsWithAWholeWindow", "options", &Rules::added_interval_waits},
    {"Rule3_SessionsUnheardForADayAreForgotten", "forgotten", &Rules::forget_unheard},
    {"Rule7_TradesWithoutIdsAreOrderedByTheirOrigin", "origin", &Rules::origin_orders},
    {"Rule10_OnlyRecordsOfThePanesSpanAreReadAgain", "reread_span", &Rules::reread_own_span},
    {"Rule12_WhatHealedWhileOpenIsComplete", "gaps", &Rules::healed_open_is_complete},
    {"Rule12_GapsPushedOutOfTheLedgerAreKept", "ledger_bound", &Rules::forgotten_gap_is_kept},
    {"Rule12_ATradeThatFallsIntoOneIsLookedUp", "ledger_bound",
     &Rules::forgotten_gap_is_looked_up},
    {"Rule13_NothingIsCreatedBeyondRetention", "retention", &Rules::retention_bounds},
    {"Rule13_BeyondRetentionVolatilityIsAbsent", "retention", &Rules::absent_behind_retention},
};

INSTANTIATE_TEST_SUITE_P(Rules, EveryToldRule, testing::ValuesIn(kTold),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace quantstream::processor::simulation
