// Rules 18 to 20 as scenarios. Each is told twice: with all rules on, and with the rule taken out,
// when it must break.
#include "query/splice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/query/updates.h"

namespace quantstream::query {
namespace {

using ::testing::ElementsAre;
using testing::Final;
using ::testing::IsEmpty;
using testing::kPartition;
using ::testing::Not;
using testing::Partial;
using testing::Revised;
using testing::Text;

constexpr char kA[] = "venue:A";
constexpr char kB[] = "venue:B";

// What a client sees, as words.
class Told final : public Outlet {
 public:
  void SendSnapshot(const Update& update) override { words.push_back(Text(update)); }
  void SendLive(const Update& update) override { words.push_back(Text(update)); }
  void SendSnapshotEnd() override { words.push_back("end"); }
  void SendDiscontinuity(std::string_view) override { words.push_back("discontinuity"); }

  std::vector<std::string> words;
};

StreamSpec Both(int32_t last = 1000) {
  return {.series = {{{kA, {1}}, kPartition}, {{kB, {1}}, kPartition}},
          .start_time = {},
          .last = last,
          .closed_only = false,
          .resume = {}};
}

Snapshot Stored(std::vector<Update> candles, int64_t next_version) {
  Snapshot snapshot;
  for (const Update& update : candles) {
    EventTime& newest = snapshot.newest_closed[SeriesOf(update->key)];
    newest = std::max(newest, update->key.open_time);
  }
  snapshot.candles = std::move(candles);
  snapshot.next_version[kPartition] = next_version;
  return snapshot;
}

LiveState Knows(std::vector<Update> open, int64_t committed = 0) {
  return {.open = std::move(open),
          .committed = {{kPartition, committed}},
          .unplaced = {},
          .closed_until = {}};
}

struct Scenario {
  explicit Scenario(SpliceRules rules = {}, StreamSpec spec = Both()) : splice(spec, rules) {}

  void Register(const LiveState& live) { splice.Register(live, "lost", &told); }
  Splice::Outcome Read(const Snapshot& snapshot) {
    return splice.OnHistory(splice.ticket(), snapshot, &told);
  }
  void Live(const Update& update) { splice.OnUpdate(update, &told); }

  Splice splice;
  Told told;
};

using Story = std::function<void(Scenario&)>;

std::vector<std::string> Tell(const Story& story, void (*take_out)(SpliceRules*) = nullptr) {
  SpliceRules rules;
  if (take_out != nullptr) take_out(&rules);
  Scenario scenario(rules);
  story(scenario);
  return scenario.told.words;
}

TEST(Splice, SendsHistoryThenOpenCandlesThenTheEndThenLive) {
  Scenario s;
  s.Register(Knows({Partial(kA, 11, 7)}));
  EXPECT_EQ(s.Read(Stored({Final(kA, 10, 5)}, 6)), Splice::Outcome::kDelivered);
  s.Live(Final(kA, 11, 9));
  EXPECT_THAT(s.told.words,
              ElementsAre("A 10 v5 FINAL", "A 11 v7 PARTIAL", "end", "A 11 v9 FINAL"));
}

TEST(Splice, WhatComesWhileHistoryIsReadComesAfterIt) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Live(Final(kA, 11, 6));
    s.Read(Stored({Final(kA, 10, 5)}, 6));
  };
  EXPECT_THAT(Tell(story), ElementsAre("A 10 v5 FINAL", "end", "A 11 v6 FINAL"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->live_is_buffered = false; }),
              ElementsAre("A 10 v5 FINAL", "end"));
}

TEST(Splice, OneRecordChangesManyCandlesAtOneVersionAndAllOfThemPass) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Read(Stored({}, 5));
    s.Live(Final(kA, 10, 5));
    s.Live(Final(kB, 10, 5));
  };
  EXPECT_THAT(Tell(story), ElementsAre("end", "A 10 v5 FINAL", "B 10 v5 FINAL"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->version_at_mark_passes = false; }),
              ElementsAre("end", "A 10 v5 FINAL"));
}

TEST(Splice, WhatTheSnapshotHoldsIsNotSentAgainInAnOlderState) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Live(Final(kA, 10, 5));
    s.Read(Stored({Revised(kA, 10, 8)}, 9));
  };
  EXPECT_THAT(Tell(story), ElementsAre("A 10 v8 REVISED", "end"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->mark_is_from_snapshot = false; }),
              ElementsAre("A 10 v8 REVISED", "end", "A 10 v5 FINAL"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->mark_filters = false; }),
              ElementsAre("A 10 v8 REVISED", "end", "A 10 v5 FINAL"));
}

TEST(Splice, ARepeatOfAZombieIsNotAStepBack) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Read(Stored({}, 0));
    s.Live(Final(kA, 10, 5));
    s.Live(Revised(kA, 10, 8));
    s.Live(Final(kA, 10, 5));
  };
  EXPECT_THAT(Tell(story), ElementsAre("end", "A 10 v5 FINAL", "A 10 v8 REVISED"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->mark_grows = false; }),
              ElementsAre("end", "A 10 v5 FINAL", "A 10 v8 REVISED", "A 10 v5 FINAL"));
}

TEST(Splice, APartialNeverReplacesAClosedCandleWhateverItsVersion) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Read(Stored({Final(kA, 10, 5)}, 6));
    s.Live(Partial(kA, 10, 9));
    s.Live(Final(kA, 11, 10));
    s.Live(Partial(kA, 11, 12));
  };
  EXPECT_THAT(Tell(story), ElementsAre("A 10 v5 FINAL", "end", "A 11 v10 FINAL"));
  EXPECT_THAT(
      Tell(story, [](SpliceRules* r) { r->newest_closed_stops_partial = false; }),
      ElementsAre("A 10 v5 FINAL", "end", "A 10 v9 PARTIAL", "A 11 v10 FINAL", "A 11 v12 PARTIAL"));
}

TEST(Splice, APartialThatWasSentIsNotSentAgainNorAnOlderOne) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({Partial(kA, 11, 7)}));
    s.Read(Stored({}, 0));
    s.Live(Partial(kA, 11, 7));
    s.Live(Partial(kA, 11, 6));
    s.Live(Partial(kA, 11, 8));
  };
  EXPECT_THAT(Tell(story), ElementsAre("A 11 v7 PARTIAL", "end", "A 11 v8 PARTIAL"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->sent_version_stops_partial = false; }),
              ElementsAre("A 11 v7 PARTIAL", "end", "A 11 v7 PARTIAL", "A 11 v6 PARTIAL",
                          "A 11 v8 PARTIAL"));
}

TEST(Splice, OneInstrumentsNewsIsNotHiddenBehindAnothers) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Read(Stored({}, 0));
    s.Live(Partial(kB, 11, 20));
    s.Live(Partial(kA, 11, 7));
  };
  EXPECT_THAT(Tell(story), ElementsAre("end", "B 11 v20 PARTIAL", "A 11 v7 PARTIAL"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->versions_are_per_candle = false; }),
              ElementsAre("end", "B 11 v20 PARTIAL"));
}

TEST(Splice, OpenCandlesThatCameBeforeTheStreamAreShown) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({Partial(kA, 11, 7)}));
    s.Read(Stored({}, 0));
  };
  EXPECT_THAT(Tell(story), ElementsAre("A 11 v7 PARTIAL", "end"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->open_candles_are_copied = false; }),
              ElementsAre("end"));
}

TEST(Splice, ASnapshotThatLagsBehindTheLiveSideIsReadAgain) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}, 8));  // the topic has shown version 7
    s.Read(Stored({}, 5));
    s.Read(Stored({Final(kA, 10, 7)}, 8));
  };
  EXPECT_THAT(Tell(story), ElementsAre("A 10 v7 FINAL", "end"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->lagging_snapshot_waits = false; }),
              ElementsAre("end"));
}

TEST(Splice, ALostPlaceIsResumedFromTheMark) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Read(Stored({}, 0));
    s.Live(Final(kA, 10, 5));
    s.Register(Knows({}, 8));  // version 7 was missed
    if (s.splice.reading()) s.Read(Stored({Final(kA, 11, 7)}, 8));
    s.Live(Final(kA, 12, 9));
  };
  EXPECT_THAT(Tell(story), ElementsAre("end", "A 10 v5 FINAL", "discontinuity", "A 11 v7 FINAL",
                                       "A 12 v9 FINAL"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->lost_place_resumes = false; }),
              ElementsAre("end", "A 10 v5 FINAL", "A 12 v9 FINAL"));
}

TEST(Splice, AskedAfterALossOnlyForWhatChangedSinceTheMark) {
  Scenario s;
  s.Register(Knows({}));
  EXPECT_FALSE(s.splice.Request().series.front().changed_since);
  EXPECT_EQ(s.splice.Request().series.front().newest, 1000);
  s.Read(Stored({}, 6));
  s.Live(Final(kA, 10, 7));
  s.Register(Knows({}));
  EXPECT_EQ(s.splice.Request().series.front().changed_since, 7);
  EXPECT_FALSE(s.splice.Request().series.front().newest);
}

TEST(Splice, UntilAPlaceIsKnownAgainNoSnapshotIsFreshEnough) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    s.Read(Stored({}, 0));
    LiveState live = Knows({}, 6);
    live.unplaced = {kPartition};
    s.Register(live);
    s.Read(Stored({Final(kA, 10, 5)}, 6));  // the standby does not have version 7, which was missed
    s.splice.OnPlaced(kPartition, 8);
    if (s.splice.reading()) s.Read(Stored({Final(kA, 10, 5), Final(kA, 11, 7)}, 8));
  };
  EXPECT_THAT(Tell(story), ElementsAre("end", "discontinuity", "A 10 v5 FINAL", "A 11 v7 FINAL"));
  EXPECT_THAT(Tell(story, [](SpliceRules* r) { r->lost_place_waits_for_progress = false; }),
              ElementsAre("end", "discontinuity", "A 10 v5 FINAL"));
}

TEST(Splice, ASnapshotFromBeforeALossIsNotUsed) {
  Scenario s;
  s.Register(Knows({}));
  const int64_t ticket = s.splice.ticket();
  s.Register(Knows({}, 8));
  EXPECT_EQ(s.splice.OnHistory(ticket, Stored({}, 8), &s.told), Splice::Outcome::kStale);
  EXPECT_THAT(s.told.words, IsEmpty());
}

TEST(Splice, CoversTheOldestOfTheLastNAndWhatIsNewer) {
  Scenario s({}, Both(2));
  s.Register(Knows({}));
  s.Read(Stored({Final(kA, 10, 5), Final(kA, 11, 6)}, 7));
  s.Live(Revised(kA, 9, 8));
  s.Live(Revised(kA, 10, 9));
  s.Live(Revised(kB, 9, 10));  // of B nothing was sent: all of it is new
  EXPECT_THAT(s.told.words, ElementsAre("A 10 v5 FINAL", "A 11 v6 FINAL", "end", "A 10 v9 REVISED",
                                        "B 9 v10 REVISED"));
}

TEST(Splice, WithoutHistoryItBeginsBehindTheNewestClosedCandle) {
  Scenario s({}, Both(0));
  Snapshot snapshot = Stored({}, 7);
  snapshot.newest_closed[{kA, {1}}] = EventTime{11'000'000};
  s.Register(Knows({Partial(kA, 11, 5), Partial(kA, 12, 6)}));
  s.Read(snapshot);
  s.Live(Revised(kA, 11, 8));
  s.Live(Final(kA, 12, 9));
  EXPECT_THAT(s.told.words, ElementsAre("A 12 v6 PARTIAL", "end", "A 12 v9 FINAL"));
}

TEST(Splice, NothingThatOpensBeforeTheStartTimeIsSent) {
  StreamSpec spec = Both();
  spec.start_time = EventTime{11'000'000};
  Scenario s({}, spec);
  s.Register(Knows({Partial(kA, 10, 5), Partial(kA, 11, 5)}));
  s.Read(Stored({}, 0));
  s.Live(Final(kA, 10, 6));
  s.Live(Final(kA, 11, 7));
  EXPECT_THAT(s.told.words, ElementsAre("A 11 v5 PARTIAL", "end", "A 11 v7 FINAL"));
}

TEST(Splice, ClosedOnlyLeavesOpenCandlesOut) {
  StreamSpec spec = Both();
  spec.closed_only = true;
  Scenario s({}, spec);
  s.Register(Knows({Partial(kA, 10, 5)}));
  s.Read(Stored({}, 0));
  s.Live(Partial(kA, 10, 6));
  s.Live(Final(kA, 10, 7));
  EXPECT_THAT(s.told.words, ElementsAre("end", "A 10 v7 FINAL"));
}

TEST(Splice, WhileItWaitsOnlyTheNewestStateOfAnOpenCandleTakesRoom) {
  Scenario s;
  s.Register(Knows({}));
  s.Live(Partial(kA, 10, 1));
  const int64_t one = s.splice.buffered_bytes();
  for (int64_t version = 2; version < 100; ++version) s.Live(Partial(kA, 10, version));
  EXPECT_EQ(s.splice.buffered_bytes(), one);
  s.Live(Final(kA, 10, 100));
  EXPECT_GT(s.splice.buffered_bytes(), one);
  s.Read(Stored({}, 0));
  EXPECT_EQ(s.splice.buffered_bytes(), 0);
  EXPECT_THAT(s.told.words, ElementsAre("end", "A 10 v100 FINAL"));
}

// A stream that goes on where another one stopped.
std::vector<std::string> TellResumed(const Story& story, void (*take_out)(SpliceRules*) = nullptr) {
  SpliceRules rules;
  if (take_out != nullptr) take_out(&rules);
  StreamSpec spec = Both(0);
  spec.resume = Resume{.marks = {{kPartition, 6}}, .starts = {{Interval{1}, EventTime{9'000'000}}}};
  Scenario scenario(rules, spec);
  story(scenario);
  return scenario.told.words;
}

TEST(Splice, ResumedItSendsWhatChangedSinceTheMark) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({Partial(kA, 12, 8)}));
    const auto since = s.splice.Request().series.front().changed_since;
    Snapshot snapshot = Stored(
        since ? std::vector<Update>{Final(kA, 11, 6), Final(kB, 11, 7)} : std::vector<Update>{}, 8);
    snapshot.newest_closed[{kA, {1}}] = EventTime{11'000'000};
    s.Read(snapshot);
  };
  EXPECT_THAT(TellResumed(story),
              ElementsAre("A 11 v6 FINAL", "B 11 v7 FINAL", "A 12 v8 PARTIAL", "end"));
  EXPECT_THAT(TellResumed(story, [](SpliceRules* r) { r->mark_is_resumed_from = false; }),
              ElementsAre("A 12 v8 PARTIAL", "end"));
}

TEST(Splice, ResumedItCoversWhatTheStreamCovered) {
  const Story story = [](Scenario& s) {
    s.Register(Knows({}));
    Snapshot snapshot = Stored({}, 7);
    snapshot.newest_closed[{kA, {1}}] = EventTime{11'000'000};
    s.Read(snapshot);
    s.Live(Revised(kA, 8, 9));
    s.Live(Revised(kA, 9, 10));
  };
  EXPECT_THAT(TellResumed(story), ElementsAre("end", "A 9 v10 REVISED"));
  EXPECT_THAT(TellResumed(story, [](SpliceRules* r) { r->start_is_resumed_from = false; }),
              ElementsAre("end"));
}

}  // namespace
}  // namespace quantstream::query
