#include "ingest/simulator/venue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/simulator/venue_fixture.h"

namespace quantstream::simulator {
namespace {

TEST(Venue, SendsAStreamToWhoSubscribedToIt) {
  VenueFixture f;
  KeepingClient btc;
  KeepingClient both;
  f.venue->Subscribe(&btc, {"btcusdt@trade"}, TimeUnit::kMilliseconds);
  f.venue->Subscribe(&both, {"btcusdt@trade", "ethusdt@trade"}, TimeUnit::kMicroseconds);
  f.source->AddTrade(0, 1);
  f.source->AddTrade(1, 2);
  f.venue->Pump(0);
  ASSERT_EQ(btc.frames.size(), 1u);
  EXPECT_THAT(btc.frames[0], ::testing::HasSubstr(R"("T":1000,)"));
  ASSERT_EQ(both.frames.size(), 2u);
  EXPECT_THAT(both.frames[0], ::testing::HasSubstr(R"("T":1000000,)"));
  EXPECT_EQ(btc.flushes, 1);
  EXPECT_EQ(f.venue->status().trades_sent, 2u);
}

TEST(Venue, WhatNobodySubscribedToIsNotSent) {
  VenueFixture f;
  KeepingClient client;
  f.venue->Subscribe(&client, {"btcusdt@trade", "nosuch@trade"}, TimeUnit::kMilliseconds);
  f.venue->Unsubscribe(&client, {"btcusdt@trade"});
  f.source->AddTrade(0, 1);
  f.venue->Pump(0);
  EXPECT_TRUE(client.frames.empty());
  EXPECT_EQ(f.venue->status().without_client, 1u);
}

TEST(Venue, AClientThatLeftIsNeverTouchedAgain) {
  VenueFixture f;
  auto client = std::make_unique<KeepingClient>();
  f.venue->Subscribe(client.get(), {"btcusdt@trade"}, TimeUnit::kMilliseconds);
  f.venue->Leave(client.get());
  client.reset();
  f.source->AddTrade(0, 1);
  f.venue->Pump(0);
  EXPECT_EQ(f.venue->status().trades_sent, 0u);
}

TEST(Venue, WaitsUntilEveryTradeStreamIsSubscribed) {
  VenueFixture f({.start_when_subscribed = true});
  KeepingClient client;
  f.source->AddTrade(0, 1);
  f.venue->Subscribe(&client, {"btcusdt@trade"}, TimeUnit::kMilliseconds);
  f.venue->Pump(0);
  EXPECT_FALSE(f.venue->status().started);
  f.venue->Subscribe(&client, {"ethusdt@trade"}, TimeUnit::kMilliseconds);
  f.venue->Pump(0);
  EXPECT_EQ(client.frames.size(), 1u);
}

TEST(Venue, ARecordingWaitsForASlowClient) {
  VenueFixture f({.wait_bytes = 100});
  KeepingClient client;
  f.venue->Subscribe(&client, {"btcusdt@trade"}, TimeUnit::kMilliseconds);
  f.source->AddTrade(0, 1);
  client.queued = 101;
  f.venue->Pump(0);
  EXPECT_TRUE(client.frames.empty());
  client.queued = 100;
  f.venue->Pump(0);
  EXPECT_EQ(client.frames.size(), 1u);
}

TEST(Venue, AMuteVenueSendsNothingAndKeepsItsHistory) {
  VenueFixture f;
  KeepingClient client;
  f.venue->Subscribe(&client, {"btcusdt@trade"}, TimeUnit::kMilliseconds);
  f.venue->Mute(true);
  f.source->AddTrade(0, 1);
  f.venue->Pump(0);
  EXPECT_TRUE(client.frames.empty());
  EXPECT_EQ(f.venue->History("BTCUSDT")->size(), 1u);
}

TEST(Venue, TheLedgerHasALineForEveryTradeSent) {
  char pattern[] = "/tmp/ledger.XXXXXX";
  const std::string folder = ::mkdtemp(pattern);
  const std::string path = folder + "/ledger.csv";
  VenueFixture f({}, {.duplicate = 1, .reorder_bound = 1}, path);
  KeepingClient client;
  f.venue->Subscribe(&client, {"btcusdt@trade"}, TimeUnit::kMilliseconds);
  f.source->AddTrade(0, 7);
  f.source->AddTrade(1, 8);
  f.venue->Pump(0);
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text,
            "stream,id,time,price,qty,seq,buyer_is_maker\n"
            "btcusdt@trade,7,1000,5.00000000,2.00000000,1,false\n"
            "btcusdt@trade,7,1000,5.00000000,2.00000000,2,false\n");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace quantstream::simulator
