#include "ingest/recording.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/paths.h"

namespace quantstream::ingest {
namespace {

// Says what it was given.
class NoDecoder : public Decoder {
 public:
  const DecodedFrame& Decode(std::string_view) override { return frame_; }

 private:
  DecodedFrame frame_;
};

class RecordingTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Recording>> Open(const std::string& path) {
    return Recording::Open({path, "", [] { return std::make_unique<NoDecoder>(); }}, symbols_);
  }
  std::vector<std::pair<int64_t, std::string>> ReadAll(const std::string& path) {
    auto recording = Open(path);
    EXPECT_TRUE(recording.ok()) << recording.status();
    std::vector<std::pair<int64_t, std::string>> frames;
    RecordedFrame frame;
    while (recording.ok() && (*recording)->Next(&frame)) {
      frames.emplace_back(frame.received.us, frame.bytes);
    }
    return frames;
  }
  using Frames = std::vector<std::pair<int64_t, std::string>>;

  test_support::TempDir dir_;
  SymbolTable symbols_ = *SymbolTable::Make("venue", {}, true);
};

TEST_F(RecordingTest, ReadsFramesWithNanoseconds) {
  const auto path = dir_.Write("a", "1723161253937085768 {\"a\":1}\n1723161253937086999 {}\n");
  EXPECT_EQ(ReadAll(path), (Frames{{1723161253937085, "{\"a\":1}"}, {1723161253937086, "{}"}}));
}

TEST_F(RecordingTest, ReadsFramesWithSecondsAndPassesOverWhatTheClientSent) {
  const auto path = dir_.Write("a",
                               "wss://v/ <-> 1641343690.598303\n"
                               "wss://v/ <- 1641343691.067583: {\"event\":\"subscribe\"}\n"
                               "1641343691.2: {\"a\":1}\r\n"
                               "1626992741.3105128: {\"b\":2}");
  EXPECT_EQ(ReadAll(path),
            (Frames{{1641343691200000, "{\"a\":1}"}, {1626992741310512, "{\"b\":2}"}}));
}

TEST_F(RecordingTest, HandsABrokenLineOutAsAFrameOfThePreviousTime) {
  const auto path = dir_.Write("a", "1723161253937085768 {}\nxyz\n");
  EXPECT_EQ(ReadAll(path), (Frames{{1723161253937085, "{}"}, {1723161253937085, "xyz"}}));
}

TEST_F(RecordingTest, SortsCsvRowsByTimeAndKeepsTheOrderOfEqualOnes) {
  const auto path = dir_.Write("a.csv",
                               "symbol,seq,trade_id,ts_ms,price,qty\n"
                               "A,0,1,2000,1,1\nA,1,2,2000,1,1\nB,0,3,1000,1,1\nB,1,4,2000,1,1\n");
  EXPECT_EQ(ReadAll(path), (Frames{{1000000, "B,0,3,1000,1,1"},
                                   {2000000, "A,0,1,2000,1,1"},
                                   {2000000, "A,1,2,2000,1,1"},
                                   {2000000, "B,1,4,2000,1,1"}}));
}

TEST_F(RecordingTest, RefusesBarsAndWhatItDoesNotKnow) {
  EXPECT_FALSE(Open(dir_.Write("bars", "14400000,491800,491800,491800,491800,300\n")).ok());
  EXPECT_FALSE(Open(dir_.Write("text", "hello\n")).ok());
  EXPECT_FALSE(Open(dir_.Write("empty", "")).ok());
  EXPECT_FALSE(Open("/nonexistent/file").ok());
  EXPECT_FALSE(Open(dir_.Write("x.zip", "no zip")).ok());
}

TEST_F(RecordingTest, TakesTheSymbolFromTheFilesName) {
  const std::string row = "1497169386,320000.0,0.1\n";
  auto named = Open(dir_.Write("krakenJPY.csv", row));
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ((*named)->TakeDecoder()->Decode(row.substr(0, row.size() - 1)).trades[0].symbol,
            "BTC-JPY");
  EXPECT_FALSE(Open(dir_.Write("trades.csv", row)).ok());
  const std::string tick = "14400464,1674100,100,P,20002000,0";
  auto stock = Open(dir_.Write("20131007_spy_Trade_Tick.csv", tick));
  ASSERT_TRUE(stock.ok()) << stock.status();
  EXPECT_EQ((*stock)->TakeDecoder()->Decode(tick).trades[0].symbol, "SPY");
}

TEST_F(RecordingTest, ReadsLinesOfAnyLengthOnce) {
  std::string text;
  for (size_t size : {0u, 1u, 255u, 262'143u, 262'144u, 262'145u, 1'000'000u}) {
    text += "1723161253937085768 " + std::string(size, 'x') + "\n";
  }
  const auto frames = ReadAll(dir_.Write("a", text));
  ASSERT_EQ(frames.size(), 7u);
  EXPECT_EQ(frames[6].second.size(), 1'000'000u);
  EXPECT_EQ(frames[4].second.size(), 262'144u);
}

TEST_F(RecordingTest, SaysThatAGzipFileIsCutOffAfterGivingWhatIsGood) {
  const auto path = test_support::SharedData("data/ws-binance/spot_btcusdt_20240808.gz");
  if (!path) return;
  std::ifstream in(*path, std::ios::binary);
  std::string bytes(500'000, '\0');
  in.read(bytes.data(), 500'000);
  auto recording = Open(dir_.Write("cut.gz", bytes));
  ASSERT_TRUE(recording.ok());
  RecordedFrame frame;
  int frames = 0;
  while ((*recording)->Next(&frame)) ++frames;
  EXPECT_GT(frames, 10'000);
  EXPECT_TRUE(absl::IsDataLoss((*recording)->status())) << (*recording)->status();
}

TEST_F(RecordingTest, ReadsEveryRecordedFormatAsItIs) {
  const auto data = test_support::SharedData("data");
  if (!data) return;
  const std::vector<std::pair<const char*, size_t>> files = {
      {"ws-binance/spot_btcusdt_20240808.gz", 41249},
      {"ws-frames/okx-v5.jsonl", 1},
      {"oracle-candles/binance-xrpeth/trades.csv.gz", 5929},
      {"oracle-candles/hitbtc/trades.csv.gz", 1000},
      {"stocks/tick/aig_20131007_trade.zip", 25351},
      {"trades-bitcoincharts/krakenJPY.csv.gz", 125990}};
  for (const auto& [file, frames] : files) {
    EXPECT_EQ(ReadAll(*data + "/" + file).size(), frames) << file;
  }
  for (const char* file :
       {"BINANCE_FUTURES.ws.1.0", "BINANCE_US.ws.1.0", "BITSTAMP.ws.1.0", "BYBIT.ws.25.0",
        "COINBASE.ws.28.0", "HITBTC.ws.1.0", "KRAKEN.ws.48.0", "KRAKEN.ws.49.0", "OKX.ws.1.0"}) {
    for (const auto& [time, frame] : ReadAll(*data + "/ws-frames/" + file + ".gz")) {
      ASSERT_GT(time, 1'600'000'000'000'000) << file;
      ASSERT_TRUE(frame.starts_with('{') || frame.starts_with('[')) << file << ": " << frame;
    }
  }
}

}  // namespace
}  // namespace quantstream::ingest
