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
  }
  std::printf(
      "%llu interleavings, %lld streams, %lld messages, %lld lagging snapshots, %lld lost places\n",
      static_cast<unsigned long long>(Interleavings()), static_cast<long long>(total.streams),
      static_cast<long long>(total.messages), static_cast<long long>(total.behind),
      static_cast<long long>(total.places_lost));
  EXPECT_GT(total.behind, 0);
  EXPECT_GT(total.places_lost, 0);
}

// A rule taken out must be missed.
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
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), result.broken.c_str());
    return;
  }
  FAIL() << "5000 interleavings did not need this rule";
}

INSTANTIATE_TEST_SUITE_P(
    Rules17To20, SpliceWithoutARule,
    testing::Values(Broken{"ClosedBeatsPartial",
                           [](QueryRules* r) {
                             r->latest.closed_beats_partial = false;
                             r->splice.newest_closed_stops_partial = false;
                           }},
                    Broken{"HigherVersionWinsInTheCache",
                           [](QueryRules* r) { r->latest.higher_version_wins = false; }},
                    Broken{"ProgressOfALowerEpochIsDropped",
                           [](QueryRules* r) { r->latest.older_epoch_is_dropped = false; }},
                    Broken{"CandlesAndNextOffsetInOneStatement",
                           [](QueryRules* r) { r->one_statement = false; }},
                    Broken{"MarkFilters", [](QueryRules* r) { r->splice.mark_filters = false; }},
                    Broken{"VersionAtTheMarkPasses",
                           [](QueryRules* r) { r->splice.version_at_mark_passes = false; }},
                    Broken{"MarkComesFromTheSnapshot",
                           [](QueryRules* r) { r->splice.mark_is_from_snapshot = false; }},
                    Broken{"MarkGrows", [](QueryRules* r) { r->splice.mark_grows = false; }},
                    Broken{"NewestClosedStopsPartial",
                           [](QueryRules* r) { r->splice.newest_closed_stops_partial = false; }},
                    Broken{"SentVersionStopsPartial",
                           [](QueryRules* r) { r->splice.sent_version_stops_partial = false; }},
                    Broken{"NothingIsComparedAcrossInstruments",
                           [](QueryRules* r) { r->splice.versions_are_per_candle = false; }},
                    Broken{"RegisteringAndCopyingAreOneStep",
                           [](QueryRules* r) { r->register_in_one_step = false; }},
                    Broken{"OpenCandlesAreCopied",
                           [](QueryRules* r) { r->splice.open_candles_are_copied = false; }},
                    Broken{"ALostPlaceResumes",
                           [](QueryRules* r) { r->splice.lost_place_resumes = false; }},
                    Broken{"ALostPlaceWaitsForProgress",
                           [](QueryRules* r) { r->splice.lost_place_waits_for_progress = false; }},
                    Broken{"LiveIsBufferedWhileHistoryIsRead",
                           [](QueryRules* r) { r->splice.live_is_buffered = false; }}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace quantstream::query::simulation
