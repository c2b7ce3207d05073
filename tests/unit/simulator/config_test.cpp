#include "ingest/simulator/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream::simulator {
namespace {

config::Problems Apply(SimulatorConfig* config,
                       const std::vector<std::pair<std::string, std::string>>& environment) {
  return SimulatorOptions(config).Apply(nullptr, environment);
}

TEST(SimulatorConfig, TheDefaultsMakeAMarket) {
  SimulatorConfig config;
  EXPECT_EQ(config::Describe(Apply(&config, {})), "");
  EXPECT_EQ(config.ws_port, 9080);
  EXPECT_EQ(config.wss_port, 9443);
  const auto source = MakeSource(config, 1);
  ASSERT_TRUE(source.ok());
  EXPECT_EQ((*source)->streams().front(), "btcusdt@trade");
  EXPECT_EQ(MakeServerOptions(config).limits.ping_interval_ms, 20'000);
}

TEST(SimulatorConfig, InstrumentsMustBeBaseAndQuoteAndDiffer) {
  SimulatorConfig config;
  const config::Problems problems =
      Apply(&config, {{"QUANTSTREAM_SIMULATOR_INSTRUMENTS", "BTC-USDT,btcusdt,BTC-USDT"}});
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0].what, ::testing::HasSubstr("'btcusdt' is not BASE-QUOTE"));
  EXPECT_THAT(problems[1].what, ::testing::HasSubstr("given twice"));
}

TEST(SimulatorConfig, RatesHaveBounds) {
  SimulatorConfig config;
  EXPECT_EQ(Apply(&config, {{"QUANTSTREAM_SIMULATOR_TRADES_PER_S", "100001"},
                            {"QUANTSTREAM_SIMULATOR_SKIP_SHARE", "1.5"}})
                .size(),
            2u);
}

TEST(SimulatorConfig, ExtraInstrumentsAreNamedByNumber) {
  SimulatorConfig config;
  Apply(&config, {{"QUANTSTREAM_SIMULATOR_EXTRA_INSTRUMENTS", "2"}});
  const auto source = MakeSource(config, 1);
  ASSERT_TRUE(source.ok());
  EXPECT_EQ((*source)->symbols().back().Name(), "SIM2USDT");
}

}  // namespace
}  // namespace quantstream::simulator
