#include "query/config.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "platform/kafka/client_properties.h"
#include "platform/postgres/connection.h"
#include "platform/status.h"

namespace quantstream::query {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kRetentionMaxS = 100LL * 366 * 86'400;
constexpr int64_t kMebibyte = 1 << 20;

using std::chrono::milliseconds;

void AddWorld(QueryConfig* config, config::OptionSet& options) {
  options.AddSection(&config->kafka, kafka::ClientSection());
  options.AddSection(&config->postgres, postgres::ConnectionSection());
  options.Add(&config->topic_prefix, {.name = "topic_prefix",
                                      .fallback = "quantstream.",
                                      .help = "stands before trades and candles"});
  options.Add(&config->partitions, {.name = "partitions",
                                    .fallback = 12,
                                    .minimum = 1,
                                    .maximum = 10'000,
                                    .unit = "partitions",
                                    .help = "of topic candles, as of topic trades"});
  options.Add(&config->replication_factor,
              {.name = "replication_factor",
               .fallback = -1,
               .minimum = -1,
               .maximum = 100,
               .unit = "replicas",
               .help = "of topic candles, when it is made; -1 = the broker's default"});
  options.Add(&config->candles_retention_ms, {.name = "candles_retention_ms",
                                              .fallback = kDayMs,
                                              .minimum = 60'000,
                                              .unit = "ms",
                                              .help = "of topic candles, when it is made"});
  options.Add(&config->lookback_ms,
              {.name = "lookback_ms",
               .fallback = 60'000,
               .minimum = 1'000,
               .maximum = 3'600'000,
               .unit = "ms",
               .help = "topic candles is read from so far back; open candles repeat every 30 s"});
}

void AddStore(QueryConfig* config, config::OptionSet& options) {
  options.Add(&config->history_connections, {.name = "history_connections",
                                             .fallback = 4,
                                             .minimum = 1,
                                             .maximum = 64,
                                             .unit = "connections",
                                             .help = "to PostgreSQL, each with a thread"});
  options.Add(&config->history_waiting_max,
              {.name = "history_waiting_max",
               .fallback = 1'000,
               .minimum = 0,
               .maximum = 100'000,
               .unit = "calls",
               .help = "that wait for one of them; more get UNAVAILABLE"});
  options.Add(&config->history_candles_max,
              {.name = "history_candles_max",
               .fallback = 100'000,
               .minimum = 1'000,
               .maximum = 10'000'000,
               .unit = "candles",
               .help = "of one stream in one read; a history that begins with more "
                       "gets OUT_OF_RANGE, what was missed comes in pieces"});
  options.Add(&config->history_statement_ms, {.name = "history_statement_ms",
                                              .fallback = 20'000,
                                              .minimum = 100,
                                              .maximum = 600'000,
                                              .unit = "ms",
                                              .help = "the longest statement"});
  options.Add(&config->snapshot_bytes_max,
              {.name = "snapshot_bytes_max",
               .fallback = 256 * kMebibyte,
               .minimum = kMebibyte,
               .unit = "bytes",
               .help = "history on its way to clients, half of it in shares; more is refused"});
  options.Add(&config->recent_series_max,
              {.name = "recent_series_max",
               .fallback = 10'000,
               .minimum = 0,
               .unit = "series",
               .help = "whose newest 128 closed candles are kept once asked for; 0 = none"});
  options.Add(&config->recent_bytes_max,
              {.name = "recent_bytes_max",
               .fallback = 64 * kMebibyte,
               .minimum = kMebibyte,
               .unit = "bytes",
               .help = "of these candles; beyond it the series not asked for longest are left"});
  options.Add(&config->filled_candles_max,
              {.name = "filled_candles_max",
               .fallback = 100'000,
               .minimum = 1'000,
               .maximum = 10'000'000,
               .unit = "windows",
               .help = "of one range where empty ones are filled; more get INVALID_ARGUMENT"});
  options.Add(&config->lag_wait_max_ms,
              {.name = "lag_wait_max_ms",
               .fallback = 5'000,
               .minimum = 0,
               .maximum = 600'000,
               .unit = "ms",
               .help = "a standby that lags behind is waited for; then UNAVAILABLE"});
}

void AddClients(QueryConfig* config, config::OptionSet& options) {
  options.Add(&config->grpc_address,
              {.name = "grpc_address",
               .fallback = "127.0.0.1",
               .help = "where clients are listened to; 0.0.0.0 = everywhere"});
  options.Add(&config->grpc_port, {.name = "grpc_port",
                                   .fallback = 50051,
                                   .minimum = 0,
                                   .maximum = 65'535,
                                   .help = "0 = a free one, which the log names"});
  options.Add(&config->connections_max, {.name = "connections_max",
                                         .fallback = 1'000,
                                         .minimum = 1,
                                         .maximum = 1'000'000,
                                         .unit = "connections",
                                         .help = "more are closed at once"});
  options.Add(&config->streams_max, {.name = "streams_max",
                                     .fallback = 10'000,
                                     .minimum = 1,
                                     .maximum = 1'000'000,
                                     .unit = "streams",
                                     .help = "more get RESOURCE_EXHAUSTED"});
  options.Add(&config->streams_per_connection_max,
              {.name = "streams_per_connection_max",
               .fallback = 100,
               .minimum = 1,
               .maximum = 100'000,
               .unit = "calls",
               .help = "at once on one connection; more wait"});
  options.Add(&config->subscriptions_per_stream_max,
              {.name = "subscriptions_per_stream_max",
               .fallback = 8'000,
               .minimum = 1,
               .maximum = 1'000'000,
               .unit = "subscriptions",
               .help = "instruments x intervals; more are refused"});
  options.Add(&config->legs_per_stream_max,
              {.name = "legs_per_stream_max",
               .fallback = 500,
               .minimum = 20,
               .maximum = 10'000,
               .unit = "legs",
               .help = "what one Subscribe request adds at one min_update_ms is one leg, and each "
                       "merged interval of it; more are refused"});
  options.Add(&config->request_bytes_max, {.name = "request_bytes_max",
                                           .fallback = kMebibyte,
                                           .minimum = 1'024,
                                           .maximum = 64 * kMebibyte,
                                           .unit = "bytes",
                                           .help = "the largest request"});
  options.Add(&config->metadata_bytes_max,
              {.name = "metadata_bytes_max",
               .fallback = 16 * 1'024,
               .minimum = 4 * 1'024,
               .maximum = kMebibyte,
               .unit = "bytes",
               .help = "of one call's headers; more get RESOURCE_EXHAUSTED"});
  options.Add(&config->handshake_timeout_ms, {.name = "handshake_timeout_ms",
                                              .fallback = 5'000,
                                              .minimum = 100,
                                              .maximum = 120'000,
                                              .unit = "ms",
                                              .help = "for a client that says nothing"});
  options.Add(&config->connection_idle_ms, {.name = "connection_idle_ms",
                                            .fallback = 300'000,
                                            .minimum = 100,
                                            .maximum = 86'400'000,
                                            .unit = "ms",
                                            .help = "without a call; then it is closed"});
}

void AddStreams(QueryConfig* config, config::OptionSet& options) {
  options.Add(&config->queue_bytes_max,
              {.name = "queue_bytes_max",
               .fallback = 8 * kMebibyte,
               .minimum = 64 * 1'024,
               .unit = "bytes",
               .help = "live candles that wait for one client; past it its "
                       "slow_consumer_policy takes effect"});
  options.Add(&config->trade_queue_bytes_max,
              {.name = "trade_queue_bytes_max",
               .fallback = kMebibyte,
               .minimum = 64 * 1'024,
               .unit = "bytes",
               .help = "trades that wait for one client; past it the oldest are skipped, told"});
  options.Add(&config->trade_queues_bytes_max,
              {.name = "trade_queues_bytes_max",
               .fallback = 256 * kMebibyte,
               .minimum = kMebibyte,
               .unit = "bytes",
               .help = "trades that wait for all clients; of more each has its equal share"});
  options.Add(&config->queues_bytes_max,
              {.name = "queues_bytes_max",
               .fallback = 1'024 * kMebibyte,
               .minimum = kMebibyte,
               .unit = "bytes",
               .help = "live candles that wait for all clients; each has at most its share"});
  options.Add(&config->message_bytes_max, {.name = "message_bytes_max",
                                           .fallback = 256 * 1'024,
                                           .minimum = 1'024,
                                           .maximum = 4 * kMebibyte,
                                           .unit = "bytes",
                                           .help = "the largest message of a stream"});
  options.Add(&config->progress_interval_ms, {.name = "progress_interval_ms",
                                              .fallback = 1'000,
                                              .minimum = 10,
                                              .maximum = 3'600'000,
                                              .unit = "ms",
                                              .help = "between two Progress events of a stream"});
  options.Add(&config->reconnect_after_ms,
              {.name = "reconnect_after_ms",
               .fallback = 1'000,
               .minimum = 0,
               .maximum = 600'000,
               .unit = "ms",
               .help = "what Draining and RetryInfo tell clients to wait"});
  options.Add(&config->stream_age_max_ms,
              {.name = "stream_age_max_ms",
               .fallback = 0,
               .minimum = 0,
               .unit = "ms",
               .help = "then a stream gets Draining and ends; 0 = never"});
  options.Add(&config->intervals, {.name = "intervals",
                                   .fallback = {"1s", "5s", "1m", "5m", "15m", "1h", "1d"},
                                   .items_min = 1,
                                   .items_max = 32,
                                   .help = "that are stored, as the processor has them"});
  options.Add(&config->retention,
              {.name = "retention_s",
               .items_max = 32,
               .help = "interval=seconds, as the processor has it: what GetServerInfo tells"});
  options.Add(&config->resume_token_age_max_ms, {.name = "resume_token_age_max_ms",
                                                 .fallback = 7 * kDayMs,
                                                 .minimum = 1'000,
                                                 .maximum = 3'660 * kDayMs,
                                                 .unit = "ms",
                                                 .help = "an older one gets OUT_OF_RANGE"});
}

void AddRunning(QueryConfig* config, config::OptionSet& options) {
  options.Add(&config->answers_bytes_max,
              {.name = "answers_bytes_max",
               .fallback = 256 * kMebibyte,
               .minimum = 32 * kMebibyte,
               .unit = "bytes",
               .help = "answers on their way; clients that do not take theirs are cut off"});
  options.Add(&config->send_helpers,
              {.name = "send_helpers",
               .fallback = 2,
               .minimum = 0,
               .maximum = 64,
               .unit = "threads",
               .help = "that help the one that reads topic candles to send to many streams"});
  options.Add(&config->admin_address, {.name = "admin_address",
                                       .fallback = "127.0.0.1",
                                       .help = "of /metrics, /healthz and /readyz"});
  options.Add(&config->admin_port, {.name = "admin_port",
                                    .fallback = 9103,
                                    .minimum = 0,
                                    .maximum = 65'535,
                                    .help = "0 = a free one, which the log names"});
  options.Add(&config->ready_lag_records_max,
              {.name = "ready_lag_records_max",
               .fallback = 100'000,
               .minimum = 1,
               .unit = "records",
               .help = "of topic candles not read yet; more = not ready"});
  options.Add(&config->drain_grace_ms,
              {.name = "drain_grace_ms",
               .fallback = 2'000,
               .minimum = 0,
               .maximum = 600'000,
               .unit = "ms",
               .help = "from the Draining event to the end of the streams"});
  options.Add(&config->drain_timeout_ms, {.name = "drain_timeout_ms",
                                          .fallback = 10'000,
                                          .minimum = 1'000,
                                          .maximum = 600'000,
                                          .unit = "ms",
                                          .help = "after SIGTERM the process ends by then"});
  options.Add(&config->log_level, {.name = "log_level",
                                   .fallback = "info",
                                   .choices = {"debug", "info", "warning", "error"},
                                   .help = "lines below it are not written"});
}

void CheckIntervals(const QueryConfig& config, config::Problems* problems) {
  for (const std::string& text : config.intervals) {
    const auto interval = Interval::Parse(text);
    if (interval.ok()) continue;
    problems->push_back({"intervals", text + ": " + Message(interval.status())});
  }
}

void CheckRetention(const QueryConfig& config, config::Problems* problems) {
  for (const auto& [interval, seconds] : config.retention) {
    if (std::ranges::find(config.intervals, interval) == config.intervals.end()) {
      problems->push_back({"retention_s", interval + " is not one of the intervals"});
    }
    int64_t number = 0;
    if (absl::SimpleAtoi(seconds, &number) && number >= 1 && number <= kRetentionMaxS) continue;
    problems->push_back({"retention_s", interval + ": '" + seconds +
                                            "' is not a number of seconds from 1 to " +
                                            std::to_string(kRetentionMaxS)});
  }
}

}  // namespace

config::OptionSet QueryOptions(QueryConfig* config) {
  config::OptionSet options("query");
  AddWorld(config, options);
  AddStore(config, options);
  AddClients(config, options);
  AddStreams(config, options);
  AddRunning(config, options);
  options.AddCheck([config](config::Problems* problems) { CheckIntervals(*config, problems); });
  options.AddCheck([config](config::Problems* problems) { CheckRetention(*config, problems); });
  return options;
}

HistoryOptions QueryConfig::History() const {
  HistoryOptions history;
  history.connection.client = postgres;
  history.connection.application_name = "quantstream-query";
  history.connection.statement_timeout = milliseconds(history_statement_ms);
  history.connection.answer_timeout = milliseconds(history_statement_ms + 10'000);
  history.trades_topic = TradesTopic();
  history.connections = history_connections;
  history.waiting_max = history_waiting_max;
  history.snapshot_candles_max = history_candles_max;
  return history;
}

ServerOptions QueryConfig::Server() const {
  ServerOptions server;
  server.acceptor = {.address = grpc_address,
                     .port = static_cast<uint16_t>(grpc_port),
                     .connections_max = connections_max};
  server.request_bytes_max = request_bytes_max;
  server.metadata_bytes_max = metadata_bytes_max;
  server.handshake_timeout_ms = handshake_timeout_ms;
  server.connection_idle_ms = connection_idle_ms;
  server.streams_per_connection_max = streams_per_connection_max;
  ServiceLimits& service = server.service;
  service.request.intervals.clear();
  for (const std::string& text : intervals) {
    service.request.intervals.push_back(*Interval::Parse(text));
  }
  service.request.snapshot_candles_max = history_candles_max;
  service.request.filled_candles_max = filled_candles_max;
  service.subscription = {.queue_bytes_max = queue_bytes_max,
                          .message_bytes_max = message_bytes_max};
  service.request.subscriptions_max = subscriptions_per_stream_max;
  service.request.legs_max = legs_per_stream_max;
  service.snapshot_bytes_max = snapshot_bytes_max;
  service.answers_bytes_max = answers_bytes_max;
  service.queues_bytes_max = queues_bytes_max;
  service.stream_age_max = milliseconds(stream_age_max_ms);
  service.drain_grace = milliseconds(drain_grace_ms);
  service.token_age_max = milliseconds(resume_token_age_max_ms);
  service.streams_max = streams_max;
  service.lag_wait_max = milliseconds(lag_wait_max_ms);
  service.reconnect_after = milliseconds(reconnect_after_ms);
  service.info = Info();
  return server;
}

ServerInfo QueryConfig::Info() const {
  ServerInfo info{.request_bytes_max = request_bytes_max,
                  .metadata_bytes_max = metadata_bytes_max,
                  .connections_max = connections_max,
                  .streams_per_connection_max = streams_per_connection_max,
                  .history_reads_max = history_connections,
                  .history_waiting_max = history_waiting_max,
                  .history_statement_max = milliseconds(history_statement_ms),
                  .retention = {},
                  .resume_token_age_max = milliseconds(resume_token_age_max_ms)};
  for (const auto& [interval, seconds] : retention) {
    info.retention[*Interval::Parse(interval)] = std::chrono::seconds(std::stoll(seconds));
  }
  return info;
}

}  // namespace quantstream::query
