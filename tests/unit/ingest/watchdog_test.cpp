#include "ingest/watchdog.h"

#include <gtest/gtest.h>

namespace quantstream::ingest {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr WatchdogOptions kOptions{.silence_min_us = 10 * kSecond, .silence_max_us = 60 * kSecond};

TEST(Watchdog, GivesANewConnectionTheLongestSilence) {
  const Watchdog watchdog(kOptions, Instant{0});
  EXPECT_FALSE(watchdog.Mute(Instant{60 * kSecond}));
  EXPECT_TRUE(watchdog.Mute(Instant{60 * kSecond + 1}));
}

TEST(Watchdog, CallsABusyConnectionMuteAfterTheLeastSilence) {
  Watchdog watchdog(kOptions, Instant{0});
  for (int i = 0; i < 1000; ++i) watchdog.Frame(Instant{i * 1000});
  EXPECT_FALSE(watchdog.Mute(Instant{kSecond + 9 * kSecond}));
  EXPECT_TRUE(watchdog.Mute(Instant{kSecond + 10 * kSecond}));
}

TEST(Watchdog, GivesASlowConnectionFiftyOfItsUsualGaps) {
  Watchdog watchdog(kOptions, Instant{0});
  for (int i = 1; i <= 1000; ++i) watchdog.Frame(Instant{i * kSecond * 2 / 5});
  EXPECT_NEAR(static_cast<double>(watchdog.SilenceAllowed()), 20e6, 1e5);
}

TEST(Watchdog, DoesNotCountTheTimeInWhichWeDidNotRead) {
  Watchdog watchdog(kOptions, Instant{0});
  for (int i = 0; i < 1000; ++i) watchdog.Frame(Instant{i * 1000});
  watchdog.Alive(Instant{100 * kSecond});
  EXPECT_FALSE(watchdog.Mute(Instant{109 * kSecond}));
}

}  // namespace
}  // namespace quantstream::ingest
