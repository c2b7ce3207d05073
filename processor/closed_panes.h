// The on-time trades of panes that closed lately, for the volatility of late trades: the same
// answer as from the log, without reading it again. Only a cache: bounded, and empty after a
// take-over.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "processor/panes.h"

namespace quantstream::processor {

// What orders and prices a trade with a numeric id.
struct ClosedTrade {
  EventTime time;
  uint64_t id = 0;
  int64_t price_mantissa = 0;
  uint32_t count = 1;
  uint8_t price_scale = 0;
};

class ClosedPanes {
 public:
  static constexpr int64_t kKept_us = 60 * kMicrosecondsPerSecond;  // of venue time

  explicit ClosedPanes(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Keeps what it needs of a pane that closes, unless the log would tell something else
  // (Pane::is_plain).
  void Keep(uint32_t instrument, const Pane& pane, EventTime closed_until);
  // Null when the pane is not kept.
  const std::vector<ClosedTrade>* Find(uint32_t instrument, EventTime pane) const;

  size_t bytes() const { return bytes_; }

 private:
  using Key = std::pair<uint32_t, int64_t>;  // instrument, open time in us

  void DropFirst();

  const size_t bytes_max_;
  size_t bytes_ = 0;
  std::deque<Key> order_;  // as they closed
  absl::flat_hash_map<Key, std::vector<ClosedTrade>> panes_;
};

}  // namespace quantstream::processor
