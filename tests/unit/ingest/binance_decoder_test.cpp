#include "ingest/venue/binance/binance_decoder.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "ingest/line_reader.h"
#include "ingest/recording.h"
#include "ingest/venue/venue.h"
#include "tests/support/paths.h"

namespace quantstream::ingest {
namespace {

constexpr const char* kTrade =
    R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,)"
    R"("s":"BTCUSDT","t":3735683259,)"
    R"("p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}})";

std::string Replace(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

class BinanceDecoderTest : public testing::Test {
 protected:
  const DecodedFrame& Decode(std::string_view frame) { return trades_->Decode(frame); }

  SymbolTable symbols_ = *SymbolTable::Make("binance", {"BTC-USDT", "OMG-BUSD"}, false);
  std::unique_ptr<Decoder> trades_ = MakeBinanceDecoder(symbols_, "trade");
  std::unique_ptr<Decoder> aggregates_ = MakeBinanceDecoder(symbols_, "aggTrade");
};

TEST_F(BinanceDecoderTest, MakesATradeOfACombinedStreamsFrame) {
  const DecodedFrame& frame = Decode(kTrade);
  ASSERT_EQ(frame.kind, FrameKind::kTrades);
  ASSERT_EQ(frame.trades.size(), 1u);
  const Trade& trade = frame.trades[0];
  EXPECT_EQ(trade.venue, "binance");
  EXPECT_EQ(trade.symbol, "BTC-USDT");
  EXPECT_EQ(trade.price.ToString(), "61837.63");
  EXPECT_EQ(trade.quantity.ToString(), "0.02");
  EXPECT_EQ(trade.venue_time.us, 1723161255342000);
  EXPECT_EQ(trade.id, 3735683259u);
  EXPECT_EQ(trade.count, 1u);
  EXPECT_EQ(trade.aggressor_side, Side::kSell) << "the buyer is the maker, so the taker sold";
}

TEST_F(BinanceDecoderTest, MakesATradeOfARawStreamsFrame) {
  const auto& frame =
      Decode(R"({"e":"trade","s":"BTCUSDT","t":5,"p":"0.001","q":"100","T":123456785,"m":false})");
  ASSERT_EQ(frame.kind, FrameKind::kTrades);
  EXPECT_EQ(frame.trades[0].aggressor_side, Side::kBuy);
}

TEST_F(BinanceDecoderTest, TakesMicrosecondsAsTheyAre) {
  const auto& frame = Decode(Replace(kTrade, "1723161255342,\"m\"", "1723161255342123,\"m\""));
  ASSERT_EQ(frame.kind, FrameKind::kTrades);
  EXPECT_EQ(frame.trades[0].venue_time.us, 1723161255342123);
}

TEST_F(BinanceDecoderTest, TakesTheFirstIdAndTheCountOfAnAggregate) {
  const auto& frame = aggregates_->Decode(
      R"({"stream":"omgbusd@aggTrade","data":{"e":"aggTrade","s":"OMGBUSD","a":425085,)"
      R"("p":"13.80480000","q":"2.10000000","f":439577,"l":439580,"T":1633998288467,"m":false}})");
  ASSERT_EQ(frame.kind, FrameKind::kTrades);
  EXPECT_EQ(frame.trades[0].id, 439577u);
  EXPECT_EQ(frame.trades[0].count, 4u);
}

TEST_F(BinanceDecoderTest, IgnoresStreamsThatNobodyAskedFor) {
  for (const char* frame : {
           R"({"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"3"}})",
           R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","U":1,"b":[["1","0"]]}})",
           R"({"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT","f":1,"l":1}})",
           R"({"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker","s":"BTCUSDT"}]})",
           R"({"lastUpdateId":35346513512,"bids":[["2683.80","3.02"]],"asks":[]})",
           R"({"e":"24hrMiniTicker","E":1,"s":"BTCUSDT","c":"1","o":"2","h":"3","l":"4","q":"5"})",
       }) {
    EXPECT_EQ(Decode(frame).kind, FrameKind::kIgnored) << frame;
  }
}

TEST_F(BinanceDecoderTest, IgnoresTradesOfInstrumentsThatNobodyAskedFor) {
  EXPECT_EQ(Decode(Replace(kTrade, "\"BTCUSDT\"", "\"ETHUSDT\"")).kind, FrameKind::kIgnored);
}

TEST_F(BinanceDecoderTest, ReadsAnswersAndNotices) {
  EXPECT_EQ(Decode(R"({"result":null,"id":7})").kind, FrameKind::kAcknowledged);
  EXPECT_EQ(Decode(R"({"result":null,"id":7})").request_id, 7u);
  const auto& refused = Decode(R"({"error":{"code":2,"msg":"Invalid request"},"id":9})");
  EXPECT_EQ(refused.kind, FrameKind::kRequestRefused);
  EXPECT_EQ(refused.request_id, 9u);
  EXPECT_EQ(Decode(R"({"code":3,"msg":"Invalid JSON"})").kind, FrameKind::kRequestRefused);
  EXPECT_EQ(Decode(R"({"e":"serverShutdown","E":1770123456789})").kind, FrameKind::kShutdownNotice);
}

struct BadFrame {
  const char* name;
  std::string frame;
  std::string_view reason;
};

const std::vector<BadFrame>& BadFrames() {
  static const std::vector<BadFrame> frames = {
      {"Malformed", Replace(kTrade, "\"m\":true", "\"m\":tru"), "malformed"},
      {"TwoDocuments", std::string(kTrade) + "{}", "malformed"},
      {"Truncated", std::string(kTrade).substr(0, 150), "truncated"},
      {"TruncatedInText", std::string(kTrade).substr(0, 100), "truncated"},
      {"Empty", "", "truncated"},
      {"Binary", std::string("\x00\x01\x02", 3), "binary"},
      {"NotUtf8", Replace(kTrade, "BTCUSDT", "BTC\xff\xfe"), "not_utf8"},
      {"NoObject", "[1,2]", "wrong_type"},
      {"PriceIsANumber", Replace(kTrade, "\"61837.63000000\"", "61837.63"), "wrong_type"},
      {"IdIsAText", Replace(kTrade, "3735683259", "\"3735683259\""), "wrong_type"},
      {"IdIsNegative", Replace(kTrade, "3735683259", "-1"), "wrong_type"},
      {"TimeIsAFraction", Replace(kTrade, "1723161255342,\"m\"", "17231.5,\"m\""), "wrong_type"},
      {"SideIsAText", Replace(kTrade, "\"m\":true", "\"m\":\"yes\""), "wrong_type"},
      {"NoPrice", Replace(kTrade, "\"p\"", "\"P\""), "missing_field"},
      {"NoQuantity", Replace(kTrade, "\"q\"", "\"Q\""), "missing_field"},
      {"NoTime", Replace(kTrade, "\"T\"", "\"X\""), "missing_field"},
      {"NoId", Replace(kTrade, "\"t\"", "\"x\""), "missing_field"},
      {"NoSymbol", Replace(kTrade, "\"s\"", "\"S\""), "missing_field"},
      {"NoData", R"({"stream":"btcusdt@trade"})", "missing_field"},
      {"PriceIsNoNumber", Replace(kTrade, "61837.63000000", "NaN"), "price"},
      {"PriceOverflows", Replace(kTrade, "61837.63000000", "99999999999999999999"), "price"},
      {"QuantityOverflows", Replace(kTrade, "0.02000000", "1e30"), "quantity"},
      {"QuantityIsTooFine", Replace(kTrade, "0.02000000", "0.0000000000000000001"), "quantity"},
      {"TimeIsZero", Replace(kTrade, "1723161255342,\"m\"", "0,\"m\""), "time"},
      {"TimeIsNegative", Replace(kTrade, "1723161255342,\"m\"", "-5,\"m\""), "time"},
      {"TimeOverflows", Replace(kTrade, "1723161255342,\"m\"", "9223372036854775807,\"m\""),
       "time"},
  };
  return frames;
}

class BadFrameTest : public BinanceDecoderTest, public testing::WithParamInterface<BadFrame> {};

TEST_P(BadFrameTest, IsRefusedWithItsReasonAndTheNextFrameIsRead) {
  const DecodedFrame& bad = Decode(GetParam().frame);
  EXPECT_EQ(bad.kind, FrameKind::kBad);
  EXPECT_EQ(bad.reason, GetParam().reason);
  EXPECT_TRUE(bad.trades.empty());
  EXPECT_EQ(Decode(kTrade).kind, FrameKind::kTrades);
}

INSTANTIATE_TEST_SUITE_P(Each, BadFrameTest, testing::ValuesIn(BadFrames()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(BinanceDecoderTest, SurvivesAnyBytes) {
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    std::string frame = kTrade;
    for (int i = 0; i < 3; ++i) {
      const size_t at = random() % frame.size();
      switch (random() % 3) {
        case 0:
          frame[at] = static_cast<char>(random());
          break;
        case 1:
          frame.erase(at, random() % 20);
          break;
        default:
          frame.insert(at, frame.substr(random() % frame.size(), random() % 20));
          break;
      }
      if (frame.empty()) break;
    }
    const DecodedFrame& decoded = Decode(frame);
    EXPECT_EQ(decoded.kind == FrameKind::kBad,
              !decoded.reason.empty() && decoded.kind != FrameKind::kRequestRefused)
        << "seed " << seed;
    EXPECT_EQ(decoded.kind == FrameKind::kTrades, !decoded.trades.empty()) << "seed " << seed;
  }
}

struct Counts {
  std::map<FrameKind, int> kinds;
  uint64_t first_id = 0;
  uint64_t last_id = 0;
  bool contiguous = true;
};

Counts CountRecorded(const std::string& path, std::string_view channel) {
  auto symbols = SymbolTable::Make("binance", {}, true);
  RecordingOptions options{.path = path, .symbol = "", .make_decoder = [&] {
                             return MakeBinanceDecoder(*symbols, channel);
                           }};
  auto recording = Recording::Open(options, *symbols);
  EXPECT_TRUE(recording.ok()) << recording.status();
  const auto decoder = (*recording)->TakeDecoder();
  Counts counts;
  RecordedFrame frame;
  while ((*recording)->Next(&frame)) {
    const DecodedFrame& decoded = decoder->Decode(frame.bytes);
    ++counts.kinds[decoded.kind];
    for (const Trade& trade : decoded.trades) {
      if (counts.first_id == 0) counts.first_id = trade.id;
      counts.contiguous =
          counts.contiguous && (counts.last_id == 0 || trade.id == counts.last_id + 1);
      counts.last_id = trade.id;
    }
  }
  EXPECT_TRUE((*recording)->status().ok());
  return counts;
}

TEST(RecordedBinance, HasAllItsSpotTradesWithIdsInARow) {
  const auto folder = test_support::SharedData("data/ws-binance");
  if (!folder) return;
  Counts btc = CountRecorded(*folder + "/spot_btcusdt_20240808.gz", "trade");
  EXPECT_EQ(btc.kinds[FrameKind::kTrades], 9757);
  EXPECT_EQ(btc.kinds[FrameKind::kBad], 0);
  EXPECT_EQ(btc.kinds[FrameKind::kIgnored], 41249 - 9757);
  EXPECT_TRUE(btc.contiguous);
  Counts eth = CountRecorded(*folder + "/spot_ethusdt_20240808.gz", "trade");
  EXPECT_EQ(eth.kinds[FrameKind::kTrades], 6106);
  EXPECT_EQ(eth.kinds[FrameKind::kBad], 0);
  EXPECT_TRUE(eth.contiguous);
}

TEST(RecordedBinance, HasTheAggregatesOfTheFuturesAndOfTheUsVenue) {
  const auto folder = test_support::SharedData("data/ws-frames");
  if (!folder) return;
  Counts futures = CountRecorded(*folder + "/BINANCE_FUTURES.ws.1.0.gz", "aggTrade");
  EXPECT_EQ(futures.kinds[FrameKind::kTrades], 91);
  EXPECT_EQ(futures.kinds[FrameKind::kBad], 0);
  Counts us = CountRecorded(*folder + "/BINANCE_US.ws.1.0.gz", "aggTrade");
  EXPECT_EQ(us.kinds[FrameKind::kTrades], 11);
  EXPECT_EQ(us.kinds[FrameKind::kBad], 0);
}

TEST(BinanceVenue, AsksForStreamsByName) {
  const Venue& venue = *FindVenue("binance");
  const auto symbols = SymbolTable::Make("binance", {"BTC-USDT"}, false);
  EXPECT_EQ(venue.stream_name(*symbols->instruments()[0], "trade"), "btcusdt@trade");
  const std::vector<std::string> streams = {"btcusdt@trade", "ethusdt@trade"};
  EXPECT_EQ(venue.subscribe_message(streams, 4),
            R"({"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":4})");
  EXPECT_TRUE(venue.contiguous_ids);
  EXPECT_EQ(FindVenue("nobody"), nullptr);
}

}  // namespace
}  // namespace quantstream::ingest
