// Every interleaving of commit, publish, tail, register, history read, drain, cut, lost place and
// lagging replica that chance finds. QUANTSTREAM_SPLICE_INTERLEAVINGS says how many; a failure
// prints its seed, which replays it exactly.
#include <cstdlib>
#include <functional>

#include "gtest/gtest.h"
#include "tests/simulation/splice_run.h"

namespace quantstream::query::simulation {
namespace {

uint64_t Interleavings() {
  const char* wanted = std::getenv("QUANTSTREAM_SPLICE_INTERLEAVINGS");
  return wanted == nullptr ? 2000 : std::strtoull(wanted, nullptr, 10);
}

TEST(SpliceSimulation, NoInterleavingMakesAHoleOrAStepBack) {
  RunResult total;
  for (uint64_t seed = 0; seed < Interleavings(); ++seed) {
    const RunResult result = RunInterleaving(seed, {});
    ASSERT_EQ(result.broken, "") << "seed " << seed;
    total.messages += result.messages;
    total.behind += result.behind;
    total.places_lost += result.places_lost;
    total.streams += result.streams;
    total.resumes += result.resumes;
    total.parked += result.parked;
    total.skips += result.skips;
    total.pieces += result.pieces;
  }
  const auto number = [](auto value) { return static_cast<long long>(value); };
  std::printf(
      "%lld interleavings, %lld streams, %lld resumes, %lld messages, %lld lagging snapshots, "
      "%lld lost places, %lld times parked, %lld times skipped, %lld pieces\n",
      number(Interleavings()), number(total.streams), number(total.resumes), number(total.messages),
      number(total.behind), number(total.places_lost), number(total.parked), number(total.skips),
      number(total.pieces));
  EXPECT_GT(total.behind, 0);
  EXPECT_GT(total.places_lost, 0);
  EXPECT_GT(total.resumes, 0);
  EXPECT_GT(total.parked, 0);
  EXPECT_GT(total.skips, 0);
  EXPECT_GT(total.pieces, 0);
}

// A rule taken out must be missed; tests/simulation/RULES.md lists these beside those of the fold.
struct Broken {
  const char* name;
  std::function<void(QueryRules*)> take_out;
};

class SpliceWithoutARule : public testing::TestWithParam<Broken> {};

TEST_P(SpliceWithoutARule, BreaksAPromise) {
  QueryRules rules;
  GetParam().take_out(&rules);
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    const RunResult result = RunInterleaving(seed, rules);
    if (result.broken.empty()) continue;
    EXPECT_EQ(RunInterleaving(seed, {}).broken, "") << "with the rule, seed " << seed;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), result.broken.c_str());
    return;
  }
  FAIL() << "5000 interleavings did not need this rule";
}

const Broken kCases[] = {
    {"Rule17_AClosedCandleBeatsAPartial",
     [](QueryRules* r) {
       r->latest.closed_beats_partial = false;
       r->splice.newest_closed_stops_partial = false;
     }},
    {"Rule17_ElseTheHigherVersionWins",
     [](QueryRules* r) { r->latest.higher_version_wins = false; }},
    {"Rule17_ProgressOfALowerEpochIsDropped",
     [](QueryRules* r) { r->latest.older_epoch_is_dropped = false; }},
    {"Rule18_CandlesAndNextOffsetAreReadInOneStatement",
     [](QueryRules* r) { r->one_statement = false; }},
    {"Rule18_WhatIsBelowTheMarkDoesNotPass", [](QueryRules* r) { r->splice.mark_filters = false; }},
    {"Rule18_AVersionAtTheMarkPasses",
     [](QueryRules* r) { r->splice.version_at_mark_passes = false; }},
    {"Rule18_TheMarkIsTheSnapshotsNextOffsetLessOne",
     [](QueryRules* r) { r->splice.mark_is_from_snapshot = false; }},
    {"Rule18_TheMarkIsWithinThePiece",
     [](QueryRules* r) { r->splice.mark_is_within_the_piece = false; }},
    {"Rule18_TheMarkGrows", [](QueryRules* r) { r->splice.mark_grows = false; }},
    {"Rule18_ASnapshotThatLagsBehindTheLiveSideIsReadAgain",
     [](QueryRules* r) { r->splice.lagging_snapshot_waits = false; }},
    {"Rule19_ThePartialOfAClosedCandleIsDropped",
     [](QueryRules* r) { r->splice.newest_closed_stops_partial = false; }},
    {"Rule19_APartialThatWasSentIsDropped",
     [](QueryRules* r) { r->splice.sent_version_stops_partial = false; }},
    {"Rule19_NothingIsComparedAcrossInstruments",
     [](QueryRules* r) { r->splice.versions_are_per_candle = false; }},
    {"Rule20_RegisteringAndCopyingAreOneStep",
     [](QueryRules* r) { r->register_in_one_step = false; }},
    {"Rule20_OpenCandlesAreCopied",
     [](QueryRules* r) { r->splice.open_candles_are_copied = false; }},
    {"Rule20_ALostPlaceResumesFromTheMark",
     [](QueryRules* r) { r->splice.lost_place_resumes = false; }},
    {"Rule20_ALostPlaceWaitsForProgress",
     [](QueryRules* r) { r->splice.lost_place_waits_for_progress = false; }},
    {"Rule20_LiveIsBufferedWhileHistoryIsRead",
     [](QueryRules* r) { r->splice.live_is_buffered = false; }},
    {"Rule21_ATokenHoldsTheMarkOfWhatWasSent",
     [](QueryRules* r) { r->subscription.mark_is_of_what_was_sent = false; }},
    {"Rule21_NoTokenBeforeSnapshotEnd",
     [](QueryRules* r) { r->subscription.token_waits_for_snapshot_end = false; }},
    {"Rule21_AStreamIsResumedFromTheTokensMark",
     [](QueryRules* r) { r->splice.mark_is_resumed_from = false; }},
    {"Rule21_ATokenHoldsTheStreamsStart",
     [](QueryRules* r) { r->splice.start_is_resumed_from = false; }},
    {"Rule21_AReplicaRegistersOnceItsTailHasReadAsFar",
     [](QueryRules* r) { r->resume_waits_for_the_tail = false; }},
    {"Rule21_StoredRowsAtTheMarkAreReadToo",
     [](QueryRules* r) { r->resume_reads_at_the_mark = false; }},
    {"Rule21_FinalsSinceTheMarkAreRead", [](QueryRules* r) { r->resume_reads_finals = false; }},
    {"Rule21_RevisionsSinceTheMarkAreRead",
     [](QueryRules* r) { r->resume_reads_revisions = false; }},
};

INSTANTIATE_TEST_SUITE_P(Rules, SpliceWithoutARule, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace quantstream::query::simulation
