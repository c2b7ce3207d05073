#include "ingest/publisher.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "market/instrument.h"
#include "tests/unit/ingest/fakes.h"

namespace quantstream::ingest {
namespace {

class PublisherTest : public testing::Test {
 protected:
  explicit PublisherTest(PublisherOptions options = {}) {
    options.node = "node-1";
    options.session = 5;
    options.partitions = 3;
    publisher_ = std::make_unique<Publisher>(options, log_, clock_, metrics_.metrics);
  }

  void StepAt(int64_t us) {
    publisher_->SetFeedTime(Instant{us});
    publisher_->Step(Instant{us});
  }
  void Publish(const Trade& trade, int64_t us) {
    publisher_->Publish(trade);
    clock_.TradePublished(1, trade.venue_time, Instant{us});
  }
  size_t RecordsWithTrades() {
    size_t count = 0;
    for (const auto& record : TradeRecords(log_)) count += record.batch.trades.empty() ? 0 : 1;
    return count;
  }

  TestMetrics metrics_;
  FakeLog log_;
  VenueClock clock_{"binance", {}};
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, SendsTradesOfTwoMillisecondsInOneRecord) {
  StepAt(0);
  publisher_->Publish(TradeAt(1'000'000, 1));
  StepAt(1'000);
  publisher_->Publish(TradeAt(1'000'001, 2));
  EXPECT_EQ(publisher_->NextDeadline(), Instant{2'000});
  StepAt(1'999);
  EXPECT_EQ(RecordsWithTrades(), 0u);
  StepAt(2'000);
  EXPECT_EQ(RecordsWithTrades(), 1u);
  EXPECT_EQ(TradesOf(TradeRecords(log_)).size(), 2u);
}

TEST_F(PublisherTest, SendsATradeToThePartitionOfItsInstrument) {
  StepAt(0);
  for (const char* symbol : {"BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"}) {
    publisher_->Publish(TradeAt(1'000'000, 1, symbol));
  }
  StepAt(2'000);
  for (const auto& record : TradeRecords(log_)) {
    for (const Trade& trade : record.batch.trades) {
      EXPECT_EQ(record.partition, PartitionOf("binance:" + std::string(trade.symbol), 3));
    }
  }
  EXPECT_EQ(TradesOf(TradeRecords(log_)).size(), 4u);
}

TEST_F(PublisherTest, SendsHeartbeatsToEveryPartitionAtLeastEveryInterval) {
  clock_.Connected(1, std::nullopt, Instant{0});
  for (int64_t us = 0; us <= 1'000'000; us += 10'000) StepAt(us);
  std::map<int32_t, int> beats;
  for (const auto& record : TradeRecords(log_)) {
    ASSERT_EQ(record.batch.heartbeats.size(), 1u);
    ++beats[record.partition];
  }
  for (int32_t partition = 0; partition < 3; ++partition) EXPECT_EQ(beats[partition], 11);
}

TEST_F(PublisherTest, NeverTellsATimeBeforeTheTradesThatItCovers) {
  clock_.Connected(1, std::nullopt, Instant{0});
  StepAt(0);
  for (int i = 1; i <= 5'000; ++i)
    Publish(TradeAt(int64_t{i} * 1'000'000, static_cast<uint64_t>(i)), 0);
  publisher_->FlushBatches(Instant{0});
  int64_t told = 0;
  for (const auto& record : TradeRecords(log_)) {
    for (const Trade& trade : record.batch.trades) EXPECT_GT(trade.venue_time.us, told);
    for (const Heartbeat& beat : record.batch.heartbeats) {
      if (record.partition == PartitionOf("binance:BTC-USDT", 3) && beat.venue_time.has_value()) {
        told = beat.venue_time->us;
      }
    }
  }
  EXPECT_EQ(told, 5'000 * 1'000'000LL);
}

TEST_F(PublisherTest, SendsAgainUnchangedAndInOrderWithANewProducerAfterAFatalError) {
  StepAt(0);
  log_.reports = false;
  for (uint64_t id = 1; id <= 3; ++id) {
    publisher_->Publish(TradeAt(1'000'000, id));
    StepAt(static_cast<int64_t>(id) * 10'000);
  }
  const auto before = log_.log;
  log_.broken = absl::AbortedError("fatal: out of order sequence");
  StepAt(40'000);
  EXPECT_EQ(log_.renewals, 1);
  ASSERT_GE(log_.log.size(), 2 * before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(log_.log[before.size() + i].record.bytes, before[i].record.bytes);
  }
  log_.reports = true;
  StepAt(50'000);
  EXPECT_TRUE(publisher_->Idle());
}

TEST_F(PublisherTest, MakesTheProducerAnewWhenARecordFailed) {
  StepAt(0);
  StepAt(0);
  log_.fail_next = 1;
  publisher_->Publish(TradeAt(1'000'000, 1));
  StepAt(5'000);
  StepAt(6'000);
  EXPECT_EQ(log_.renewals, 1);
  StepAt(7'000);
  EXPECT_TRUE(publisher_->Idle());
  EXPECT_EQ(RecordsWithTrades(), 2u) << "the same record twice";
}

TEST_F(PublisherTest, TriesToMakeTheProducerAnewOnlyOnceASecond) {
  StepAt(0);
  log_.broken = absl::AbortedError("fatal");
  log_.renew_fails = absl::UnavailableError("no");
  for (int64_t us = 10'000; us < 900'000; us += 10'000) StepAt(us);
  EXPECT_FALSE(publisher_->Health().ok());
  log_.renew_fails = absl::OkStatus();
  StepAt(950'000);
  EXPECT_EQ(log_.renewals, 0);
  StepAt(1'010'000);
  EXPECT_EQ(log_.renewals, 1);
  EXPECT_TRUE(publisher_->Health().ok());
}

TEST_F(PublisherTest, DoesNotPileUpHeartbeatsWhileKafkaTakesNothing) {
  log_.queue_max = 0;
  for (int64_t us = 0; us < 60'000'000; us += 10'000) StepAt(us);
  EXPECT_LE(publisher_->undelivered_records(), 30u);
  log_.queue_max = 1000;
  StepAt(60'000'000);
  StepAt(60'010'000);
  EXPECT_LE(publisher_->undelivered_records(), 3u) << "only those of this step";
}

TEST_F(PublisherTest, SendsADeadLetterWithReasonSourceAndTheOriginalsMeasure) {
  publisher_->Refuse({.reason = "oversized",
                      .source = "binance wss://x",
                      .bytes = "first bytes",
                      .length = 70'000,
                      .sha256_hex = "ab"});
  StepAt(0);
  const auto letters = DeadLettersOf(log_);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].bytes, "first bytes");
  const std::map<std::string, std::string> headers(letters[0].headers.begin(),
                                                   letters[0].headers.end());
  EXPECT_EQ(headers.at("reason"), "oversized");
  EXPECT_EQ(headers.at("source"), "binance wss://x");
  EXPECT_EQ(headers.at("length"), "70000");
  EXPECT_EQ(headers.at("sha256"), "ab");
}

TEST_F(PublisherTest, TellsEveryPartitionOnceThatItHasFinished) {
  clock_.Connected(1, std::nullopt, Instant{0});
  StepAt(0);
  Publish(TradeAt(1'000'000, 1), 0);
  clock_.Finish(Instant{0});
  publisher_->SendFinished(Instant{1'000});
  for (int64_t us = 1'000; us < 1'000'000; us += 10'000) StepAt(us);
  std::map<int32_t, int> finished;
  std::map<int32_t, bool> last;
  for (const auto& record : TradeRecords(log_)) {
    last[record.partition] = record.batch.heartbeats.at(0).finished;
    if (record.batch.heartbeats.at(0).finished && record.batch.trades.empty()) {
      ++finished[record.partition];
    }
  }
  for (int32_t partition = 0; partition < 3; ++partition) {
    EXPECT_EQ(finished[partition], 1);
    EXPECT_TRUE(last[partition]);
  }
}

TEST_F(PublisherTest, OwesItsTradesAndNotItsHeartbeatsWhenTheNodeIsGoing) {
  StepAt(0);
  log_.reports = false;
  publisher_->Publish(TradeAt(1'000'000, 1));
  publisher_->Leave();
  const size_t before = log_.log.size();
  for (int64_t us = 10'000; us < 1'000'000; us += 10'000) StepAt(us);
  EXPECT_EQ(log_.log.size(), before + 1) << "the trade, and no heartbeat alone";
  EXPECT_FALSE(publisher_->Idle());
  log_.reports = true;
  StepAt(1'000'000);
  EXPECT_TRUE(publisher_->Idle());
}

class LingerlessPublisherTest : public PublisherTest {
 protected:
  LingerlessPublisherTest() : PublisherTest({.node = "", .linger_us = 0}) {}
};

TEST_F(LingerlessPublisherTest, SendsATradeWithTheStepThatItCameIn) {
  StepAt(100);
  publisher_->Publish(TradeAt(1'000'000, 1));
  EXPECT_EQ(publisher_->NextDeadline(), Instant{100});
  StepAt(100);
  EXPECT_EQ(RecordsWithTrades(), 1u);
}

class SmallPublisherTest : public PublisherTest {
 protected:
  SmallPublisherTest() : PublisherTest({.node = "", .buffer_bytes_max = 100'000}) {}
};

TEST_F(SmallPublisherTest, IsFullAtItsBoundAndHasRoomWhenAQuarterIsFree) {
  log_.reports = false;
  int64_t us = 0;
  uint64_t id = 1;
  for (; !publisher_->Full(); us += 2'000) {
    publisher_->Publish(TradeAt(1'000'000, id++));
    StepAt(us);
  }
  EXPECT_GE(publisher_->undelivered_bytes(), 100'000u);
  EXPECT_LT(publisher_->undelivered_bytes(), 102'000u);
  while (publisher_->undelivered_bytes() > 75'000) {
    EXPECT_TRUE(publisher_->Full());
    log_.reports = true;
    std::deque<uint64_t> later(log_.unreported.begin() + 1, log_.unreported.end());
    log_.unreported.resize(1);
    StepAt(us);
    log_.unreported.insert(log_.unreported.end(), later.begin(), later.end());
  }
  EXPECT_FALSE(publisher_->Full());
  StepAt(us + 1);
  StepAt(us + 1);
  std::set<uint64_t> ids;
  for (const Trade& trade : TradesOf(TradeRecords(log_))) ids.insert(trade.id);
  EXPECT_EQ(ids.size(), id - 1) << "full, but nothing was dropped";
}

// Any order of trades, stalls, full queues, failures and new producers: every trade is in the log,
// a (partition, sequence) has one content, its first copies are in order, and no heartbeat covers a
// trade that comes behind it.
TEST(PublisherProperty, LosesNothingAndKeepsItsPromiseOfTime) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    TestMetrics metrics;
    FakeLog log;
    VenueClock clock("binance", {});
    clock.Connected(1, std::nullopt, Instant{0});
    PublisherOptions options{.node = "n", .session = 1, .partitions = 3};
    options.linger_us = static_cast<int64_t>(random() % 3) * 1000;
    options.renew_spacing_us = 0;
    Publisher publisher(options, log, clock, metrics.metrics);
    const char* const symbols[] = {"BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "ADA-USDT"};
    std::set<uint64_t> published;
    int64_t now = 0;
    const auto step = [&] {
      publisher.SetFeedTime(Instant{now});
      publisher.Step(Instant{now});
    };
    for (int i = 1; i < 400; ++i) {
      now += static_cast<int64_t>(random() % 3000);
      switch (random() % 8) {
        case 0:
          log.reports = !log.reports;
          break;
        case 1:
          log.queue_max = random() % 2 == 0 ? 3 : 1'000'000;
          break;
        case 2:
          if (random() % 4 == 0) log.broken = absl::AbortedError("fatal");
          break;
        case 3:
          if (random() % 4 == 0) log.fail_next = 1;
          break;
        default: {
          const Trade trade = TradeAt(now + 1, static_cast<uint64_t>(i), symbols[random() % 5]);
          publisher.Publish(trade);
          clock.TradePublished(1, trade.venue_time, Instant{now});
          published.insert(trade.id);
        }
      }
      if (random() % 2 == 0) step();
    }
    log.reports = true;
    log.queue_max = 1'000'000;
    log.fail_next = 0;
    publisher.FlushBatches(Instant{now});
    for (int i = 0; i < 20; ++i) step();
    std::set<uint64_t> delivered;
    std::map<std::pair<int32_t, uint64_t>, std::string> contents;
    std::map<int32_t, int64_t> told;
    std::map<int32_t, uint64_t> next;
    for (const auto& record : TradeRecords(log)) {
      const auto [known, first] =
          contents.emplace(std::pair(record.partition, record.batch.sequence), *record.bytes);
      ASSERT_EQ(known->second, *record.bytes) << "seed " << seed;
      for (const Trade& trade : record.batch.trades) delivered.insert(trade.id);
      if (!first) continue;
      ASSERT_EQ(record.batch.sequence, next[record.partition]++) << "seed " << seed;
      for (const Trade& trade : record.batch.trades) {
        ASSERT_GE(trade.venue_time.us, told[record.partition]) << "seed " << seed;
      }
      for (const Heartbeat& beat : record.batch.heartbeats) {
        if (beat.venue_time.has_value()) told[record.partition] = beat.venue_time->us;
      }
    }
    ASSERT_EQ(delivered, published) << "seed " << seed;
  }
}

}  // namespace
}  // namespace quantstream::ingest
