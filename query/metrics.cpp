#include "query/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace quantstream::query {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                              0.1,   0.25,   0.5,   1,    2.5,   10};
constexpr const char* kPolicies[] = {"CONFLATE", "SKIP_AND_TELL", "DISCONNECT"};
constexpr const char* kMethods[] = {"ListInstruments", "GetCandles",       "GetLatest",
                                    "StreamCandles",   "Subscribe",        "StreamTrades",
                                    "ListGaps",        "GetCandleLineage", "GetServerInfo"};

std::string CodeName(absl::StatusCode code) {
  return absl::StatusCodeToString(code);
}

Counter& MakeCounter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

Gauge& MakeGauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

struct Metrics::Series {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Family<Counter>& calls = prometheus::BuildCounter()
                                           .Name("quantstream_query_calls_total")
                                           .Help("Calls that ended, by method and google.rpc.Code")
                                           .Register(*registry);
  Gauge& streams =
      MakeGauge(*registry, "quantstream_query_streams", "Open StreamCandles and Subscribe calls");
  Gauge& connections = MakeGauge(*registry, "quantstream_query_connections", "Open connections");
  Counter& refused = MakeCounter(*registry, "quantstream_query_connections_refused_total",
                                 "Connections closed at once because connections_max was reached");
  Gauge& answer_bytes = MakeGauge(*registry, "quantstream_query_answer_bytes",
                                  "Answers that their clients have not taken yet");
  Counter& answers_cancelled =
      MakeCounter(*registry, "quantstream_query_answers_cancelled_total",
                  "Answers that nobody took in time, or while too many others waited");
  Counter& messages =
      MakeCounter(*registry, "quantstream_query_messages_sent_total", "Messages of streams sent");
  Counter& candles =
      MakeCounter(*registry, "quantstream_query_candles_sent_total", "Candles in these messages");
  Counter& conflated =
      MakeCounter(*registry, "quantstream_query_candles_conflated_total",
                  "PARTIAL candles that were overtaken by a newer state before they were sent");
  prometheus::Family<Counter>& slow =
      prometheus::BuildCounter()
          .Name("quantstream_query_slow_clients_total")
          .Help("Times a client reached queue_bytes_max, by the policy that took effect")
          .Register(*registry);
  Counter& lagged = MakeCounter(*registry, "quantstream_query_lagging_snapshots_total",
                                "Snapshots that were older than the live side, and read again");
  Counter& pieces = MakeCounter(*registry, "quantstream_query_snapshot_pieces_total",
                                "Reads of what a stream missed that were not all of it");
  Counter& snapshots_refused =
      MakeCounter(*registry, "quantstream_query_snapshots_refused_total",
                  "Calls that ended because snapshot_bytes_max was reached");
  Gauge& snapshot_bytes = MakeGauge(*registry, "quantstream_query_snapshot_bytes",
                                    "History read and not sent yet, of all streams");
  Gauge& queue_bytes = MakeGauge(*registry, "quantstream_query_queue_bytes",
                                 "Live candles that wait for clients, of all streams");
  Counter& records = MakeCounter(*registry, "quantstream_query_tail_records_total",
                                 "Records of topic candles read");
  Counter& bad_records = MakeCounter(*registry, "quantstream_query_tail_bad_records_total",
                                     "Records of topic candles passed over as malformed");
  Counter& places_lost = MakeCounter(*registry, "quantstream_query_tail_places_lost_total",
                                     "Times a partition's place in topic candles was lost");
  Gauge& lag = MakeGauge(*registry, "quantstream_query_tail_lag_records",
                         "Records of topic candles not read yet");
  Gauge& open_candles =
      MakeGauge(*registry, "quantstream_query_open_candles", "Open candles remembered");
  Gauge& trade_streams =
      MakeGauge(*registry, "quantstream_query_trade_streams", "Open StreamTrades calls");
  Counter& trades = MakeCounter(*registry, "quantstream_query_trades_sent_total",
                                "Trades in the messages of StreamTrades");
  Counter& trades_dropped =
      MakeCounter(*registry, "quantstream_query_trades_dropped_total",
                  "Trades left out because trade_queue_bytes_max was reached, of all clients");
  Gauge& trade_queue_bytes = MakeGauge(*registry, "quantstream_query_trade_queue_bytes",
                                       "Trades on their way to clients, of all streams");
  Counter& trade_records = MakeCounter(*registry, "quantstream_query_trade_records_total",
                                       "Records of topic trades read");
  Counter& trade_bad_records = MakeCounter(*registry, "quantstream_query_trade_bad_records_total",
                                           "Records of topic trades passed over as malformed");
  Counter& trade_repeated_records =
      MakeCounter(*registry, "quantstream_query_trade_repeated_records_total",
                  "Records of topic trades that ingest had sent before");
  Counter& trade_places_lost = MakeCounter(*registry, "quantstream_query_trade_places_lost_total",
                                           "Times a partition's place in topic trades was lost");
  Gauge& trade_partitions = MakeGauge(*registry, "quantstream_query_trade_partitions_read",
                                      "Partitions of topic trades that somebody listens to");
  prometheus::Family<Counter>& recent =
      prometheus::BuildCounter()
          .Name("quantstream_query_recent_asked_total")
          .Help("Pages looked for in the memory of the newest closed candles, by result")
          .Register(*registry);
  Counter& recent_hits = recent.Add({{"result", "hit"}});
  Counter& recent_misses = recent.Add({{"result", "miss"}});
  Gauge& recent_series =
      MakeGauge(*registry, "quantstream_query_recent_series", "Series in that memory");
  Gauge& recent_bytes =
      MakeGauge(*registry, "quantstream_query_recent_bytes", "Bytes of candles in that memory");
  prometheus::Family<Counter>& history = prometheus::BuildCounter()
                                             .Name("quantstream_query_history_reads_total")
                                             .Help("Reads of the store, by google.rpc.Code")
                                             .Register(*registry);
  Histogram& history_seconds = prometheus::BuildHistogram()
                                   .Name("quantstream_query_history_seconds")
                                   .Help("How long reads of the store took")
                                   .Register(*registry)
                                   .Add({}, kSeconds);
  Gauge& history_waiting = MakeGauge(*registry, "quantstream_query_history_waiting",
                                     "Calls that wait for a connection to the store");
  Counter& history_refused =
      MakeCounter(*registry, "quantstream_query_history_refused_total",
                  "Calls that were refused because history_waiting_max was reached");
};

Metrics::Metrics() : series_(std::make_unique<Series>()) {
  for (const char* method : kMethods) series_->calls.Add({{"method", method}, {"code", "OK"}});
  series_->history.Add({{"code", "OK"}});
  for (const char* policy : kPolicies) series_->slow.Add({{"policy", policy}});
}

Metrics::~Metrics() = default;

std::shared_ptr<prometheus::Registry> Metrics::registry() const {
  return series_->registry;
}

void Metrics::CallEnded(std::string_view method, absl::StatusCode code) {
  series_->calls.Add({{"method", std::string(method)}, {"code", CodeName(code)}}).Increment();
}
void Metrics::StreamOpened() {
  series_->streams.Increment();
}
void Metrics::StreamClosed() {
  series_->streams.Decrement();
}
void Metrics::ConnectionsOpen(int64_t connections) {
  series_->connections.Set(static_cast<double>(connections));
}
void Metrics::ConnectionRefused() {
  series_->refused.Increment();
}

void Metrics::AnswerBytes(int64_t bytes) {
  series_->answer_bytes.Set(static_cast<double>(bytes));
}
void Metrics::AnswersCancelled(int64_t answers) {
  series_->answers_cancelled.Increment(static_cast<double>(answers));
}

void Metrics::MessageSent(int64_t candles) {
  series_->messages.Increment();
  series_->candles.Increment(static_cast<double>(candles));
}
void Metrics::CandlesConflated(int64_t candles) {
  series_->conflated.Increment(static_cast<double>(candles));
}
void Metrics::ClientTooSlow(std::string_view policy) {
  series_->slow.Add({{"policy", std::string(policy)}}).Increment();
}
void Metrics::SnapshotLagged() {
  series_->lagged.Increment();
}
void Metrics::SnapshotPiece() {
  series_->pieces.Increment();
}
void Metrics::SnapshotRefused() {
  series_->snapshots_refused.Increment();
}
void Metrics::SnapshotBytes(int64_t bytes) {
  series_->snapshot_bytes.Set(static_cast<double>(bytes));
}
void Metrics::QueueBytes(int64_t bytes) {
  series_->queue_bytes.Set(static_cast<double>(bytes));
}

void Metrics::TradeStreamOpened() {
  series_->trade_streams.Increment();
}
void Metrics::TradeStreamClosed() {
  series_->trade_streams.Decrement();
}
void Metrics::TradesSent(int64_t trades) {
  series_->messages.Increment();
  series_->trades.Increment(static_cast<double>(trades));
}
void Metrics::TradesDropped(int64_t trades) {
  series_->trades_dropped.Increment(static_cast<double>(trades));
}
void Metrics::TradeQueueBytes(int64_t bytes) {
  series_->trade_queue_bytes.Set(static_cast<double>(bytes));
}
void Metrics::TradeRecordsRead(int64_t records, int64_t bad_records, int64_t repeated_records) {
  series_->trade_records.Increment(static_cast<double>(records));
  series_->trade_bad_records.Increment(static_cast<double>(bad_records));
  series_->trade_repeated_records.Increment(static_cast<double>(repeated_records));
}
void Metrics::TradePlaceLost() {
  series_->trade_places_lost.Increment();
}
void Metrics::TradePartitionsRead(int64_t partitions) {
  series_->trade_partitions.Set(static_cast<double>(partitions));
}

void Metrics::RecordsRead(int64_t records, int64_t bad_records) {
  series_->records.Increment(static_cast<double>(records));
  series_->bad_records.Increment(static_cast<double>(bad_records));
}
void Metrics::PlaceLost() {
  series_->places_lost.Increment();
}
void Metrics::TailLag(int64_t records) {
  series_->lag.Set(static_cast<double>(records));
}
void Metrics::OpenCandles(int64_t candles) {
  series_->open_candles.Set(static_cast<double>(candles));
}

void Metrics::RecentAsked(bool hit) {
  (hit ? series_->recent_hits : series_->recent_misses).Increment();
}
void Metrics::RecentKept(int64_t series, int64_t bytes) {
  series_->recent_series.Set(static_cast<double>(series));
  series_->recent_bytes.Set(static_cast<double>(bytes));
}

void Metrics::HistoryRead(std::chrono::nanoseconds took, const absl::Status& status) {
  series_->history.Add({{"code", CodeName(status.code())}}).Increment();
  series_->history_seconds.Observe(std::chrono::duration<double>(took).count());
}

void Metrics::HistoryWaiting(int64_t calls) {
  series_->history_waiting.Set(static_cast<double>(calls));
}
void Metrics::HistoryRefused() {
  series_->history_refused.Increment();
}

}  // namespace quantstream::query
