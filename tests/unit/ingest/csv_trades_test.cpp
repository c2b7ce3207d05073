#include "ingest/venue/csv/csv_trades.h"

#include <gtest/gtest.h>

namespace quantstream::ingest {
namespace {

TEST(SymbolRows, MakeTradesWithIdsInTheVenuesOrder) {
  auto symbols = SymbolTable::Make("hitbtc", {}, true);
  const auto rows = MakeSymbolRows(*symbols);
  const auto& frame = rows->Decode("CRDTETH,0,1315508926,1625975075838,0.00000152,0.1\r");
  ASSERT_EQ(frame.kind, FrameKind::kTrades);
  const Trade& trade = frame.trades[0];
  EXPECT_EQ(trade.venue, "hitbtc");
  EXPECT_EQ(trade.symbol, "CRDT-ETH");
  EXPECT_EQ(trade.id, 1315508926u);
  EXPECT_EQ(trade.price.ToString(), "0.00000152");
  EXPECT_EQ(trade.quantity.ToString(), "0.1");
  EXPECT_EQ(trade.venue_time.us, 1625975075838000);
  EXPECT_EQ(trade.receive_time, trade.venue_time);
  EXPECT_EQ(trade.aggressor_side, Side::kUnspecified);
}

TEST(SymbolRows, RefuseBadRowsByReason) {
  auto symbols = SymbolTable::Make("hitbtc", {}, true);
  const auto rows = MakeSymbolRows(*symbols);
  EXPECT_EQ(rows->Decode("CRDTETH,0,1,1625975075838,0.1").reason, "malformed");
  EXPECT_EQ(rows->Decode("CRDTETH,0,1,1625975075838,0.1,1,2").reason, "malformed");
  EXPECT_EQ(rows->Decode("CRDTETH,0,x,1625975075838,0.1,1").reason, "wrong_type");
  EXPECT_EQ(rows->Decode("CRDTETH,0,1,0,0.1,1").reason, "time");
  EXPECT_EQ(rows->Decode("CRDTETH,0,1,now,0.1,1").reason, "time");
  EXPECT_EQ(rows->Decode("CRDTETH,0,1,1625975075838,abc,1").reason, "price");
  EXPECT_EQ(rows->Decode("CRDTETH,0,1,1625975075838,1,").reason, "quantity");
}

TEST(SymbolRows, IgnoreSymbolsThatNobodyAskedFor) {
  auto symbols = SymbolTable::Make("hitbtc", {"BTC-USD"}, false);
  const auto rows = MakeSymbolRows(*symbols);
  EXPECT_EQ(rows->Decode("CRDTETH,0,1,1625975075838,0.1,1").kind, FrameKind::kIgnored);
}

TEST(BitcoinchartsRows, MakeTradesWithoutIds) {
  const auto rows = MakeBitcoinchartsRows("kraken", "BTC-JPY");
  const auto& frame = rows->Decode("1497169386,320000.000000000000,0.003289260000");
  ASSERT_EQ(frame.kind, FrameKind::kTrades);
  EXPECT_EQ(frame.trades[0].venue, "kraken");
  EXPECT_EQ(frame.trades[0].symbol, "BTC-JPY");
  EXPECT_EQ(frame.trades[0].price.ToString(), "320000");
  EXPECT_EQ(frame.trades[0].quantity.ToString(), "0.00328926");
  EXPECT_EQ(frame.trades[0].venue_time.us, 1497169386000000);
  EXPECT_EQ(frame.trades[0].id, 0u);
  EXPECT_EQ(rows->Decode("now,1,1").reason, "time");
  EXPECT_EQ(rows->Decode("1,1").reason, "malformed");
}

TEST(StockTickRows, CountFromMidnightOfTheTapesDayAndScaleThePrice) {
  const auto midnight = NewYorkMidnight("20131007");
  ASSERT_TRUE(midnight.ok()) << midnight.status();
  EXPECT_EQ(midnight->us, 1381118400000000) << "daylight saving: UTC-4";
  const auto rows = MakeStockTickRows("tape", "SPY", *midnight);
  const auto& frame = rows->Decode("14400464,1674100,100,P,20002000,0");
  ASSERT_EQ(frame.kind, FrameKind::kTrades);
  EXPECT_EQ(frame.trades[0].symbol, "SPY");
  EXPECT_EQ(frame.trades[0].price.ToString(), "167.41");
  EXPECT_EQ(frame.trades[0].quantity.ToString(), "100");
  EXPECT_EQ(frame.trades[0].venue_time.us, 1381118400000000 + 14400464000);
  EXPECT_EQ(rows->Decode("14400464,1674100,100,P,20002000,1").kind, FrameKind::kTrades)
      << "a suspicious trade is a trade";
  EXPECT_EQ(rows->Decode("99999999999,1,1,P,0,0").reason, "time");
}

TEST(NewYorkMidnight, KnowsWinterAndRefusesWhatIsNoDay) {
  EXPECT_EQ(NewYorkMidnight("20140106")->us, 1388984400000000);
  EXPECT_FALSE(NewYorkMidnight("2013100").ok());
  EXPECT_FALSE(NewYorkMidnight("yesterda").ok());
}

}  // namespace
}  // namespace quantstream::ingest
