#include "ingest/config.h"

#include <gtest/gtest.h>

#include "ingest/venue/venue.h"

namespace quantstream::ingest {
namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

class IngestConfigTest : public testing::Test {
 protected:
  std::string Problems(const Environment& environment) {
    return config::Describe(options_.Apply(nullptr, environment));
  }
  IngestConfig config_;
  config::OptionSet options_ = IngestOptions(&config_);
};

TEST_F(IngestConfigTest, NeedsOnlyInstrumentsForALiveFeed) {
  EXPECT_EQ(Problems({{"QUANTSTREAM_INGEST_INSTRUMENTS", "BTC-USDT,ETH-USDT"}}), "");
  EXPECT_EQ(config_.instruments.size(), 2u);
  EXPECT_EQ(config_.linger_ms, 2);
  EXPECT_EQ(config_.hold_on_disconnect_ms, 60'000);
  EXPECT_EQ(config_.partitions, 12);
  EXPECT_EQ(config_.admin_port, 9101);
}

TEST_F(IngestConfigTest, SaysWhatALiveFeedAndAReplayNeed) {
  EXPECT_NE(Problems({}).find("instruments"), std::string::npos);
  EXPECT_NE(Problems({{"QUANTSTREAM_INGEST_FEED", "replay"}}).find("files"), std::string::npos);
  EXPECT_EQ(Problems({{"QUANTSTREAM_INGEST_FEED", "replay"}, {"QUANTSTREAM_INGEST_FILES", "a.gz"}}),
            "");
}

TEST_F(IngestConfigTest, NamesEveryValueThatIsNotLegal) {
  const std::string problems = Problems({{"QUANTSTREAM_INGEST_INSTRUMENTS", "BTC-USDT,BTC-USDT"},
                                         {"QUANTSTREAM_INGEST_WEBSOCKET_URL", "http://x"},
                                         {"QUANTSTREAM_INGEST_REST_URL", "x"},
                                         {"QUANTSTREAM_INGEST_CHANNEL", "kline"},
                                         {"QUANTSTREAM_INGEST_VENUE", "Bin:ance"},
                                         {"QUANTSTREAM_INGEST_MUTE_AFTER_MAX_MS", "200"}});
  for (const char* name : {"websocket_url", "rest_url", "channel", "venue", "mute_after_max_ms"}) {
    EXPECT_NE(problems.find(name), std::string::npos) << name << " in " << problems;
  }
}

TEST_F(IngestConfigTest, LetsATestVenueStandInUnderAnotherName) {
  EXPECT_EQ(Problems({{"QUANTSTREAM_INGEST_INSTRUMENTS", "BTC-USDT"},
                      {"QUANTSTREAM_INGEST_VENUE", "hitbtc"},
                      {"QUANTSTREAM_INGEST_DECODER", "binance"},
                      {"QUANTSTREAM_INGEST_WEBSOCKET_URL", "ws://127.0.0.1:9080/stream"}}),
            "");
}

TEST_F(IngestConfigTest, KeepsTheVenuesNamesAndTheirRegistryTogether) {
  for (const std::string& name : VenueNames()) EXPECT_NE(FindVenue(name), nullptr);
}

}  // namespace
}  // namespace quantstream::ingest
