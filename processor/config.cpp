#include "processor/config.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "platform/backoff.h"
#include "platform/kafka/client_properties.h"
#include "platform/postgres/connection.h"
#include "platform/status.h"

namespace quantstream::processor {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kMebibyte = 1 << 20;
constexpr int64_t kRetentionMaxS = 100LL * 366 * 86'400;

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

config::SectionOption KafkaSection() {
  config::SectionOption section = kafka::ClientSection();
  section.forbidden.push_back(
      {"group.instance.id", "it is made of host, slot and worker: set those"});
  return section;
}

void AddWorld(ProcessorConfig* config, config::OptionSet& options) {
  options.AddSection(&config->kafka, KafkaSection());
  options.AddSection(&config->postgres, postgres::ConnectionSection());
  options.Add(&config->topic_prefix, {.name = "topic_prefix",
                                      .fallback = "quantstream.",
                                      .help = "stands before trades, candles and dead-letter"});
  options.Add(&config->partitions,
              {.name = "partitions",
               .fallback = 12,
               .minimum = 1,
               .maximum = 10'000,
               .unit = "partitions",
               .help = "of topic trades and of topic candles; cannot change later"});
  options.Add(&config->replication_factor,
              {.name = "replication_factor",
               .fallback = -1,
               .minimum = -1,
               .maximum = 100,
               .unit = "replicas",
               .help = "of topics that are made; -1 = the broker's default"});
  options.Add(&config->trades_retention_ms, {.name = "trades_retention_ms",
                                             .fallback = 7 * kDayMs,
                                             .minimum = kHourMs,
                                             .unit = "ms",
                                             .help = "of topic trades, when it is made"});
  options.Add(&config->trades_retention_bytes,
              {.name = "trades_retention_bytes",
               .fallback = 16 * 1024 * kMebibyte,
               .minimum = -1,
               .unit = "bytes",
               .help = "of each partition of topic trades, when it is made; -1 = no limit"});
  options.Add(&config->candles_retention_ms, {.name = "candles_retention_ms",
                                              .fallback = kDayMs,
                                              .minimum = 60'000,
                                              .unit = "ms",
                                              .help = "of topic candles, when it is made"});
  options.Add(&config->dead_letter_retention_ms, {.name = "dead_letter_retention_ms",
                                                  .fallback = 30 * kDayMs,
                                                  .minimum = kHourMs,
                                                  .unit = "ms",
                                                  .help = "of topic dead-letter, when it is made"});
  options.Add(&config->allow_unsafe_database,
              {.name = "allow_unsafe_database",
               .fallback = false,
               .help = "start although PostgreSQL may lose acknowledged commits"});
}

void AddWorkers(ProcessorConfig* config, config::OptionSet& options) {
  options.Add(&config->workers, {.name = "workers",
                                 .fallback = 1,
                                 .minimum = 1,
                                 .maximum = 64,
                                 .unit = "threads",
                                 .help = "each with its own consumer and two connections"});
  options.Add(&config->group_id, {.name = "group_id",
                                  .fallback = "quantstream-processor",
                                  .required = true,
                                  .help = "Kafka consumer group that shares the partitions"});
  options.Add(
      &config->host,
      {.name = "host", .fallback = HostName(), .help = "names this machine in group.instance.id"});
  options.Add(&config->slot, {.name = "slot",
                              .help = "names this process on its host, the same after a restart: "
                                      "static membership; empty = dynamic"});
  options.Add(&config->session_timeout_ms,
              {.name = "session_timeout_ms",
               .fallback = 10'000,
               .minimum = 1'000,
               .maximum = 300'000,
               .unit = "ms",
               .help = "after this silence another member takes the partitions"});
  options.Add(&config->stall_timeout_ms,
              {.name = "stall_timeout_ms",
               .fallback = 60'000,
               .minimum = 5'000,
               .maximum = 3'600'000,
               .unit = "ms",
               .help = "no record for so long while the log grows: the consumer is made anew"});
  options.Add(&config->on_data_loss,
              {.name = "on_data_loss",
               .fallback = "stop",
               .choices = {"stop", "record_gap"},
               .help = "when needed offsets have left the log: stop the partition, or record the "
                       "gap and go on"});
}

void AddFold(ProcessorConfig* config, config::OptionSet& options) {
  options.Add(&config->intervals, {.name = "intervals",
                                   .fallback = {"1s", "5s", "1m", "5m", "15m", "1h", "1d"},
                                   .items_min = 1,
                                   .items_max = 32,
                                   .help = "lengths of candles; 1s must be among them"});
  options.Add(&config->grace_ms, {.name = "grace_ms",
                                  .fallback = 1'000,
                                  .minimum = 0,
                                  .maximum = kHourMs,
                                  .unit = "ms",
                                  .help = "how long a window waits behind its venue's clock"});
  options.Add(&config->future_bound_ms,
              {.name = "future_bound_ms",
               .fallback = kHourMs,
               .minimum = 0,
               .maximum = 365 * kDayMs,
               .unit = "ms",
               .help = "a trade stamped further ahead of its receipt is refused"});
  options.Add(&config->node_silence_max_ms,
              {.name = "node_silence_max_ms",
               .fallback = 5'000,
               .minimum = 100,
               .maximum = kHourMs,
               .unit = "ms of log time",
               .help = "an ingest node silent for longer is not live"});
  options.Add(&config->lag_hold_max_ms,
              {.name = "lag_hold_max_ms",
               .fallback = 10'000,
               .minimum = 0,
               .maximum = kDayMs,
               .unit = "ms",
               .help = "a node further behind the foremost one does not hold the clock"});
  options.Add(&config->node_memory_ms,
              {.name = "node_memory_ms",
               .fallback = kDayMs,
               .minimum = kHourMs,
               .maximum = 365 * kDayMs,
               .unit = "ms of log time",
               .help = "nodes and sessions unheard for longer are forgotten"});
  options.Add(&config->contiguous_id_venues,
              {.name = "contiguous_id_venues",
               .fallback = {"binance"},
               .help = "venues whose trade ids have no holes: gaps are detected there"});
  options.Add(&config->ledger_ranges_max,
              {.name = "ledger_ranges_max",
               .fallback = 1'024,
               .minimum = 2,
               .maximum = 1'000'000,
               .unit = "ranges",
               .help = "of trade ids seen, per instrument; past it the oldest hole is closed as "
                       "UNKNOWN"});
  options.Add(&config->retention,
              {.name = "retention_s",
               .items_max = 32,
               .help = "interval=seconds: beyond it a late trade creates no candle; empty = off"});
}

void AddBounds(ProcessorConfig* config, config::OptionSet& options) {
  options.Add(&config->replay_records_max,
              {.name = "replay_records_max",
               .fallback = 1'000'000,
               .minimum = 1,
               .unit = "records",
               .help = "an open window holds the log back by no more"});
  options.Add(&config->reread_records_max,
              {.name = "reread_records_max",
               .fallback = 1'000'000,
               .minimum = 0,
               .unit = "records",
               .help = "most that are read again for the volatility of one revised 1s candle"});
  options.Add(&config->open_trades_bytes_max,
              {.name = "open_trades_bytes_max",
               .fallback = 256 * kMebibyte,
               .minimum = kMebibyte,
               .unit = "bytes",
               .help = "of trades in open windows, per partition; past it the partition stops"});
  options.Add(&config->closed_panes_bytes_max,
              {.name = "closed_panes_bytes_max",
               .fallback = 64 * kMebibyte,
               .minimum = 0,
               .unit = "bytes",
               .help = "of trades of windows closed in the last 60 s, per process; beyond it the "
                       "volatility of a late trade is read from the log"});
}

void AddCommit(ProcessorConfig* config, config::OptionSet& options) {
  options.Add(&config->commit_interval_min_ms,
              {.name = "commit_interval_min_ms",
               .fallback = 250,
               .minimum = 0,
               .maximum = 60'000,
               .unit = "ms",
               .help = "from the beginning of one commit to the next"});
  options.Add(&config->commit_interval_max_ms,
              {.name = "commit_interval_max_ms",
               .fallback = 5'000,
               .minimum = 10,
               .maximum = 60'000,
               .unit = "ms",
               .help = "a record that was folded is committed within"});
  options.Add(&config->commit_rows_max, {.name = "commit_rows_max",
                                         .fallback = 200'000,
                                         .minimum = 1'000,
                                         .unit = "rows",
                                         .help = "of a partition that wait for a commit; past it "
                                                 "reading pauses"});
  options.Add(&config->partial_interval_ms,
              {.name = "partial_interval_ms",
               .fallback = 50,
               .minimum = 0,
               .maximum = 60'000,
               .unit = "ms",
               .help = "between two PARTIAL messages of one instrument"});
  options.Add(&config->partial_repeat_ms,
              {.name = "partial_repeat_ms",
               .fallback = 30'000,
               .minimum = 1'000,
               .maximum = 30'000,
               .unit = "ms",
               .help = "open candles of a quiet instrument are repeated"});
  options.Add(&config->progress_interval_ms, {.name = "progress_interval_ms",
                                              .fallback = 1'000,
                                              .minimum = 10,
                                              .maximum = 1'000,
                                              .unit = "ms",
                                              .help = "between two Progress of a partition"});
}

void AddPublishing(ProcessorConfig* config, config::OptionSet& options) {
  options.Add(&config->publish_queue_bytes_max,
              {.name = "publish_queue_bytes_max",
               .fallback = 64 * kMebibyte,
               .minimum = kMebibyte,
               .maximum = 512 * kMebibyte,
               .unit = "bytes",
               .help = "on their way to topic candles, and as many to dead-letter, per worker"});
  options.Add(&config->unpublished_bytes_max,
              {.name = "unpublished_bytes_max",
               .fallback = 64 * kMebibyte,
               .minimum = kMebibyte,
               .unit = "bytes",
               .help = "committed and waiting for room on that way, per worker; past it reading "
                       "pauses"});
}

void AddRunning(ProcessorConfig* config, config::OptionSet& options) {
  options.Add(&config->admin_address, {.name = "admin_address",
                                       .fallback = "127.0.0.1",
                                       .help = "of /metrics, /healthz and /readyz"});
  options.Add(&config->admin_port, {.name = "admin_port",
                                    .fallback = 9102,
                                    .minimum = 0,
                                    .maximum = 65'535,
                                    .unit = "port",
                                    .help = "0 = a free one"});
  options.Add(&config->ready_lag_records_max,
              {.name = "ready_lag_records_max",
               .fallback = 100'000,
               .minimum = 0,
               .unit = "records",
               .help = "further behind the end of a log: not ready"});
  options.Add(&config->drain_timeout_ms, {.name = "drain_timeout_ms",
                                          .fallback = 20'000,
                                          .minimum = 100,
                                          .maximum = 600'000,
                                          .unit = "ms",
                                          .help = "after SIGTERM"});
  options.Add(&config->log_level, {.name = "log_level",
                                   .fallback = "info",
                                   .choices = {"debug", "info", "warning", "error"},
                                   .help = "lines below it are not written"});
}

void CheckIntervals(const ProcessorConfig& config, config::Problems* problems) {
  bool has_base = false;
  for (const std::string& text : config.intervals) {
    absl::StatusOr<Interval> interval = Interval::Parse(text);
    if (!interval.ok()) {
      problems->push_back({"intervals", text + ": " + Message(interval.status())});
    }
    has_base = has_base || (interval.ok() && interval->seconds == 1);
    if (std::count(config.intervals.begin(), config.intervals.end(), text) > 1) {
      problems->push_back({"intervals", text + " stands there more than once"});
    }
  }
  if (!has_base) {
    problems->push_back({"intervals", "1s must be among them: all others are made of it"});
  }
}

void CheckRetention(const ProcessorConfig& config, config::Problems* problems) {
  for (const auto& [interval, seconds] : config.retention) {
    const auto& all = config.intervals;
    if (std::find(all.begin(), all.end(), interval) == all.end()) {
      problems->push_back({"retention_s", interval + " is not one of the intervals"});
    }
    int64_t number = 0;
    if (!absl::SimpleAtoi(seconds, &number) || number < 1 || number > kRetentionMaxS) {
      problems->push_back({"retention_s", interval + ": '" + seconds +
                                              "' is not a number of seconds from 1 to " +
                                              std::to_string(kRetentionMaxS)});
    }
  }
}

}  // namespace

WorkerOptions ProcessorConfig::ForWorker() const {
  WorkerOptions options;
  FoldOptions& fold = options.fold;
  fold.intervals.clear();
  for (const std::string& text : intervals) {
    fold.intervals.push_back(Interval::Parse(text).value());
  }
  std::sort(fold.intervals.begin(), fold.intervals.end());
  fold.retention_us.clear();
  for (const Interval& interval : fold.intervals) {
    auto kept = retention.find(interval.ToString());
    fold.retention_us.push_back(
        kept == retention.end() ? 0 : std::stoll(kept->second) * kMicrosecondsPerSecond);
  }
  fold.contiguous_id_venues = contiguous_id_venues;
  fold.grace_us = grace_ms * 1'000;
  fold.future_bound_us = future_bound_ms * 1'000;
  fold.silent_us = node_silence_max_ms * 1'000;
  fold.hold_us = lag_hold_max_ms * 1'000;
  fold.forget_us = node_memory_ms * 1'000;
  fold.replay_records_max = replay_records_max;
  fold.reread_records_max = reread_records_max;
  fold.open_trades_bytes_max = open_trades_bytes_max;
  fold.ledger_ranges_max = ledger_ranges_max;
  options.record_gap = on_data_loss == "record_gap";
  options.commit_interval_us = commit_interval_min_ms * 1'000;
  options.commit_latest_us = commit_interval_max_ms * 1'000;
  options.partial_interval_us = partial_interval_ms * 1'000;
  options.partial_repeat_us = partial_repeat_ms * 1'000;
  options.progress_interval_us = progress_interval_ms * 1'000;
  options.batch_rows_max = static_cast<size_t>(commit_rows_max);
  options.unpublished_bytes_max = static_cast<size_t>(unpublished_bytes_max);
  options.jitter = SystemRandom();
  return options;
}

config::OptionSet ProcessorOptions(ProcessorConfig* config) {
  config::OptionSet options("processor");
  AddWorld(config, options);
  AddWorkers(config, options);
  AddFold(config, options);
  AddBounds(config, options);
  AddCommit(config, options);
  AddPublishing(config, options);
  AddRunning(config, options);
  options.AddCheck([config](config::Problems* problems) {
    CheckIntervals(*config, problems);
    CheckRetention(*config, problems);
  });
  options.AddCheck([config](config::Problems* problems) {
    if (config->commit_interval_min_ms > config->commit_interval_max_ms) {
      problems->push_back({"commit_interval_min_ms", "must not be above commit_interval_max_ms"});
    }
  });
  return options;
}

}  // namespace quantstream::processor
