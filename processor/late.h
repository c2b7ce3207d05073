// Trades behind the clock: set aside, then read back together, merged, and written as revisions,
// record by record in order of place. So are the gap marks of closed candles.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "processor/batch.h"
#include "processor/fold_counters.h"
#include "processor/fold_state.h"
#include "processor/late_view.h"
#include "processor/pane_reread.h"
#include "processor/rules.h"

namespace quantstream::processor {

struct LateTrade {
  PaneId pane;
  KeptTrade kept;
  bool may_repeat = false;  // its id tells repeats only beside the pane's other trades
  std::string batch;        // TradeBatch of this one trade
};

// What one record changes behind the clock.
struct AsideRecord {
  Offset offset;
  int64_t version = 0;
  std::vector<LateTrade> trades;  // in order
  std::vector<RowKey> marks;      // closed candles whose gap marks may have changed
  std::map<uint32_t, std::shared_ptr<const GapEdges>> edges;  // per instrument, as after the record
};

class LateTrades {
 public:
  LateTrades(FoldState& state, const ClosedPanes& closed_panes, LateReader& reader,
             FoldCounters& counters, const Rules& rules)
      : state_(state),
        closed_panes_(closed_panes),
        reader_(reader),
        counters_(counters),
        rules_(rules) {}

  void SetAside(AsideRecord record);
  // A refused trade whose id may be in a hole that left the ledger: then `letter` says so.
  void AskGap(uint32_t instrument, uint64_t trade_id, DeadLetter letter);
  bool empty() const { return aside_.empty() && questions_.empty(); }
  size_t size() const { return trades_aside_ + questions_.size(); }

  // Applies all that was set aside. On an error the partition's memory is of no use any more.
  absl::Status Settle(Batch& batch, const Batch* in_flight);

 private:
  struct Question {
    uint32_t instrument;
    uint64_t trade_id;
    DeadLetter letter;
  };
  // One settling: what it reads, and the record being applied.
  struct Run {
    Batch& batch;
    LateView view;
    PaneReread reread;
    const AsideRecord* record = nullptr;
    std::vector<std::pair<RowKey, std::optional<Candle>>>
        before;  // rows as they were before the record
    std::vector<PaneId> changed_panes;
  };

  void WantRows(Run& run) const;
  absl::Status ReadPanes(Run& run);
  void Answer(Run& run);
  void ApplyRecord(Run& run);
  void ApplyTrade(Run& run, const LateTrade& late);
  bool IsRepeat(Run& run, const LateTrade& late);
  void ApplyToPane(Run& run, const LateTrade& late, const CandleValues& now,
                   const std::optional<Candle>& old);
  void ApplyToLonger(Run& run, const LateTrade& late, Interval interval,
                     const std::optional<CandleValues>& old, const CandleValues& now);
  CandleValues Merge(Run& run, const LateTrade& late, Interval interval, const CandleValues* whole,
                     const std::optional<CandleValues>& old, const CandleValues& now);
  void SetReturns(Run& run, const PaneId& pane);
  void Mark(Run& run);
  void Revise(Run& run, const RowKey& key, CandleValues values, std::optional<OffsetSpan> lineage);
  Completeness MarkOf(Run& run, const RowKey& key, const Candle* before) const;
  bool IsKept(const Instrument& instrument, size_t interval, EventTime start) const;

  FoldState& state_;
  const ClosedPanes& closed_panes_;
  LateReader& reader_;
  FoldCounters& counters_;
  const Rules& rules_;
  std::vector<AsideRecord> aside_;
  std::vector<Question> questions_;
  size_t trades_aside_ = 0;
};

}  // namespace quantstream::processor
