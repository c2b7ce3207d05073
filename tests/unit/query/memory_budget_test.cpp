#include "query/service/memory_budget.h"

#include <gtest/gtest.h>

#include <vector>

namespace quantstream::query {
namespace {

TEST(MemoryBudgetTest, WhatIsLargeTakesNoRoomFromAShare) {
  MemoryBudget budget(1000);
  MemoryBudget::Held large;
  ASSERT_TRUE(budget.Take(450, 10, &large));
  EXPECT_FALSE(budget.Take(100, 10, &large)) << "the half of large ones holds 500";

  MemoryBudget::Held small;
  EXPECT_TRUE(budget.Take(50, 10, &small)) << "a tenth of the other half";
  EXPECT_EQ(budget.used(), 500);

  budget.GiveBack(&large, {});
  budget.GiveBack(&small, {});
  EXPECT_EQ(budget.used(), 0);
}

TEST(MemoryBudgetTest, AShareThatShrankIsKeptFromTheOtherHalfOrNotAtAll) {
  MemoryBudget budget(1000);
  MemoryBudget::Held call;
  ASSERT_TRUE(budget.Take(400, 1, &call));
  EXPECT_TRUE(budget.Keep(10, &call));
  EXPECT_EQ(call.of_shares, 0);
  EXPECT_EQ(call.of_rest, 400);

  MemoryBudget::Held other;
  ASSERT_TRUE(budget.Take(400, 1, &other));
  EXPECT_FALSE(budget.Keep(10, &other)) << "the other half has 100 left";
  EXPECT_EQ(other.of_shares, 400);
}

// Calls that nobody counts, and shares of a time with fewer calls.
TEST(MemoryBudgetTest, AllTogetherStayWithinIt) {
  MemoryBudget budget(1000);
  std::vector<MemoryBudget::Held> calls(10);
  int taken = 0;
  for (auto& call : calls) taken += budget.Take(400, 1, &call) ? 1 : 0;
  EXPECT_EQ(taken, 2) << "one of each half";
  EXPECT_EQ(budget.used(), 800);
}

}  // namespace
}  // namespace quantstream::query
