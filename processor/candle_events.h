// Bytes of quantstream.v1.CandleEvent, the records of topic `candles`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/candle_codec.h"
#include "market/time.h"

namespace quantstream::processor {

// Committed candles, one after the other, as events below 1 MiB.
class ClosedCandlesWriter {
 public:
  static constexpr size_t kEventBytesMax = 900 * 1024;

  explicit ClosedCandlesWriter(Epoch epoch) : epoch_(epoch) {}
  void Add(const CandleKey& key, const Candle& candle);
  // The event so far as soon as it is full (or when `all`), else empty.
  std::string Take(bool all);

 private:
  Epoch epoch_;
  std::string candles_;
  std::string scratch_;
};

struct OpenCandle {
  CandleKey key;
  Candle candle;
};

std::string OpenCandlesEvent(Epoch epoch, std::string_view instrument,
                             const std::vector<OpenCandle>& candles);

// Per venue closed_until, and the first version that is not committed.
std::string ProgressEvent(Epoch epoch,
                          const std::vector<std::pair<std::string, EventTime>>& closed_until,
                          int64_t next_version);

}  // namespace quantstream::processor
