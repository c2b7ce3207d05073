#include "platform/admin/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream::admin {
namespace {

TEST(ReadinessTest, AProcessWithoutConditionsIsReady) {
  EXPECT_TRUE(Readiness().ready());
}

TEST(ReadinessTest, EveryConditionMustBeMet) {
  Readiness readiness;
  readiness.Require("kafka");
  readiness.Require("postgres");
  readiness.Met("kafka");
  EXPECT_FALSE(readiness.ready());
  readiness.Met("postgres");
  EXPECT_TRUE(readiness.ready());
}

TEST(ReadinessTest, UnmetConditionsSayWhyInOrderOfName) {
  Readiness readiness;
  readiness.Require("postgres");
  readiness.Unmet("lag", "3000 records behind");
  readiness.Unmet("kafka", "");
  const auto unmet = readiness.unmet();
  ASSERT_EQ(unmet.size(), 3U);
  EXPECT_EQ(unmet[0].reason, "no reason given");
  EXPECT_EQ(unmet[1].name, "lag");
  EXPECT_EQ(unmet[1].reason, "3000 records behind");
  EXPECT_EQ(unmet[2].reason, "starting");
}

}  // namespace
}  // namespace quantstream::admin
