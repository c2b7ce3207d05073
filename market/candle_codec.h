// Candle <-> quantstream.v1.ScaledCandle bytes: the `merge` column, the outbox and topic `candles`.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "market/candle.h"

namespace quantstream {

// Appends a ScaledCandle (ordinary protobuf, written by hand for the hot path) to `out`.
void EncodeCandle(const CandleKey& key, const Candle& candle, std::string& out);

struct KeyedCandle {
  CandleKey key;
  Candle candle;
  bool operator==(const KeyedCandle&) const = default;
};

// InvalidArgument names the field that is missing or out of range. Decode(Encode(x)) == x.
absl::StatusOr<KeyedCandle> DecodeCandle(std::string_view bytes);

}  // namespace quantstream
