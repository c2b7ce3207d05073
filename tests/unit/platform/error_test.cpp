#include "platform/postgres/error.h"

#include <gtest/gtest.h>

#include "platform/status.h"

namespace quantstream::postgres {
namespace {

TEST(ErrorTest, TheSqlstateIsKeptAlsoUnderContext) {
  const absl::Status status = Annotate(MakeStatus("23505", "duplicate key\n"), "COPY candles");
  EXPECT_EQ(SqlState(status), "23505");
  EXPECT_TRUE(IsUniqueViolation(status));
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Message(status), "COPY candles: duplicate key (SQLSTATE 23505)");
}

TEST(ErrorTest, WhatMayPassIsTransient) {
  for (const char* state : {"40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03",
                            "08006", "25P03", "58030"}) {
    EXPECT_TRUE(IsTransient(MakeStatus(state, "x"))) << state;
  }
  for (const char* state :
       {"23505", "42601", "42P01", "22003", "25P02", "28P01", "3D000", "XX000"}) {
    EXPECT_FALSE(IsTransient(MakeStatus(state, "x"))) << state;
  }
  EXPECT_FALSE(IsTransient(absl::OkStatus()));
  EXPECT_FALSE(IsTransient(absl::UnavailableError("not ours")));
}

TEST(ErrorTest, ALostConnectionIsKnown) {
  EXPECT_TRUE(IsConnectionLost(MakeStatus("", "server closed the connection")));
  EXPECT_TRUE(IsConnectionLost(MakeStatus("57P01", "terminating connection")));
  EXPECT_FALSE(IsConnectionLost(MakeStatus("40001", "could not serialize")));
  EXPECT_TRUE(IsTransient(MakeStatus("", "server closed the connection")));
}

TEST(ErrorTest, UsedUpResourcesAreKnown) {
  EXPECT_TRUE(IsOutOfResources(MakeStatus("53100", "disk full")));
  EXPECT_FALSE(IsOutOfResources(MakeStatus("57014", "timeout")));
}

}  // namespace
}  // namespace quantstream::postgres
