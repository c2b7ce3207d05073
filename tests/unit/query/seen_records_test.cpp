#include "query/seen_records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace quantstream::query {
namespace {

TEST(SeenRecords, ARecordIsNewOnce) {
  SeenRecords seen;
  EXPECT_TRUE(seen.Add("a", 1, 0));
  EXPECT_FALSE(seen.Add("a", 1, 0));
  EXPECT_TRUE(seen.Add("a", 1, 1));
  EXPECT_TRUE(seen.Add("a", 2, 0)) << "another session";
  EXPECT_TRUE(seen.Add("b", 1, 0)) << "another node";
  EXPECT_FALSE(seen.Add("a", 1, 1));
}

TEST(SeenRecords, ARecordBehindLaterOnesIsNewAsItsOnlyCopy) {
  SeenRecords seen;
  for (const uint64_t sequence : {10u, 12u, 13u}) EXPECT_TRUE(seen.Add("a", 1, sequence));
  EXPECT_TRUE(seen.Add("a", 1, 11));
  EXPECT_TRUE(seen.Add("a", 1, 9));
  for (uint64_t sequence = 9; sequence <= 13; ++sequence) {
    EXPECT_FALSE(seen.Add("a", 1, sequence)) << sequence;
  }
}

TEST(SeenRecords, TheLargestSequenceIsNoSpecialOne) {
  SeenRecords seen;
  EXPECT_TRUE(seen.Add("a", 1, UINT64_MAX));
  EXPECT_TRUE(seen.Add("a", 1, 0));
  EXPECT_TRUE(seen.Add("a", 1, UINT64_MAX - 1));
  EXPECT_FALSE(seen.Add("a", 1, UINT64_MAX));
}

TEST(SeenRecords, EqualsASetInAnyOrder) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    SeenRecords seen({.ranges_max = 1'000});
    std::set<uint64_t> reference;
    for (int i = 0; i < 200; ++i) {
      const uint64_t sequence = random() % 150;
      ASSERT_EQ(seen.Add("a", 1, sequence), reference.insert(sequence).second) << sequence;
    }
  }
}

TEST(SeenRecords, OfTooManySourcesTheOneUnheardLongestIsForgotten) {
  SeenRecords seen({.sources_max = 2});
  seen.Add("a", 1, 0);
  seen.Add("b", 1, 0);
  seen.Add("a", 1, 1);
  seen.Add("c", 1, 0);  // b goes
  EXPECT_EQ(seen.sources(), 2u);
  EXPECT_FALSE(seen.Add("a", 1, 0));
  EXPECT_TRUE(seen.Add("b", 1, 0));
}

TEST(SeenRecords, OfTooManyHolesTheLowestIsForgottenAndNothingNewIsLost) {
  SeenRecords seen({.ranges_max = 2});
  for (const uint64_t sequence : {10u, 20u, 30u}) EXPECT_TRUE(seen.Add("a", 1, sequence));
  EXPECT_FALSE(seen.Add("a", 1, 20));
  EXPECT_FALSE(seen.Add("a", 1, 30));
  EXPECT_TRUE(seen.Add("a", 1, 10)) << "may come twice";
  EXPECT_TRUE(seen.Add("a", 1, 15));
}

TEST(SeenRecords, AHoleThatIsFilledTakesNoRoom) {
  SeenRecords seen({.ranges_max = 2});
  for (const uint64_t sequence : {10u, 12u, 11u, 20u}) EXPECT_TRUE(seen.Add("a", 1, sequence));
  EXPECT_FALSE(seen.Add("a", 1, 10));
}

TEST(SeenRecords, ANodeWithAnEndlessNameIsNotRemembered) {
  SeenRecords seen({.node_bytes_max = 3});
  EXPECT_TRUE(seen.Add("abcd", 1, 0));
  EXPECT_TRUE(seen.Add("abcd", 1, 0));
  EXPECT_EQ(seen.sources(), 0u);
}

}  // namespace
}  // namespace quantstream::query
