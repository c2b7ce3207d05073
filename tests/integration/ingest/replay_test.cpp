// Recordings through the real binary into real Kafka.
#include <fstream>

#include "ingest/recording.h"
#include "ingest/venue/binance/binance_decoder.h"
#include "tests/integration/ingest/ingest_fixture.h"

namespace quantstream::ingest {
namespace {

using test_support::KafkaServer;
using test_support::TopicPrefix;

// What the decoder alone makes of a file.
std::map<std::string, std::map<uint64_t, Trade>> TradesOfFile(const std::string& path,
                                                              SymbolTable& symbols) {
  auto recording =
      Recording::Open({path, "", [&] { return MakeBinanceDecoder(symbols, "trade"); }}, symbols);
  EXPECT_TRUE(recording.ok()) << recording.status();
  const auto decoder = (*recording)->TakeDecoder();
  std::map<std::string, std::map<uint64_t, Trade>> trades;
  RecordedFrame frame;
  while ((*recording)->Next(&frame)) {
    for (Trade trade : decoder->Decode(frame.bytes).trades) {
      trade.receive_time = frame.received;
      trade.source = TradeSource::kReplay;
      trades[std::string(trade.symbol)].emplace(trade.id, trade);
    }
  }
  return trades;
}

TEST(IngestReplay, PutsExactlyTheTradesOfTheRecordedFramesIntoTheTopic) {
  const auto folder = test_support::SharedData("data/ws-binance");
  if (!folder) return;
  KafkaServer& kafka = KafkaServer::Shared();
  const TopicPrefix prefix(kafka);
  const std::string btc = *folder + "/spot_btcusdt_20240808.gz";
  const std::string eth = *folder + "/spot_ethusdt_20240808.gz";
  IngestProcess ingest(kafka.bootstrap(), prefix.text(),
                       {{"feed", "replay"},
                        {"files", "[" + btc + ", " + eth + "]"},
                        {"replay_speed", "0"},
                        {"exit_when_finished", "true"}});
  ASSERT_EQ(ingest.process().WaitForExit(std::chrono::seconds(120)), 0)
      << ingest.process().Output();
  TopicTail topic(kafka.bootstrap(), prefix.Topic("trades"));
  ASSERT_TRUE(test_support::WaitFor([&] {
    topic.Take();
    return topic.Finished();
  }));
  SymbolTable symbols = *SymbolTable::Make("binance", {}, true);
  auto expected = TradesOfFile(btc, symbols);
  expected.merge(TradesOfFile(eth, symbols));
  EXPECT_EQ(expected["BTC-USDT"].size(), 9757u);
  EXPECT_EQ(topic.TradesBySymbol(), expected);
  TopicTail letters(kafka.bootstrap(), prefix.Topic("dead-letter"));
  letters.Take();
  EXPECT_TRUE(letters.raw.empty());
}

TEST(IngestReplay, SendsEachBadFrameToDeadLetterWithItsReasonAndItsBytes) {
  KafkaServer& kafka = KafkaServer::Shared();
  const TopicPrefix prefix(kafka);
  const auto trade = [](int id, const std::string& price, const std::string& quantity,
                        int64_t time_ms) {
    return R"({"e":"trade","s":"BTCUSDT","t":)" + std::to_string(id) + R"(,"p":")" + price +
           R"(","q":")" + quantity + R"(","T":)" + std::to_string(time_ms) + R"(,"m":true})";
  };
  constexpr int64_t kNow = 1'700'000'000'000;
  std::vector<std::string> good;
  for (int id = 1; id <= 20; ++id) good.push_back(trade(id, "100", "1", kNow));
  const std::string oversized = "{\"x\":\"" + std::string(1 << 20, 'y') + "\"}";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"malformed", "{\"e\":\"trade\",,}"},
      {"truncated", trade(30, "100", "1", kNow).substr(0, 60)},
      {"oversized", oversized},
      {"binary", std::string("{\"e\":\0}", 7)},
      {"not_utf8", "{\"e\":\"\xff\xfe\"}"},
      {"wrong_type", R"({"e":"trade","s":"BTCUSDT","t":31,"p":1,"q":"1","T":5,"m":true})"},
      {"missing_field", R"({"e":"trade","s":"BTCUSDT","t":32,"q":"1","T":5,"m":true})"},
      {"price", trade(33, "0", "1", kNow)},
      {"price", trade(34, "-1", "1", kNow)},
      {"price", trade(35, "99999999999999999999999", "1", kNow)},
      {"quantity", trade(36, "1", "0", kNow)},
      {"quantity", trade(37, "1", "-1", kNow)},
      {"quantity", trade(38, "1", "1e40", kNow)},
      {"time", trade(39, "1", "1", 0)},
      {"future", trade(40, "1", "1", kNow + 6'000)},
  };
  std::string file;
  const auto add = [&](const std::string& frame) {
    file += std::to_string(kNow) + "000000 " + frame + "\n";
  };
  for (const auto& frame : good) add(frame);
  for (const auto& [reason, frame] : bad) add(frame);
  add(trade(50, "100", "1", kNow));
  const test_support::TempDir dir;
  IngestProcess ingest(kafka.bootstrap(), prefix.text(),
                       {{"feed", "replay"},
                        {"files", "[" + dir.Write("frames", file) + "]"},
                        {"replay_speed", "0"}});
  TopicTail topic(kafka.bootstrap(), prefix.Topic("trades"));
  ASSERT_TRUE(test_support::WaitFor([&] {
    topic.Take();
    return topic.Finished();
  })) << ingest.process().Output();
  EXPECT_EQ(topic.DistinctTrades(), 21u) << "the feed went on behind the bad frames";
  TopicTail letters(kafka.bootstrap(), prefix.Topic("dead-letter"));
  ASSERT_TRUE(test_support::WaitFor([&] {
    letters.Take();
    return letters.raw.size() >= bad.size();
  }));
  ASSERT_EQ(letters.raw.size(), bad.size());
  for (size_t i = 0; i < bad.size(); ++i) {
    std::map<std::string, std::string> headers(letters.raw[i].second.begin(),
                                               letters.raw[i].second.end());
    EXPECT_EQ(headers["reason"], bad[i].first) << i;
    EXPECT_EQ(headers["source"], "binance frames");
    EXPECT_EQ(headers["length"], std::to_string(bad[i].second.size()));
    EXPECT_EQ(headers.contains("sha256"), bad[i].second.size() > 65'536);
    EXPECT_EQ(letters.raw[i].first, bad[i].second.substr(0, 65'536)) << bad[i].first;
  }
  EXPECT_EQ(ingest.Metric("quantstream_ingest_refused_total{reason=\"price\"}"), 3);
  EXPECT_EQ(ingest.Metric("quantstream_ingest_replay_finished"), 1);
  EXPECT_TRUE(ingest.Ready()) << ingest.Readiness();
  EXPECT_EQ(ingest.process().Terminate(), 0);
}

TEST(IngestReplay, RefusesATopicWithAnotherNumberOfPartitionsAndNamesBoth) {
  KafkaServer& kafka = KafkaServer::Shared();
  const TopicPrefix prefix(kafka);
  const test_support::TempDir dir;
  const Settings settings = {{"feed", "replay"},
                             {"files", "[" + dir.Write("f", "{}\n") + "]"},
                             {"exit_when_finished", "true"}};
  IngestProcess first(kafka.bootstrap(), prefix.text(), settings);
  ASSERT_EQ(first.process().WaitForExit(), 0) << first.process().Output();
  Settings other = settings;
  other["partitions"] = "5";
  IngestProcess second(kafka.bootstrap(), prefix.text(), other);
  EXPECT_EQ(second.process().WaitForExit(), 1);
  EXPECT_NE(second.process().Output().find("has 3 partitions, expected 5"), std::string::npos)
      << second.process().Output();
}

}  // namespace
}  // namespace quantstream::ingest
