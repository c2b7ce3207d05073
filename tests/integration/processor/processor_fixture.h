// The real processor between a real Kafka and a real PostgreSQL: writes trades as ingest does, runs
// the binary, and looks at rows, topics and metrics.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "market/trade.h"
#include "platform/kafka/consumer.h"
#include "platform/kafka/producer.h"
#include "platform/kafka/topics.h"
#include "tests/support/kafka_server.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace quantstream::processor {

// A record as a test keeps it.
struct KeptRecord {
  int32_t partition = 0;
  int64_t offset = 0;
  std::string payload;
  std::map<std::string, std::string> headers;
};

// Where a test runs: shared servers, or its own that it may break.
struct Surroundings {
  test_support::KafkaServer& kafka = test_support::KafkaServer::Shared();
  test_support::PostgresServer& postgres = test_support::PostgresServer::Shared();
};

class ProcessorWorld {
 public:
  static constexpr int32_t kPartitions = 2;
  static constexpr int64_t kStartS = 1'700'000'000 / 60 * 60;  // the first minute of the market

  explicit ProcessorWorld(const Surroundings& surroundings = {});
  ~ProcessorWorld();

  std::string TradesTopic() const { return prefix_.Topic("trades"); }
  std::string CandlesTopic() const { return prefix_.Topic("candles"); }
  std::string DeadLetterTopic() const { return prefix_.Topic("dead-letter"); }
  std::unique_ptr<kafka::Topics> ConnectTopics() const;
  void MakeTopics(int32_t partitions = kPartitions);

  // What ingest would write. A trade of `symbol` at `second` of the market; ids count up by
  // themselves.
  void AddTrade(const std::string& symbol, double second, int64_t price, int64_t quantity = 1);
  // The trades added since the last record, with a heartbeat at `second` for both partitions.
  void Send(double second);
  // Bytes that are no TradeBatch, or any other.
  void SendRaw(int32_t partition, const std::string& bytes);
  // `seconds` of trades of several instruments from `first_second` on, with their heartbeats.
  void SendMarket(int first_second, int seconds);
  static int32_t PartitionOfSymbol(const std::string& symbol);

  // Starts the binary; `options` are added to the configuration, a later one replaces. Its number
  // in `processors()`.
  test_support::Process& StartProcessor(std::map<std::string, std::string> options = {});
  std::map<std::string, std::string> Options() const;
  std::string ConfigText(const std::map<std::string, std::string>& options) const;
  std::vector<std::unique_ptr<test_support::Process>>& processors() { return processors_; }

  // Text of the admin port of the newest processor.
  std::string Admin(const std::string& path) const;
  bool HasMetric(const std::string& line) const;
  bool Ready() const { return Admin("/readyz").find("ready") == 0; }

  std::string Query(const std::string& sql) const;
  // Rows of an interval: open_time in seconds of the market, count, open, close, volume.
  std::string Rows(const std::string& symbol, int interval_s) const;
  // The same, computed from everything that AddTrade was given.
  std::string ExpectedRows(const std::string& symbol, int interval_s) const;
  // Waits until all 1 s, 5 s and 1 m rows are as expected; says where not.
  ::testing::AssertionResult RowsAreExact(std::chrono::seconds bound = std::chrono::seconds(60));

  // All records of a topic so far.
  std::vector<KeptRecord> Read(const std::string& topic, int32_t partitions);
  std::vector<KeptRecord> DeadLetters() { return Read(DeadLetterTopic(), 1); }

  const test_support::TestDatabase& database() const { return database_; }
  int postgres_port = 0;  // that processors connect to: a proxy's, when a test sets it

 private:
  struct Kept {
    int64_t time_us = 0;
    uint64_t id = 0;
    int64_t price = 0;
    int64_t quantity = 0;
  };
  void Produce(int32_t partition, const std::string& bytes);
  void MakeProducer();
  std::string Encode(int32_t partition, double heartbeat_second);

  test_support::KafkaServer& kafka_;
  test_support::PostgresServer& postgres_;
  test_support::TopicPrefix prefix_;
  test_support::TestDatabase database_;
  test_support::TempDir folder_;
  std::unique_ptr<kafka::Producer> producer_;
  std::map<std::string, std::vector<Kept>> sent_;  // by symbol
  std::map<int32_t, std::vector<std::pair<std::string, Kept>>> pending_;
  std::map<int32_t, uint64_t> sequences_;
  int admin_port_ = 0;
  std::vector<std::unique_ptr<test_support::Process>> processors_;
};

}  // namespace quantstream::processor
