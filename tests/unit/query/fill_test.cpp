// Filled pages: told as a few rows, then every page of random rows against a plain list of all
// windows.
#include "query/fill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "quantstream/v1/candle.pb.h"
#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {
namespace {

constexpr char kName[] = "venue:A";
constexpr int64_t kDay = 86'400;

EventTime At(int64_t second) {
  return EventTime{second * kMicrosecondsPerSecond};
}

// Closes at its open_time in seconds, so that it is seen which close was taken.
Update Row(int64_t open_s, int32_t interval_s = 1) {
  v1::Candle message;
  message.set_close(std::to_string(open_s));
  return std::make_shared<CandleUpdate>(
      CandleUpdate{.key = {kName, Interval{interval_s}, At(open_s)},
                   .state = CandleState::kFinal,
                   .version = 7,
                   .partition = 3,
                   .message = message.SerializeAsString()});
}

// What the store answers.
Page Read(const std::vector<int64_t>& rows, const std::vector<TimeSpan>& gaps,
          const PageRequest& request) {
  Page page;
  page.gaps = gaps;
  if (rows.empty()) return page;
  const int32_t interval_s = request.series.interval.seconds;
  page.oldest_closed = At(rows.front());
  page.newest_closed = At(rows.back());
  for (const int64_t row : rows) {
    if (At(row) < request.from) page.previous = Row(row, interval_s);
    if (At(row) >= request.from && At(row) < request.to) {
      page.candles.push_back(Row(row, interval_s));
    }
  }
  if (request.newest_first) std::ranges::reverse(page.candles);
  const auto most = static_cast<size_t>(request.candles_max);
  if (page.candles.size() > most) page.candles.resize(most);
  return page;
}

// "12", filled ones "13<12" with the close they repeat, within a gap "13<12?".
std::string Text(const Update& update) {
  v1::Candle candle;
  candle.ParseFromString(update->message);
  std::string text = std::to_string(update->key.open_time.us / kMicrosecondsPerSecond);
  if (!candle.filled()) return text;
  return text + "<" + candle.close() +
         (candle.completeness() == v1::COMPLETENESS_GAP_SUSPECTED ? "?" : "");
}

std::string Filled(const std::vector<int64_t>& rows, const PageRequest& request,
                   const std::vector<TimeSpan>& gaps = {},
                   const WindowGrid& grid = WindowGrid(Interval{1}), FillRules rules = {}) {
  Page page = Read(rows, gaps, request);
  FillPage(grid, request, &page, rules);
  std::string text;
  for (const Update& update : page.candles) text += (text.empty() ? "" : " ") + Text(update);
  return text;
}

PageRequest Range(int64_t from, int64_t to, bool newest_first = false, int64_t most = 100) {
  return {.series = {kName, Interval{1}},
          .partition = 3,
          .from = At(from),
          .to = At(to),
          .newest_first = newest_first,
          .candles_max = most,
          .for_fill = true};
}

TEST(FillPage, AWindowWithoutTradesRepeatsTheCloseBefore) {
  EXPECT_EQ(Filled({10, 13, 14}, Range(10, 15)), "10 11<10 12<10 13 14");
  EXPECT_EQ(Filled({10, 13, 14}, Range(10, 15, true)), "14 13 12<10 11<10 10");
}

TEST(FillPage, TheCloseMayStandBeforeTheRange) {
  EXPECT_EQ(Filled({10, 13}, Range(11, 13)), "11<10 12<10");
  EXPECT_EQ(Filled({10, 13}, Range(11, 13, true)), "12<10 11<10");
}

TEST(FillPage, NothingIsFilledBeforeTheFirstCandleNorBehindTheNewestClosedOne) {
  EXPECT_EQ(Filled({10, 12}, Range(0, 99)), "10 11<10 12");
  EXPECT_EQ(Filled({10, 12}, Range(0, 99, true)), "12 11<10 10");
  EXPECT_EQ(Filled({10, 12}, Range(13, 99)), "");
  EXPECT_EQ(Filled({10, 12}, Range(0, 10)), "");
  EXPECT_EQ(Filled({}, Range(0, 99)), "");
}

TEST(FillPage, AtMostAsManyAsThePageTakes) {
  EXPECT_EQ(Filled({10, 15}, Range(10, 16, false, 3)), "10 11<10 12<10");
  EXPECT_EQ(Filled({10, 15}, Range(10, 16, true, 3)), "15 14<10 13<10");
}

TEST(FillPage, Rule23_AFilledRowInsideAGapSaysSo) {
  const std::vector<TimeSpan> gaps = {{EventTime{10'500'000}, EventTime{12'000'001}}};
  const auto filled = [&](FillRules rules) {
    return Filled({10, 15}, Range(10, 16), gaps, WindowGrid(Interval{1}), rules);
  };
  EXPECT_EQ(filled({}), "10 11<10? 12<10? 13<10 14<10 15");
  FillRules rules;
  rules.filled_says_of_a_gap = false;
  EXPECT_EQ(filled(rules), "10 11<10 12<10 13<10 14<10 15");
}

TEST(FillPage, AFilledCandleHasNoTradesNoVersionAndNoLineage) {
  Page page = Read({10, 12}, {}, Range(10, 13));
  FillPage(WindowGrid(Interval{1}), Range(10, 13), &page);
  v1::Candle candle;
  ASSERT_TRUE(candle.ParseFromString(page.candles[1]->message));
  EXPECT_EQ(candle.instrument(), kName);
  EXPECT_EQ(candle.interval().seconds(), 1);
  EXPECT_EQ(candle.open_time().seconds(), 11);
  EXPECT_EQ(candle.close_time().seconds(), 12);
  EXPECT_EQ(candle.open() + candle.high() + candle.low() + candle.close(), "10101010");
  EXPECT_EQ(candle.volume(), "0");
  EXPECT_EQ(candle.quote_volume(), "0");
  EXPECT_EQ(candle.trade_count(), 0u);
  EXPECT_EQ(candle.state(), v1::CANDLE_STATE_FINAL);
  EXPECT_EQ(candle.completeness(), v1::COMPLETENESS_COMPLETE);
  EXPECT_TRUE(candle.filled());
  EXPECT_EQ(candle.version(), 0);
  EXPECT_FALSE(candle.has_lineage());
  EXPECT_EQ(candle.vwap(), "");
  EXPECT_FALSE(candle.has_buy_volume());
}

TEST(FillPage, DaysOfATimeZoneAreFilledByTheirMidnights) {
  const auto grid = WindowGrid::Parse("1d@America/New_York", {Interval{1}, Interval{3600}});
  ASSERT_TRUE(grid.ok()) << grid.status();
  const int64_t sunday = 1'710'046'800;  // 2024-03-10 00:00 in New York: 23 hours
  PageRequest request = Range(0, sunday + 10 * kDay);
  request.series.interval = Interval{static_cast<int32_t>(kDay)};
  const std::vector<int64_t> rows = {sunday - kDay, sunday + 2 * kDay - 3600};
  const std::string before = std::to_string(rows[0]);
  EXPECT_EQ(Filled(rows, request, {}, *grid),
            before + " " + std::to_string(sunday) + "<" + before + " " +
                std::to_string(sunday + kDay - 3600) + "<" + before + " " +
                std::to_string(rows[1]));
}

TEST(FillPage, HowManyWindowsThereAreIsKnownWhateverThePage) {
  const WindowGrid grid{Interval{1}};
  const Page page = Read({10, 1000}, {}, Range(0, 2000, false, 5));
  EXPECT_EQ(WindowsToFill(grid, At(0), At(2000), page), 991);
  EXPECT_EQ(WindowsToFill(grid, At(20), At(30), page), 10);
  EXPECT_EQ(WindowsToFill(grid, At(1001), At(2000), page), 0);
}

// All windows as a plain list, then cut.
std::string Plain(const std::vector<int64_t>& rows, const PageRequest& request,
                  const std::vector<TimeSpan>& gaps) {
  std::vector<std::string> texts;
  int64_t last = 0;
  for (int64_t second = rows.empty() ? 1 : rows.front(); !rows.empty() && second <= rows.back();
       ++second) {
    const bool there = std::ranges::binary_search(rows, second);
    if (there) last = second;
    if (At(second) < request.from || At(second) >= request.to) continue;
    const bool suspect = std::ranges::any_of(gaps, [&](const TimeSpan& gap) {
      return gap.from < At(second + 1) && At(second) < gap.to;
    });
    texts.push_back(std::to_string(second) +
                    (there ? "" : "<" + std::to_string(last) + (suspect ? "?" : "")));
  }
  if (request.newest_first) std::ranges::reverse(texts);
  std::string text;
  for (size_t i = 0; i < texts.size() && i < static_cast<size_t>(request.candles_max); ++i) {
    text += (i == 0 ? "" : " ") + texts[i];
  }
  return text;
}

TEST(FillPage, EveryPageIsThatOfThePlainList) {
  std::mt19937 random(11);
  const auto below = [&](int64_t bound) {
    return std::uniform_int_distribution<int64_t>(0, bound - 1)(random);
  };
  for (int run = 0; run < 5'000; ++run) {
    std::vector<int64_t> rows;
    const int64_t density = 1 + below(6);
    for (int64_t second = 20; second < 60; ++second) {
      if (below(density) == 0) rows.push_back(second);
    }
    std::vector<TimeSpan> gaps;
    while (below(3) == 0) {
      const EventTime from{below(80'000'000)};
      gaps.push_back({from, EventTime{from.us + 1 + below(5'000'000)}});
    }
    const int64_t from = below(80);
    const PageRequest request =
        Range(from, from + below(80), below(2) == 0, 1 + below(30));
    ASSERT_EQ(Filled(rows, request, gaps), Plain(rows, request, gaps)) << "run " << run;
  }
}

}  // namespace
}  // namespace quantstream::query::testing
