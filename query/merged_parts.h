// Candles of a stored interval, put together into one of a longer window. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/io.h"
#include "query/merge_rules.h"
#include "query/window.h"

namespace quantstream::query {

// The sum of some parts: values as in market/candle.h, version the greatest, revision the sum of
// theirs; GAP_SUSPECTED if one is, else HEALED if one is; lineage from the first to the last record
// of those that have one, absent when every trade of every part came late.
class MergedParts {
 public:
  // `part`: the interval of what is appended.
  explicit MergedParts(Interval part, MergeRules rules = {}) : part_(part), rules_(rules) {}

  // A part that is later in time than all in it.
  void Append(const Candle& part);

  bool empty() const { return candle_.values.trade_count == 0; }
  // Its state is PARTIAL while one part's is, else REVISED if a part was revised, else FINAL.
  const Candle& candle() const { return candle_; }

 private:
  Interval part_;
  MergeRules rules_;
  Candle candle_;
};

// The candle of an update that has `scaled`.
Candle CandleOf(const Update& part);

// What clients get of the window that begins at `start`. `closed`: nothing is missing in it; else
// it is PARTIAL. `version_min`: a version that this candle was sent with.
Update MakeMerged(const WindowGrid& grid, const std::string& instrument, int32_t partition,
                  EventTime start, const MergedParts& parts, bool closed, int64_t version_min = 0);

}  // namespace quantstream::query
