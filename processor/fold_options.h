// The options that the fold reads. They are stored in the partition row, so that every owner folds
// by the same ones; changed ones are taken over at a take-over, in a commit of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "market/interval.h"
#include "processor/packing.h"

namespace quantstream::processor {

struct FoldOptions {
  std::vector<Interval> intervals{std::begin(kDefaultIntervals),
                                  std::end(kDefaultIntervals)};    // 1 s first, ascending
  std::vector<int64_t> retention_us = std::vector<int64_t>(7, 0);  // per interval; 0 = for ever
  std::vector<std::string> contiguous_id_venues{"binance"};
  int64_t grace_us = 1'000'000;  // a window closes this long after its end, by its venue's clock
  int64_t future_bound_us =
      3'600'000'000;              // a trade stamped further ahead of its receipt is refused
  int64_t silent_us = 5'000'000;  // a node unheard this long (log time) is not live
  int64_t hold_us =
      10'000'000;  // a node further behind the foremost does not hold the clock; 0 = always holds
  int64_t forget_us = 86'400'000'000;         // nodes and sessions unheard this long are forgotten
  int64_t replay_records_max = 1'000'000;     // how far back an open pane may hold the log
  int64_t reread_records_max = 1'000'000;     // longest lineage that is read again for a late trade
  int64_t open_trades_bytes_max = 256 << 20;  // of one partition; past it the partition stops
  int64_t ledger_ranges_max = 1'024;          // id ranges of one instrument

  bool operator==(const FoldOptions&) const = default;
  bool IsContiguous(std::string_view venue) const;
  // The longest interval.
  Interval widest() const { return intervals.back(); }

  void Pack(Packer& out) const;
  void Unpack(Unpacker& in);
};

}  // namespace quantstream::processor
