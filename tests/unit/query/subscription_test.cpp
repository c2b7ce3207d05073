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

// A stream that is live.
Subscription Live(SubscriptionLimits limits = {}, milliseconds update_interval = {}) {
  StreamSpec spec{
      .series = {{{kA, {1}}, kPartition}}, .start_time = {}, .last = 1000, .closed_only = false};
  Subscription subscription(spec, limits, update_interval);
  subscription.Register({}, "");
  Snapshot empty;
  subscription.OnHistory(subscription.splice().ticket(), empty);
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
  subscription.OnUpdate(Partial(kA, 10, 1));
  subscription.OnUpdate(Partial(kA, 10, 2));
  EXPECT_EQ(subscription.conflated(), 1);
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v2 PARTIAL"));
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
}

TEST(Subscription, NeverConflatesClosedCandles) {
  Subscription subscription = Live();
  subscription.OnUpdate(Final(kA, 10, 1));
  subscription.OnUpdate(Revised(kA, 10, 2));
  subscription.OnUpdate(Revised(kA, 10, 3));
  EXPECT_THAT(TakeCandles(&subscription),
              ElementsAre("A 10 v1 FINAL", "A 10 v2 REVISED", "A 10 v3 REVISED"));
}

TEST(Subscription, AWaitingPartialGivesWayToItsFinal) {
  Subscription subscription = Live();
  subscription.OnUpdate(Partial(kA, 10, 1));
  subscription.OnUpdate(Partial(kA, 11, 1));
  subscription.OnUpdate(Final(kA, 10, 2));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v2 FINAL", "A 11 v1 PARTIAL"));
}

TEST(Subscription, OverflowsWhenClosedCandlesPassTheBoundAndOnlyThen) {
  Subscription subscription = Live({.queue_bytes_max = 2000});
  for (int64_t version = 1; version < 1000; ++version)
    subscription.OnUpdate(Partial(kA, 10, version));
  EXPECT_FALSE(subscription.overflowed());
  for (int64_t version = 1000; !subscription.overflowed(); ++version) {
    ASSERT_LT(version, 1100);
    subscription.OnUpdate(Final(kA, version, version));
  }
}

TEST(Subscription, HistoryDoesNotCountAsWaiting) {
  StreamSpec spec{
      .series = {{{kA, {1}}, kPartition}}, .start_time = {}, .last = 1000, .closed_only = false};
  Subscription subscription(spec, {.queue_bytes_max = 100});
  subscription.Register({}, "");
  Snapshot snapshot;
  for (int64_t i = 0; i < 100; ++i) snapshot.candles.push_back(Final(kA, i, i));
  subscription.OnHistory(subscription.splice().ticket(), snapshot);
  EXPECT_FALSE(subscription.overflowed());
}

TEST(Subscription, WaitingBytesComeBackToZero) {
  Subscription subscription = Live();
  subscription.OnUpdate(Partial(kA, 10, 1));
  subscription.OnUpdate(Partial(kA, 10, 2));
  subscription.OnUpdate(Partial(kA, 11, 2));
  subscription.OnUpdate(Final(kA, 10, 3));
  EXPECT_GT(subscription.waiting_bytes(), 0);
  TakeCandles(&subscription);
  EXPECT_EQ(subscription.waiting_bytes(), 0);
  EXPECT_TRUE(subscription.empty());
}

TEST(Subscription, SplitsMessagesAtTheirBound) {
  Subscription subscription = Live({.message_bytes_max = 50});
  for (int64_t i = 0; i < 5; ++i) subscription.OnUpdate(Final(kA, i, i));
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
  subscription.OnUpdate(Partial(kA, 10, 1));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v1 PARTIAL"));
  subscription.OnUpdate(Partial(kA, 10, 2));
  EXPECT_EQ(subscription.Take(kStart + milliseconds(99)), std::nullopt);
  EXPECT_THAT(TakeCandles(&subscription, kStart + milliseconds(100)),
              ElementsAre("A 10 v2 PARTIAL"));
}

TEST(Subscription, ProgressComesAfterTheCandlesBeforeItAndOneWaitsAtMost) {
  Subscription subscription = Live();
  subscription.OnUpdate(Final(kA, 10, 1));
  subscription.OnProgress(EventTime{11'000'000});
  subscription.OnProgress(EventTime{12'000'000});
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v1 FINAL"));
  const auto progress = subscription.Take(kStart);
  EXPECT_EQ(std::get<ProgressMessage>(*progress).watermark, EventTime{11'000'000});
  EXPECT_EQ(subscription.Take(kStart), std::nullopt);
}

TEST(Subscription, NoProgressBeforeTheSnapshotEnds) {
  StreamSpec spec{
      .series = {{{kA, {1}}, kPartition}}, .start_time = {}, .last = 1, .closed_only = false};
  Subscription subscription(spec, {});
  subscription.Register({}, "");
  subscription.OnProgress(EventTime{11'000'000});
  EXPECT_TRUE(subscription.empty());
}

TEST(Subscription, DrainingOvertakesWhatWaits) {
  Subscription subscription = Live();
  subscription.OnUpdate(Final(kA, 10, 1));
  subscription.OnDraining(milliseconds(1500));
  EXPECT_EQ(std::get<DrainingMessage>(*subscription.Take(kStart)).reconnect_after,
            milliseconds(1500));
  EXPECT_THAT(TakeCandles(&subscription), ElementsAre("A 10 v1 FINAL"));
}

}  // namespace
}  // namespace quantstream::query
