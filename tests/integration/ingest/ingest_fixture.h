// What the integration tests of ingest share: the binaries as processes, their admin port, and
// topics read back whole.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "market/trade.h"
#include "platform/kafka/consumer.h"
#include "tests/support/kafka_server.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace quantstream::ingest {

using Settings = std::map<std::string, std::string>;

// One HTTP request to loopback; empty when nobody answers.
std::string Http(int port, const std::string& method, const std::string& target,
                 const std::string& body = "");

// A record that came from Kafka, decoded. Views point into `bytes`.
struct StoredBatch {
  int32_t partition = 0;
  std::shared_ptr<std::string> bytes;
  TradeBatch batch;
};

// Reads a topic from its start on, as far as it is.
class TopicTail {
 public:
  TopicTail(const std::string& bootstrap, const std::string& topic);

  // Takes what has come since the last call, waiting up to `wait` for the first.
  void Take(std::chrono::milliseconds wait = std::chrono::milliseconds(100));

  std::vector<StoredBatch> batches;                         // of topic trades
  std::vector<std::pair<std::string, kafka::Headers>> raw;  // of any other
  // Trades of the first copy of each (node, session, sequence), by symbol and id.
  std::map<std::string, std::map<uint64_t, Trade>> TradesBySymbol() const;
  size_t DistinctTrades() const;
  bool Finished() const;  // every partition has heard so

 private:
  bool trades_ = false;
  int32_t partitions_ = 0;
  std::unique_ptr<kafka::Consumer> reader_;
};

// quantstream-ingest with its own topics.
class IngestProcess {
 public:
  IngestProcess(const std::string& bootstrap, const std::string& topic_prefix, Settings settings);

  test_support::Process& process() { return *process_; }
  // A value of /metrics, 0 when it is not there: `quantstream_ingest_trades_total`, also with
  // labels.
  double Metric(const std::string& name) const;
  // Over all its labels.
  double MetricSum(const std::string& name) const;
  std::string Readiness() const { return Http(admin_port_, "GET", "/readyz"); }
  bool Ready() const { return Readiness().starts_with("HTTP/1.1 200"); }

 private:
  test_support::TempDir dir_;
  int admin_port_;
  std::unique_ptr<test_support::Process> process_;
};

// quantstream-simulator: a venue that misbehaves on request.
class SimulatedVenue {
 public:
  explicit SimulatedVenue(Settings settings = {});

  std::string ws_url() const { return "ws://127.0.0.1:" + std::to_string(ws_port_) + "/stream"; }
  std::string wss_url(const std::string& host) const {
    return "wss://" + host + ":" + std::to_string(wss_port_) + "/stream";
  }
  std::string ca_file() const { return dir_.path() + "/tls/ca.pem"; }
  void Control(const std::string& what, const std::string& body = "") const;
  test_support::Process& process() { return *process_; }
  // Ids of the trades that it sent, by symbol, as it wrote them down.
  std::map<std::string, std::set<uint64_t>> SentIds() const;
  size_t SentTrades() const;

 private:
  test_support::TempDir dir_;
  int ws_port_;
  int wss_port_;
  std::unique_ptr<test_support::Process> process_;
};

}  // namespace quantstream::ingest
