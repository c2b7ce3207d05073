// Writes what the benchmark of query needs to Kafka, open-loop: each record is due at its time, and
// goes as soon as it is.
//
//   bench-query-feed trades  --instruments N --rate TRADES/S --trades N
//   bench-query-feed candles --partition P --rate RECORDS/S --records N --candles IN_EACH
//   bench-query-feed echo    --rate RECORDS/S --records N     how long Kafka alone takes
//
// All with --brokers B --topic T, and --partitions N of a topic that is not there yet.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/command.h"
#include "bench/query_flow.h"
#include "market/instrument.h"
#include "market/trade_codec.h"
#include "platform/kafka/consumer.h"
#include "platform/kafka/producer.h"
#include "platform/kafka/topics.h"
#include "processor/candle_events.h"

namespace quantstream::bench {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kHeartbeatPeriodUs = 100'000;
constexpr int64_t kMarginUs = 1'000;
constexpr int64_t kLeadUs = 200'000;  // from now to the first record

config::Properties ClientOf(const Arguments& arguments) {
  return {{"bootstrap.servers", arguments.Text("brokers")}};
}

void SleepUntil(int64_t system_us) {
  const int64_t left_us = system_us - SystemNowUs();
  if (left_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(left_us));
}

// A topic, made when it is missing, and a producer.
class Feed {
 public:
  explicit Feed(const Arguments& arguments)
      : topic_(arguments.Text("topic")),
        partitions_(static_cast<int32_t>(arguments.Number("partitions", 12))) {
    auto topics = kafka::Topics::Connect(ClientOf(arguments));
    const kafka::TopicSpec spec{.name = topic_, .partitions = partitions_};
    if (!topics.ok() || !(*topics)->Ensure(spec, 30s).ok()) Fail("no topic " + topic_);
    const kafka::ProducerOptions options{.client = ClientOf(arguments),
                                         .client_id = "bench-query-feed"};
    auto producer = kafka::Producer::Create(options, [](const kafka::Delivery& delivery) {
      if (!delivery.status.ok()) Fail("a record was not delivered");
    });
    if (!producer.ok()) Fail("no producer");
    producer_ = *std::move(producer);
  }

  void Send(int32_t partition, std::string_view bytes) {
    while (!producer_->Produce(topic_, partition, bytes, 0).ok()) producer_->Poll(1ms);
    if (++records_ % 256 == 0) producer_->Poll(0ms);
  }

  ~Feed() {
    if (!producer_->Flush(60s).ok()) Fail("records were not delivered");
  }

  int32_t partitions() const { return partitions_; }
  int64_t records() const { return records_; }

 private:
  const std::string topic_;
  const int32_t partitions_;
  std::unique_ptr<kafka::Producer> producer_;
  int64_t records_ = 0;
};

// As ingest with linger 0: what is due goes at once, of each partition in one record.
class TradeFeed {
 public:
  TradeFeed(const Arguments& arguments, Feed* feed)
      : feed_(feed),
        flow_{arguments.Text("venue"), arguments.Number("instruments", 100),
              arguments.Number("rate", 5'000)},
        session_(static_cast<uint64_t>(SystemNowUs())),
        pending_(static_cast<size_t>(feed->partitions())) {
    for (int64_t i = 0; i < flow_.instruments; ++i) {
      symbols_.push_back(TradeFlow::SymbolOf(i));
      partition_of_.push_back(PartitionOf(flow_.NameOf(i), feed->partitions()));
    }
  }

  void Run(int64_t trades) {
    start_us_ = SystemNowUs() + kLeadUs;
    for (int64_t n = 0; n < trades;) {
      SleepUntil(start_us_ + flow_.DueOf(n));
      const int64_t now_us = SystemNowUs();
      while (n < trades && start_us_ + flow_.DueOf(n) <= now_us) Add(n++);
      Send(start_us_ + flow_.DueOf(n - 1), now_us, false);
    }
    Send(start_us_ + flow_.DueOf(trades), SystemNowUs(), true);
  }

 private:
  struct Pending {
    TradeBatch batch;
    uint64_t sequence = 0;
    int64_t heartbeat_us = 0;
  };

  void Add(int64_t number) {
    const auto instrument = static_cast<size_t>(number % flow_.instruments);
    const auto id = static_cast<uint64_t>(number / flow_.instruments + 1);
    Trade trade;
    trade.venue = flow_.venue;
    trade.symbol = symbols_[instrument];
    trade.price = Decimal{TradeFlow::PriceOf(id), TradeFlow::kPriceScale};
    trade.quantity = Decimal{TradeFlow::QuantityOf(id), 0};
    trade.venue_time = trade.receive_time = EventTime{start_us_ + flow_.DueOf(number)};
    trade.aggressor_side = Side::kBuy;
    trade.source = TradeSource::kLive;
    trade.id = id;
    pending_[static_cast<size_t>(partition_of_[instrument])].batch.trades.push_back(trade);
  }

  // `newest_us`: the time of the newest trade.
  void Send(int64_t newest_us, int64_t now_us, bool finished) {
    for (size_t partition = 0; partition < pending_.size(); ++partition) {
      Pending& pending = pending_[partition];
      const bool due = now_us - pending.heartbeat_us >= kHeartbeatPeriodUs || finished;
      if (pending.batch.trades.empty() && !due) continue;
      pending.heartbeat_us = now_us;
      pending.batch.node = "bench-paced";
      pending.batch.session = session_;
      pending.batch.sequence = pending.sequence++;
      pending.batch.heartbeats.push_back(
          {flow_.venue, EventTime{newest_us - kMarginUs}, true, false, finished});
      bytes_.clear();
      EncodeTradeBatch(pending.batch, bytes_);
      feed_->Send(static_cast<int32_t>(partition), bytes_);
      pending.batch.Clear();
    }
  }

  Feed* const feed_;
  const TradeFlow flow_;
  const uint64_t session_;
  std::vector<Pending> pending_;
  std::vector<std::string> symbols_;
  std::vector<int32_t> partition_of_;
  std::string bytes_;
  int64_t start_us_ = 0;
};

Candle CandleOf(int64_t number) {
  const EventTime time{CandleFlow::OpenTimeOf(number) * 1'000'000};
  Trade trade;
  trade.price = Decimal{CandleFlow::PriceOf(number), TradeFlow::kPriceScale};
  trade.quantity = Decimal{15, 1};
  trade.venue_time = trade.receive_time = time;
  trade.aggressor_side = Side::kBuy;
  trade.id = static_cast<uint64_t>(number) + 1;
  Candle candle;
  candle.values = OfTrade(trade, OrderKey{.time = time, .id = trade.id});
  candle.state = CandleState::kFinal;
  candle.version = number + 1;
  candle.lineage = OffsetSpan{Offset{number}, Offset{number}};
  return candle;
}

// FINAL candles of instrument 0, so many in each record.
void FeedCandles(const Arguments& arguments, Feed* feed) {
  const int64_t records = arguments.Number("records", 1'000);
  const int64_t rate = arguments.Number("rate", 100), each = arguments.Number("candles", 1);
  const std::string instrument = TradeFlow().NameOf(0);
  const auto partition = PartitionOf(instrument, feed->partitions());
  const int64_t start_us = SystemNowUs() + kLeadUs;
  for (int64_t record = 0, number = 0; record < records; ++record) {
    processor::ClosedCandlesWriter writer(Epoch{1});
    for (int64_t i = 0; i < each; ++i, ++number) {
      const EventTime open{CandleFlow::OpenTimeOf(number) * 1'000'000};
      writer.Add({instrument, Interval{1}, open}, CandleOf(number));
    }
    SleepUntil(start_us + record * 1'000'000 / rate);
    feed->Send(partition, writer.Take(true));
  }
}

// From when a record was due to when a reader of the topic has it.
void Echo(const Arguments& arguments, Feed* feed) {
  const int64_t records = arguments.Number("records", 10'000);
  const int64_t rate = arguments.Number("rate", 5'000);
  auto reader = kafka::Consumer::MakeReader(
      {.client = ClientOf(arguments), .topic = arguments.Text("topic"), .fetch_wait_max_ms = 100});
  if (!reader.ok()) Fail("no reader");
  for (int32_t partition = 0; partition < feed->partitions(); ++partition) {
    if (!(*reader)->Start(partition, {.offset = 0}).ok()) Fail("no partition");
  }
  (void)(*reader)->Poll(1s);
  std::thread sender([&] {
    const int64_t start_us = SystemNowUs() + kLeadUs;
    for (int64_t n = 0; n < records; ++n) {
      const int64_t due_us = start_us + n * 1'000'000 / rate;
      SleepUntil(due_us);
      std::string bytes(100, 'x');
      std::memcpy(bytes.data(), &due_us, sizeof due_us);
      feed->Send(static_cast<int32_t>(n % feed->partitions()), bytes);
    }
  });
  std::vector<int64_t> samples_us;
  for (int64_t got = 0; got < records;) {
    for (const kafka::RecordView& record : (*reader)->Poll(50ms).records) {
      int64_t due_us = 0;
      std::memcpy(&due_us, record.payload.data(), sizeof due_us);
      if (++got > records / 5) samples_us.push_back(SystemNowUs() - due_us);
    }
  }
  sender.join();
  const double p50 = PercentileMs(&samples_us, 50), p99 = PercentileMs(&samples_us, 99);
  std::printf("{\"records\": %ld, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
              static_cast<long>(records), p50, p99);
  (void)(*reader)->Close(2s);
}

}  // namespace
}  // namespace quantstream::bench

int main(int argc, char** argv) {
  using namespace quantstream::bench;
  const std::string question = argc > 1 ? argv[1] : "";
  const Arguments arguments(argc, argv, 2);
  Feed feed(arguments);
  if (question == "trades") {
    TradeFeed(arguments, &feed).Run(arguments.Number("trades", 0));
  } else if (question == "candles") {
    FeedCandles(arguments, &feed);
  } else if (question == "echo") {
    Echo(arguments, &feed);
  } else {
    Fail("usage: bench-query-feed trades|candles|echo ...");
  }
  return 0;
}
