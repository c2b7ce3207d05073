// Closed candles as they stand for late trades: the commit being built, over the commit in flight,
// over the store.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "processor/batch.h"
#include "processor/fold_state.h"
#include "processor/rules.h"

namespace quantstream::processor {

// What late trades read. Called from within the fold; may block.
class LateReader {
 public:
  virtual ~LateReader() = default;
  // The partition and the fence are filled in here.
  virtual absl::StatusOr<ReadBackAnswer> Read(ReadBack request) = 0;
  // Every record of [first, last] that is a TradeBatch. kOutOfRange: the log begins behind `first`.
  virtual absl::Status ReadLog(Offset first, Offset last,
                               const std::function<void(const TradeBatch&, Offset)>& each) = 0;
};

using PaneId = std::pair<uint32_t, EventTime>;  // instrument, open time

class LateView {
 public:
  // `in_flight` may be null.
  LateView(const FoldState& state, const Batch& batch, const Batch* in_flight, const Rules& rules)
      : state_(state), batch_(batch), in_flight_(in_flight), rules_(rules) {}

  void WantCandle(const RowKey& key) { candles_.insert(key); }
  // A pane's neighbours and late trades.
  void WantPane(const PaneId& pane) { panes_.insert(pane); }
  void WantGap(uint32_t instrument, uint64_t trade_id) { gaps_.emplace_back(instrument, trade_id); }
  // Reads all that is wanted at once.
  absl::Status Load(LateReader& reader);

  // The candle as it stands now, or null. REQUIRES of all: it was wanted.
  const Candle* Find(const RowKey& key) const;
  std::optional<NeighbourClose> Before(const PaneId& pane) const;
  std::optional<NeighbourClose> After(const PaneId& pane) const;
  // Late trades of a pane that are stored, in flight or in the batch.
  std::vector<KeptTrade> LateTradesOf(const PaneId& pane) const;
  bool InUnknownGap(size_t question) const;

 private:
  NeighbourClose CloseAt(uint32_t instrument, EventTime open_time, Decimal stored) const;
  const Batch* in_flight() const {
    return rules_.overlay && rules_.overlay_in_flight ? in_flight_ : nullptr;
  }

  const FoldState& state_;
  const Batch& batch_;
  const Batch* in_flight_;
  const Rules& rules_;
  std::set<RowKey> candles_;
  std::set<PaneId> panes_;
  std::vector<std::pair<uint32_t, uint64_t>> gaps_;
  absl::flat_hash_map<RowKey, Candle> stored_;
  std::map<PaneId, Neighbours> neighbours_;
  std::map<PaneId, std::vector<LateTradeRow>> late_trades_;
  std::vector<bool> in_gap_;
};

}  // namespace quantstream::processor
