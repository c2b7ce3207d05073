#include "query/instruments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Instrument Make(const std::string& venue, const std::string& symbol) {
  return {venue + ":" + symbol, venue, symbol, 0, {}};
}

const InstrumentDirectory& Directory() {
  static const InstrumentDirectory directory({Make("binance", "BTC-USDT"),
                                              Make("binance", "ETH-USDT"), Make("okx", "BTC-USDT"),
                                              Make("finnhub", "AAPL")});
  return directory;
}

std::string Found(std::string_view text) {
  const InstrumentMatch match = Directory().Find(text);
  return match.found ? match.found->name : "";
}

TEST(InstrumentDirectory, FindsByName) {
  EXPECT_EQ(Found("okx:BTC-USDT"), "okx:BTC-USDT");
}

TEST(InstrumentDirectory, TakesTheVenuesOwnSpelling) {
  EXPECT_EQ(Found("binance:BTCUSDT"), "binance:BTC-USDT");
  EXPECT_EQ(Found("Binance:btc/usdt"), "binance:BTC-USDT");
  EXPECT_EQ(Found("eth_usdt"), "binance:ETH-USDT");
  EXPECT_EQ(Found("aapl"), "finnhub:AAPL");
}

TEST(InstrumentDirectory, NamesAllThatATextCouldMean) {
  const InstrumentMatch match = Directory().Find("BTCUSDT");
  EXPECT_FALSE(match.found);
  EXPECT_THAT(match.candidates, ElementsAre("binance:BTC-USDT", "okx:BTC-USDT"));
}

TEST(InstrumentDirectory, ShowsTheNearestNamesOfAnUnknownOne) {
  EXPECT_THAT(Directory().Find("binance:BTC-USDX").nearest,
              ElementsAre("binance:BTC-USDT", "binance:ETH-USDT"));
  EXPECT_THAT(Directory().Find("AAPLE").nearest, ElementsAre("finnhub:AAPL"));
  EXPECT_THAT(Directory().Find("nothing:LIKE-THIS-AT-ALL").nearest, IsEmpty());
}

TEST(InstrumentDirectory, ListsInOrderOfNameInPages) {
  const auto first = Directory().List("", "", "", 2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[1].name, "binance:ETH-USDT");
  EXPECT_EQ(Directory().List("", "", first[1].name, 10).front().name, "finnhub:AAPL");
}

TEST(InstrumentDirectory, FiltersByVenueAndByTextWhateverItsCase) {
  EXPECT_EQ(Directory().List("okx", "", "", 10).size(), 1u);
  EXPECT_EQ(Directory().List("", "btc", "", 10).size(), 2u);
  EXPECT_EQ(Directory().List("okx", "eth", "", 10).size(), 0u);
}

TEST(InstrumentDirectory, DistanceStopsAtItsBound) {
  EXPECT_EQ(DistanceUpTo("kitten", "sitting", 5), 3);
  EXPECT_EQ(DistanceUpTo("kitten", "sitting", 2), 3);
  EXPECT_EQ(DistanceUpTo("", "abc", 2), 3);
  EXPECT_EQ(DistanceUpTo("abc", "abc", 0), 0);
}

}  // namespace
}  // namespace quantstream::query
