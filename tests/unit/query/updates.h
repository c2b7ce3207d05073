// Candle states for tests, in one line each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "market/candle_codec.h"
#include "query/io.h"

namespace quantstream::query::testing {

inline constexpr int32_t kPartition = 3;

// A state of a candle; `open_s` is its open_time in seconds. The message is a real
// quantstream.v1.Candle.
Update Candle(const std::string& instrument, int32_t interval_s, int64_t open_s, CandleState state,
              int64_t version, int32_t partition = kPartition);
Update Final(const std::string& instrument, int64_t open_s, int64_t version);
Update Revised(const std::string& instrument, int64_t open_s, int64_t version);
Update Partial(const std::string& instrument, int64_t open_s, int64_t version);

TailEvent ClosedOf(std::vector<Update> candles, int64_t epoch = 1);
TailEvent OpenOf(std::vector<Update> candles, int64_t epoch = 1);
TailEvent ProgressOf(int64_t next_version, int64_t closed_until_s, int64_t epoch = 1,
                     int32_t partition = kPartition);

// A part for merges: a candle of one trade at its start, of this price and quantity 1, with its
// `scaled`; REVISED has revision 1.
Update Part(const std::string& instrument, int32_t interval_s, int64_t open_s, CandleState state,
            int64_t version, int64_t price = 100);
// An update as the tail makes it.
Update UpdateOf(const KeyedCandle& candle, int32_t partition = kPartition);

// "A 100 v7 FINAL": the symbol's name, open time, version, state.
std::string Text(const Update& update);
std::vector<std::string> Texts(const std::vector<Update>& updates);

}  // namespace quantstream::query::testing
