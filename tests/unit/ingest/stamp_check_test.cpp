#include "ingest/stamp_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

namespace quantstream::ingest {
namespace {

constexpr int64_t kSecond = 1'000'000;

TEST(StampCheck, KnowsItsOffsetAfterElevenTrades) {
  StampCheck check;
  for (int i = 0; i < 10; ++i) check.Learn(100 * kSecond, 98 * kSecond);
  EXPECT_FALSE(check.learned());
  check.Learn(100 * kSecond, 98 * kSecond);
  EXPECT_TRUE(check.learned());
  EXPECT_EQ(check.offset_us(), 2 * kSecond);
}

TEST(StampCheck, CallsFutureWhatIsMoreThanFiveSecondsAheadOfTheUsualOffset) {
  StampCheck check;
  for (int i = 0; i < 20; ++i) check.Learn(i * kSecond + 3 * kSecond, i * kSecond);
  EXPECT_FALSE(check.IsFuture(108 * kSecond, 100 * kSecond));
  EXPECT_TRUE(check.IsFuture(108 * kSecond + 1, 100 * kSecond));
  EXPECT_FALSE(check.IsFuture(1 * kSecond, 100 * kSecond)) << "old is not future";
}

TEST(StampCheck, IsNotMovedByAFewWildStamps) {
  StampCheck check;
  for (int i = 0; i < 30; ++i) check.Learn(i * kSecond, i * kSecond);
  for (int i = 0; i < 10; ++i) check.Learn(1'000'000 * kSecond, 31 * kSecond);
  EXPECT_EQ(check.offset_us(), 0);
  EXPECT_TRUE(check.IsFuture(40 * kSecond, 31 * kSecond));
}

TEST(StampCheck, IsTheMedianOfTheLastOffsetsForAnySequence) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    StampCheck check;
    std::deque<int64_t> window;
    for (int i = 0; i < 300; ++i) {
      const int64_t offset = static_cast<int64_t>(random() % 50) - 25;
      check.Learn(1000 + offset, 1000);
      window.push_back(offset);
      if (window.size() > StampCheck::kWindow) window.pop_front();
      std::vector<int64_t> sorted(window.begin(), window.end());
      std::sort(sorted.begin(), sorted.end());
      ASSERT_EQ(check.offset_us(), sorted[(sorted.size() - 1) / 2]) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace quantstream::ingest
