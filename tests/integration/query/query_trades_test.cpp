// StreamTrades of a running quantstream-query with a real topic `trades`; ingest is played by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "market/instrument.h"
#include "tests/integration/query/query_world.h"
#include "tests/support/wait.h"
#include "tests/unit/query/trade_batches.h"
#include "tests/unit/query/trade_client.h"

namespace quantstream::query::testing {
namespace {

using test_support::KafkaServer;
using test_support::PostgresServer;
using test_support::WaitFor;
using ::testing::ElementsAre;

constexpr int64_t kDay = 1'700'006'400;         // 2023-11-15 00:00:00 UTC
constexpr std::chrono::minutes kRestarts{4};    // a server is down and up again within
constexpr char kRead[] = "quantstream_query_trade_records_total";
constexpr char kPartitionsRead[] = "quantstream_query_trade_partitions_read";

// Another instrument, of the same partition as BTC-USDT, or not.
std::string Neighbour(bool same_partition) {
  const int32_t partition = PartitionOf(kBtc, kPartitions);
  for (int i = 0;; ++i) {
    const std::string name = "binance:N" + std::to_string(i) + "-USDT";
    if ((PartitionOf(name, kPartitions) == partition) == same_partition) return name;
  }
}

std::string SymbolOf(const std::string& name) {
  return name.substr(name.find(':') + 1);
}

class QueryTrades : public ::testing::Test {
 protected:
  void Start(std::map<std::string, std::string> options = {}, KafkaServer* kafka = nullptr) {
    world_ = kafka == nullptr ? std::make_unique<QueryWorld>()
                              : std::make_unique<QueryWorld>(*kafka, PostgresServer::Shared());
    for (const std::string& name : {std::string(kBtc), near_, far_}) {
      world_->Commit({MakeCandle(name, 1, kDay, CandleState::kFinal, 5)}, 6);
    }
    world_->MakeTradesAgain();
    world_->Start(std::move(options));
    ASSERT_TRUE(world_->Ready("ready\n")) << world_->process().Output();
  }
  std::unique_ptr<TradeClient> Listen(const std::vector<std::string>& instruments) {
    auto client = std::make_unique<TradeClient>(&world_->stub(), instruments, kRestarts);
    client->WaitUntilItBegins();
    return client;
  }
  // One record in the partition of its first trade. Its bytes.
  std::string Publish(const std::vector<v1::Trade>& trades) {
    const std::string bytes = BatchOf(sequence_++, trades).SerializeAsString();
    PublishBytes(trades.front().venue() + ":" + trades.front().symbol(), bytes);
    return bytes;
  }
  void PublishBytes(const std::string& instrument, const std::string& bytes) {
    world_->PublishTrades(PartitionOf(instrument, kPartitions), bytes);
  }
  bool WaitForMetric(const std::string& name, int64_t value) {
    return WaitFor([&] { return world_->Metric(name) == value; });
  }

  const std::string near_ = Neighbour(true);
  const std::string far_ = Neighbour(false);
  std::unique_ptr<QueryWorld> world_;
  uint64_t sequence_ = 0;
};

TEST_F(QueryTrades, EachHearsItsInstrumentsInTheOrderOfTheLog) {
  Start();
  const auto btc = Listen({"btcusdt"});
  const auto both = Listen({near_, kBtc});
  Publish({TradeOf(kBtc, 1), TradeOf(near_, 2), TradeOf(kBtc, 3)});
  Publish({TradeOf(kBtc, 4)});
  EXPECT_THAT(btc->Next(3), ElementsAre("BTC-USDT 1", "BTC-USDT 3", "BTC-USDT 4"));
  EXPECT_EQ(btc->last().SerializeAsString(), TradeOf(kBtc, 4).SerializeAsString());
  EXPECT_THAT(both->Next(4), ElementsAre("BTC-USDT 1", "BTC-USDT 3", SymbolOf(near_) + " 2",
                                         "BTC-USDT 4"));
}

TEST_F(QueryTrades, APartitionIsReadOnlyWhileSomebodyListens) {
  Start();
  Publish({TradeOf(kBtc, 1)});
  EXPECT_EQ(world_->Metric(kPartitionsRead), 0);
  auto btc = Listen({kBtc});
  EXPECT_TRUE(WaitForMetric(kPartitionsRead, 1));
  Publish({TradeOf(kBtc, 2)});
  EXPECT_THAT(btc->Next(1), ElementsAre("BTC-USDT 2"));
  btc.reset();
  EXPECT_TRUE(WaitForMetric(kPartitionsRead, 0));
  Publish({TradeOf(kBtc, 3)});
  const auto other = Listen({far_});
  Publish({TradeOf(far_, 4)});
  EXPECT_THAT(other->Next(1), ElementsAre(SymbolOf(far_) + " 4"));
  EXPECT_TRUE(WaitForMetric(kRead, 2)) << "those that somebody heard, and no other";
  const auto again = Listen({kBtc});
  Publish({TradeOf(kBtc, 5)});
  EXPECT_THAT(again->Next(1), ElementsAre("BTC-USDT 5"));
}

TEST_F(QueryTrades, WhatIsSentAgainOrMalformedIsPassedOverAndCounted) {
  Start();
  const auto btc = Listen({kBtc});
  const std::string first = Publish({TradeOf(kBtc, 1)});
  PublishBytes(kBtc, first);
  PublishBytes(kBtc, first.substr(0, first.size() - 1));
  PublishBytes(kBtc, "");  // a batch of nothing
  Publish({TradeOf(kBtc, 2)});
  EXPECT_THAT(btc->Next(2), ElementsAre("BTC-USDT 1", "BTC-USDT 2"));
  EXPECT_TRUE(WaitForMetric(kRead, 5));
  EXPECT_EQ(world_->Metric("quantstream_query_trade_repeated_records_total"), 1);
  EXPECT_EQ(world_->Metric("quantstream_query_trade_bad_records_total"), 1);
}

TEST_F(QueryTrades, ASlowClientSkipsTheOldestAndIsToldHowMany) {
  Start({{"TRADE_QUEUE_BYTES_MAX", "65536"}, {"MESSAGE_BYTES_MAX", "16384"}});
  const auto slow = Listen({kBtc});
  uint64_t id = 0;
  const auto publish_more = [&] {
    for (int record = 0; record < 50; ++record) {
      std::vector<v1::Trade> trades;
      for (int i = 0; i < 500; ++i) trades.push_back(TradeOf(kBtc, ++id));
      Publish(trades);
    }
    return world_->Metric("quantstream_query_trades_dropped_total") > 0;
  };
  ASSERT_TRUE(WaitFor(publish_more, kRestarts));
  ASSERT_TRUE(WaitForMetric(kRead, static_cast<int64_t>(sequence_)));
  const int64_t dropped = world_->Metric("quantstream_query_trades_dropped_total");
  uint64_t next = 1;
  int64_t skipped = 0;
  while (next <= id) {
    const auto words = slow->Next(1);
    ASSERT_EQ(words.size(), 1u);
    if (words[0].starts_with("skipped ")) {
      skipped += std::stoll(words[0].substr(8));
      next += std::stoull(words[0].substr(8));
    } else {
      ASSERT_EQ(words[0], "BTC-USDT " + std::to_string(next++));
    }
  }
  EXPECT_EQ(skipped, dropped);
}

TEST_F(QueryTrades, ATopicThatIsMadeAgainIsToldAndReadOn) {
  Start();
  const auto btc = Listen({kBtc});
  Publish({TradeOf(kBtc, 1)});
  EXPECT_THAT(btc->Next(1), ElementsAre("BTC-USDT 1"));
  world_->MakeTradesAgain();
  std::atomic<bool> heard = false;
  std::vector<std::string> words;
  std::thread client([&] {
    do {
      const auto next = btc->Next(1);
      words.insert(words.end(), next.begin(), next.end());
      if (next.empty()) break;
    } while (!words.back().starts_with("BTC-USDT"));
    heard = true;
  });
  uint64_t id = 1;
  EXPECT_TRUE(WaitFor(
      [&] {
        if (!heard) Publish({TradeOf(kBtc, ++id)});  // what comes before it reads again is missed
        return heard.load();
      },
      kRestarts));
  btc->Cancel();
  client.join();
  ASSERT_GE(words.size(), 2u) << world_->process().Output();
  EXPECT_THAT(words.front(), ::testing::StartsWith("skipped"));
  EXPECT_GE(world_->Metric("quantstream_query_trade_places_lost_total"), 1);
}

TEST_F(QueryTrades, WhileKafkaIsAwayStreamsStayOpenAndGoOnAfterwards) {
  KafkaServer kafka;
  Start({}, &kafka);
  const auto btc = Listen({kBtc});
  Publish({TradeOf(kBtc, 1)});
  EXPECT_THAT(btc->Next(1), ElementsAre("BTC-USDT 1"));
  kafka.Kill();
  ASSERT_TRUE(world_->Ready("kafka: ")) << world_->process().Output();
  kafka.Start();
  ASSERT_TRUE(world_->Ready("ready\n")) << world_->process().Output();
  Publish({TradeOf(kBtc, 2)});
  EXPECT_THAT(btc->Next(1), ElementsAre("BTC-USDT 2"));
}

}  // namespace
}  // namespace quantstream::query::testing
