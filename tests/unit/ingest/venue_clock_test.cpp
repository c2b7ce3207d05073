#include "ingest/venue_clock.h"

#include <gtest/gtest.h>

#include "ingest/heartbeat.h"

namespace quantstream::ingest {
namespace {

constexpr int64_t kSecond = 1'000'000;

class VenueClockTest : public testing::Test {
 protected:
  std::optional<int64_t> Seconds(double at) {
    const auto time = Read(at).venue_time;
    if (!time.has_value()) return std::nullopt;
    return time->us / kSecond;
  }
  Heartbeat Read(double at) { return clock_.Read(At(at)); }
  static Instant At(double seconds) { return Instant{static_cast<int64_t>(seconds * 1e6)}; }
  void Trade(ConnectionId id, int64_t venue_second, double at) {
    clock_.TradePublished(id, EventTime{venue_second * kSecond}, At(at));
  }

  VenueClock clock_{"binance", {.margin_us = kSecond, .hold_on_disconnect_us = 60 * kSecond}};
};

TEST_F(VenueClockTest, HasNoTimeBeforeTheFirstTrade) {
  EXPECT_EQ(Seconds(1), std::nullopt);
  clock_.Connected(1, std::nullopt, At(1));
  EXPECT_EQ(Seconds(100), std::nullopt);
  EXPECT_TRUE(Read(100).connected);
  EXPECT_EQ(Read(100).venue, "binance");
}

TEST_F(VenueClockTest, IsTheNewestTradeTimeWhileTradesCome) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  EXPECT_EQ(Seconds(5), 1000);
  Trade(1, 1003, 5.5);
  EXPECT_EQ(Seconds(5.5), 1003);
  Trade(1, 1002, 5.6);
  EXPECT_EQ(Seconds(5.6), 1003) << "an older trade does not move it back";
}

TEST_F(VenueClockTest, OfAQuietConnectionGoesOnWithTheTimeElapsedLessTheMargin) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  EXPECT_EQ(Seconds(6), 1000);
  EXPECT_EQ(Seconds(7), 1001);
  EXPECT_EQ(Seconds(65), 1059);
}

TEST_F(VenueClockTest, CountsElapsedTimeFromTheReceiptOfTheNewestTradeNotOfTheLastOne) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  Trade(1, 990, 10);
  EXPECT_EQ(Seconds(10), 1004);
}

TEST_F(VenueClockTest, IsTheLeastOverTheConnections) {
  clock_.Connected(1, std::nullopt, At(1));
  clock_.Connected(2, std::nullopt, At(1));
  Trade(1, 1000, 5);
  Trade(2, 900, 5);
  EXPECT_EQ(Seconds(5), 900);
  Trade(2, 1001, 6);
  EXPECT_EQ(Seconds(6), 1000);
}

TEST_F(VenueClockTest, OfAConnectionWithoutATradeIsThatOfTheOthers) {
  clock_.Connected(1, std::nullopt, At(1));
  clock_.Connected(2, std::nullopt, At(1));
  Trade(1, 1000, 5);
  EXPECT_EQ(Seconds(5), 1000);
  EXPECT_EQ(Seconds(16), 1010);
}

TEST_F(VenueClockTest, StandsStillWhileDisconnected) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  clock_.Disconnected(1, At(10));
  EXPECT_EQ(Seconds(10), 1004);
  EXPECT_EQ(Seconds(69), 1004);
  EXPECT_FALSE(Read(69).connected);
  EXPECT_FALSE(Read(69).held);
}

TEST_F(VenueClockTest, OneLostConnectionHoldsTheOthersBack) {
  clock_.Connected(1, std::nullopt, At(1));
  clock_.Connected(2, std::nullopt, At(1));
  Trade(1, 1000, 5);
  Trade(2, 1000, 5);
  clock_.Disconnected(2, At(6));
  Trade(1, 1030, 35);
  EXPECT_EQ(Seconds(35), 1000);
  EXPECT_FALSE(Read(35).connected);
}

TEST_F(VenueClockTest, GoesOnAndSaysHeldWhenDisconnectedForLong) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  clock_.Disconnected(1, At(10));
  const Heartbeat held = Read(70);
  EXPECT_TRUE(held.held);
  EXPECT_FALSE(held.connected);
  EXPECT_EQ(Seconds(70), 1064);
  EXPECT_EQ(Seconds(100), 1094);
}

TEST_F(VenueClockTest, NeverGoesOnWhenTheHoldIsForEver) {
  VenueClock clock("binance", {.margin_us = kSecond, .hold_on_disconnect_us = 0});
  clock.Connected(1, std::nullopt, At(1));
  clock.TradePublished(1, EventTime{1000 * kSecond}, At(5));
  clock.Disconnected(1, At(5));
  EXPECT_EQ(clock.Read(At(1e6)).venue_time, EventTime{1000 * kSecond});
  EXPECT_FALSE(clock.Read(At(1e6)).held);
}

TEST_F(VenueClockTest, IsHeldAlsoWhenReconnectingBringsNoTrade) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  clock_.Disconnected(1, At(10));
  clock_.Connected(2, 1, At(40));
  clock_.Disconnected(2, At(65));
  EXPECT_FALSE(Read(69).held);
  EXPECT_TRUE(Read(71).held) << "since 10, not since 65";
}

TEST_F(VenueClockTest, AfterReconnectingTellsNoTimeUntilTheFirstTrade) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  clock_.Disconnected(1, At(10));
  clock_.Connected(2, 1, At(20));
  EXPECT_TRUE(Read(30).connected);
  EXPECT_EQ(Seconds(30), std::nullopt);
  Trade(2, 1040, 45);
  EXPECT_EQ(Seconds(45), 1040);
}

TEST_F(VenueClockTest, NeverGoesBack) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  EXPECT_EQ(Seconds(26), 1020);
  clock_.Connected(2, std::nullopt, At(26));
  Trade(2, 1010, 26);
  EXPECT_EQ(Seconds(26), 1020);
}

TEST_F(VenueClockTest, StandsStillWhileTheSocketIsNotRead) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  clock_.Paused(1, At(6));
  EXPECT_EQ(Seconds(50), 1000);
  EXPECT_TRUE(Read(50).connected);
  clock_.Resumed(1, At(50));
  EXPECT_EQ(Seconds(50), 1000) << "the trades of the pause are still to be read";
  Trade(1, 1002, 50.1);
  EXPECT_EQ(Seconds(50.2), 1002);
}

TEST_F(VenueClockTest, ForgetsAConnectionThatAnotherHasReplaced) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  clock_.Connected(2, std::nullopt, At(6));
  Trade(2, 1002, 7);
  clock_.Removed(1);
  EXPECT_EQ(Seconds(7), 1002);
}

TEST_F(VenueClockTest, SaysFinishedAndStandsAfterAReplay) {
  clock_.Connected(1, std::nullopt, At(1));
  Trade(1, 1000, 5);
  clock_.Finish(At(8));
  EXPECT_TRUE(Read(100).finished);
  EXPECT_EQ(Seconds(100), 1002);
}

TEST(HeartbeatSchedule, OwesEveryPartitionOneAtOnceAndThenEveryInterval) {
  HeartbeatSchedule schedule(3, 100);
  EXPECT_EQ(schedule.Due(Instant{0}), (std::vector<int32_t>{0, 1, 2}));
  for (const int32_t partition : {0, 1, 2}) schedule.Sent(partition, Instant{0});
  EXPECT_TRUE(schedule.Due(Instant{99}).empty());
  schedule.Sent(1, Instant{50});
  EXPECT_EQ(schedule.Due(Instant{100}), (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(schedule.Due(Instant{150}), (std::vector<int32_t>{0, 2, 1}));
}

}  // namespace
}  // namespace quantstream::ingest
