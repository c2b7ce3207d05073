// What GetServerInfo tells beside the bounds that the service itself keeps: the configuration of
// the process, as its options have it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>

#include "market/interval.h"

namespace quantstream::query {

struct ServerInfo {
  int64_t request_bytes_max = 1 << 20;
  int64_t metadata_bytes_max = 16 << 10;
  int64_t connections_max = 1'000;
  int64_t streams_per_connection_max = 100;
  int64_t history_reads_max = 4;
  int64_t history_waiting_max = 1'000;
  std::chrono::milliseconds history_statement_max{20'000};
  std::map<Interval, std::chrono::seconds> retention;  // intervals that are not in it: for ever
  std::chrono::milliseconds resume_token_age_max = std::chrono::hours(24 * 7);
};

}  // namespace quantstream::query
