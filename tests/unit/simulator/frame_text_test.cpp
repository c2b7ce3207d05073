#include "ingest/simulator/frame_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream::simulator {
namespace {

std::string Fixed(Decimal value, int places) {
  std::string out;
  AppendFixed(value, places, &out);
  return out;
}

TEST(FrameText, DecimalsAreWrittenInFull) {
  EXPECT_EQ(Fixed({6183763, 2}, 8), "61837.63000000");
  EXPECT_EQ(Fixed({1, 8}, 8), "0.00000001");
  EXPECT_EQ(Fixed({1, 10}, 8), "0.0000000001");
  EXPECT_EQ(Fixed({5, 0}, 8), "5.00000000");
  EXPECT_EQ(Fixed({5, 0}, 0), "5");
  EXPECT_EQ(Fixed({-25, 1}, 0), "-2.5");
  EXPECT_EQ(Fixed({25, 2}, 0), "0.25");
}

TEST(FrameText, ATradeReadsAsBinanceWritesIt) {
  const VenueTrade trade{.id = 3735683259,
                         .time_ms = 1723161255342,
                         .price = {6183763, 2},
                         .quantity = {2, 2},
                         .buyer_is_maker = true};
  std::string text;
  AppendTradeText("btcusdt@trade", "BTCUSDT", trade, TimeUnit::kMilliseconds, &text);
  EXPECT_EQ(text,
            R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255342,"s":"BTCUSDT",)"
            R"("t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,)"
            R"("m":true,"M":true}})");
  text.clear();
  AppendTradeText("btcusdt@trade", "BTCUSDT", trade, TimeUnit::kMicroseconds, &text);
  EXPECT_THAT(text, ::testing::HasSubstr(R"("T":1723161255342000,)"));
}

TEST(FrameText, FrameHeadersFollowTheLength) {
  for (const size_t size : {0u, 125u, 126u, 65535u, 65536u}) {
    std::string frame;
    AppendTextFrame(std::string(size, 'x'), &frame);
    const size_t header = size < 126 ? 2 : size < 65536 ? 4 : 10;
    ASSERT_EQ(frame.size(), header + size);
    EXPECT_EQ(static_cast<unsigned char>(frame[0]), 0x81);
    size_t length = 0;
    for (size_t i = header == 2 ? 1 : 2; i < header; ++i) {
      length = length << 8 | static_cast<unsigned char>(frame[i]);
    }
    EXPECT_EQ(length, size);
  }
}

TEST(FrameText, RestTradesCarryTheExactProduct) {
  std::string text;
  AppendRestTrade({.id = 1, .time_ms = 5, .price = {5, 1}, .quantity = {25, 2}}, &text);
  EXPECT_THAT(text, ::testing::HasSubstr(R"("quoteQty":"0.125")"));
}

}  // namespace
}  // namespace quantstream::simulator
