#include "platform/backoff.h"

#include <gtest/gtest.h>

namespace quantstream {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, TheCeilingDoublesUpToTheCap) {
  Backoff backoff({milliseconds(100), milliseconds(1000)}, [] { return 0.999999; });
  for (const int expected : {100, 200, 400, 800, 1000, 1000}) {
    EXPECT_EQ(backoff.Next(), milliseconds(expected));
  }
  EXPECT_EQ(backoff.attempts(), 6);
}

TEST(BackoffTest, JitterGoesDownToNothing) {
  Backoff backoff({milliseconds(100), milliseconds(1000)}, [] { return 0.0; });
  EXPECT_EQ(backoff.Next(), milliseconds(0));
  EXPECT_EQ(backoff.Next(), milliseconds(0));
}

TEST(BackoffTest, AResetStartsAnew) {
  Backoff backoff({milliseconds(100), milliseconds(1000)}, [] { return 0.5; });
  backoff.Next();
  EXPECT_EQ(backoff.Next(), milliseconds(100));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), milliseconds(50));
}

TEST(BackoffTest, ManyAttemptsDoNotOverflow) {
  Backoff backoff({milliseconds(100), milliseconds(30000)}, [] { return 0.999999; });
  for (int i = 0; i < 1000; ++i) EXPECT_LE(backoff.Next(), milliseconds(30000));
}

TEST(BackoffTest, ACapBelowTheBaseWins) {
  Backoff backoff({milliseconds(100), milliseconds(10)}, [] { return 0.999999; });
  EXPECT_EQ(backoff.Next(), milliseconds(10));
}

TEST(BackoffTest, TheSystemsChanceIsInRange) {
  const auto random = SystemRandom();
  for (int i = 0; i < 1000; ++i) {
    const double chance = random();
    EXPECT_GE(chance, 0.0);
    EXPECT_LT(chance, 1.0);
  }
}

}  // namespace
}  // namespace quantstream
