// Trades of closed panes, read again for late ones: from the log by lineage, and the late ones from
// their table. Serves the 1 s volatility, and tells repeats where ids jump.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "processor/closed_panes.h"
#include "processor/fold_counters.h"
#include "processor/late_view.h"

namespace quantstream::processor {

// What is known of one pane's trades: those that closed with it, as they are kept in memory or were
// read again, and the late ones.
class PaneItems {
 public:
  // Those of memory. `closed` outlives this.
  void Borrow(const ClosedPane& closed);
  // One that was read. False when a trade of its identity is there already.
  bool Add(KeptTrade kept);
  bool Has(const KeptTrade& kept) const;
  // As Has, of those alone that were there before the first AddNew.
  bool HadAtFirst(const KeptTrade& kept) const;
  // One more, unless it is there: the returns change by those between it and its neighbours.
  void AddNew(KeptTrade kept);
  // How many trades they stand for.
  uint64_t trade_count() const { return trade_count_; }
  // By how much AddNew changed the returns since the last call.
  LogReturnSums TakeReturnsChange() { return std::exchange(returns_change_, {}); }
  // Sums and edges of all of them. REQUIRES: there is one; none is borrowed.
  CandleValues Sums() const;

  // The log does not hold them all any more, or they span too many records.
  bool incomplete = false;

 private:
  bool Insert(const KeptTrade& kept);
  void ChangeReturns(const KeptTrade& kept, size_t place);
  void Sort();

  const ClosedPane* closed_ = nullptr;
  std::vector<KeptTrade> trades_;  // the others
  bool in_order_ = true;
  absl::flat_hash_set<uint64_t> ids_;  // of trades_
  std::unordered_set<std::string> identities_;  // of those without a number
  std::unordered_set<std::string> added_;
  uint64_t trade_count_ = 0;
  LogReturnSums returns_change_;
};

class PaneReread {
 public:
  // `closed_panes` may be null.
  PaneReread(const FoldState& state, const ClosedPanes* closed_panes, FoldCounters& counters,
             const Rules& rules)
      : state_(state), closed_panes_(closed_panes), counters_(counters), rules_(rules) {}

  // Asks for the on-time trades of a pane from the records of `lineage`. REQUIRES: not asked
  // before.
  void Want(const PaneId& pane, const OffsetSpan& lineage);
  // Reads what is wanted; a range that the log does not hold leaves its panes incomplete.
  absl::Status Load(LateReader& reader);
  PaneItems& Of(const PaneId& pane) { return items_[pane]; }
  bool Knows(const PaneId& pane) const { return items_.contains(pane); }

 private:
  void Take(const TradeBatch& batch, Offset offset);

  const FoldState& state_;
  const ClosedPanes* closed_panes_;
  FoldCounters& counters_;
  const Rules& rules_;
  std::map<PaneId, OffsetSpan> wanted_;
  std::map<PaneId, PaneItems> items_;
};

}  // namespace quantstream::processor
