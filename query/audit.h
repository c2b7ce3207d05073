// What the store knows beside the candles: which trades are missing, and where a candle comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "market/candle_codec.h"
#include "market/interval.h"
#include "market/time.h"

namespace quantstream::query {

// As quantstream.v1.GapCause.
enum class GapCause { kUnspecified = 0, kUnknown, kDisconnected, kDataLoss, kMissingIds };

// A row of trade_gaps.
struct Gap {
  int64_t id = 0;
  std::string instrument;  // empty: of the venue, or of the whole partition
  std::string venue;       // empty: of the whole partition
  int32_t partition = 0;
  GapCause cause = GapCause::kUnspecified;
  std::optional<uint64_t> first_trade_id;  // both included
  std::optional<uint64_t> last_trade_id;
  std::optional<EventTime> from_time;  // absent with until_time: not known
  std::optional<EventTime> until_time;
  std::optional<int64_t> first_offset;  // both included
  std::optional<int64_t> last_offset;
  int64_t opened_version = 0;
  std::optional<int64_t> closed_version;  // absent: open
};

// Whose gaps concern an instrument: its own, those of its venue in its partition, and those of the
// whole partition.
struct GapsOf {
  std::string instrument;
  std::string venue;
  int32_t partition = 0;
};

struct GapsRequest {
  std::optional<GapsOf> of;  // absent: all
  EventTime from;            // that end at or after; gaps without a time always fit
  EventTime to;              // that begin before
  bool open_only = false;
  std::pair<EventTime, int64_t> after;  // from_time (the least there is: none) and id
  int64_t gaps_max = 1000;
};

struct LateTrade {
  int64_t version = 0;  // of its record
  int32_t index = 0;    // within the record
  std::string batch;    // quantstream.v1.TradeBatch with this one trade
};

struct LineageRequest {
  std::string instrument;
  Interval interval;
  EventTime open_time;
  int64_t late_trades_max = 10'000;
};

// One moment of the store.
struct StoredLineage {
  std::optional<KeyedCandle> candle;   // absent: there is no closed one
  std::vector<LateTrade> late_trades;  // in order of version and index; the oldest of them
  int64_t late_trade_count = 0;        // of all
};

}  // namespace quantstream::query
