#include "market/instrument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/market/hostile_bytes.h"

namespace quantstream {
namespace {

using test::Random;

TEST(Instrument, SplitsAtTheFirstColon) {
  const absl::StatusOr<InstrumentName> name = InstrumentName::Parse("binance:BTC-USDT");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(*name, (InstrumentName{"binance", "BTC-USDT"}));
  EXPECT_EQ(name->ToString(), "binance:BTC-USDT");
  EXPECT_TRUE(InstrumentName::Parse("finnhub:BINANCE%3ABTCUSDT").ok());
  EXPECT_TRUE(InstrumentName::Parse("x:\xE5\xB8\x81-USDT").ok());
}

TEST(Instrument, SaysWhatIsLegal) {
  const auto message = [](std::string_view name) {
    return std::string(InstrumentName::Parse(name).status().message());
  };
  EXPECT_THAT(message("BTC-USDT"), testing::HasSubstr("venue:symbol"));
  EXPECT_THAT(message("Binance:BTC-USDT"), testing::HasSubstr("the venue"));
  EXPECT_THAT(message(":BTC-USDT"), testing::HasSubstr("the venue"));
  EXPECT_THAT(message(std::string(33, 'v') + ":A"), testing::HasSubstr("the venue"));
  for (const std::string& symbol :
       {std::string(), std::string("A:B"), std::string("A\nB"), std::string(1, '\0'),
        std::string("\x7F"), std::string("\xC2\x85"), std::string("\xFF"), std::string(65, 'A')}) {
    EXPECT_THAT(message("v:" + symbol), testing::HasSubstr("the symbol")) << symbol;
  }
}

TEST(Instrument, EscapesWhatASymbolMayNotHold) {
  EXPECT_EQ(EscapeSymbol("BINANCE:BTCUSDT"), "BINANCE%3ABTCUSDT");
  EXPECT_EQ(EscapeSymbol("100%"), "100%25");
  EXPECT_EQ(EscapeSymbol(std::string_view("a\0b\x1F\x7F", 5)), "a%00b%1F%7F");
  EXPECT_EQ(EscapeSymbol("\xC2\x85\xE5\xB8\x81\xFF"), "%C2%85\xE5\xB8\x81%FF");
  EXPECT_EQ(EscapeSymbol("AAPL"), "AAPL");
}

std::string Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%';
    plain += escape ? static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16))
                    : text[i];
    if (escape) i += 2;
  }
  return plain;
}

TEST(Instrument, AnEscapedSymbolIsLegalAndTellsWhatItWas) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string symbol =
        random.OneIn(2) ? random.Bytes(1 + random.Below(8)) : test::AnyText(random, false);
    const std::string escaped = EscapeSymbol(symbol);
    ASSERT_EQ(Unescaped(escaped), symbol);
    ASSERT_EQ(InstrumentName::Parse("v:" + escaped).ok(), escaped.size() <= 64);
  }
}

TEST(Instrument, SpellingsOfOneInstrumentShareTheirKey) {
  for (std::string_view text : {"BTCUSDT", "btc-usdt", "BTC/USDT", "btc_usdt", "Btc Usdt"}) {
    EXPECT_EQ(SpellingKey(text), "BTCUSDT") << text;
  }
  EXPECT_EQ(SpellingKey("binance:btc-usdt"), "BINANCE:BTCUSDT");
}

// Kafka's own test of its Java client holds these hashes.
TEST(Instrument, PartitionIsThatOfJavaClients) {
  constexpr int32_t kMany = std::numeric_limits<int32_t>::max();
  const auto positive = [](int32_t hash) { return hash & 0x7FFF'FFFF; };
  EXPECT_EQ(PartitionOf("21", kMany), positive(-973932308));
  EXPECT_EQ(PartitionOf("foobar", kMany), positive(-790332482));
  EXPECT_EQ(PartitionOf("a-little-bit-long-string", kMany), positive(-985981536));
  EXPECT_EQ(PartitionOf("a-little-bit-longer-string", kMany), positive(-1486304829));
  EXPECT_EQ(PartitionOf("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", kMany),
            positive(-58897971));
  EXPECT_EQ(PartitionOf("abc", kMany), positive(479470107));
  EXPECT_EQ(PartitionOf("abc", 12), 479470107 % 12);
}

}  // namespace
}  // namespace quantstream
