// The on-time trades of panes that closed lately, for the volatility of late trades: the same
// answer as from the log, without reading it again. Only a cache: bounded, and empty after a
// take-over.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "processor/panes.h"

namespace quantstream::processor {

// What the partitions of a process may keep together. Thread-safe.
class ClosedPanesBudget {
 public:
  explicit ClosedPanesBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // False when that would be too much: nothing was taken.
  bool Take(size_t bytes);
  void Give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> used_{0};
};

// The trades of one pane in their order, packed: 12 bytes each.
class ClosedPane {
 public:
  // What orders and prices a trade.
  struct Item {
    EventTime time;
    uint64_t id = 0;
    Decimal price;
  };

  // Nullopt when they do not fit: an id without a number, or spans of ids or prices too wide.
  // REQUIRES: the pane's trades are in order (Pane::Values).
  static std::optional<ClosedPane> Of(const Pane& pane);

  size_t size() const { return trades_.size(); }
  Item at(size_t i) const;
  // How many of them come before (time, id).
  size_t CountBefore(EventTime time, uint64_t id) const;
  bool HasId(uint64_t id) const;
  // How many trades they stand for.
  uint64_t trade_count() const { return trade_count_; }
  size_t bytes() const { return sizeof(ClosedPane) + trades_.capacity() * sizeof(Packed); }

 private:
  struct Packed {
    uint32_t time_us;  // since the pane's start
    uint32_t id;       // above least_id_
    int32_t price;     // above least_price_
  };

  EventTime start_;
  uint64_t least_id_ = 0;
  int64_t least_price_ = 0;
  uint8_t price_scale_ = 0;
  uint64_t trade_count_ = 0;
  std::vector<Packed> trades_;
};

class ClosedPanes {
 public:
  static constexpr int64_t kKept_us = 60 * kMicrosecondsPerSecond;  // of venue time

  // `budget` outlives it.
  explicit ClosedPanes(ClosedPanesBudget& budget) : budget_(budget) {}
  ~ClosedPanes();
  ClosedPanes(const ClosedPanes&) = delete;
  ClosedPanes& operator=(const ClosedPanes&) = delete;

  // Keeps what it needs of a pane that closes, unless the log would tell something else
  // (Pane::is_plain) or there is no room even without its older ones.
  void Keep(uint32_t instrument, const Pane& pane, EventTime closed_until);
  // Null when the pane is not kept. Valid until the next Keep.
  const ClosedPane* Find(uint32_t instrument, EventTime pane) const;

 private:
  using Key = std::pair<uint32_t, int64_t>;  // instrument, open time in us

  void DropFirst();

  ClosedPanesBudget& budget_;
  std::deque<Key> order_;  // as they closed
  absl::flat_hash_map<Key, ClosedPane> panes_;
};

}  // namespace quantstream::processor
