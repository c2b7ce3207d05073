// What may be asked for as an interval, and how it cuts time.
#include "query/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"

namespace quantstream::query {
namespace {

using ::testing::HasSubstr;

const std::vector<Interval> kStored(std::begin(kDefaultIntervals), std::end(kDefaultIntervals));

WindowGrid Grid(std::string_view text) {
  const auto grid = WindowGrid::Parse(text, kStored);
  EXPECT_TRUE(grid.ok()) << grid.status();
  return grid.ok() ? *grid : WindowGrid(Interval{1});
}

std::string Refusal(std::string_view text, const std::vector<Interval>& stored = kStored) {
  const auto grid = WindowGrid::Parse(text, stored);
  EXPECT_EQ(grid.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(grid.status().message());
}

EventTime At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return EventTime{absl::ToUnixMicros(time)};
}

std::string Text(EventTime time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(time.us),
                          absl::UTCTimeZone());
}

// The window that holds a moment: "start to end, hours".
std::string Window(std::string_view grid, const std::string& time) {
  const WindowGrid cut = Grid(grid);
  const EventTime start = cut.Start(At(time));
  const EventTime end = cut.End(start);
  const double hours = static_cast<double>(end.us - start.us) / 3.6e9;
  return absl::StrCat(Text(start), " to ", Text(end), ", ", hours);
}

TEST(WindowGrid, AStoredIntervalIsNotMerged) {
  for (const char* text : {"1s", "5s", "1m", "60s", "15m", "1h", "60m", "1d", "24h", "1440m"}) {
    EXPECT_FALSE(Grid(text).merged()) << text;
    EXPECT_EQ(Grid(text).part(), Grid(text).length()) << text;
  }
  EXPECT_EQ(Grid("60s").ToString(), "1m");
  EXPECT_EQ(Grid("60s"), Grid("1m"));
}

TEST(WindowGrid, AMultipleIsMergedFromTheLargestStoredIntervalThatDividesIt) {
  const auto part = [](std::string_view text) { return Grid(text).part().ToString(); };
  EXPECT_EQ(part("7s"), "1s");
  EXPECT_EQ(part("10s"), "5s");
  EXPECT_EQ(part("61s"), "1s");
  EXPECT_EQ(part("2m"), "1m");
  EXPECT_EQ(part("45m"), "15m");
  EXPECT_EQ(part("4h"), "1h");
  EXPECT_EQ(part("23h"), "1h");
  EXPECT_TRUE(Grid("45m").merged());
  EXPECT_EQ(Grid("45m").length(), Interval{2700});
  EXPECT_EQ(Grid("2700s").ToString(), "45m");
  EXPECT_EQ(Grid("45m").time_zone(), "");
}

TEST(WindowGrid, WindowsOfAFixedLengthAreAlignedToTheEpoch) {
  EXPECT_EQ(Window("4h", "2026-11-21T07:59:59.999999Z"),
            "2026-11-21T04:00:00Z to 2026-11-21T08:00:00Z, 4");
  EXPECT_EQ(Grid("7s").Start(EventTime{13'999'999}), EventTime{7'000'000});
  EXPECT_EQ(Grid("7s").Start(EventTime{-1}), EventTime{-7'000'000});
  EXPECT_EQ(Grid("7s").End(EventTime{-7'000'000}), EventTime{0});
  // 7 s do not divide a year: windows run on over its end.
  EXPECT_EQ(Window("7h", "2027-01-01T00:00:00Z").substr(0, 20),
            Window("7h", "2026-12-31T23:59:59Z").substr(0, 20));
}

TEST(WindowGrid, WhatIsNoIntervalIsRefusedWithWhatIsLegal) {
  for (const char* text : {"0s", "-1m", "1.5s", "400d", "25h", "86401s", "1w", "s", "07s", " 7s",
                           "7S", "7 s", "99999999999999999999s"}) {
    EXPECT_THAT(Refusal(text), HasSubstr("legal: 1s to 1d (7s, 45m, 4h), or a day of a time zone"))
        << text;
  }
  EXPECT_THAT(Refusal("400d"), HasSubstr("'400d' is not"));
  EXPECT_THAT(Refusal(""), HasSubstr("is missing; legal: "));
  EXPECT_THAT(Refusal("\xff\n" + std::string(1000, 'x')), HasSubstr("'\\xff\\nxxx"));
  EXPECT_LT(Refusal(std::string(100'000, '1')).size(), 300u);
}

TEST(WindowGrid, OnlyMultiplesOfAStoredIntervalCanBeMerged) {
  const std::vector<Interval> stored = {{5}, {60}};
  EXPECT_EQ(WindowGrid::Parse("15s", stored)->part(), Interval{5});
  EXPECT_THAT(Refusal("7s", stored), HasSubstr("whole multiple of a stored interval; the smallest "
                                               "is 5s"));
  EXPECT_EQ(WindowGrid::Parse("1d", stored)->part(), Interval{60});
  EXPECT_THAT(Refusal("1d@Africa/Monrovia", {{60}}), HasSubstr("whole multiples of 30s only"));
}

TEST(WindowGrid, ADayOfATimeZoneIsMergedFromWhatFitsAllOfItsDays) {
  const auto part = [](const std::string& zone) { return Grid("1d@" + zone).part().ToString(); };
  EXPECT_EQ(part("UTC"), "1d");
  EXPECT_EQ(part("America/New_York"), "1h");
  EXPECT_EQ(part("Europe/Berlin"), "1h");
  EXPECT_EQ(part("Asia/Tokyo"), "1h");
  EXPECT_EQ(part("Asia/Kolkata"), "15m") << "no 30m is stored";
  EXPECT_EQ(part("Asia/Kathmandu"), "15m");
  EXPECT_EQ(part("Australia/Lord_Howe"), "15m");
  EXPECT_EQ(part("Pacific/Chatham"), "15m");
  EXPECT_EQ(part("Africa/Monrovia"), "5s") << "-0:44:30 until 1972";
  EXPECT_EQ(Grid("1d@Asia/Kolkata").ToString(), "1d@Asia/Kolkata");
  EXPECT_EQ(Grid("1d@Asia/Kolkata").time_zone(), "Asia/Kolkata");
  EXPECT_EQ(Grid("1d@Asia/Kolkata").length(), Interval{86'400});
  EXPECT_TRUE(Grid("1d@UTC").merged()) << "its candles name the zone";
  EXPECT_FALSE(Grid("1d@UTC") == Grid("1d"));
}

TEST(WindowGrid, TheDaysOfAZoneAreReckonedOnce) {
  const WindowGrid first = Grid("1d@Europe/Vienna");
  const int64_t reckoned = WindowGrid::zones_reckoned();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Grid("1d@Europe/Vienna"), first);
  EXPECT_EQ(WindowGrid::zones_reckoned(), reckoned);
  EXPECT_EQ(Grid("1d@Europe/Lisbon").part(), first.part());
  EXPECT_EQ(WindowGrid::zones_reckoned(), reckoned + 1);
}

TEST(WindowGrid, ADayLastsTwentyThreeOrTwentyFiveHoursWhereClocksChange) {
  EXPECT_EQ(Window("1d@America/New_York", "2026-03-07T12:00:00Z"),
            "2026-03-07T05:00:00Z to 2026-03-08T05:00:00Z, 24");
  EXPECT_EQ(Window("1d@America/New_York", "2026-03-08T12:00:00Z"),
            "2026-03-08T05:00:00Z to 2026-03-09T04:00:00Z, 23");
  EXPECT_EQ(Window("1d@America/New_York", "2026-11-01T12:00:00Z"),
            "2026-11-01T04:00:00Z to 2026-11-02T05:00:00Z, 25");
  EXPECT_EQ(Window("1d@America/New_York", "2026-11-01T03:59:59.999999Z"),
            "2026-10-31T04:00:00Z to 2026-11-01T04:00:00Z, 24");
  EXPECT_EQ(Window("1d@Europe/London", "2026-10-25T12:00:00Z"),
            "2026-10-24T23:00:00Z to 2026-10-26T00:00:00Z, 25");
  EXPECT_EQ(Window("1d@Australia/Lord_Howe", "2026-10-03T20:00:00Z"),
            "2026-10-03T13:30:00Z to 2026-10-04T13:00:00Z, 23.5");
}

TEST(WindowGrid, ZonesOfHalfAndQuarterHours) {
  EXPECT_EQ(Window("1d@Asia/Kolkata", "2026-11-21T18:29:59Z"),
            "2026-11-20T18:30:00Z to 2026-11-21T18:30:00Z, 24");
  EXPECT_EQ(Window("1d@Asia/Kathmandu", "2026-11-21T18:15:00Z"),
            "2026-11-21T18:15:00Z to 2026-11-22T18:15:00Z, 24");
}

TEST(WindowGrid, YearsBeginAndEndLikeOtherDays) {
  EXPECT_EQ(Window("1d@Asia/Tokyo", "2026-12-31T15:00:00Z"),
            "2026-12-31T15:00:00Z to 2027-01-01T15:00:00Z, 24");
  EXPECT_EQ(Window("1d@America/New_York", "2027-01-01T04:59:59Z"),
            "2026-12-31T05:00:00Z to 2027-01-01T05:00:00Z, 24");
  EXPECT_EQ(Window("1d@America/New_York", "2099-07-01T12:00:00Z"),
            "2099-07-01T04:00:00Z to 2099-07-02T04:00:00Z, 24");
}

TEST(WindowGrid, BeforeNineteenSeventy) {
  EXPECT_EQ(Window("1d@America/New_York", "1969-12-31T23:59:59.999999Z"),
            "1969-12-31T05:00:00Z to 1970-01-01T05:00:00Z, 24");
  EXPECT_EQ(Window("1d@Europe/Berlin", "1850-01-01T12:00:00Z").substr(0, 20),
            "1849-12-31T23:06:32Z");
}

TEST(WindowGrid, DaysWhoseMidnightIsSkippedOrComesTwice) {
  // Sao Paulo skipped 00:00 to 01:00.
  EXPECT_EQ(Window("1d@America/Sao_Paulo", "2018-11-04T12:00:00Z"),
            "2018-11-04T03:00:00Z to 2018-11-05T02:00:00Z, 23");
  // Havana shows 00:00 to 01:00 twice.
  EXPECT_EQ(Window("1d@America/Havana", "2026-11-01T12:00:00Z"),
            "2026-11-01T04:00:00Z to 2026-11-02T05:00:00Z, 25");
  // St John's went back from 00:01 to 23:01 of the day before.
  EXPECT_EQ(Window("1d@America/St_Johns", "2009-11-01T02:45:00Z"),
            "2009-11-01T02:30:00Z to 2009-11-02T03:30:00Z, 25");
  // Samoa had no 30 December 2011.
  EXPECT_EQ(Window("1d@Pacific/Apia", "2011-12-30T09:59:59Z"),
            "2011-12-29T10:00:00Z to 2011-12-30T10:00:00Z, 24");
  EXPECT_EQ(Window("1d@Pacific/Apia", "2011-12-30T10:00:00Z"),
            "2011-12-30T10:00:00Z to 2011-12-31T10:00:00Z, 24");
}

TEST(WindowGrid, OnlyADayOfAKnownZoneIsLegal) {
  EXPECT_THAT(Refusal("2h@America/New_York"), HasSubstr("legal: 1d@ and a name"));
  EXPECT_THAT(Refusal("24h@America/New_York"), HasSubstr("legal: 1d@ and a name"));
  EXPECT_THAT(Refusal("1d@Mars/Olympus"), HasSubstr("'Mars/Olympus' is not a time zone; legal: "));
  for (const char* zone :
       {"", "@", "/etc/localtime", "../../../etc/passwd", "Europe/../Asia/Tokyo", "Asia//Tokyo",
        "Asia/", "Asia", "localtime", "posixrules", "right/Asia/Tokyo", "posix/Asia/Tokyo",
        "tzdata.zi", "zone.tab", "leapseconds", "asia/tokyo", "Fixed/UTC+05:30:00",
        "file:Asia/Tokyo", "Asia/Tokyo ", "\n"}) {
    EXPECT_THAT(Refusal(absl::StrCat("1d@", zone)), HasSubstr("is not a time zone; legal: "))
        << zone;
  }
  EXPECT_LT(Refusal("1d@" + std::string(100'000, 'A')).size(), 300u);
}

// From any moment on, window after window: each begins where the one before it ended, holds its own
// moments only, and begins and ends at whole parts.
void CheckTiling(const WindowGrid& grid, EventTime from, int windows) {
  EventTime start = grid.Start(from);
  EXPECT_LE(start, from);
  for (int i = 0; i < windows; ++i) {
    const EventTime end = grid.End(start);
    ASSERT_LT(start, end) << grid.ToString();
    ASSERT_EQ(WindowStart(start, grid.part()), start) << grid.ToString() << " " << Text(start);
    for (const int64_t inside : {start.us, start.us + 1, (start.us + end.us) / 2, end.us - 1}) {
      ASSERT_EQ(grid.Start(EventTime{inside}), start) << grid.ToString() << " " << Text(start);
    }
    ASSERT_EQ(grid.Start(end), end) << grid.ToString() << " " << Text(end);
    start = end;
  }
}

TEST(WindowGrid, WindowsTileTimeWithoutAHole) {
  constexpr int kDays = 131 * 366;
  for (const char* zone :
       {"America/New_York", "Europe/London", "Europe/Dublin", "America/Havana", "America/St_Johns",
        "America/Sao_Paulo", "Pacific/Apia", "Pacific/Kwajalein", "Asia/Tehran", "Asia/Gaza",
        "Africa/Casablanca", "Africa/Monrovia", "Australia/Lord_Howe", "Antarctica/Troll"}) {
    CheckTiling(Grid(absl::StrCat("1d@", zone)), At("1970-01-02T12:00:00Z"), kDays);
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto seconds = static_cast<int32_t>(1 + random() % 86'400);
    const auto from = static_cast<int64_t>(random() % 253'402'300'800'000'000) - 62'135'596'800;
    CheckTiling(Grid(absl::StrCat(seconds, "s")), EventTime{from}, 3);
  }
}

}  // namespace
}  // namespace quantstream::query
