// The fold of one partition: (state, record) -> (state, candles). Pure but for the read-backs of
// late trades: no clock, no thread. A record is one step: its trades in order, the gap marks they
// moved, its heartbeats in order.
//
// Life: Load, Recover for each record of [replay_from, next_offset), TakeOptions, then Fold record
// by record; Freeze makes a commit of all that was folded, Landed drops what lay over the store
// meanwhile. Any error means that the memory is of no use: drop the partition and take it over
// again, or, with kFailedPrecondition, stop it by name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "market/trade.h"
#include "processor/batch.h"
#include "processor/closed_panes.h"
#include "processor/fold_counters.h"
#include "processor/fold_state.h"
#include "processor/io.h"
#include "processor/late.h"
#include "processor/rules.h"

namespace quantstream::processor {

class Partition {
 public:
  // `options` are those of a partition that is new; everything given by reference outlives it.
  Partition(int32_t partition, Epoch epoch, FoldOptions options, LateReader& reader,
            FoldCounters& counters, const Rules& rules, ClosedPanesBudget& closed_panes);

  // Starts from what is stored.
  absl::Status Load(const TakenOver& stored);
  // A new partition begins where the log begins.
  void BeginAt(Offset offset) { position_ = offset; }
  // Takes a record's trades into the panes that are open. No heartbeats, no ledger, no output.
  void Recover(const TradeBatch& batch, Offset offset);
  // From here on by these options. True when they differ from those stored: commit before the next
  // record.
  bool TakeOptions(const FoldOptions& options);
  // Offsets [first, last] are lost; the log goes on at next_offset (below first: the log was
  // replaced). A new generation begins. Commit before the next record.
  void RecordGap(Offset first, Offset last, Offset next_offset, bool log_replaced);

  absl::Status Fold(const TradeBatch& batch, Offset offset, EventTime log_time);
  // A record that is no TradeBatch.
  void FoldBad(std::string_view bytes, Offset offset, EventTime log_time, std::string_view reason);
  // The records of a poll are folded.
  absl::Status EndPoll();

  // All open candles of an instrument at one version, as a CandleEvent; empty when it has none.
  // False when late trades of it wait for the next commit: it stays due.
  bool TakePartials(uint32_t instrument, std::string& event);
  // Its open candles are due again.
  void RepeatPartials(uint32_t instrument) { state_.PartialDue(*state_.instruments[instrument]); }
  // Instruments with an accepted trade since their last PARTIAL.
  std::vector<uint32_t>& partials_due() { return state_.partials_due; }
  size_t instrument_count() const { return state_.instruments.size(); }

  // All that was folded since the last Freeze, as one commit; settles late trades first.
  // `store_open`: every open pane goes into the state rows, so that nothing is read again (a
  // graceful stop). The caller fills in guards, last_record and log_id. REQUIRES: the last one
  // landed.
  absl::StatusOr<std::shared_ptr<PartitionCommit>> Freeze(bool store_open);
  void Landed() { in_flight_.reset(); }
  // As of what was folded; to be published where that is committed.
  std::string Progress() const;
  // Progress as of the last Freeze.
  const std::string& frozen_progress() const { return frozen_progress_; }

  // A window closed or a candle is to be revised since the last Freeze.
  bool has_candles() const { return batch_->rows() > 0 || !late_.empty(); }
  size_t batch_rows() const { return batch_->rows() + late_.size() + batch_->bytes() / 1024; }
  Offset position() const { return position_; }
  int64_t generation() const { return state_.generation; }
  const FoldState& state() const { return state_; }

 private:
  void BeginRecord(Offset offset, EventTime log_time);
  bool SentBefore(const TradeBatch& batch, Offset offset);
  absl::Status FoldTrades(const TradeBatch& batch, Offset offset);
  absl::Status FoldBeats(const TradeBatch& batch);
  void FoldTrade(const TradeBatch& batch, uint32_t index, Offset offset);
  void SetNotPlain(const Trade& trade);
  Instrument& Lookup(const Trade& trade);
  void Refuse(const TradeBatch& batch, uint32_t index, Offset offset, std::string_view reason);
  void RefuseRepeat(Instrument& instrument, const TradeBatch& batch, uint32_t index, Offset offset);
  void AddToLedger(Instrument& instrument, const Trade& trade);
  void Moved(Instrument& instrument, const LedgerChange& change);
  void ReportHoles(const Instrument& instrument, const LedgerChange& change);
  void Accept(Instrument& instrument);
  void AddToPane(Instrument& instrument, Pane* pane, const TradeBatch& batch, uint32_t index,
                 Offset offset);
  void SetAside(const Instrument& instrument, const TradeBatch& batch, uint32_t index,
                Offset offset, bool may_repeat);
  void EndTrades(Offset offset);
  absl::Status CheckOpenBytes() const;
  void ForgetUnheard();

  // rules_out.cpp: what the fold does with a rule taken out; only scenarios come here
  absl::Status FoldOtherwise(const TradeBatch& batch, Offset offset);
  void FoldTradesOtherwise(const TradeBatch& batch, Offset offset);
  bool IsForgotten(const Pane& pane, const Trade& trade) const;

  // partition_windows.cpp
  EventTime TargetOf(const Venue& venue) const;
  bool IsLegal(const Heartbeat& beat) const;
  bool IsHealedOtherwise(const Instrument& instrument, EventTime start, EventTime end) const;
  void RefuseBeat(const TradeBatch& batch, const Heartbeat& beat);
  absl::Status Beat(const Heartbeat& beat, std::string_view node);
  absl::Status Advance(uint32_t venue, EventTime target);
  EventTime NewestWindowEnd(const Venue& venue) const;
  void CloseWindows(Venue& venue);
  void ClosePanes(Instrument& instrument, EventTime closed_until);
  void CloseLonger(Instrument& instrument, EventTime closed_until);
  void WriteFinal(const Instrument& instrument, Interval interval, EventTime start,
                  CandleValues values, std::optional<OffsetSpan> lineage);
  void ReportHeld(Venue& venue);
  static EventTime FirstOpenTold(const Instrument& instrument, Interval interval);
  void AppendOpenCandles(Instrument& instrument, Interval interval, std::vector<OpenCandle>& out);
  std::unique_ptr<Pane> FreshPane();

  // partition_state.cpp
  void ForgetWhatTheRowLacks();
  void RecoverTrade(const TradeBatch& batch, uint32_t index, Offset offset);
  bool IsClaimed(Offset offset, uint32_t index) const;
  void StoreFarPanes(bool store_open);
  Offset ReplayFrom() const;
  void ChangeIntervals(const FoldOptions& options);

  const int32_t partition_;
  const Epoch epoch_;
  FoldCounters& counters_;
  const Rules& rules_;
  FoldState state_;
  ClosedPanes closed_panes_;
  LateTrades late_;
  Offset position_;      // next record
  int64_t version_ = 0;  // of the record being folded
  std::unique_ptr<Batch> batch_;
  std::unique_ptr<Batch> in_flight_;
  std::string frozen_progress_;

  std::vector<LateTrade> record_late_;  // the record being folded
  std::vector<std::pair<uint32_t, EventTime>> record_moved_;
  LedgerChange change_;
  std::vector<std::pair<uint32_t, EventTime>> healed_open_;  // without that rule alone
  Instrument* last_seen_ = nullptr;
  std::vector<std::unique_ptr<Pane>> spare_panes_;
  size_t open_bytes_ = 0;
};

}  // namespace quantstream::processor
