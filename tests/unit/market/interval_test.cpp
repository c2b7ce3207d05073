#include "market/interval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream {
namespace {

TEST(Interval, ParsesANumberAndAUnit) {
  EXPECT_EQ(Interval::Parse("1s")->seconds, 1);
  EXPECT_EQ(Interval::Parse("7s")->seconds, 7);
  EXPECT_EQ(Interval::Parse("45m")->seconds, 2'700);
  EXPECT_EQ(Interval::Parse("24h")->seconds, 86'400);
  EXPECT_EQ(Interval::Parse("1d")->seconds, 86'400);
  EXPECT_EQ(Interval::Parse("86400s")->seconds, 86'400);
}

TEST(Interval, RefusesAnythingElse) {
  for (std::string_view text : {"", "s", "1", "0s", "01m", "+1m", "-1m", "1.5m", "1 m", "1M", "1w",
                                "2d", "25h", "86401s", "99999999999999999999s", "1mm", "m1"}) {
    EXPECT_EQ(Interval::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Interval, TextUsesTheLargestUnit) {
  EXPECT_EQ(Interval{1}.ToString(), "1s");
  EXPECT_EQ(Interval{60}.ToString(), "1m");
  EXPECT_EQ(Interval{90}.ToString(), "90s");
  EXPECT_EQ(Interval{5'400}.ToString(), "90m");
  EXPECT_EQ(Interval{86'400}.ToString(), "1d");
}

TEST(Interval, TextParsesBack) {
  for (int32_t seconds = 1; seconds <= Interval::kSecondsMax; ++seconds) {
    ASSERT_EQ(Interval::Parse(Interval{seconds}.ToString())->seconds, seconds);
  }
}

TEST(Interval, AWindowHoldsItsTimes) {
  const Interval minute{60};
  EXPECT_EQ(WindowStart(EventTime{0}, minute).us, 0);
  EXPECT_EQ(WindowStart(EventTime{59'999'999}, minute).us, 0);
  EXPECT_EQ(WindowStart(EventTime{60'000'000}, minute).us, 60'000'000);
}

TEST(Interval, WindowsBefore1970AreAlignedToo) {
  const Interval minute{60};
  EXPECT_EQ(WindowStart(EventTime{-1}, minute).us, -60'000'000);
  EXPECT_EQ(WindowStart(EventTime{-60'000'000}, minute).us, -60'000'000);
  EXPECT_EQ(WindowStart(EventTime{-60'000'001}, minute).us, -120'000'000);
}

TEST(Version, OrdersByGenerationAndThenByOffset) {
  constexpr int64_t kLastOffset = (int64_t{1} << 48) - 1;
  EXPECT_LT(VersionOf(0, Offset{kLastOffset}), VersionOf(1, Offset{0}));
  const int64_t version = VersionOf(3, Offset{42});
  EXPECT_EQ(GenerationOf(version), 3);
  EXPECT_EQ(OffsetOf(version), Offset{42});
}

}  // namespace
}  // namespace quantstream
