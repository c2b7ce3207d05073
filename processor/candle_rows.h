// Candles and late trades as rows of their tables, for COPY BINARY. Pure: no connection here.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "market/candle_codec.h"
#include "platform/postgres/copy_rows.h"
#include "processor/io.h"

namespace quantstream::processor {

// The columns of table `candles` in the order that AppendCandleRow writes them, for COPY and
// INSERT.
inline constexpr char kCandleColumns[] =
    "instrument_id, interval_s, open_time, open, high, low, close, volume, quote_volume, "
    "buy_volume, "
    "vwap, trade_count, volatility, state, revision, version, completeness, first_trade_id, "
    "last_trade_id, first_trade_time, last_trade_time, first_offset, last_offset, merge";
inline constexpr int kCandleColumnCount = 24;

// REQUIRES: the candle is closed; `rows` has kCandleColumnCount columns.
void AppendCandleRow(int32_t instrument_id, const CandleKey& key, const Candle& candle,
                     postgres::CopyRows& rows);

// The same for table `late_trades`.
inline constexpr char kLateColumns[] =
    "instrument_id, open_time, version, record_index, venue_time, trade_id, price, quantity, batch";
inline constexpr int kLateColumnCount = 9;

// INTERNAL when `late.batch` is not a batch of one trade.
absl::Status AppendLateTradeRow(int32_t instrument_id, const LateTradeRow& late,
                                postgres::CopyRows& rows);

}  // namespace quantstream::processor
