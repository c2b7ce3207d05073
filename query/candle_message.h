// A stored candle as clients see it: scaled integers become canonical text. Knows the bytes of
// quantstream.v1.Candle only.
#pragma once

#include <cstdint>
#include <string>

#include "market/candle_codec.h"
#include "query/io.h"

namespace quantstream::query {

// A serialised quantstream.v1.Candle. vwap and volatility are computed from the exact sums.
std::string CandleMessage(const KeyedCandle& candle, int32_t partition);

// Where a window ends, when that is not its interval after its start: a day of a time zone.
struct CandleWindow {
  EventTime close_time;
  std::string time_zone;  // empty: none
};
std::string CandleMessage(const KeyedCandle& candle, int32_t partition, const CandleWindow& window);

// `scaled`: the bytes that the candle was decoded from, where merges may want them.
Update MakeUpdate(const KeyedCandle& candle, int32_t partition, std::string scaled = {});

}  // namespace quantstream::query
