// A database with our schema for each test, a store on it, and short ways to make what a commit
// holds.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "market/trade_codec.h"
#include "platform/postgres/migrations.h"
#include "processor/store.h"
#include "tests/support/postgres_server.h"
#include "tests/support/wait.h"

namespace quantstream::processor {

class StoreTest : public ::testing::Test {
 protected:
  static constexpr char kName[] = "binance:BTC-USDT";

  void SetUp() override {
    auto connection = postgres::Connection::Open(OptionsAt(server_.port()).connection);
    ASSERT_TRUE(connection.ok()) << connection.status();
    absl::Status migrated = postgres::ApplyMigrations(**connection, postgres::EmbeddedMigrations());
    ASSERT_TRUE(migrated.ok()) << migrated;
  }

  StoreOptions OptionsAt(int port) const {
    StoreOptions options;
    options.connection.client = {{"host", "127.0.0.1"},
                                 {"port", std::to_string(port)},
                                 {"user", "quantstream"},
                                 {"dbname", database_.name()}};
    options.topic = "quantstream.trades";
    options.partition_count = 12;
    options.owner = "test";
    return options;
  }

  std::unique_ptr<PostgresStore> MakeStore() {
    return std::make_unique<PostgresStore>(OptionsAt(server_.port()), &metrics_);
  }

  static TakenOver TakeOver(Store& store, int32_t partition = 3) {
    auto taken = store.TakeOver(partition);
    EXPECT_TRUE(taken.ok()) << taken.status();
    return taken.ok() ? *std::move(taken) : TakenOver{};
  }

  static CommitOutcome Run(Store& store, Commit commit) {
    store.BeginCommit(std::move(commit));
    std::optional<CommitOutcome> outcome;
    EXPECT_TRUE(test_support::WaitFor([&] {
      outcome = store.PollCommit();
      return outcome.has_value();
    }));
    return outcome.value_or(CommitOutcome{});
  }

  static CommitOutcome Run(Store& store, PartitionCommit part) {
    return Run(store, Commit{std::make_shared<const PartitionCommit>(std::move(part))});
  }

  // A commit that moves the partition by ten offsets and holds nothing else.
  static PartitionCommit After(const TakenOver& taken, int32_t partition = 3) {
    PartitionCommit part;
    part.partition = partition;
    part.epoch = taken.epoch;
    part.expected_next_offset = taken.row.next_offset;
    part.row = taken.row;
    part.row.next_offset = Offset{taken.row.next_offset.value + 10};
    return part;
  }

  // A candle of one trade of 2 at `price`.
  static CandleRow Row(Interval interval, int64_t open_s, int64_t price, int64_t version) {
    Trade trade;
    trade.venue = "binance";
    trade.symbol = "BTC-USDT";
    trade.price = {price, 0};
    trade.quantity = {2, 0};
    trade.venue_time = EventTime{open_s * kMicrosecondsPerSecond + 1};
    trade.id = 7;
    trade.aggressor_side = Side::kBuy;
    OrderKey key;
    key.time = trade.venue_time;
    key.id = trade.id;
    CandleRow row;
    row.key = {kName, interval, EventTime{open_s * kMicrosecondsPerSecond}};
    row.candle.values = OfTrade(trade, key);
    row.candle.state = CandleState::kFinal;
    row.candle.version = version;
    row.candle.lineage = OffsetSpan{Offset{1}, Offset{2}};
    row.is_new = true;
    return row;
  }

  static LateTradeRow Late(int64_t open_s, int64_t version) {
    TradeBatch batch;
    Trade trade;
    trade.venue = "binance";
    trade.symbol = "BTC-USDT";
    trade.price = {105, 1};
    trade.quantity = {3, 0};
    trade.venue_time = EventTime{open_s * kMicrosecondsPerSecond + 5};
    trade.id = 8;
    batch.trades.push_back(trade);
    LateTradeRow late{kName, EventTime{open_s * kMicrosecondsPerSecond}, version, 4, ""};
    EncodeTradeBatch(batch, late.batch);
    return late;
  }

  std::string Query(const std::string& sql) const {
    return test_support::Query(database_.ConnectionString(), sql);
  }

  test_support::PostgresServer& server_ = test_support::PostgresServer::Shared();
  test_support::TestDatabase database_;
  Metrics metrics_{std::make_shared<prometheus::Registry>()};
};

}  // namespace quantstream::processor
