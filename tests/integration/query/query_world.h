// A real Kafka, a real PostgreSQL and a running quantstream-query; the test plays the processor by
// hand.
#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "market/candle_codec.h"
#include "platform/kafka/producer.h"
#include "platform/kafka/topics.h"
#include "platform/postgres/connection.h"
#include "quantstream/v1/market_data.grpc.pb.h"
#include "tests/support/kafka_server.h"
#include "tests/support/postgres_server.h"
#include "tests/support/process.h"

namespace quantstream::query::testing {

inline constexpr int32_t kPartitions = 4;
inline constexpr char kBtc[] = "binance:BTC-USDT";
inline constexpr char kEth[] = "binance:ETH-USDT";

// A candle of one trade; times in seconds.
KeyedCandle MakeCandle(const std::string& instrument, int32_t interval_s, int64_t open_s,
                       CandleState state, int64_t version, const std::string& price = "100.5");

class QueryWorld {
 public:
  // Not started yet: stores and topics can be filled first.
  explicit QueryWorld(
      const test_support::KafkaServer& kafka = test_support::KafkaServer::Shared(),
      const test_support::PostgresServer& postgres = test_support::PostgresServer::Shared());
  ~QueryWorld();

  // Runs the binary and waits until it is ready; `options` go into its environment.
  void Start(std::map<std::string, std::string> options = {});
  test_support::Process& process() { return *process_; }
  v1::MarketData::Stub& stub() { return *stub_; }
  std::shared_ptr<grpc::Channel> channel() { return channel_; }
  int grpc_port() const { return grpc_port_; }
  int admin_port() const { return admin_port_; }
  // Waits until /readyz answers with this text.
  bool Ready(const std::string& says) const;

  // A connection to PostgreSQL.
  std::unique_ptr<postgres::Connection> Connect() const;
  // The test's own one, made anew after a restart.
  void Reconnect();

  // As a commit of the processor: rows, and next_offset of the partition.
  void Commit(const std::vector<KeyedCandle>& candles, int64_t next_offset);
  // As its publisher.
  void PublishClosed(const std::vector<KeyedCandle>& candles);
  void PublishOpen(const std::vector<KeyedCandle>& candles);
  void PublishProgress(const std::string& instrument, int64_t next_offset, int64_t closed_until_s);
  void PublishBytes(int32_t partition, const std::string& bytes);
  // Topic trades is there from now on, empty; what was there is gone.
  void MakeTradesAgain();
  // As ingest does.
  void PublishTrades(int32_t partition, const std::string& bytes);
  // A number of /metrics, without labels; -1 = not there.
  int64_t Metric(const std::string& name) const;
  // Deletes topic candles and makes an empty one of that name.
  void MakeCandlesAgain();

  kafka::Topics& topics() { return *topics_; }
  std::string CandlesTopic() const { return prefix_.Topic("candles"); }
  std::string TradesTopic() const { return prefix_.Topic("trades"); }
  const test_support::TestDatabase& database() const { return database_; }

 private:
  void EnsureTopic(const std::string& topic);
  void DeleteTopic(const std::string& topic);
  void Publish(const std::string& topic, int32_t partition, const std::string& bytes);
  void MakeProducer();
  void Insert(const KeyedCandle& candle);

  const test_support::KafkaServer& kafka_;
  test_support::TestDatabase database_;
  test_support::TopicPrefix prefix_;
  int postgres_port_;
  int grpc_port_ = 0;
  int admin_port_ = 0;
  std::unique_ptr<postgres::Connection> connection_;
  std::unique_ptr<kafka::Topics> topics_;
  std::unique_ptr<kafka::Producer> producer_;
  std::unique_ptr<test_support::Process> process_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::MarketData::Stub> stub_;
};

}  // namespace quantstream::query::testing
