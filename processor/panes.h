// Open 1 s windows of an instrument: order-free. A pane keeps its trades, and its sums and returns
// as they grow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "market/candle.h"
#include "processor/id_ranges.h"
#include "processor/pane_trade.h"

namespace quantstream::processor {

class Pane {
 public:
  static constexpr int64_t kLength_us = kMicrosecondsPerSecond;

  // Starts anew and keeps its memory.
  void Reset(EventTime start);

  // Does the pane hold a trade of this identity? Trades without any id are never held: they are all
  // different.
  bool Holds(const Trade& trade) const;
  // Does it hold that trade at that place, as it was stored whole?
  bool HoldsPlace(Place place) const;
  // `batch` is where the trade stands. REQUIRES: its time is in the window; !Holds(trade).
  void Add(const Trade& trade, const TradeBatch& batch, Offset offset, uint32_t index);
  void Add(const KeptTrade& kept);

  // Values of all its trades. Sorts them first when they came out of order.
  CandleValues Values();
  OffsetSpan lineage() const { return lineage_; }

  EventTime start() const { return start_; }
  EventTime end() const { return EventTime{start_.us + kLength_us}; }
  bool Contains(EventTime time) const {
    return time.us >= start_.us && time.us - start_.us < kLength_us;
  }
  bool empty() const { return trades_.empty(); }
  size_t bytes() const {
    return trades_.size() * sizeof(PaneTrade) + origins_.size() * sizeof(Origin);
  }

  // Rule 24: its trades stand in the instrument's state row, so it does not hold the log.
  bool stored_whole = false;
  // Its trades are exactly those that the log tells within its lineage, each with a numeric id:
  // nothing of it was refused for its id alone, and it was not read again.
  bool is_plain() const { return is_plain_ && origins_.empty(); }
  void NotPlain() { is_plain_ = false; }
  // The trades' offsets are of a log that was lost: none stands at a place of this one.
  void ForgetPlaces();

  // Ordered by order key once Values() was called.
  const std::vector<PaneTrade>& trades() const { return trades_; }
  const Origin& OriginOf(const PaneTrade& trade) const;
  void Pack(Packer& out) const;
  void Unpack(Unpacker& in);

 private:
  bool Less(const PaneTrade& a, const PaneTrade& b) const;
  void AddTrade(const PaneTrade& trade);
  void GrowSums(const PaneTrade& trade);
  void Sort();

  EventTime start_;
  std::vector<PaneTrade> trades_;
  std::vector<Origin> origins_;
  IdRanges ids_;  // numeric ones
  std::unordered_set<std::string> text_ids_;
  bool in_order_ = true;  // trades_ are in order and returns_ are theirs
  bool has_sides_ = true;
  bool is_plain_ = true;
  OffsetSpan lineage_;
  ExactSum volume_;
  ExactSum quote_volume_;
  ExactSum buy_volume_;
  Decimal high_;
  Decimal low_;
  uint64_t trade_count_ = 0;
  LogReturnSums returns_;
};

// The open panes of one instrument, ascending.
class Panes {
 public:
  // The pane that holds `time`, or null.
  Pane* Find(EventTime time) {
    if (last_ < panes_.size() && panes_[last_]->Contains(time)) return panes_[last_].get();
    return FindSlowly(time);
  }
  // REQUIRES: Find(time) == null. `fresh` is reset to the window of `time` and taken in.
  Pane& Open(EventTime time, std::unique_ptr<Pane> fresh);
  // A pane that is filled already. REQUIRES: no pane of its window.
  Pane& Insert(std::unique_ptr<Pane> pane);
  // Takes the first pane out.
  std::unique_ptr<Pane> TakeFirst();

  bool empty() const { return panes_.empty(); }
  Pane& first() const { return *panes_.front(); }
  Pane& last() const { return *panes_.back(); }
  auto begin() const { return panes_.begin(); }
  auto end() const { return panes_.end(); }

 private:
  Pane* FindSlowly(EventTime time);

  std::vector<std::unique_ptr<Pane>> panes_;
  size_t last_ = 0;  // found last
};

}  // namespace quantstream::processor
