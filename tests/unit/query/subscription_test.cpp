#include "query/subscription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/query/updates.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::Final;
using testing::kPartition;
using testing::Partial;
using testing::Revised;

constexpr char kA[] = "venue:A";
constexpr Subscription::Time kStart{};

// The only leg of a subscription.
constexpr LegId kLeg = 1;

LegSpec Leg1s(int32_t last = 1000, milliseconds update_interval = {}) {
  return {.stream = {.series = {{{kA, {1}}, kPartition}},
                     .start_time = {},
                     .last = last,
                     .closed_only = false,
                     .resume = {}},
          .update_interval = update_interval};
}

Subscription Begun(SubscriptionLimits limits = {}, milliseconds update_interval = {}) {
  Subscription subscription(limits);
  EXPECT_THAT(subscription.Add({Leg1s(1000, update_interval)}), ElementsAre(kLeg));
  subscription.Register(kLeg, {}, "");
  return subscription;
}

void Read(Subscription* subscription, const Snapshot& snapshot) {
  EXPECT_EQ(subscription->OnHistory(kLeg, subscription->splice(kLeg)->ticket(), snapshot),
            Splice::Outcome::kDelivered);
}

// A stream that is live.
Subscription Live(SubscriptionLimits limits = {}, milliseconds update_interval = {}) {
  Subscription subscription = Begun(limits, update_interval);
  Snapshot empty;
  empty.next_version[kPartition] = 0;
  Read(&subscription, empty);
  EXPECT_TRUE(std::holds_alternative<SnapshotEndMessage>(*subscription.Take(kStart)));
  return subscription;
}

std::vector<std::string> TakeCandles(Subscription* subscription, Subscription::Time now = kStart) {
  const auto message = subscription->Take(now);
  if (!message) return {};
  return testing::Texts(std::get<CandlesMessage>(*message).candles);
}

TEST(Subscription, ConflatesWaitingStatesOfAnOpenCandle) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Partial(kA, 10, 1));
  subscription.OnUpdate(kLeg, Partial(kA, 10, 2));
  EXPECT_EQ(subscription.conflated(), 1);
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v2 PARTIAL"));
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
}

TEST(Subscription, NeverConflatesClosedCandles) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Final(kA, 10, 1));
  subscription.OnUpdate(kLeg, Revised(kA, 10, 2));
  subscription.OnUpdate(kLeg, Revised(kA, 10, 3));
  EXPECT_THAT(TakeCandles(&subscription),
              ElementsAre("A 10 v1 FINAL", "A 10 v2 REVISED", "A 10 v3 REVISED"));
}

TEST(Subscription, AWaitingPartialGivesWayToItsFinal) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Partial(kA, 10, 1));
  subscription.OnUpdate(kLeg, Partial(kA, 11, 1));
  subscription.OnUpdate(kLeg, Final(kA, 10, 2));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v2 FINAL", "A 11 v1 PARTIAL"));
}

TEST(Subscription, OverflowsWhenClosedCandlesPassTheBoundAndOnlyThen) {
  Subscription subscription = Live();
  for (int64_t version = 1; version < 1000; ++version)
    subscription.OnUpdate(kLeg, Partial(kA, 10, version));
  EXPECT_FALSE(subscription.Overflows(2000));
  for (int64_t version = 1000; !subscription.Overflows(2000); ++version) {
    ASSERT_LT(version, 1100);
    subscription.OnUpdate(kLeg, Final(kA, version, version));
  }
}

TEST(Subscription, HistoryDoesNotCountAsWaiting) {
  Subscription subscription = Begun();
  Snapshot snapshot;
  for (int64_t i = 0; i < 100; ++i) snapshot.candles.push_back(Final(kA, i, i));
  Read(&subscription, snapshot);
  EXPECT_FALSE(subscription.Overflows(100));
}

TEST(Subscription, WaitingBytesComeBackToZero) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Partial(kA, 10, 1));
  subscription.OnUpdate(kLeg, Partial(kA, 10, 2));
  subscription.OnUpdate(kLeg, Partial(kA, 11, 2));
  subscription.OnUpdate(kLeg, Final(kA, 10, 3));
  EXPECT_GT(subscription.waiting_bytes(), 0);
  TakeCandles(&subscription);
  EXPECT_EQ(subscription.waiting_bytes(), 0);
  EXPECT_TRUE(subscription.empty());
}

TEST(Subscription, SplitsMessagesAtTheirBound) {
  Subscription subscription = Live({.message_bytes_max = 50});
  for (int64_t i = 0; i < 5; ++i) subscription.OnUpdate(kLeg, Final(kA, i, i));
  size_t messages = 0, candles = 0;
  while (const auto message = subscription.Take(kStart)) {
    ++messages;
    candles += std::get<CandlesMessage>(*message).candles.size();
  }
  EXPECT_GT(messages, 1u);
  EXPECT_EQ(candles, 5u);
}

TEST(Subscription, OneOpenCandleIsNotSentMoreOftenThanAskedFor) {
  Subscription subscription = Live({}, milliseconds(100));
  subscription.OnUpdate(kLeg, Partial(kA, 10, 1));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v1 PARTIAL"));
  subscription.OnUpdate(kLeg, Partial(kA, 10, 2));
  EXPECT_EQ(subscription.Take(kStart + milliseconds(99)), std::nullopt);
  EXPECT_THAT(TakeCandles(&subscription, kStart + milliseconds(100)),
              ElementsAre("A 10 v2 PARTIAL"));
}

TEST(Subscription, ProgressComesAfterTheCandlesBeforeItAndOneWaitsAtMost) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Final(kA, 10, 1));
  subscription.OnProgress(EventTime{11'000'000}, "");
  subscription.OnProgress(EventTime{12'000'000}, "");
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v1 FINAL"));
  const auto progress = subscription.Take(kStart);
  EXPECT_EQ(std::get<ProgressMessage>(*progress).watermark, EventTime{11'000'000});
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
}

TEST(Subscription, NoProgressBeforeTheSnapshotEnds) {
  Subscription subscription = Begun();
  subscription.OnProgress(EventTime{11'000'000}, "");
  EXPECT_TRUE(subscription.empty());
}

TEST(Subscription, DrainingOvertakesWhatWaits) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Final(kA, 10, 1));
  subscription.OnDraining(milliseconds(1500));
  EXPECT_EQ(std::get<DrainingMessage>(*subscription.Take(kStart)).reconnect_after,
            milliseconds(1500));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v1 FINAL"));
}

TEST(Subscription, ParkedItReadsAgainWhatWasNotSent) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Final(kA, 10, 5));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v5 FINAL"));
  subscription.OnUpdate(kLeg, Final(kA, 11, 6));
  subscription.OnUpdate(kLeg, Partial(kA, 12, 7));
  subscription.Park();
  EXPECT_EQ(subscription.waiting_bytes(), 0);
  subscription.OnUpdate(kLeg, Final(kA, 12, 8));
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);

  subscription.Register(
      kLeg, {.open = {Partial(kA, 13, 9)}, .committed = {}, .unplaced = {}, .closed_until = {}},
      "");
  EXPECT_EQ(subscription.splice(kLeg)->Request().series.front().changed_since, 5);
  Snapshot snapshot;
  snapshot.candles = {Final(kA, 10, 5), Final(kA, 11, 6), Final(kA, 12, 8)};
  snapshot.next_version[kPartition] = 9;
  Read(&subscription, snapshot);
  EXPECT_THAT(TakeCandles(&subscription),
              ElementsAre("A 10 v5 FINAL", "A 11 v6 FINAL", "A 12 v8 FINAL", "A 13 v9 PARTIAL"));
}

TEST(Subscription, AnOpenCandleThatWasLetGoUnsentComesAgain) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Partial(kA, 12, 7));
  subscription.Park();
  subscription.Register(
      kLeg, {.open = {Partial(kA, 12, 7)}, .committed = {}, .unplaced = {}, .closed_until = {}},
      "");
  Read(&subscription, {});
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 12 v7 PARTIAL"));
}

TEST(Subscription, AnOpenCandleThatWaitsGivesWayToTheNewerOneOfASnapshot) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Partial(kA, 12, 7));
  subscription.Register(
      kLeg, {.open = {Partial(kA, 12, 9)}, .committed = {}, .unplaced = {}, .closed_until = {}},
      "the place was lost");
  Read(&subscription, {});
  EXPECT_TRUE(std::holds_alternative<DiscontinuityMessage>(*subscription.Take(kStart)));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 12 v9 PARTIAL"));
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
  EXPECT_EQ(subscription.waiting_bytes(), 0);
}

TEST(Subscription, HistoryWaitsUntilItWasTakenWhateverElseWaits) {
  Subscription subscription = Begun();
  Snapshot snapshot;
  snapshot.next_version[kPartition] = 6;
  snapshot.candles = {Final(kA, 10, 5)};
  EXPECT_FALSE(subscription.history_waits());
  Read(&subscription, snapshot);
  EXPECT_TRUE(subscription.history_waits());
  subscription.OnProgress(EventTime{12'000'000}, "");
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v5 FINAL"));
  EXPECT_FALSE(subscription.history_waits());
  EXPECT_FALSE(subscription.empty());
}

TEST(Subscription, HoweverManyLostPlacesOneDiscontinuityWaits) {
  Subscription subscription = Live();
  for (int i = 0; i < 3; ++i) {
    subscription.Park();
    subscription.Register(kLeg, {}, "the place was lost");
    subscription.Register(kLeg, {}, "");
    Read(&subscription, {});
    subscription.Register(kLeg, {}, "the place was lost");
    Read(&subscription, {});
  }
  EXPECT_TRUE(std::holds_alternative<DiscontinuityMessage>(*subscription.Take(kStart)));
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
  subscription.Register(kLeg, {}, "the place was lost");
  EXPECT_TRUE(std::holds_alternative<DiscontinuityMessage>(*subscription.Take(kStart)));
}

TEST(Subscription, SkippedTellsHowManyAndWhere) {
  Subscription subscription = Live();
  for (int64_t i = 1; i <= 3; ++i) subscription.OnUpdate(kLeg, Final(kA, 10 + i, i));
  subscription.OnUpdate(kLeg, Partial(kA, 20, 4));
  subscription.Skip(1 << 20);
  const auto first = subscription.Take(kStart);
  const auto& skipped = std::get<SkippedMessage>(*first);
  EXPECT_EQ(skipped.count, 3);
  EXPECT_EQ(skipped.first, EventTime{11'000'000});
  EXPECT_EQ(skipped.last, EventTime{13'000'000});
  EXPECT_EQ(skipped.closed.at({kA, {1}}).count, 3);
  EXPECT_EQ(subscription.Resumable()->marks.at(kPartition), 3);  // told is as good as sent
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 20 v4 PARTIAL"));
}

TEST(Subscription, WhatIsSkippedAgainIsToldTogether) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Final(kA, 11, 1));
  subscription.Skip(1 << 20);
  subscription.OnUpdate(kLeg, Final(kA, 12, 2));
  subscription.Skip(1 << 20);
  EXPECT_EQ(std::get<SkippedMessage>(*subscription.Take(kStart)).count, 2);
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
}

TEST(Subscription, ATokenStandsForWhatWasSentNotForWhatWaits) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Final(kA, 10, 5));
  TakeCandles(&subscription);
  subscription.OnUpdate(kLeg, Final(kA, 11, 6));
  EXPECT_EQ(subscription.Resumable()->marks.at(kPartition), 5);
  TakeCandles(&subscription);
  EXPECT_EQ(subscription.Resumable()->marks.at(kPartition), 6);
}

TEST(Subscription, NothingIsResumableBeforeTheSnapshotWasSent) {
  Subscription subscription = Begun();
  EXPECT_EQ(subscription.Resumable(), std::nullopt);
  Snapshot snapshot;
  snapshot.candles = {Final(kA, 10, 5)};
  snapshot.next_version[kPartition] = 6;
  Read(&subscription, snapshot);
  EXPECT_EQ(subscription.Resumable(), std::nullopt);
  TakeCandles(&subscription);
  EXPECT_EQ(subscription.Resumable()->marks.at(kPartition), 5);
  EXPECT_EQ(subscription.Resumable()->starts.at({1}), EventTime{10'000'000});
}

TEST(Subscription, ARemovedSeriesIsNotSentThoughItWaits) {
  Subscription subscription = Live();
  subscription.OnUpdate(kLeg, Final(kA, 10, 5));
  subscription.OnUpdate(kLeg, Partial(kA, 11, 6));
  subscription.Remove(kLeg, {kA, {1}});
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
  EXPECT_EQ(subscription.waiting_bytes(), 0);
}

TEST(Subscription, LegsThatAreAddedTogetherShareOneSnapshotEnd) {
  Subscription subscription;
  EXPECT_THAT(subscription.Add({Leg1s(), Leg1s()}), ElementsAre(1, 2));
  for (const LegId leg : {1, 2}) {
    subscription.Register(leg, {}, "");
    EXPECT_EQ(subscription.Take(kStart), std::nullopt);
    subscription.OnHistory(leg, subscription.splice(leg)->ticket(), {});
  }
  EXPECT_TRUE(std::holds_alternative<SnapshotEndMessage>(*subscription.Take(kStart)));
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
}

TEST(Subscription, WhatIsLetGoWhileTheStoreIsReadIsReadNext) {
  Subscription subscription = Begun();
  subscription.OnUpdate(kLeg, Final(kA, 11, 7));
  EXPECT_TRUE(subscription.StoreIsSlow());
  subscription.DropBuffered();
  EXPECT_EQ(subscription.waiting_bytes(), 0);
  subscription.OnUpdate(kLeg, Final(kA, 12, 8));
  Snapshot snapshot;
  snapshot.candles = {Final(kA, 10, 5)};
  snapshot.next_version[kPartition] = 6;
  Read(&subscription, snapshot);
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v5 FINAL"));
  EXPECT_TRUE(std::holds_alternative<SnapshotEndMessage>(*subscription.Take(kStart)));
  EXPECT_TRUE(subscription.parked());
  subscription.Register(kLeg, {}, "");
  EXPECT_EQ(subscription.splice(kLeg)->Request().series.front().changed_since, 5);
}

// The client always finds an open candle of the other leg; the next piece does not wait for that.
TEST(Subscription, APieceIsFollowedByTheNextWhateverIsOpenInOtherLegs) {
  Subscription subscription = Live();
  const LegId resumed = subscription
                            .Add({[] {
                              LegSpec spec = Leg1s();
                              spec.stream.series = {{{"venue:B", {1}}, kPartition}};
                              spec.stream.resume = Resume{.marks = {{kPartition, 5}}, .starts = {}};
                              return spec;
                            }()})
                            .front();
  subscription.Register(resumed, {}, "");
  EXPECT_TRUE(subscription.ReadInPieces(resumed));
  EXPECT_TRUE(subscription.Request(resumed).series.front().in_pieces);
  Snapshot piece;
  piece.next_version[kPartition] = 100;
  piece.changed_through[kPartition] = 7;
  piece.candles = {Final("venue:B", 10, 7)};
  EXPECT_EQ(subscription.OnHistory(resumed, subscription.splice(resumed)->ticket(), piece),
            Splice::Outcome::kPiece);
  EXPECT_FALSE(subscription.parked()) << "the client has not taken it";
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("B 10 v7 FINAL"));
  subscription.OnUpdate(kLeg, Partial(kA, 10, 101));
  EXPECT_FALSE(subscription.empty());
  EXPECT_TRUE(subscription.parked());
  subscription.Register(kLeg, {}, "");
  subscription.Register(resumed, {}, "");
  EXPECT_FALSE(subscription.splice(kLeg)->reading()) << "what is live stays so";
  const SnapshotRequest next = subscription.Request(resumed);
  EXPECT_EQ(next.series.front().changed_since, 7);
  EXPECT_TRUE(next.series.front().in_pieces);
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v101 PARTIAL"));
}

}  // namespace
}  // namespace quantstream::query
