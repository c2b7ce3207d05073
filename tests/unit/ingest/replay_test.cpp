#include "ingest/replay.h"

#include <gtest/gtest.h>

#include <set>

#include "ingest/venue/binance/binance_decoder.h"
#include "ingest/wall_time.h"
#include "tests/support/paths.h"
#include "tests/unit/ingest/fakes.h"

namespace quantstream::ingest {
namespace {

class ReplayTest : public testing::Test {
 protected:
  absl::Status Run(std::vector<std::string> files, double speed = 0) {
    ReplayOptions options;
    options.files = std::move(files);
    options.speed = speed;
    options.make_decoder = [this] { return MakeBinanceDecoder(symbols_, "trade"); };
    auto replay =
        Replay::Open(options, {symbols_, publisher_, clock_, metrics_.metrics, readiness_});
    if (!replay.ok()) return replay.status();
    const absl::Status status = (*replay)->Run(shutdown_);
    for (int i = 0; i < 10; ++i) publisher_.Step(SteadyNow());
    return status;
  }

  test_support::TempDir dir_;
  Shutdown shutdown_{std::chrono::seconds(60)};
  SymbolTable symbols_ = *SymbolTable::Make("binance", {}, true);
  FakeLog log_;
  TestMetrics metrics_;
  admin::Readiness readiness_;
  VenueClock clock_{symbols_.venue(), {}};
  Publisher publisher_{
      {.node = "n", .session = 1, .partitions = 3}, log_, clock_, metrics_.metrics};
};

std::string Frame(int64_t received_ms, uint64_t id, const char* symbol = "BTCUSDT") {
  return std::to_string(received_ms) + "000000 {\"e\":\"trade\",\"s\":\"" + symbol +
         "\",\"t\":" + std::to_string(id) +
         ",\"p\":\"1\",\"q\":\"1\",\"T\":" + std::to_string(received_ms) + ",\"m\":true}\n";
}

TEST_F(ReplayTest, MergesFilesInOrderOfReceipt) {
  const auto a = dir_.Write("a", Frame(1'700'000'000'000, 1) + Frame(1'700'000'002'000, 3));
  const auto b = dir_.Write("b", Frame(1'700'000'001'000, 2) + Frame(1'700'000'003'000, 4));
  ASSERT_TRUE(Run({a, b}).ok());
  std::vector<uint64_t> ids;
  for (const Trade& trade : TradesOf(TradeRecords(log_))) {
    ids.push_back(trade.id);
    EXPECT_EQ(trade.source, TradeSource::kReplay);
  }
  EXPECT_EQ(std::set<uint64_t>(ids.begin(), ids.end()), (std::set<uint64_t>{1, 2, 3, 4}));
}

TEST_F(ReplayTest, SaysFinishedToEveryPartitionWithTheTimeReached) {
  ASSERT_TRUE(Run({dir_.Write("a", Frame(1'700'000'000'000, 1))}).ok());
  std::set<int32_t> finished;
  for (const auto& record : TradeRecords(log_)) {
    for (const Heartbeat& beat : record.batch.heartbeats) {
      if (!beat.finished) continue;
      finished.insert(record.partition);
      EXPECT_EQ(beat.venue_time, EventTime{1'700'000'000'000'000});
    }
  }
  EXPECT_EQ(finished.size(), 3u);
}

TEST_F(ReplayTest, KeepsTheRecordedPaceTimesItsSpeed) {
  std::string frames;
  for (uint64_t i = 0; i < 50; ++i)
    frames += Frame(1'700'000'000'000 + static_cast<int64_t>(i) * 100, i + 1);
  const Instant begin = SteadyNow();
  ASSERT_TRUE(Run({dir_.Write("a", frames)}, 50.0).ok());
  const int64_t took_us = SteadyNow() - begin;
  EXPECT_GE(took_us, 98'000) << "4.9 s of recording at x50";
  EXPECT_EQ(TradesOf(TradeRecords(log_)).size(), 50u);
}

TEST_F(ReplayTest, TellsTheSameTimesAtAnySpeed) {
  // Two trades, ten quiet seconds told by frames that nobody asked for.
  std::string frames = Frame(1'700'000'000'000, 1);
  for (int64_t i = 1; i <= 100; ++i) {
    frames += std::to_string(1'700'000'000'000 + i * 100) + "000000 {\"e\":\"other\"}\n";
  }
  ASSERT_TRUE(Run({dir_.Write("a", frames)}).ok());
  const auto records = TradeRecords(log_);
  EXPECT_EQ(records.back().batch.heartbeats.at(0).venue_time, EventTime{1'700'000'009'000'000})
      << "ten seconds elapsed, less the margin";
}

TEST_F(ReplayTest, WaitsForRoomAndLosesNothing) {
  FakeLog slow;
  slow.queue_max = 2;
  Publisher small({.node = "n", .session = 1, .partitions = 3, .buffer_bytes_max = 20'000}, slow,
                  clock_, metrics_.metrics);
  std::string frames;
  for (uint64_t i = 0; i < 2'000; ++i)
    frames += Frame(1'700'000'000'000 + static_cast<int64_t>(i), i + 1);
  ReplayOptions options;
  options.files = {dir_.Write("a", frames)};
  options.speed = 0;
  options.make_decoder = [this] { return MakeBinanceDecoder(symbols_, "trade"); };
  auto replay = Replay::Open(options, {symbols_, small, clock_, metrics_.metrics, readiness_});
  ASSERT_TRUE(replay.ok());
  ASSERT_TRUE((*replay)->Run(shutdown_).ok());
  while (!small.Idle()) small.Step(SteadyNow());
  EXPECT_EQ(TradesOf(TradeRecords(slow)).size(), 2'000u);
}

TEST_F(ReplayTest, SendsBadFramesToDeadLetterAndGoesOn) {
  const auto path = dir_.Write("a", Frame(1'700'000'000'000, 1) + "1700000000500000000 {\"e\":\n" +
                                        Frame(1'700'000'001'000, 2));
  ASSERT_TRUE(Run({path}).ok());
  EXPECT_EQ(TradesOf(TradeRecords(log_)).size(), 2u);
  ASSERT_EQ(DeadLettersOf(log_).size(), 1u);
  EXPECT_EQ(DeadLettersOf(log_)[0].bytes, "{\"e\":");
}

TEST_F(ReplayTest, NamesTheFileThatCannotBeReplayed) {
  const absl::Status status = Run({"/nonexistent/file"});
  EXPECT_NE(status.ToString().find("/nonexistent/file"), std::string::npos) << status;
}

TEST_F(ReplayTest, PlaysTheRecordedBinanceFramesWhole) {
  const auto folder = test_support::SharedData("data/ws-binance");
  if (!folder) return;
  ASSERT_TRUE(
      Run({*folder + "/spot_btcusdt_20240808.gz", *folder + "/spot_ethusdt_20240808.gz"}).ok());
  std::map<std::string, std::set<uint64_t>> ids;
  std::map<int32_t, int64_t> told;
  size_t late = 0;
  for (const auto& record : TradeRecords(log_)) {
    for (const Trade& trade : record.batch.trades) {
      ids[std::string(trade.symbol)].insert(trade.id);
      late += trade.venue_time.us < told[record.partition] ? 1 : 0;
    }
    for (const Heartbeat& beat : record.batch.heartbeats) {
      if (beat.venue_time.has_value()) told[record.partition] = beat.venue_time->us;
    }
  }
  EXPECT_EQ(ids["BTC-USDT"].size(), 9757u);
  EXPECT_EQ(ids["ETH-USDT"].size(), 6106u);
  EXPECT_TRUE(DeadLettersOf(log_).empty());
  RecordProperty("late", static_cast<int>(late));
}

}  // namespace
}  // namespace quantstream::ingest
