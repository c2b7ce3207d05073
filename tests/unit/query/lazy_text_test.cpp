#include "query/lazy_text.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "market/candle_codec.h"
#include "query/candle_message.h"

namespace quantstream::query {
namespace {

struct Source {
  mutable std::atomic<int> made = 0;
};

std::string Count(const void* of) {
  return "made " + std::to_string(++static_cast<const Source*>(of)->made);
}

TEST(LazyText, IsMadeWhenItIsAskedForAndOnceOnly) {
  Source source;
  const LazyText text(Count, &source, 6);
  EXPECT_EQ(text.bytes(), 6);
  EXPECT_EQ(source.made, 0);
  EXPECT_EQ(text.get(), "made 1");
  EXPECT_EQ(text.get(), "made 1");
  EXPECT_EQ(source.made, 1);
}

TEST(LazyText, AllThreadsSeeOneText) {
  Source source;
  const LazyText text(Count, &source, 6);
  std::vector<const std::string*> seen(8);
  std::vector<std::thread> threads;
  for (auto& place : seen) threads.emplace_back([&] { place = &text.get(); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string* each : seen) EXPECT_EQ(each, seen[0]);
}

TEST(LazyText, ACopyNeedsTheSourceNoMore) {
  Source source;
  LazyText moved(std::string("other"));
  moved = LazyText(Count, &source, 6);
  EXPECT_EQ(source.made, 0);
  const LazyText copy = moved;
  EXPECT_TRUE(copy.is_made());
  EXPECT_EQ(copy.get(), "made 1");
}

TEST(LazyText, TheBytesOfAnUpdateDoNotChangeWhenItsTextIsMade) {
  CandleValues values;
  values.first.price = values.last.price = values.high = values.low = Decimal{1, 0};
  values.first_pane_close = values.last.price;
  values.first.key.id = values.last.key.id = 1;
  values.volume = ExactSum::Of(Decimal{1, 0});
  values.quote_volume = values.volume;
  values.trade_count = 1;
  KeyedCandle candle{{"venue:A", Interval{60}, EventTime{60'000'000}}, {}};
  candle.candle.values = values;
  std::string scaled;
  EncodeCandle(candle.key, candle.candle, scaled);
  const Update update = MakeUpdate(candle, 3, scaled);
  const int64_t bytes = update->bytes();
  EXPECT_FALSE(update->message.is_made());
  EXPECT_EQ(update->message.get(), CandleMessage(candle, 3));
  EXPECT_EQ(update->bytes(), bytes);
}

}  // namespace
}  // namespace quantstream::query
