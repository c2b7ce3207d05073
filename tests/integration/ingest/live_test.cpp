// The real binary against a venue on loopback that misbehaves.
#include "tests/integration/ingest/ingest_fixture.h"

namespace quantstream::ingest {
namespace {

using test_support::KafkaServer;
using test_support::TopicPrefix;
using test_support::WaitFor;

class IngestLive : public testing::Test {
 protected:
  Settings Settings_(const std::string& url, Settings more = {}) {
    more["instruments"] = "[BTC-USDT, ETH-USDT]";
    more["websocket_url"] = url;
    more.emplace("reconnect_base_ms", "50");
    more.emplace("reconnect_cap_ms", "200");
    return more;
  }
  void Start(const std::string& url, Settings more = {}) {
    ingest_ = std::make_unique<IngestProcess>(kafka_.bootstrap(), prefix_.text(),
                                              Settings_(url, std::move(more)));
  }
  double Metric(const std::string& name) { return ingest_->Metric("quantstream_ingest_" + name); }
  // Ends the market and the node; what the topic then holds.
  TopicTail EndAndRead() {
    venue_.Control("pause");
    const double before = Metric("frames_total{kind=\"trades\"}");
    EXPECT_TRUE(WaitFor([&] { return Metric("undelivered_bytes") < 5'000; }));
    EXPECT_GE(Metric("frames_total{kind=\"trades\"}"), before);
    EXPECT_EQ(ingest_->process().Terminate(), 0) << ingest_->process().Output();
    TopicTail topic(kafka_.bootstrap(), prefix_.Topic("trades"));
    topic.Take(std::chrono::seconds(1));
    return topic;
  }
  // Every id of ours that the venue sent is in the topic.
  void ExpectAllSent(const TopicTail& topic) {
    auto stored = topic.TradesBySymbol();
    const auto sent = venue_.SentIds();
    EXPECT_FALSE(sent.empty());
    for (const auto& [symbol, canonical] :
         {std::pair("BTCUSDT", "BTC-USDT"), std::pair("ETHUSDT", "ETH-USDT")}) {
      for (const uint64_t id : sent.at(symbol)) {
        EXPECT_TRUE(stored[canonical].contains(id)) << symbol << " " << id;
      }
    }
  }

  KafkaServer& kafka_ = KafkaServer::Shared();
  TopicPrefix prefix_{kafka_};
  SimulatedVenue venue_{Settings{{"trades_per_s", "500"}, {"instruments", "[BTC-USDT, ETH-USDT]"}}};
  std::unique_ptr<IngestProcess> ingest_;
};

TEST_F(IngestLive, TakesEveryTradeOverTlsThatATestAuthorityVouchesFor) {
  Start(venue_.wss_url("localhost"), {{"ca_file", venue_.ca_file()}});
  ASSERT_TRUE(WaitFor([&] { return ingest_->Ready() && Metric("trades_total") > 1000; }))
      << ingest_->process().Output();
  ExpectAllSent(EndAndRead());
}

TEST_F(IngestLive, RefusesACertificateOfAnotherHostAndOneOfAnUnknownAuthority) {
  SimulatedVenue elsewhere{Settings{{"address", "0.0.0.0"}}};
  Start(elsewhere.wss_url("127.0.0.2"), {{"ca_file", elsewhere.ca_file()}});
  ASSERT_TRUE(WaitFor([&] { return Metric("connections_lost_total{why=\"failed\"}") > 1; }));
  EXPECT_EQ(Metric("connections_opened_total"), 0);
  EXPECT_NE(ingest_->process().Output().find("certificate verify failed"), std::string::npos)
      << ingest_->process().Output();
  Start(venue_.wss_url("localhost"));
  ASSERT_TRUE(WaitFor([&] { return Metric("connections_lost_total{why=\"failed\"}") > 1; }));
  EXPECT_EQ(Metric("connections_opened_total"), 0);
}

TEST_F(IngestLive, ConnectsAgainAfterEachDisconnect) {
  Start(venue_.ws_url());
  for (int round = 1; round <= 3; ++round) {
    const double trades = Metric("trades_total");
    ASSERT_TRUE(WaitFor([&] { return ingest_->Ready() && Metric("trades_total") > trades + 100; }))
        << ingest_->process().Output();
    venue_.Control("disconnect?mode=abort");
    ASSERT_TRUE(WaitFor([&] { return Metric("connections_lost_total{why=\"closed\"}") >= round; }));
  }
  EXPECT_TRUE(WaitFor([&] { return Metric("connections_opened_total") >= 4 && ingest_->Ready(); }));
}

TEST_F(IngestLive, HandsOverToANewConnectionOnANoticeWithoutMissingATrade) {
  Start(venue_.ws_url());
  ASSERT_TRUE(WaitFor([&] { return ingest_->Ready() && Metric("trades_total") > 200; }));
  venue_.Control("shutdown?after_ms=5000");
  ASSERT_TRUE(WaitFor([&] { return Metric("handovers_total") == 1; }))
      << ingest_->process().Output();
  const double trades = Metric("trades_total");
  ASSERT_TRUE(WaitFor([&] { return Metric("trades_total") > trades + 500; }));
  const TopicTail topic = EndAndRead();
  for (const auto& [symbol, stored] : topic.TradesBySymbol()) {
    EXPECT_EQ(stored.size(), stored.rbegin()->first - stored.begin()->first + 1) << symbol;
  }
}

TEST_F(IngestLive, NoticesAConnectionThatIsMute) {
  Start(venue_.ws_url(), {{"mute_after_min_ms", "500"}, {"mute_after_max_ms", "1000"}});
  ASSERT_TRUE(WaitFor([&] { return ingest_->Ready() && Metric("trades_total") > 200; }));
  venue_.Control("mute");
  ASSERT_TRUE(WaitFor([&] { return Metric("connections_lost_total{why=\"mute\"}") >= 1; }));
  venue_.Control("unmute");
  const double trades = Metric("trades_total");
  EXPECT_TRUE(WaitFor([&] { return ingest_->Ready() && Metric("trades_total") > trades + 100; }));
}

TEST_F(IngestLive, PassesDuplicatesAndDisorderOnForTheLedgerToJudge) {
  Start(venue_.ws_url());
  venue_.Control("faults?duplicate=0.1&reorder=0.1&reorder_bound=16");
  ASSERT_TRUE(WaitFor([&] { return Metric("trades_total") > 1000; }));
  venue_.Control("faults?duplicate=0");
  ExpectAllSent(EndAndRead());
}

TEST_F(IngestLive, RefusesABadFrameAndGoesOnWithTheSameConnection) {
  Start(venue_.ws_url());
  ASSERT_TRUE(WaitFor([&] { return ingest_->Ready() && Metric("trades_total") > 100; }));
  venue_.Control("send", "{\"e\":\"trade\",");
  ASSERT_TRUE(WaitFor([&] { return Metric("refused_total{reason=\"truncated\"}") == 1; }));
  const double trades = Metric("trades_total");
  EXPECT_TRUE(WaitFor([&] { return Metric("trades_total") > trades + 100; }));
  EXPECT_EQ(Metric("connections_opened_total"), 1);
}

TEST_F(IngestLive, TellsTheVenuesTimeToEveryPartitionAndNeverAheadOfItsTrades) {
  Start(venue_.ws_url());
  ASSERT_TRUE(WaitFor([&] { return ingest_->Ready() && Metric("trades_total") > 1000; }));
  const TopicTail topic = EndAndRead();
  std::map<int32_t, int64_t> told;
  for (const auto& stored : topic.batches) {
    for (const Trade& trade : stored.batch.trades) {
      EXPECT_GE(trade.venue_time.us, told[stored.partition]) << trade.symbol << " " << trade.id;
    }
    ASSERT_FALSE(stored.batch.heartbeats.empty());
    for (const auto& beat : stored.batch.heartbeats) {
      EXPECT_EQ(beat.venue, "binance");
      if (!beat.venue_time.has_value()) continue;
      EXPECT_GE(beat.venue_time->us, told[stored.partition]);
      told[stored.partition] = beat.venue_time->us;
    }
  }
  EXPECT_EQ(told.size(), 3u);
}

}  // namespace
}  // namespace quantstream::ingest
