// The options of quantstream-ingest: one declaration each, see config.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/config/option.h"

namespace quantstream::ingest {

struct IngestConfig {
  std::string node;
  std::string venue;
  std::string decoder;
  std::string channel;
  std::vector<std::string> instruments;
  std::string feed;  // live, replay

  std::string websocket_url;
  std::string rest_url;
  std::string ca_file;
  int64_t connect_timeout_ms = 0;
  int64_t mute_after_min_ms = 0;
  int64_t mute_after_max_ms = 0;
  int64_t reconnect_base_ms = 0;
  int64_t reconnect_cap_ms = 0;
  int64_t reconnect_trust_ms = 0;
  int64_t connection_age_max_s = 0;
  int64_t handover_max_ms = 0;
  int64_t streams_per_connection = 0;

  std::vector<std::string> files;
  double replay_speed = 0;
  std::string replay_symbol;
  bool exit_when_finished = false;

  int64_t future_bound_ms = 0;
  int64_t offset_ready_max_ms = 0;
  int64_t heartbeat_margin_ms = 0;
  int64_t heartbeat_interval_ms = 0;
  int64_t hold_on_disconnect_ms = 0;

  int64_t linger_ms = 0;
  int64_t buffer_bytes_max = 0;
  std::string topic_prefix;
  int partitions = 0;
  int replication_factor = 0;
  int64_t trades_retention_ms = 0;
  int64_t trades_retention_bytes = 0;
  int64_t dead_letter_retention_ms = 0;
  config::Properties kafka;

  std::string admin_address;
  int admin_port = 0;
  int64_t drain_ms = 0;
  std::string log_level;
};

// The options, bound to `config`, which outlives them. Rules between options are checked too: a
// venue that is known, URLs that can be read, instruments for a live feed, files for a replay.
config::OptionSet IngestOptions(IngestConfig* config);

}  // namespace quantstream::ingest
