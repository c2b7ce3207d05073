// Kafka down, or its producer broken, under a live feed: bounded, told, and nothing lost.
#include <prometheus/registry.h>

#include "ingest/kafka_log.h"
#include "ingest/publisher.h"
#include "ingest/wall_time.h"
#include "platform/kafka/producer.h"
#include "platform/kafka/topics.h"
#include "tests/integration/ingest/ingest_fixture.h"

namespace quantstream::ingest {
namespace {

using test_support::KafkaServer;
using test_support::TopicPrefix;
using test_support::WaitFor;

Trade NumberedTrade(uint64_t id) {
  Trade trade;
  trade.venue = "binance";
  trade.symbol = "BTC-USDT";
  trade.price = {100, 0};
  trade.quantity = {1, 0};
  trade.venue_time = EventTime{1'700'000'000'000'000};
  trade.receive_time = trade.venue_time;
  trade.id = id;
  return trade;
}

TEST(IngestProducer, IsMadeAnewAfterAFatalErrorAndSendsTheSameRecordsAgain) {
  KafkaServer& kafka = KafkaServer::Shared();
  const TopicPrefix prefix(kafka);
  const config::Properties client = {{"bootstrap.servers", kafka.bootstrap()}};
  auto topics = kafka::Topics::Connect(client);
  ASSERT_TRUE(topics.ok());
  kafka::TopicSpec spec;
  spec.name = prefix.Topic("trades");
  spec.partitions = 3;
  ASSERT_TRUE((*topics)->Ensure(spec, std::chrono::seconds(30)).ok());
  auto log = KafkaLog::Create({client, "test", spec.name, prefix.Topic("dead-letter")});
  ASSERT_TRUE(log.ok()) << log.status();
  prometheus::Registry registry;
  Metrics metrics(registry);
  VenueClock clock("binance", {});
  PublisherOptions options{.node = "n", .session = 9, .partitions = 3, .renew_spacing_us = 0};
  Publisher publisher(options, **log, clock, metrics);
  uint64_t id = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 200; ++i) {
      publisher.Publish(NumberedTrade(++id));
      publisher.FlushBatches(SteadyNow());
    }
    (*log)->producer_for_test().ForceFatalErrorForTest();
    publisher.Step(SteadyNow(), 1);
  }
  ASSERT_TRUE(WaitFor([&] {
    publisher.Step(SteadyNow(), 10);
    return publisher.undelivered_records() == 0;
  }));
  TopicTail topic(kafka.bootstrap(), spec.name);
  topic.Take(std::chrono::seconds(1));
  EXPECT_EQ(topic.DistinctTrades(), id);
}

TEST(IngestWithKafkaDown, StopsReadingTheVenueAtItsBoundAndDeliversEverythingAfterwards) {
  KafkaServer kafka;
  const TopicPrefix prefix(kafka);
  const SimulatedVenue venue(Settings{{"trades_per_s", "2000"}});
  IngestProcess ingest(kafka.bootstrap(), prefix.text(),
                       {{"instruments", "[BTC-USDT, ETH-USDT]"},
                        {"websocket_url", venue.ws_url()},
                        {"buffer_bytes_max", "200000"}});
  ASSERT_TRUE(WaitFor([&] { return ingest.Ready(); })) << ingest.Readiness();
  ASSERT_TRUE(WaitFor([&] { return ingest.Metric("quantstream_ingest_trades_total") > 500; }));
  kafka.Pause();
  ASSERT_TRUE(WaitFor([&] { return ingest.Metric("quantstream_ingest_reading_paused") == 1; }));
  EXPECT_FALSE(ingest.Ready());
  EXPECT_LT(ingest.Metric("quantstream_ingest_undelivered_bytes"), 300'000);
  const double taken = ingest.Metric("quantstream_ingest_trades_total");
  kafka.Resume();
  ASSERT_TRUE(WaitFor([&] { return ingest.Ready(); })) << ingest.Readiness();
  ASSERT_TRUE(
      WaitFor([&] { return ingest.Metric("quantstream_ingest_trades_total") > taken + 1000; }));
  venue.Control("pause");
  ASSERT_EQ(ingest.process().Terminate(), 0) << ingest.process().Output();

  TopicTail topic(kafka.bootstrap(), prefix.Topic("trades"));
  topic.Take(std::chrono::seconds(1));
  for (const auto& [symbol, trades] : topic.TradesBySymbol()) {
    EXPECT_EQ(trades.size(), trades.rbegin()->first - trades.begin()->first + 1)
        << symbol << ": ids in a row";
  }
  EXPECT_GT(topic.DistinctTrades(), 1000u);
}

// A frame of each kind that is refused; not one of the ledger's.
void SendBadFrames(const SimulatedVenue& venue) {
  venue.Control("send", "{\"e\":\"trade\",");
  venue.Control("send", R"({"e":"trade","s":"BTCUSDT","t":1,"p":"0","q":"1","T":1,"m":true})");
}

TEST(IngestWithKafkaDown, ABrokerThatIsRestartedUnderLoadCostsNoTradeInSilence) {
  KafkaServer kafka;
  const TopicPrefix prefix(kafka);
  const SimulatedVenue venue(
      Settings{{"trades_per_s", "2000"}, {"instruments", "[BTC-USDT, ETH-USDT]"}});
  IngestProcess ingest(kafka.bootstrap(), prefix.text(),
                       {{"instruments", "[BTC-USDT, ETH-USDT]"},
                        {"websocket_url", venue.ws_url()},
                        {"buffer_bytes_max", "200000"}});
  const auto metric = [&](const std::string& name) {
    return ingest.Metric("quantstream_ingest_" + name);
  };
  ASSERT_TRUE(WaitFor([&] { return ingest.Ready() && metric("trades_total") > 500; }))
      << ingest.Readiness();
  SendBadFrames(venue);
  kafka.Stop();
  ASSERT_TRUE(WaitFor([&] { return metric("reading_paused") == 1; }));
  EXPECT_FALSE(ingest.Ready());
  EXPECT_LT(metric("undelivered_bytes"), 300'000);
  SendBadFrames(venue);
  const size_t sent = venue.SentTrades();
  ASSERT_TRUE(WaitFor([&] { return venue.SentTrades() > sent + 1'000; }));
  const double taken = metric("trades_total");
  ASSERT_TRUE(WaitFor([&] { return venue.SentTrades() > sent + 4'000; })) << "the venue goes on";
  EXPECT_EQ(metric("trades_total"), taken) << "and is not read";
  kafka.Start();
  ASSERT_TRUE(WaitFor([&] { return ingest.Ready() && metric("trades_total") > taken + 6'000; }))
      << ingest.Readiness();
  venue.Control("pause");
  const auto all = static_cast<double>(venue.SentTrades());
  const auto refused = [&] { return ingest.MetricSum("quantstream_ingest_refused_total"); };
  EXPECT_TRUE(WaitFor([&] { return metric("trades_total") == all && refused() == 4; }))
      << metric("trades_total") << " of " << all;
  EXPECT_EQ(metric("connections_opened_total"), 1);
  ASSERT_EQ(ingest.process().Terminate(), 0) << ingest.process().Output();

  TopicTail topic(kafka.bootstrap(), prefix.Topic("trades"));
  topic.Take(std::chrono::seconds(1));
  EXPECT_EQ(topic.DistinctTrades(), venue.SentTrades());
  TopicTail letters(kafka.bootstrap(), prefix.Topic("dead-letter"));
  letters.Take(std::chrono::seconds(1));
  EXPECT_EQ(letters.raw.size(), 4u);
}

TEST(IngestWithoutKafka, WaitsAndSaysSoUntilItIsThere) {
  KafkaServer kafka;
  kafka.Stop();
  const test_support::TempDir dir;
  IngestProcess ingest(kafka.bootstrap(), "wait.",
                       {{"feed", "replay"}, {"files", "[" + dir.Write("f", "{}\n") + "]"}});
  ASSERT_TRUE(ingest.process().WaitForOutput("waiting for Kafka"));
  EXPECT_NE(ingest.Readiness().find("topics"), std::string::npos);
  kafka.Start();
  EXPECT_TRUE(WaitFor([&] { return ingest.Ready(); }, std::chrono::seconds(60)))
      << ingest.process().Output();
}

}  // namespace
}  // namespace quantstream::ingest
