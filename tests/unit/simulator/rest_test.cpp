#include "ingest/simulator/rest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/simulator/venue_fixture.h"

namespace quantstream::simulator {
namespace {

using ::testing::HasSubstr;

class RestTest : public ::testing::Test {
 protected:
  RestTest() {
    for (uint64_t id = 11; id <= 15; ++id) f_.source->AddTrade(0, id);
    f_.venue->Pump(0);
  }
  HttpAnswer Get(std::string_view target) { return AnswerRest(*f_.venue, target, 1234); }

  VenueFixture f_{{.history_trades_max = 4}};
};

TEST_F(RestTest, ExchangeInfoTellsBaseAndQuote) {
  EXPECT_THAT(
      Get("/api/v3/exchangeInfo").body,
      HasSubstr(
          R"({"symbol":"ETHUSDT","status":"TRADING","baseAsset":"ETH","quoteAsset":"USDT"})"));
  EXPECT_EQ(Get("/api/v3/exchangeInfo?symbol=BTCUSDT").body.find("ETHUSDT"), std::string::npos);
  EXPECT_EQ(Get("/api/v3/exchangeInfo?symbol=NONE").status, 400);
}

TEST_F(RestTest, TradesAreTheNewestOldestFirst) {
  const HttpAnswer answer = Get("/api/v3/trades?symbol=BTCUSDT&limit=2");
  EXPECT_LT(answer.body.find(R"("id":14)"), answer.body.find(R"("id":15)"));
  EXPECT_EQ(answer.body.find(R"("id":13)"), std::string::npos);
  EXPECT_EQ(Get("/api/v3/trades?symbol=BTCUSDT").body.find(R"("id":11)"), std::string::npos);
}

TEST_F(RestTest, HistoricalTradesBeginAtAnId) {
  const HttpAnswer answer = Get("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=13&limit=2");
  EXPECT_THAT(answer.body, HasSubstr(R"("id":13)"));
  EXPECT_THAT(answer.body, HasSubstr(R"("id":14)"));
  EXPECT_EQ(answer.body.find(R"("id":15)"), std::string::npos);
}

TEST_F(RestTest, BadRequestsAreRefused) {
  EXPECT_EQ(Get("/api/v3/trades?symbol=NONE").status, 400);
  EXPECT_EQ(Get("/api/v3/trades?symbol=BTCUSDT&limit=0").status, 400);
  EXPECT_EQ(Get("/api/v3/trades?symbol=BTCUSDT&limit=x").status, 400);
  EXPECT_EQ(Get("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=x").status, 400);
  EXPECT_EQ(Get("/api/v3/nothing").status, 404);
}

}  // namespace
}  // namespace quantstream::simulator
