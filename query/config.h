// The options of query: one declaration each, in config.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/config/option.h"
#include "query/history.h"
#include "query/server.h"
#include "query/trade_fanout.h"

namespace quantstream::query {

struct QueryConfig {
  // The world outside.
  config::Properties kafka;
  config::Properties postgres;
  std::string topic_prefix;
  int partitions = 0;
  int replication_factor = 0;
  int64_t candles_retention_ms = 0;
  int lookback_ms = 0;

  // The store.
  int history_connections = 0;
  int history_waiting_max = 0;
  int history_candles_max = 0;
  int history_statement_ms = 0;
  int64_t snapshot_bytes_max = 0;
  int filled_candles_max = 0;
  int64_t recent_series_max = 0;
  int64_t recent_bytes_max = 0;
  int lag_wait_max_ms = 0;

  // Clients.
  std::string grpc_address;
  int grpc_port = 0;
  int connections_max = 0;
  int streams_max = 0;
  int streams_per_connection_max = 0;
  int subscriptions_per_stream_max = 0;
  int legs_per_stream_max = 0;
  int request_bytes_max = 0;
  int metadata_bytes_max = 0;
  int handshake_timeout_ms = 0;
  int connection_idle_ms = 0;
  int64_t answers_bytes_max = 0;
  int64_t queue_bytes_max = 0;
  int64_t trade_queue_bytes_max = 0;
  int64_t trade_queues_bytes_max = 0;
  int64_t queues_bytes_max = 0;
  int message_bytes_max = 0;
  int progress_interval_ms = 0;
  int send_helpers = 0;
  int reconnect_after_ms = 0;
  int64_t stream_age_max_ms = 0;
  std::vector<std::string> intervals;
  config::Properties retention;
  int64_t resume_token_age_max_ms = 0;

  // Running it.
  std::string admin_address;
  int admin_port = 0;
  int64_t ready_lag_records_max = 0;
  int drain_grace_ms = 0;
  int drain_timeout_ms = 0;
  std::string log_level;

  std::string TradesTopic() const { return topic_prefix + "trades"; }
  std::string CandlesTopic() const { return topic_prefix + "candles"; }
  HistoryOptions History() const;
  // REQUIRES: the options were checked.
  ServerOptions Server() const;
  ServerInfo Info() const;
  RecentLimits Recent() const;
  FanoutOptions Fanout() const;
  TradeLimits Trades() const;
};

// Bound to `config`, which must outlive the set.
config::OptionSet QueryOptions(QueryConfig* config);

}  // namespace quantstream::query
