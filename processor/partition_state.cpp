// What a partition stores, and how it starts again from it.
#include <algorithm>
#include <utility>

#include "processor/partition.h"

namespace quantstream::processor {

absl::Status Partition::Load(const TakenOver& stored) {
  state_.generation = stored.row.generation;
  position_ = stored.row.next_offset;
  if (!stored.row.state.empty()) {
    if (absl::Status status = state_.UnpackPartition(stored.row.state); !status.ok()) return status;
  }
  for (const InstrumentState& row : stored.instruments) {
    absl::Status status = state_.UnpackInstrument(row.instrument, row.state);
    if (!status.ok()) return status;
  }
  ForgetWhatTheRowLacks();
  for (Venue& venue : state_.venues) {
    for (uint32_t number : venue.instruments) {
      Instrument& instrument = *state_.instruments[number];
      venue.next_close = std::min(venue.next_close, instrument.rollup.EarliestEnd());
      for (const std::unique_ptr<Pane>& pane : instrument.panes) {
        venue.next_close = std::min(venue.next_close, pane->end());
        open_bytes_ += pane->bytes();
      }
      if (instrument.newest_version >= 0) state_.PartialDue(instrument);
    }
  }
  return absl::OkStatus();
}

// Nothing, with all rules in.
void Partition::ForgetWhatTheRowLacks() {
  if (!rules_.log_time_in_row) state_.log_time = EventTime{0};
  if (!rules_.sequences_in_row) state_.sessions.clear();
  if (!rules_.claims_in_row) state_.claims.clear();
  for (Venue& venue : state_.venues) {
    if (!rules_.clock_in_row) venue.clock.ForgetNodes();
  }
  for (const std::unique_ptr<Instrument>& instrument : state_.instruments) {
    if (!rules_.newest_version_in_row) instrument->newest_version = -1;
    if (!rules_.recovery_from_stored_panes) instrument->panes = {};
  }
}

bool Partition::IsClaimed(Offset offset, uint32_t index) const {
  const auto& claims = state_.claims;
  const auto claimed = [&](uint32_t which) {
    return std::binary_search(claims.begin(), claims.end(), Claim{offset, which});
  };
  if (claimed(Claim::kWholeRecord) || claimed(index)) return true;
  if (rules_.claim_by_index) return false;
  return std::any_of(claims.begin(), claims.end(),
                     [offset](const Claim& claim) { return claim.offset == offset; });
}

void Partition::Recover(const TradeBatch& batch, Offset offset) {
  for (uint32_t index = 0; index < batch.trades.size(); ++index) RecoverTrade(batch, index, offset);
  if (rules_.clock_in_row && rules_.recovery_skips_beats) return;
  for (const Heartbeat& beat : batch.heartbeats) {
    if (!beat.venue_time) continue;
    state_.VenueOf(beat.venue).clock.Beat(batch.node, *beat.venue_time, beat.held, state_.log_time);
  }
}

void Partition::RecoverTrade(const TradeBatch& batch, uint32_t index, Offset offset) {
  const Trade& trade = batch.trades[index];
  const Refusal refusal = CheckTrade(trade, state_.options.future_bound_us);
  if (refusal != Refusal::kNone) {
    if (!rules_.recovery_is_silent) Refuse(batch, index, offset, RefusalName(refusal));
    return;
  }
  Instrument& instrument = Lookup(trade);
  const EventTime pane_end{WindowStart(trade.venue_time, Interval{1}).us + Pane::kLength_us};
  const bool is_open = pane_end > state_.ClosedUntil(instrument);
  if ((!is_open && rules_.recovery_into_open_panes) || IsClaimed(offset, index)) return;
  if (!rules_.recovery_skips_ledger && instrument.ledger.Overlaps(trade.id, trade.id)) return;
  Pane* pane = instrument.panes.Find(trade.venue_time);
  if (pane != nullptr) {
    const bool in_whole = pane->stored_whole && pane->HoldsPlace({offset, index});
    if (pane->Holds(trade) || (in_whole && rules_.skip_stored_places)) return;
  }
  AddToPane(instrument, pane, batch, index, offset);
  instrument.panes.Find(trade.venue_time)->NotPlain();
}

bool Partition::TakeOptions(const FoldOptions& options) {
  if (options == state_.options) return false;
  ChangeIntervals(options);
  state_.options = options;
  for (Venue& venue : state_.venues) {
    if (!rules_.closed_until_in_row) venue.clock.SetBack(venue.clock.now(), options.grace_us);
  }
  for (const std::unique_ptr<Instrument>& instrument : state_.instruments) {
    instrument->contiguous = options.IsContiguous(instrument->venue_name());
    if (!instrument->contiguous) instrument->ledger = Ledger();
    instrument->rollup.Keep(options.intervals);
    state_.Changed(*instrument);
  }
  return true;
}

// An added interval starts with its first window that begins at or after closed_until.
void Partition::ChangeIntervals(const FoldOptions& options) {
  const auto has = [](const std::vector<Interval>& intervals, Interval interval) {
    return std::find(intervals.begin(), intervals.end(), interval) != intervals.end();
  };
  for (Venue& venue : state_.venues) {
    const EventTime closed_until = venue.clock.closed_until();
    std::erase_if(venue.interval_from,
                  [&](const auto& each) { return !has(options.intervals, each.first); });
    if (closed_until == kNever || !rules_.added_interval_waits) continue;
    for (Interval interval : options.intervals) {
      if (has(state_.options.intervals, interval)) continue;
      EventTime from = WindowStart(closed_until, interval);
      if (from < closed_until) from.us += interval.us();
      venue.interval_from.emplace_back(interval, from);
    }
  }
}

void Partition::RecordGap(Offset first, Offset last, Offset next_offset, bool log_replaced) {
  ++state_.generation;
  position_ = next_offset;
  GapRow gap;
  gap.cause = GapCause::kDataLoss;
  gap.first_offset = first;
  gap.last_offset = last;
  gap.opened_version = VersionOf(state_.generation, next_offset);
  batch_->OpenGap(std::move(gap));
  if (!log_replaced) return;
  state_.claims.clear();
  for (const std::unique_ptr<Instrument>& instrument : state_.instruments) {
    for (const std::unique_ptr<Pane>& pane : instrument->panes) {
      pane->ForgetPlaces();
      state_.Changed(*instrument);
    }
  }
}

// Rule 24: these do not hold the log any more; their trades stand in the state row of their
// instrument.
void Partition::StoreFarPanes(bool store_open) {
  if (!rules_.store_far_panes) return;
  store_open = store_open && rules_.stop_stores_open;
  const int64_t far = position_.value - state_.options.replay_records_max;
  for (const std::unique_ptr<Instrument>& instrument : state_.instruments) {
    for (const std::unique_ptr<Pane>& pane : instrument->panes) {
      if (pane->stored_whole || (!store_open && pane->lineage().first.value >= far)) continue;
      pane->stored_whole = true;
      state_.Changed(*instrument);
    }
  }
}

Offset Partition::ReplayFrom() const {
  Offset from = position_;
  for (const std::unique_ptr<Instrument>& instrument : state_.instruments) {
    for (const std::unique_ptr<Pane>& pane : instrument->panes) {
      const bool counts = !pane->stored_whole || !rules_.stored_panes_let_go;
      if (counts) from = std::min(from, pane->lineage().first);
    }
  }
  return from;
}

absl::StatusOr<std::shared_ptr<PartitionCommit>> Partition::Freeze(bool store_open) {
  if (rules_.settle_before_commit) {
    absl::Status settled = late_.Settle(*batch_, in_flight_.get());
    if (!settled.ok()) return settled;
  }
  StoreFarPanes(store_open);
  const int64_t newest =
      VersionOf(state_.generation, Offset{std::max<int64_t>(position_.value - 1, 0)});
  std::shared_ptr<PartitionCommit> commit = batch_->Freeze(newest);
  PartitionRow& row = commit->row;
  row.generation = state_.generation;
  row.next_offset = position_;
  row.replay_from = rules_.replay_from_open_panes ? ReplayFrom() : position_;
  std::erase_if(state_.claims, [&](const Claim& claim) { return claim.offset < row.replay_from; });
  row.state = state_.PackPartition();
  for (uint32_t number : state_.changed) {
    Instrument& instrument = *state_.instruments[number];
    commit->instruments.push_back({instrument.name, state_.PackInstrument(instrument)});
    instrument.changed = false;
  }
  state_.changed.clear();
  frozen_progress_ = Progress();
  in_flight_ = std::move(batch_);
  batch_ = std::make_unique<Batch>(partition_, epoch_, rules_);
  return commit;
}

std::string Partition::Progress() const {
  std::vector<std::pair<std::string, EventTime>> closed_until;
  for (const Venue& venue : state_.venues) {
    if (venue.clock.closed_until() == kNever) continue;
    closed_until.emplace_back(venue.name, venue.clock.closed_until());
  }
  return ProgressEvent(epoch_, closed_until, VersionOf(state_.generation, position_));
}

}  // namespace quantstream::processor
