// The processor's options: one declaration each, in config.cpp. What the fold itself reads is
// stored with the partition's state, and a change is taken over at the next take-over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/config/option.h"
#include "processor/worker_options.h"

namespace quantstream::processor {

struct ProcessorConfig {
  // The world outside.
  config::Properties kafka;
  config::Properties postgres;
  std::string topic_prefix;
  int partitions = 0;
  int replication_factor = 0;
  int64_t trades_retention_ms = 0;
  int64_t trades_retention_bytes = 0;
  int64_t candles_retention_ms = 0;
  int64_t dead_letter_retention_ms = 0;
  bool allow_unsafe_database = false;

  // Workers and how they share the partitions.
  int workers = 0;
  std::string group_id;
  std::string host;
  std::string slot;
  int session_timeout_ms = 0;
  int stall_timeout_ms = 0;
  std::string on_data_loss;

  // The fold.
  std::vector<std::string> intervals;
  int64_t grace_ms = 0;
  int64_t future_bound_ms = 0;
  int64_t node_silence_max_ms = 0;
  int64_t lag_hold_max_ms = 0;
  int64_t node_memory_ms = 0;
  std::vector<std::string> contiguous_id_venues;
  int ledger_ranges_max = 0;
  int64_t replay_records_max = 0;
  int64_t reread_records_max = 0;
  int64_t open_trades_bytes_max = 0;
  int64_t closed_panes_bytes_max = 0;
  config::Properties retention;

  // Commits and what is published.
  int commit_interval_min_ms = 0;
  int commit_interval_max_ms = 0;
  int64_t commit_rows_max = 0;
  int64_t unpublished_bytes_max = 0;
  int64_t publish_queue_bytes_max = 0;
  int partial_interval_ms = 0;
  int partial_repeat_ms = 0;
  int progress_interval_ms = 0;

  // Running it.
  std::string admin_address;
  int admin_port = 0;
  int64_t ready_lag_records_max = 0;
  int drain_timeout_ms = 0;
  std::string log_level;

  std::string TradesTopic() const { return topic_prefix + "trades"; }
  std::string CandlesTopic() const { return topic_prefix + "candles"; }
  std::string DeadLetterTopic() const { return topic_prefix + "dead-letter"; }
  // What a worker needs of it. REQUIRES: the options were checked.
  WorkerOptions ForWorker() const;
};

// Bound to `config`, which must outlive the set.
config::OptionSet ProcessorOptions(ProcessorConfig* config);

}  // namespace quantstream::processor
