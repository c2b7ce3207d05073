// Each rule of the fold, of owners and commits is needed: with it taken out, some schedule breaks a
// promise, and the same schedule with the rule in does not. The names say the rule.
#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {
namespace {

struct Case {
  const char* name;
  std::function<void(Schedule&)> take_out;
  bool restamp = false;  // copies of one id that differ in time
  int64_t replay_records_max = 0;
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
  if (rule.replay_records_max > 0) schedule.options.replay_records_max = rule.replay_records_max;
  return schedule;
}

class EveryRule : public testing::TestWithParam<Case> {};

TEST_P(EveryRule, IsNeeded) {
  constexpr uint64_t kSeedsMax = 1'500;
  for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    std::vector<SimLog> logs;
    Schedule broken = ScheduleOf(seed, GetParam(), logs);
    const Schedule sound = broken;
    GetParam().take_out(broken);
    const std::string wrong = RunSchedule(logs, broken);
    if (wrong.empty()) continue;
    EXPECT_EQ(RunSchedule(logs, sound), "") << "with the rule, seed " << seed;
    std::cout << "without the rule, seed " << seed << ": " << wrong << "\n";
    return;
  }
  FAIL() << "nothing breaks without the rule in " << kSeedsMax << " schedules";
}

#define TAKE_OUT(rule) [](Schedule& schedule) { schedule.rules.rule = false; }

const Case kCases[] = {
    {"Rule1_WindowsCloseAtTheHeartbeatThatMovesTheClock", TAKE_OUT(close_in_record)},
    {"Rule2_TheClockNeverGoesBack", TAKE_OUT(clock_never_back)},
    {"Rule3_TheRowHoldsTheClocksAndNothingIsRebuilt", TAKE_OUT(clock_in_row)},
    {"Rule5_PartialHasTheVersionOfTheNewestAcceptedTrade", TAKE_OUT(instrument_version)},
    {"Rule6_RefusedTradesAreClaims", TAKE_OUT(claims), true},
    {"Rule6_ClaimsArePlacesNotOffsets", TAKE_OUT(claim_by_index), true},
    {"Rule7_TradesSetAsideBelongToThePanesSet", TAKE_OUT(aside_in_the_set)},
    {"Rule7_SequencesSeenAreRangesNeverTheHighest", TAKE_OUT(sequence_ranges)},
    {"Rule7_ARefusedRecordIsAClaim", TAKE_OUT(sequence_claims)},
    {"Rule8_AReadBackLooksInTheOwnUncommittedRowsFirst", TAKE_OUT(overlay)},
    {"Rule10_SumsAreTheStoredCandlePlusTheTrade", TAKE_OUT(sums_stored), true},
    {"Rule10_LateTradesAreKeyedByPlace", TAKE_OUT(late_by_index)},
    {"Rule11_TradesSetAsideKeepTheMarksOfTheirRecord", TAKE_OUT(marks_of_record)},
    {"Rule11_TradesSetAsideAreAppliedBeforeAWindowCloses", TAKE_OUT(settle_before_close)},
    {"Rule12_AGapMarksBothSides", TAKE_OUT(both_sides)},
    {"Rule12_MarksAreSetOnceAfterTheRecordsLastTrade", TAKE_OUT(net_marks)},
    {"Rule13_ARecordIsOneRevision", TAKE_OUT(one_revision)},
    {"Rule14_EpochAndStateAreTakenInOneTransaction",
     [](Schedule& schedule) { schedule.store_rules.locked_load = false; }},
    {"Rule16_OutboxRowsArePublishedInOrderOfVersion", TAKE_OUT(outbox_first)},
    {"Rule24_AFarPaneDoesNotHoldTheLog", TAKE_OUT(store_far_panes), false, 5},
};

INSTANTIATE_TEST_SUITE_P(Rules, EveryRule, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace quantstream::processor::simulation
