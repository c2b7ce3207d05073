#include "ingest/batcher.h"

#include <gtest/gtest.h>

#include "market/trade_codec.h"
#include "quantstream/v1/trade.pb.h"
#include "tests/unit/ingest/fakes.h"

namespace quantstream::ingest {
namespace {

TEST(Batcher, PutsTradesAndThenHeartbeatsIntoOneOrdinaryTradeBatch) {
  Batcher batcher("node-1", 77, 4);
  batcher.Add(2, TradeAt(1'000'000, 1), Instant{0});
  batcher.Add(2, TradeAt(2'000'000, 2, "ETH-USDT"), Instant{5});
  const Heartbeat heartbeat{
      .venue = "binance", .venue_time = EventTime{2'000'000}, .connected = true};
  const std::string bytes = batcher.Take(2, std::span(&heartbeat, 1));

  v1::TradeBatch plain;
  ASSERT_TRUE(plain.ParseFromString(bytes));
  EXPECT_EQ(plain.node(), "node-1");
  EXPECT_EQ(plain.session(), 77u);
  EXPECT_EQ(plain.sequence(), 0u);
  ASSERT_EQ(plain.trades_size(), 2);
  EXPECT_EQ(plain.trades(1).symbol(), "ETH-USDT");
  ASSERT_EQ(plain.heartbeats_size(), 1);
  EXPECT_EQ(plain.heartbeats(0).venue_time_us(), 2'000'000);
}

TEST(Batcher, CountsTheRecordsOfEachPartition) {
  Batcher batcher("n", 1, 2);
  const auto sequence = [&](int32_t partition) {
    TradeBatch batch;
    const std::string bytes = batcher.Take(partition, {});
    EXPECT_TRUE(DecodeTradeBatch(bytes, batch).ok());
    return batch.sequence;
  };
  EXPECT_EQ(sequence(0), 0u);
  EXPECT_EQ(sequence(0), 1u);
  EXPECT_EQ(sequence(1), 0u);
  EXPECT_EQ(sequence(0), 2u);
}

TEST(Batcher, HoldsAThousandTradesAndNeverMoreThan64KibInARecord) {
  Batcher batcher("n", 1, 1);
  int trades = 0;
  while (batcher.Fits(0, TradeAt(1, 1))) {
    batcher.Add(0, TradeAt(1'700'000'000'000'000, 3'000'000'000), Instant{0});
    ++trades;
  }
  EXPECT_LE(trades, TradeBatch::kTradesMax);
  EXPECT_GT(trades, 500);
  const Heartbeat heartbeat{.venue = "binance", .venue_time = EventTime{5}};
  EXPECT_LE(batcher.Take(0, std::span(&heartbeat, 1)).size(), size_t{TradeBatch::kBytesMax});
  EXPECT_TRUE(batcher.Fits(0, TradeAt(1, 1)));
}

TEST(Batcher, KeepsTextIdsWhenTheFrameIsGone) {
  Batcher batcher("n", 1, 1);
  std::string id = "abc";
  Trade trade = TradeAt(1, 0);
  trade.text_id = id;
  batcher.Add(0, trade, Instant{0});
  id = "xyz";
  TradeBatch batch;
  const std::string bytes = batcher.Take(0, {});
  ASSERT_TRUE(DecodeTradeBatch(bytes, batch).ok());
  EXPECT_EQ(batch.trades[0].text_id, "abc");
}

TEST(Batcher, KnowsWhichPartitionsHaveWaitedLongest) {
  Batcher batcher("n", 1, 4);
  EXPECT_EQ(batcher.oldest(), std::nullopt);
  batcher.Add(3, TradeAt(1, 1), Instant{10});
  batcher.Add(1, TradeAt(1, 2), Instant{12});
  batcher.Add(3, TradeAt(1, 3), Instant{14});
  EXPECT_EQ(batcher.oldest(), Instant{10});
  EXPECT_EQ(batcher.Older(Instant{11}), (std::vector<int32_t>{3}));
  EXPECT_EQ(batcher.Older(Instant{12}), (std::vector<int32_t>{3, 1}));
  batcher.Take(3, {});
  EXPECT_EQ(batcher.oldest(), Instant{12});
}

}  // namespace
}  // namespace quantstream::ingest
