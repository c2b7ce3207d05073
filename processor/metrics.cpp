#include "processor/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

#include "market/trade.h"

namespace quantstream::processor {
namespace {

using CounterFamily = prometheus::Family<prometheus::Counter>;
using GaugeFamily = prometheus::Family<prometheus::Gauge>;
using HistogramFamily = prometheus::Family<prometheus::Histogram>;

const prometheus::Histogram::BucketBoundaries kSeconds{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                                       0.2,   0.5,   1,     2,    5,    10,   30};

CounterFamily& Counter(prometheus::Registry& registry, const char* what, const char* help) {
  return prometheus::BuildCounter()
      .Name(std::string("quantstream_processor_") + what)
      .Help(help)
      .Register(registry);
}

GaugeFamily& Gauge(prometheus::Registry& registry, const char* what, const char* help) {
  return prometheus::BuildGauge()
      .Name(std::string("quantstream_processor_") + what)
      .Help(help)
      .Register(registry);
}

prometheus::Histogram& Seconds(prometheus::Registry& registry, const char* what, const char* help) {
  return prometheus::BuildHistogram()
      .Name(std::string("quantstream_processor_") + what)
      .Help(help)
      .Register(registry)
      .Add({}, kSeconds);
}

std::string Text(std::string_view view) {
  return std::string(view);
}

double Number(int64_t value) {
  return static_cast<double>(value);
}

}  // namespace

struct Metrics::Families {
  explicit Families(std::shared_ptr<prometheus::Registry> shared)
      : registry(std::move(shared)), r(*registry) {}

  std::shared_ptr<prometheus::Registry> registry;
  prometheus::Registry& r;

  prometheus::Counter& records = Counter(r, "records_total", "Records folded").Add({});
  prometheus::Counter& records_bad =
      Counter(r, "records_bad_total", "Records that are no TradeBatch").Add({});
  prometheus::Counter& records_repeated =
      Counter(r, "records_repeated_total", "Records sent again by their node").Add({});
  prometheus::Counter& accepted = Counter(r, "trades_total", "Trades taken into candles").Add({});
  prometheus::Counter& late =
      Counter(r, "trades_late_total", "Of these: came after their window was FINAL").Add({});
  CounterFamily& refused = Counter(r, "trades_refused_total", "Trades not taken, by reason");
  prometheus::Counter& beats_refused =
      Counter(r, "heartbeats_refused_total", "Heartbeats of no legal venue or time").Add({});
  prometheus::Counter& closed = Counter(r, "candles_final_total", "Candles FINAL").Add({});
  prometheus::Counter& revised = Counter(r, "candles_revised_total", "Candles REVISED").Add({});
  prometheus::Counter& volatility =
      Counter(r, "volatility_absent_total", "Revisions whose volatility could not be computed")
          .Add({});
  CounterFamily& forgotten =
      Counter(r, "holes_forgotten_total", "Holes pushed out of bounded memory, by kind");
  prometheus::Counter& settlements =
      Counter(r, "late_settlements_total", "Late trades read back and applied together").Add({});
  prometheus::Counter& log_reads =
      Counter(r, "log_reads_total", "Ranges of the log read again").Add({});

  prometheus::Histogram& commit_seconds =
      Seconds(r, "commit_duration_seconds", "Commits, from first statement to the answer");
  CounterFamily& commits = Counter(r, "commits_total", "Commits by outcome");
  CounterFamily& rows = Counter(r, "candle_rows_total", "Rows written, new or replaced");
  prometheus::Counter& fallbacks =
      Counter(r, "upsert_fallbacks_total", "Commits whose new rows were there already").Add({});
  prometheus::Counter& fallback_rows =
      Counter(r, "upsert_fallback_rows_total", "Rows of such commits").Add({});
  prometheus::Histogram& read_back_seconds =
      Seconds(r, "read_back_duration_seconds", "Read-backs for late trades");
  prometheus::Counter& read_back =
      Counter(r, "read_back_candles_total", "Candles read back for late trades").Add({});
  prometheus::Counter& reread =
      Counter(r, "records_reread_total", "Records read again for volatility").Add({});
  prometheus::Gauge& closed_panes =
      Gauge(r, "closed_panes_bytes", "Trades of windows closed lately, kept for late ones").Add({});
  prometheus::Counter& connections =
      Counter(r, "database_connections_total", "Connections made to PostgreSQL").Add({});

  prometheus::Histogram& take_over_seconds =
      Seconds(r, "take_over_duration_seconds", "Take-overs of partitions");
  prometheus::Counter& fenced =
      Counter(r, "partitions_fenced_total", "Partitions lost to a newer owner").Add({});
  GaugeFamily& stopped = Gauge(r, "partition_stopped", "1 = stopped by name, by reason");
  GaugeFamily& owned = Gauge(r, "partition_owned", "1 = this process folds it");
  GaugeFamily& lag = Gauge(r, "lag_records", "Records of trades not yet read");
  CounterFamily& source_errors = Counter(r, "source_errors_total", "Kafka errors by kind");
  prometheus::Counter& renewed =
      Counter(r, "consumers_renewed_total", "Consumers made anew").Add({});

  CounterFamily& messages = Counter(r, "messages_delivered_total", "Messages written, by kind");
  CounterFamily& message_bytes = Counter(r, "messages_delivered_bytes", "Their payload");
  // Thousands a second: not looked up each time.
  prometheus::Counter& open_messages = messages.Add({{"kind", "open"}});
  prometheus::Counter& open_bytes = message_bytes.Add({{"kind", "open"}});
  prometheus::Counter& failed =
      Counter(r, "messages_failed_total", "Messages to be sent again").Add({});
  prometheus::Counter& dropped =
      Counter(r, "events_dropped_total", "PARTIAL and Progress dropped at a full queue").Add({});
  GaugeFamily& unpublished =
      Gauge(r, "unpublished_bytes", "Committed rows that the publisher has no room for");
  GaugeFamily& queue = Gauge(r, "publisher_queue_records", "Messages not yet delivered");
  GaugeFamily& queue_bytes = Gauge(r, "publisher_queue_bytes", "Their payload");
};

Metrics::Metrics(std::shared_ptr<prometheus::Registry> registry)
    : families_(std::make_unique<Families>(std::move(registry))) {
  for (const char* outcome : {"landed", "unmatched", "unknown", "failed"}) {
    families_->commits.Add({{"outcome", outcome}});
  }
}

Metrics::~Metrics() = default;

void Metrics::Folded(const FoldCounters& before, const FoldCounters& now) {
  auto grown = [&](uint64_t FoldCounters::* counter) {
    return static_cast<double>(now.*counter - before.*counter);
  };
  Families& to = *families_;
  to.records.Increment(grown(&FoldCounters::records));
  to.records_bad.Increment(grown(&FoldCounters::records_bad));
  to.records_repeated.Increment(grown(&FoldCounters::records_repeated));
  to.accepted.Increment(grown(&FoldCounters::trades_accepted));
  to.late.Increment(grown(&FoldCounters::trades_late));
  to.closed.Increment(grown(&FoldCounters::candles_final));
  to.revised.Increment(grown(&FoldCounters::candles_revised));
  to.volatility.Increment(grown(&FoldCounters::volatility_absent));
  to.settlements.Increment(grown(&FoldCounters::read_backs));
  to.log_reads.Increment(grown(&FoldCounters::log_reads));
  auto forgot = [&](const char* kind, uint64_t FoldCounters::* counter) {
    to.forgotten.Add({{"kind", kind}}).Increment(grown(counter));
  };
  forgot("ledger", &FoldCounters::ledger_holes_forgotten);
  forgot("sequence", &FoldCounters::sequence_holes_forgotten);
  auto refuse = [&](std::string_view reason, double trades) {
    to.refused.Add({{"reason", Text(reason)}}).Increment(trades);
  };
  to.beats_refused.Increment(grown(&FoldCounters::heartbeats_refused));
  double conflicting = grown(&FoldCounters::trades_conflicting);
  refuse("duplicate", grown(&FoldCounters::trades_duplicate) - conflicting);
  refuse("conflicting", conflicting);
  refuse("beyond_ledger", grown(&FoldCounters::trades_beyond_ledger));
  refuse("beyond_log", grown(&FoldCounters::trades_beyond_log));
  refuse("beyond_retention", grown(&FoldCounters::trades_beyond_retention));
  for (size_t i = 1; i < now.trades_refused.size(); ++i) {
    refuse(RefusalName(static_cast<Refusal>(i)),
           static_cast<double>(now.trades_refused[i] - before.trades_refused[i]));
  }
}

void Metrics::CommitLanded(Duration took, int64_t new_rows, int64_t replaced_rows) {
  families_->commit_seconds.Observe(took.count());
  families_->rows.Add({{"kind", "new"}}).Increment(Number(new_rows));
  families_->rows.Add({{"kind", "replaced"}}).Increment(Number(replaced_rows));
}

void Metrics::CommitEnded(std::string_view outcome) {
  families_->commits.Add({{"outcome", Text(outcome)}}).Increment();
}

void Metrics::UpsertFellBack(int64_t rows) {
  families_->fallbacks.Increment();
  families_->fallback_rows.Increment(Number(rows));
}

void Metrics::ReadBackDone(Duration took, int64_t candles) {
  families_->read_back_seconds.Observe(took.count());
  families_->read_back.Increment(Number(candles));
}

void Metrics::RecordsReread(int64_t records) {
  families_->reread.Increment(Number(records));
}

void Metrics::ClosedPanesAre(size_t bytes) {
  families_->closed_panes.Set(static_cast<double>(bytes));
}

void Metrics::DatabaseConnected() {
  families_->connections.Increment();
}

void Metrics::PartitionTaken(Duration took) {
  families_->take_over_seconds.Observe(took.count());
}

void Metrics::PartitionFenced() {
  families_->fenced.Increment();
}

void Metrics::PartitionStopped(int32_t partition, std::string_view reason, bool stopped) {
  families_->stopped.Add({{"partition", std::to_string(partition)}, {"reason", Text(reason)}})
      .Set(stopped ? 1 : 0);
}

void Metrics::PartitionOwned(int32_t partition, bool owned) {
  families_->owned.Add({{"partition", std::to_string(partition)}}).Set(owned ? 1 : 0);
}

void Metrics::LagIs(int32_t partition, int64_t records) {
  families_->lag.Add({{"partition", std::to_string(partition)}}).Set(Number(records));
}

void Metrics::SourceFailed(std::string_view kind) {
  families_->source_errors.Add({{"kind", Text(kind)}}).Increment();
}

void Metrics::ConsumerRenewed() {
  families_->renewed.Increment();
}

void Metrics::MessageDelivered(std::string_view kind, int64_t bytes) {
  if (kind == "open") {
    families_->open_messages.Increment();
    return families_->open_bytes.Increment(Number(bytes));
  }
  families_->messages.Add({{"kind", Text(kind)}}).Increment();
  families_->message_bytes.Add({{"kind", Text(kind)}}).Increment(Number(bytes));
}

void Metrics::MessageFailed() {
  families_->failed.Increment();
}

void Metrics::EventDropped() {
  families_->dropped.Increment();
}

void Metrics::UnpublishedIs(int32_t worker, int64_t bytes) {
  families_->unpublished.Add({{"worker", std::to_string(worker)}}).Set(Number(bytes));
}

void Metrics::PublisherQueueIs(int32_t worker, int64_t messages, int64_t bytes) {
  families_->queue.Add({{"worker", std::to_string(worker)}}).Set(Number(messages));
  families_->queue_bytes.Add({{"worker", std::to_string(worker)}}).Set(Number(bytes));
}

}  // namespace quantstream::processor
