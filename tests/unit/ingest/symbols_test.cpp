#include "ingest/symbols.h"

#include <gtest/gtest.h>

namespace quantstream::ingest {
namespace {

TEST(SymbolTable, FindsTheInstrumentsThatAreAskedForInTheVenuesSpelling) {
  auto table = SymbolTable::Make("binance", {"BTC-USDT", "ETH-BTC"}, false);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->Find("BTCUSDT")->canonical, "BTC-USDT");
  EXPECT_EQ(table->Find("ETHBTC")->base, "ETH");
  EXPECT_EQ(table->Find("ETHBTC")->quote, "BTC");
  EXPECT_EQ(table->instruments().size(), 2u);
}

TEST(SymbolTable, KnowsNothingOfWhatNobodyAskedFor) {
  auto table = SymbolTable::Make("binance", {"BTC-USDT"}, false);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->Find("ETHUSDT"), nullptr);
  EXPECT_EQ(table->Find("ETHUSDT"), nullptr);
}

TEST(SymbolTable, SplitsUnknownSymbolsByTheirQuoteWhenAnyIsTaken) {
  auto table = SymbolTable::Make("binance", {}, true);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->Find("XRPETH")->canonical, "XRP-ETH");
  EXPECT_EQ(table->Find("BTCFDUSD")->canonical, "BTC-FDUSD");
  EXPECT_EQ(table->Find("EURSUSD")->canonical, "EURS-USD");
  EXPECT_EQ(table->Find("BTCUSDT"), table->Find("BTCUSDT")) << "the same one each time";
}

TEST(SymbolTable, EscapesWhatHasNoBaseAndQuote) {
  auto table = SymbolTable::Make("finnhub", {}, true);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->Find("BINANCE:BTCUSDT")->canonical, "BINANCE%3ABTCUSDT");
  EXPECT_EQ(table->Find("AAPL")->canonical, "AAPL");
}

TEST(SymbolTable, TakesInstrumentsInTheVenuesSpellingToo) {
  const auto table = SymbolTable::Make("binance", {"BTCUSDT", "AAPL"}, false);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->instruments()[0]->canonical, "BTC-USDT");
  EXPECT_EQ(table->instruments()[1]->canonical, "AAPL");
}

TEST(SymbolTable, RefusesAnInstrumentThatIsGivenTwice) {
  const auto table = SymbolTable::Make("binance", {"BTC-USDT", "BTCUSDT"}, false);
  ASSERT_FALSE(table.ok());
  EXPECT_NE(table.status().ToString().find("BTCUSDT"), std::string::npos);
}

TEST(SymbolTable, RefusesAnInstrumentThatIsNotLegal) {
  EXPECT_FALSE(SymbolTable::Make("binance", {"BTC:USDT"}, false).ok());
  EXPECT_FALSE(SymbolTable::Make("binance", {""}, false).ok());
}

}  // namespace
}  // namespace quantstream::ingest
