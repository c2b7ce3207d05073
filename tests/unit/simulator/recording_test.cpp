#include "ingest/simulator/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace quantstream::simulator {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

class RecordingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/recording.XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  std::vector<VenueMessage> TakeAll(Recording& recording, int64_t now_us) {
    std::vector<VenueMessage> all;
    for (VenueMessage message; recording.TakeDue(now_us, &message);) all.push_back(message);
    return all;
  }

  std::string folder_;
};

const char kCsv[] =
    "symbol,seq,trade_id,ts_ms,price,qty\n"
    "XRPETH,0,10,1000000,0.00141342,23.0\n"
    "XRPETH,1,11,1003000,0.00141266,54.0\n"
    "EURSUSD,0,7,1001000,1.1,2\n";

const char kFrames[] =
    R"(1723161254036059768 {"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1.0"}})"
    "\n"
    "1723161254040000000 {\"result\":null,\"id\":1}\n"
    R"(1723161254087896568 {"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,)"
    R"("s":"BTCUSDT","t":99,"p":"61837.63000000","q":"0.02000000","T":1723161255342,)"
    R"("m":true,"M":true}})"
    "\n";

TEST_F(RecordingTest, TradesOfSeveralSymbolsComeInOrderOfTime) {
  auto recording = Recording::Load({.files = {Write("t.csv", kCsv)}, .speed = 0});
  ASSERT_TRUE(recording.ok()) << recording.status();
  const auto all = TakeAll(*recording, 0);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].trade->id, 10u);
  EXPECT_EQ(all[1].trade->id, 7u);
  EXPECT_EQ(all[2].trade->id, 11u);
  EXPECT_EQ(recording->streams()[all[1].stream], "eursusd@trade");
  EXPECT_EQ(recording->symbols()[all[0].trade->symbol].quote, "ETH");
  EXPECT_TRUE(recording->finished());
}

TEST_F(RecordingTest, PlaysAtItsSpeedFromTheFirstCallOn) {
  auto recording = Recording::Load({.files = {Write("t.csv", kCsv)}, .speed = 2});
  ASSERT_TRUE(recording.ok());
  VenueMessage message;
  EXPECT_TRUE(recording->TakeDue(5'000'000, &message));
  EXPECT_FALSE(recording->TakeDue(5'000'000, &message));
  EXPECT_FALSE(recording->TakeDue(5'499'999, &message));
  EXPECT_TRUE(recording->TakeDue(5'500'000, &message));
  EXPECT_FALSE(recording->TakeDue(6'499'999, &message));
  EXPECT_TRUE(recording->TakeDue(6'500'000, &message));
}

TEST_F(RecordingTest, FramesAreSentAsTheyWereRecorded) {
  auto recording = Recording::Load({.files = {Write("f", kFrames)}, .speed = 0});
  ASSERT_TRUE(recording.ok()) << recording.status();
  const auto all = TakeAll(*recording, 0);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_FALSE(all[0].trade);
  EXPECT_EQ(all[0].recorded_text,
            R"({"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1.0"}})");
  ASSERT_TRUE(all[1].trade);
  EXPECT_EQ(all[1].trade->id, 99u);
  EXPECT_EQ(all[1].trade->time_ms, 1723161255342);
  EXPECT_TRUE(all[1].trade->buyer_is_maker);
}

TEST_F(RecordingTest, ShiftMovesByWholeDaysAndStaysInThePast) {
  const int64_t now = 1'000'000'000 + 10 * kDayUs + 5;
  auto recording = Recording::Load(
      {.files = {Write("t.csv", kCsv)}, .speed = 0, .shift_to_today = true, .now_us = now});
  ASSERT_TRUE(recording.ok());
  const auto all = TakeAll(*recording, now);
  EXPECT_EQ(all[0].trade->time_ms, 1'000'000 + 10 * kDayUs / 1000);
}

TEST_F(RecordingTest, PlayedOnTwoDaysInARowTheIdsGoOnWithoutAGap) {
  const std::string path = Write("t.csv", kCsv);
  std::vector<uint64_t> ids;
  for (const int64_t day : {10, 11}) {
    auto recording = Recording::Load({.files = {path},
                                      .speed = 0,
                                      .shift_to_today = true,
                                      .now_us = 1'000'000'000 + day * kDayUs});
    ASSERT_TRUE(recording.ok());
    for (const VenueMessage& message : TakeAll(*recording, 0)) {
      if (recording->streams()[message.stream] == "xrpeth@trade") ids.push_back(message.trade->id);
    }
  }
  ASSERT_EQ(ids.size(), 4u);
  for (size_t i = 1; i < ids.size(); ++i) EXPECT_EQ(ids[i], ids[i - 1] + 1);
}

TEST_F(RecordingTest, ABadLineIsNamed) {
  const auto bad =
      Recording::Load({.files = {Write("t.csv", std::string(kCsv) + "XRPETH,2,x,1,1,1\n")}});
  EXPECT_THAT(std::string(bad.status().message()), ::testing::HasSubstr("t.csv:5: trade_id"));
  const auto price =
      Recording::Load({.files = {Write("p.csv", std::string(kCsv) + "XRPETH,2,3,1,nan,1\n")}});
  EXPECT_THAT(std::string(price.status().message()), ::testing::HasSubstr("p.csv:5: price"));
  EXPECT_FALSE(Recording::Load({.files = {folder_ + "/absent"}}).ok());
  EXPECT_FALSE(Recording::Load({.files = {Write("empty", "")}}).ok());
}

TEST(ShiftTimes, MovesEventAndTradeTimesOnly) {
  EXPECT_EQ(ShiftTimes(R"({"E":1000,"a":5,"T":2000,"t":7,"E":null})", 500),
            R"({"E":1500,"a":5,"T":2500,"t":7,"E":null})");
}

TEST(SplitSymbol, KnowsTheQuoteCurrencies) {
  EXPECT_EQ(SplitSymbol("XRPETH").base, "XRP");
  EXPECT_EQ(SplitSymbol("BTCUSDT").quote, "USDT");
  EXPECT_EQ(SplitSymbol("USDT").base, "USDT");
}

}  // namespace
}  // namespace quantstream::simulator
