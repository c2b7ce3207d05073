#include "tests/integration/processor/processor_fixture.h"

#include <algorithm>
#include <cmath>

#include "market/instrument.h"
#include "market/interval.h"
#include "market/trade_codec.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;
using test_support::RunCommand;
using test_support::WaitFor;

constexpr milliseconds kBound{20'000};
constexpr uint64_t kSession = 77;

int64_t MarketUs(double second) {
  return ProcessorWorld::kStartS * kMicrosecondsPerSecond + std::llround(second * 1e6);
}

}  // namespace

ProcessorWorld::ProcessorWorld(const Surroundings& surroundings)
    : postgres_port(surroundings.postgres.port()),
      kafka_(surroundings.kafka),
      postgres_(surroundings.postgres),
      prefix_(surroundings.kafka),
      database_(surroundings.postgres) {}

ProcessorWorld::~ProcessorWorld() {
  if (::testing::Test::HasFailure()) {
    for (const auto& process : processors_) {
      printf("processor %d:\n%s\n", process->pid(), process->Output().c_str());
    }
  }
}

std::unique_ptr<kafka::Topics> ProcessorWorld::ConnectTopics() const {
  auto topics = kafka::Topics::Connect({{"bootstrap.servers", kafka_.bootstrap()}});
  EXPECT_TRUE(topics.ok()) << topics.status();
  return *std::move(topics);
}

void ProcessorWorld::MakeTopics(int32_t partitions) {
  absl::Status made =
      ConnectTopics()->Ensure({.name = TradesTopic(), .partitions = partitions}, kBound);
  ASSERT_TRUE(made.ok()) << made;
}

int32_t ProcessorWorld::PartitionOfSymbol(const std::string& symbol) {
  return PartitionOf("binance:" + symbol, kPartitions);
}

void ProcessorWorld::AddTrade(const std::string& symbol, double second, int64_t price,
                              int64_t quantity) {
  auto& sent = sent_[symbol];
  Kept kept{MarketUs(second), sent.size() + 1, price, quantity};
  sent.push_back(kept);
  pending_[PartitionOfSymbol(symbol)].emplace_back(symbol, kept);
}

std::string ProcessorWorld::Encode(int32_t partition, double heartbeat_second) {
  TradeBatch batch;
  batch.node = "test";
  batch.session = kSession;
  batch.sequence = sequences_[partition]++;
  for (const auto& [symbol, kept] : pending_[partition]) {
    Trade trade;
    trade.venue = "binance";
    trade.symbol = symbol;
    trade.price = Decimal{kept.price, 2};
    trade.quantity = Decimal{kept.quantity, 3};
    trade.venue_time = EventTime{kept.time_us};
    trade.receive_time = EventTime{kept.time_us + 1'000};
    trade.aggressor_side = Side::kBuy;
    trade.id = kept.id;
    batch.trades.push_back(trade);
  }
  Heartbeat heartbeat;
  heartbeat.venue = "binance";
  heartbeat.venue_time = EventTime{MarketUs(heartbeat_second)};
  heartbeat.connected = true;
  batch.heartbeats.push_back(heartbeat);
  std::string bytes;
  EncodeTradeBatch(batch, bytes);
  pending_[partition].clear();
  return bytes;
}

void ProcessorWorld::MakeProducer() {
  if (producer_ != nullptr) {
    return;
  }
  kafka::ProducerOptions options;
  options.client = {{"bootstrap.servers", kafka_.bootstrap()}};
  auto producer = kafka::Producer::Create(options, [](const kafka::Delivery& delivery) {
    EXPECT_TRUE(delivery.status.ok()) << delivery.status;
  });
  ASSERT_TRUE(producer.ok()) << producer.status();
  producer_ = *std::move(producer);
}

void ProcessorWorld::Produce(int32_t partition, const std::string& bytes) {
  MakeProducer();
  absl::Status produced = producer_->Produce(TradesTopic(), partition, bytes, 0);
  ASSERT_TRUE(produced.ok()) << produced;
}

void ProcessorWorld::Send(double second) {
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    Produce(partition, Encode(partition, second));
  }
  absl::Status flushed = producer_->Flush(milliseconds(60'000));
  ASSERT_TRUE(flushed.ok()) << flushed;
}

void ProcessorWorld::SendRaw(int32_t partition, const std::string& bytes) {
  Produce(partition, bytes);
  ASSERT_TRUE(producer_->Flush(kBound).ok());
}

// Ten trades a second and instrument, the third of each second two seconds late: it revises.
void ProcessorWorld::SendMarket(int first_second, int seconds) {
  for (int second = first_second; second < first_second + seconds; ++second) {
    for (const char* symbol : {"BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"}) {
      for (int i = 0; i < 10; ++i) {
        double at = second + i / 10.0 - (i == 3 && second >= 4 ? 3.0 : 0.0);
        int64_t price = 10'000 + (second * 31 + i * 17 + symbol[0]) % 97;
        AddTrade(symbol, at, price, 1 + (second + i) % 7);
      }
    }
    Send(second + 0.95);
  }
}

std::map<std::string, std::string> ProcessorWorld::Options() const {
  return {{"topic_prefix", prefix_.text()},
          {"group_id", prefix_.text() + "processor"},
          {"partitions", std::to_string(kPartitions)},
          {"session_timeout_ms", "6000"},
          {"grace_ms", "0"},
          {"admin_port", std::to_string(admin_port_)},
          {"kafka", "{bootstrap.servers: \"" + kafka_.bootstrap() + "\"}"},
          {"postgres", "{host: 127.0.0.1, port: \"" + std::to_string(postgres_port) +
                           "\", user: quantstream, dbname: " + database_.name() + "}"}};
}

std::string ProcessorWorld::ConfigText(const std::map<std::string, std::string>& options) const {
  std::string text;
  for (const auto& [name, value] : options) {
    text += name + ": " + value + "\n";
  }
  return text;
}

test_support::Process& ProcessorWorld::StartProcessor(std::map<std::string, std::string> options) {
  admin_port_ = test_support::FreePort();
  options.merge(Options());
  std::string config = folder_.Write("processor-" + std::to_string(processors_.size()) + ".yaml",
                                     ConfigText(options));
  processors_.push_back(std::make_unique<test_support::Process>(
      std::vector<std::string>{test_support::Binary("quantstream-processor"), "--config", config}));
  return *processors_.back();
}

std::string ProcessorWorld::Admin(const std::string& path) const {
  return RunCommand({"/usr/bin/curl", "--silent", "--max-time", "3",
                     "http://127.0.0.1:" + std::to_string(admin_port_) + path})
      .output;
}

bool ProcessorWorld::HasMetric(const std::string& line) const {
  return ("\n" + Admin("/metrics")).find("\nquantstream_processor_" + line) != std::string::npos;
}

std::string ProcessorWorld::Query(const std::string& sql) const {
  return test_support::Query(database_.ConnectionString(), sql);
}

std::string ProcessorWorld::Rows(const std::string& symbol, int interval_s) const {
  return Query("SELECT extract(epoch FROM open_time)::bigint - " + std::to_string(kStartS) +
               ", trade_count, (open * 100)::bigint, (close * 100)::bigint, "
               "(volume * 1000)::bigint FROM candles_v WHERE instrument = 'binance:" +
               symbol + "' AND interval_s = " + std::to_string(interval_s) + " ORDER BY open_time");
}

std::string ProcessorWorld::ExpectedRows(const std::string& symbol, int interval_s) const {
  std::vector<Kept> sorted = sent_.at(symbol);
  std::sort(sorted.begin(), sorted.end(), [](const Kept& a, const Kept& b) {
    return std::pair(a.time_us, a.id) < std::pair(b.time_us, b.id);
  });
  struct Window {
    int64_t count = 0, open = 0, close = 0, volume = 0;
  };
  std::map<int64_t, Window> windows;
  for (const Kept& kept : sorted) {
    int64_t start = WindowStart(EventTime{kept.time_us}, {interval_s}).us / kMicrosecondsPerSecond;
    Window& window = windows[start - kStartS];
    window.open = window.count++ == 0 ? kept.price : window.open;
    window.close = kept.price;
    window.volume += kept.quantity;
  }
  std::string text;
  for (const auto& [start, window] : windows) {
    text += (text.empty() ? "" : "\n") + std::to_string(start) + "|" +
            std::to_string(window.count) + "|" + std::to_string(window.open) + "|" +
            std::to_string(window.close) + "|" + std::to_string(window.volume);
  }
  return text;
}

::testing::AssertionResult ProcessorWorld::RowsAreExact(std::chrono::seconds bound) {
  std::string difference;
  bool same = WaitFor(
      [&] {
        for (const auto& [symbol, trades] : sent_) {
          for (int interval_s : {1, 5, 60}) {
            std::string rows = Rows(symbol, interval_s);
            std::string expected = ExpectedRows(symbol, interval_s);
            if (rows != expected) {
              difference = symbol + " " + std::to_string(interval_s) + "s:\n" + rows +
                           "\nbut expected:\n" + expected;
              return false;
            }
          }
        }
        return true;
      },
      bound);
  return same ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << difference;
}

std::vector<KeptRecord> ProcessorWorld::Read(const std::string& topic, int32_t partitions) {
  kafka::ConsumerOptions options;
  options.client = {{"bootstrap.servers", kafka_.bootstrap()}};
  options.topic = topic;
  auto reader = kafka::Consumer::MakeReader(options);
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<KeptRecord> kept;
  int64_t left = 0;
  for (int32_t partition = 0; partition < partitions; ++partition) {
    auto range = (*reader)->QueryLogRange(partition, kBound);
    EXPECT_TRUE(range.ok() || absl::IsNotFound(range.status())) << range.status();
    if (range.ok() && range->end > range->start) {
      left += range->end - range->start;
      EXPECT_TRUE((*reader)->Start(partition, {range->start, -1}).ok());
    }
  }
  EXPECT_TRUE(WaitFor([&] {
    for (const kafka::RecordView& view : (*reader)->Poll(milliseconds(100)).records) {
      kafka::Headers headers = kafka::HeadersOf(view);
      kept.push_back({view.partition,
                      view.offset,
                      std::string(view.payload),
                      {headers.begin(), headers.end()}});
      --left;
    }
    return left <= 0;
  }));
  return kept;
}

}  // namespace quantstream::processor
