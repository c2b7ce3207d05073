// Fills topic `trades` with a benchmark's market flow as ingest would write it: batches of `linger`
// per partition, or one trade per record; heartbeats with each batch and every 100 ms. As fast as
// it goes, or at the flow's own rate (--pace).
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bench/market_flow.h"
#include "market/instrument.h"
#include "market/trade_codec.h"
#include "platform/kafka/producer.h"
#include "platform/kafka/topics.h"

namespace {

using namespace quantstream;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kPartitions = 12;
constexpr int64_t kHeartbeatPeriodUs = 100'000;
constexpr int64_t kMarginUs = 1'000;

struct FillOptions {
  std::string brokers, topic, venue = "bench";
  bench::FlowOptions flow;
  int64_t linger_us = 2'000;
  bool single = false;
  bool pace = false;
};

// One partition's record in the making.
struct Pending {
  TradeBatch batch;
  uint64_t sequence = 0;
  int64_t heartbeat_us = 0;  // arrival time of the last one
};

class Filler {
 public:
  Filler(const FillOptions& options, kafka::Producer& producer)
      : options_(options), producer_(producer), pending_(kPartitions) {
    for (int i = 0; i < options.flow.instruments; ++i) {
      symbols_.push_back(bench::MarketFlow::SymbolOf(i));
      partition_of_.push_back(PartitionOf(options.venue + ":" + symbols_.back(), kPartitions));
    }
  }

  void Add(const bench::FlowTrade& from) {
    size_t partition = static_cast<size_t>(partition_of_[static_cast<size_t>(from.instrument)]);
    Trade trade;
    trade.venue = options_.venue;
    trade.symbol = symbols_[static_cast<size_t>(from.instrument)];
    trade.price = Decimal{from.price, 2};
    trade.quantity = Decimal{from.quantity, 5};
    trade.venue_time = EventTime{from.time_us};
    trade.receive_time = EventTime{from.arrival_us};
    trade.aggressor_side = from.buy ? Side::kBuy : Side::kSell;
    trade.source = TradeSource::kLive;
    trade.id = from.id;
    newest_us_ = std::max(newest_us_, from.time_us);
    pending_[partition].batch.trades.push_back(trade);
    if (options_.single || pending_[partition].batch.trades.size() >= 1'000) {
      Flush(partition, from.arrival_us, !options_.single);
    }
  }

  // Sends what has waited for `linger`, and heartbeats that are due.
  void AdvanceTo(int64_t arrival_us) {
    if (arrival_us < linger_ends_us_) return;
    linger_ends_us_ = arrival_us + options_.linger_us;
    for (size_t p = 0; p < pending_.size(); ++p) {
      bool due = arrival_us - pending_[p].heartbeat_us >= kHeartbeatPeriodUs;
      if (!pending_[p].batch.trades.empty() || due) Flush(p, arrival_us, true);
    }
  }

  void Finish(int64_t arrival_us) {
    for (size_t p = 0; p < pending_.size(); ++p) Flush(p, arrival_us, true, true);
    (void)producer_.Flush(120s);
  }

  int64_t records() const { return records_; }

 private:
  void Flush(size_t partition, int64_t arrival_us, bool heartbeat, bool finished = false) {
    Pending& pending = pending_[partition];
    pending.batch.node = "bench-1";
    pending.batch.session = 1;
    pending.batch.sequence = pending.sequence++;
    if (heartbeat) {
      Heartbeat beat{options_.venue, EventTime{newest_us_ - kMarginUs}, true, false, finished};
      pending.batch.heartbeats.push_back(beat);
      pending.heartbeat_us = arrival_us;
    }
    bytes_.clear();
    EncodeTradeBatch(pending.batch, bytes_);
    while (!producer_.Produce(options_.topic, static_cast<int32_t>(partition), bytes_, 0).ok()) {
      producer_.Poll(10ms);
    }
    if (++records_ % 1'000 == 0) producer_.Poll(0ms);
    pending.batch.Clear();
  }

  const FillOptions& options_;
  kafka::Producer& producer_;
  std::vector<Pending> pending_;
  std::vector<std::string> symbols_;
  std::vector<int32_t> partition_of_;
  std::string bytes_;
  int64_t newest_us_ = 0;
  int64_t linger_ends_us_ = 0;
  int64_t records_ = 0;
};

bool ParseOptions(int argc, char** argv, FillOptions& options) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  auto number = [&](const char* name, int64_t fallback) {
    return given.count(name) != 0 ? std::atoll(given[name].c_str()) : fallback;
  };
  options.brokers = given["--brokers"];
  options.topic = given["--topic"];
  options.flow.trades = number("--trades", options.flow.trades);
  options.flow.instruments = static_cast<int>(number("--instruments", options.flow.instruments));
  options.flow.trades_per_second = number("--rate", options.flow.trades_per_second);
  options.flow.seed = static_cast<uint64_t>(number("--seed", 1));
  options.single = number("--single", 0) != 0;
  options.pace = number("--pace", 0) != 0;
  return !options.brokers.empty() && !options.topic.empty();
}

}  // namespace

int main(int argc, char** argv) {
  FillOptions options;
  if (!ParseOptions(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: fill --brokers HOST:PORT --topic NAME [--trades N] [--instruments N] "
                 "[--rate N] [--seed N] "
                 "[--single 1] [--pace 1]\n");
    return 2;
  }
  config::Properties client{{"bootstrap.servers", options.brokers}};
  auto topics = kafka::Topics::Connect(client);
  kafka::TopicSpec spec{.name = options.topic, .partitions = kPartitions};
  if (!topics.ok() || !(*topics)->Ensure(spec, 30s).ok()) return 1;
  kafka::ProducerOptions producing{
      .client = client, .client_id = "bench-fill", .linger_ms = options.pace ? 0 : 5};
  auto producer = kafka::Producer::Create(producing, [](const kafka::Delivery&) {});
  if (!producer.ok()) return 1;

  Filler filler(options, **producer);
  bench::MarketFlow flow(options.flow);
  auto begin = Clock::now();
  int64_t last_us = 0;
  for (bench::FlowTrade trade; flow.Next(trade);) {
    if (options.pace) {
      std::this_thread::sleep_until(
          begin + std::chrono::microseconds(trade.arrival_us - options.flow.start_us));
    }
    filler.AdvanceTo(trade.arrival_us);
    filler.Add(trade);
    last_us = trade.arrival_us;
  }
  if (last_us > 0) filler.Finish(last_us + 1'000);
  double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("{\"trades\": %" PRId64 ", \"records\": %" PRId64 ", \"seconds\": %.1f}\n",
              options.flow.trades, filler.records(), seconds);
  return 0;
}
