// What the fold of a worker has seen, as totals since its start.
#pragma once

#include <array>
#include <cstdint>

#include "market/trade.h"

namespace quantstream::processor {

struct FoldCounters {
  uint64_t records = 0;
  uint64_t records_bad = 0;       // no TradeBatch
  uint64_t records_repeated = 0;  // (node, session, sequence) seen before
  uint64_t trades_accepted = 0;
  uint64_t trades_duplicate = 0;    // conflicting ones included
  uint64_t trades_conflicting = 0;  // an id seen with another content
  uint64_t trades_late = 0;         // accepted ones
  uint64_t trades_beyond_ledger = 0;
  uint64_t trades_beyond_log =
      0;  // late, ids jump, and the log does not hold the window's trades any more
  uint64_t trades_beyond_retention = 0;      // late, and behind the retention of every interval
  std::array<uint64_t, kRefusalCount> trades_refused{};  // by Refusal
  uint64_t heartbeats_refused = 0;  // venue not legal, time out of range, or one venue too many
  uint64_t candles_final = 0;
  uint64_t candles_revised = 0;
  uint64_t volatility_absent = 0;  // revisions whose volatility could not be computed
  uint64_t ledger_holes_forgotten = 0;
  uint64_t sequence_holes_forgotten = 0;
  uint64_t read_backs = 0;  // settlements of late trades
  uint64_t log_reads = 0;   // ranges of the log read again for them
};

}  // namespace quantstream::processor
