#include "processor/partition.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "market/trade_codec.h"

namespace quantstream::processor {

namespace {

constexpr size_t kAsideMax = 20'000;  // late trades; more are settled at once
constexpr size_t kSequenceRangesMax = 1'024;
constexpr int64_t kForgetEvery_us = 60 * kMicrosecondsPerSecond;

std::string OneTradeBatch(const TradeBatch& batch, uint32_t index) {
  TradeBatch one;
  one.node = batch.node;
  one.session = batch.session;
  one.sequence = batch.sequence;
  one.trades.push_back(batch.trades[index]);
  std::string bytes;
  EncodeTradeBatch(one, bytes);
  return bytes;
}

GapRow GapOf(const Instrument& instrument, const Hole& hole, GapCause cause, int64_t version) {
  GapRow gap;
  gap.cause = cause;
  gap.instrument = instrument.name;
  gap.venue = instrument.venue_name();
  gap.first_trade_id = hole.first;
  gap.last_trade_id = hole.last;
  gap.from_time = std::min(hole.from_time, hole.until_time);
  gap.until_time = std::max(hole.from_time, hole.until_time);
  gap.opened_version = version;
  return gap;
}

}  // namespace

Partition::Partition(int32_t partition, Epoch epoch, FoldOptions options, LateReader& reader,
                     FoldCounters& counters, const Rules& rules, ClosedPanesBudget& closed_panes)
    : partition_(partition),
      epoch_(epoch),
      counters_(counters),
      rules_(rules),
      closed_panes_(closed_panes),
      late_(state_, closed_panes_, reader, counters, rules),
      batch_(std::make_unique<Batch>(partition, epoch, rules)) {
  state_.options = std::move(options);
}

void Partition::BeginRecord(Offset offset, EventTime log_time) {
  ++counters_.records;
  position_ = Offset{offset.value + 1};
  version_ = VersionOf(state_.generation, offset);
  // By log time alone, so that every owner forgets at the same record.
  const int64_t minute = state_.log_time.us / kForgetEvery_us;
  const bool grows = log_time > state_.log_time || !rules_.log_time_is_greatest;
  if (grows) state_.log_time = log_time;
  if (state_.log_time.us / kForgetEvery_us != minute) ForgetUnheard();
}

absl::Status Partition::Fold(const TradeBatch& batch, Offset offset, EventTime log_time) {
  BeginRecord(offset, log_time);
  if (SentBefore(batch, offset)) {
    return rules_.refused_whole ? absl::OkStatus() : FoldBeats(batch);
  }
  if (!rules_.trades_before_beats || !rules_.live_at_own_beat || !rules_.origin_orders) {
    return FoldOtherwise(batch, offset);
  }
  if (absl::Status status = FoldTrades(batch, offset); !status.ok()) return status;
  if (absl::Status status = FoldBeats(batch); !status.ok()) return status;
  return CheckOpenBytes();
}

absl::Status Partition::FoldTrades(const TradeBatch& batch, Offset offset) {
  if (rules_.net_marks && rules_.trades_in_order) {
    for (uint32_t index = 0; index < batch.trades.size(); ++index) FoldTrade(batch, index, offset);
  } else {
    FoldTradesOtherwise(batch, offset);
  }
  EndTrades(offset);
  if (late_.size() <= kAsideMax) return absl::OkStatus();
  return late_.Settle(*batch_, in_flight_.get());
}

absl::Status Partition::FoldBeats(const TradeBatch& batch) {
  for (const Heartbeat& beat : batch.heartbeats) {
    if (!IsLegal(beat)) {
      RefuseBeat(batch, beat);
    } else if (absl::Status status = Beat(beat, batch.node); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

void Partition::FoldBad(std::string_view bytes, Offset offset, EventTime log_time,
                        std::string_view reason) {
  BeginRecord(offset, log_time);
  ++counters_.records_bad;
  batch_->Refuse(DeadLetter{std::string(reason), offset, bytes.size(), std::string(bytes)});
}

absl::Status Partition::CheckOpenBytes() const {
  if (open_bytes_ <= static_cast<size_t>(state_.options.open_trades_bytes_max) ||
      !rules_.open_bytes_bounded) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("open_trades_bytes_max: the open windows hold ",
                                                    open_bytes_, " bytes of trades"));
}

void Partition::ForgetUnheard() {
  if (!rules_.forget_unheard) return;
  const int64_t forget_us = state_.options.forget_us;
  for (Venue& venue : state_.venues) venue.clock.ForgetUnheard(state_.log_time, forget_us);
  std::erase_if(state_.sessions, [&](const Session& session) {
    return state_.log_time.us - session.heard.us > forget_us;
  });
}

bool Partition::SentBefore(const TradeBatch& batch, Offset offset) {
  Session& session = state_.SessionOf(batch.node, rules_.sessions_apart ? batch.session : 0);
  session.heard = state_.log_time;
  if (session.seen.Overlaps(batch.sequence, batch.sequence)) {
    if (!rules_.repeats_refused) return false;
    ++counters_.records_repeated;
    for (const Trade& trade : batch.trades) SetNotPlain(trade);
    if (rules_.sequence_claims) state_.claims.push_back(Claim{offset});
    return true;
  }
  session.seen.Add(batch.sequence, batch.sequence);
  if (!rules_.sequence_ranges) session.seen.FillFromZero();
  if (session.seen.size() > kSequenceRangesMax) {
    session.seen.CloseLowestHole();
    ++counters_.sequence_holes_forgotten;
  }
  return false;
}

// A refused copy stands in the log within the pane's lineage: who reads it again may see another
// trade than was folded.
void Partition::SetNotPlain(const Trade& trade) {
  Instrument* instrument = state_.FindInstrument(trade.venue, trade.symbol);
  Pane* pane = instrument == nullptr ? nullptr : instrument->panes.Find(trade.venue_time);
  if (pane != nullptr) pane->NotPlain();
}

Instrument& Partition::Lookup(const Trade& trade) {
  if (last_seen_ == nullptr || last_seen_->symbol() != trade.symbol ||
      last_seen_->venue_name() != trade.venue) {
    last_seen_ = &state_.InstrumentOf(trade.venue, trade.symbol);
  }
  return *last_seen_;
}

void Partition::Refuse(const TradeBatch& batch, uint32_t index, Offset offset,
                       std::string_view reason) {
  std::string bytes = OneTradeBatch(batch, index);
  batch_->Refuse(DeadLetter{std::string(reason), offset, bytes.size(), bytes});
}

void Partition::FoldTrade(const TradeBatch& batch, uint32_t index, Offset offset) {
  const Trade& trade = batch.trades[index];
  const Refusal refusal = CheckTrade(trade, state_.options.future_bound_us);
  if (refusal != Refusal::kNone) {
    ++counters_.trades_refused[static_cast<size_t>(refusal)];
    return Refuse(batch, index, offset, RefusalName(refusal));
  }
  Instrument& instrument = Lookup(trade);
  const bool by_ledger = instrument.contiguous && trade.id != 0;
  if (by_ledger && instrument.ledger.Overlaps(trade.id, trade.id + trade.count - 1)) {
    return RefuseRepeat(instrument, batch, index, offset);
  }
  Pane* pane = instrument.panes.Find(trade.venue_time);
  const EventTime pane_end{WindowStart(trade.venue_time, Interval{1}).us + Pane::kLength_us};
  const bool is_open = pane != nullptr || pane_end > state_.ClosedUntil(instrument);
  if (pane != nullptr && pane->Holds(trade)) {
    if (rules_.pane_is_the_set || !IsForgotten(*pane, trade)) {
      ++counters_.trades_duplicate;
      return;
    }
  }
  if (by_ledger) AddToLedger(instrument, trade);
  const bool has_id = trade.id != 0 || !trade.text_id.empty();
  const bool may_repeat = !is_open && !by_ledger && has_id;
  if (!may_repeat) Accept(instrument);
  if (is_open) {
    AddToPane(instrument, pane, batch, index, offset);
  } else {
    SetAside(instrument, batch, index, offset, may_repeat);
  }
}

// Rule 6: refused, though recovery would take it in when its own pane is open and does not hold the
// id.
void Partition::RefuseRepeat(Instrument& instrument, const TradeBatch& batch, uint32_t index,
                             Offset offset) {
  const Trade& trade = batch.trades[index];
  ++counters_.trades_duplicate;
  if (trade.id <= instrument.ledger.forgotten_id() && rules_.forgotten_gap_is_looked_up) {
    std::string bytes = OneTradeBatch(batch, index);
    late_.AskGap(instrument.number, trade.id,
                 DeadLetter{"beyond_ledger", offset, bytes.size(), bytes});
  }
  Pane* pane = instrument.panes.Find(trade.venue_time);
  const EventTime pane_end{WindowStart(trade.venue_time, Interval{1}).us + Pane::kLength_us};
  if (pane_end <= state_.ClosedUntil(instrument) || (pane != nullptr && pane->Holds(trade))) return;
  if (pane != nullptr) pane->NotPlain();
  ++counters_.trades_conflicting;
  if (rules_.claims) state_.claims.push_back(Claim{offset, index});
}

void Partition::AddToLedger(Instrument& instrument, const Trade& trade) {
  const uint64_t last = trade.id + trade.count - 1;
  if (instrument.ledger.Append(trade.id, last, trade.venue_time)) return;
  instrument.ledger.Insert(trade.id, last, trade.venue_time, change_);
  for (EventTime moved : change_.moved) {
    if (rules_.both_sides || moved == trade.venue_time) {
      record_moved_.emplace_back(instrument.number, moved);
    }
  }
  ReportHoles(instrument, change_);
  const auto ranges_max = static_cast<size_t>(state_.options.ledger_ranges_max);
  while (instrument.ledger.ranges().size() > ranges_max) {
    const Hole hole = instrument.ledger.ForgetLowestHole();
    ++counters_.ledger_holes_forgotten;
    batch_->CloseGap(instrument.name, hole, version_);
    if (!rules_.forgotten_gap_is_kept) continue;
    batch_->OpenGap(GapOf(instrument, hole, GapCause::kUnknown, version_));
  }
}

void Partition::ReportHoles(const Instrument& instrument, const LedgerChange& change) {
  if (change.closed) batch_->CloseGap(instrument.name, *change.closed, version_);
  for (const Hole& hole : change.opened) {
    batch_->OpenGap(GapOf(instrument, hole, GapCause::kMissingIds, version_));
  }
}

void Partition::Accept(Instrument& instrument) {
  ++counters_.trades_accepted;
  instrument.newest_version = version_;
  state_.Changed(instrument);
  state_.PartialDue(instrument);
}

void Partition::AddToPane(Instrument& instrument, Pane* pane, const TradeBatch& batch,
                          uint32_t index, Offset offset) {
  const Trade& trade = batch.trades[index];
  if (pane == nullptr) {
    pane = &instrument.panes.Open(trade.venue_time, FreshPane());
    // A trade of this record may have been refused before the pane it belongs to was open.
    const bool refused = !state_.claims.empty() && state_.claims.back().offset == offset;
    if (refused) pane->NotPlain();
    Venue& venue = state_.venues[instrument.venue];
    venue.next_close = std::min(venue.next_close, pane->end());
  }
  const size_t bytes_before = pane->bytes();
  pane->Add(trade, batch, offset, index);
  open_bytes_ += pane->bytes() - bytes_before;
}

void Partition::SetAside(const Instrument& instrument, const TradeBatch& batch, uint32_t index,
                         Offset offset, bool may_repeat) {
  const Trade& trade = batch.trades[index];
  record_late_.push_back(LateTrade{{instrument.number, WindowStart(trade.venue_time, Interval{1})},
                                   KeepTrade(trade, batch, offset, index),
                                   may_repeat,
                                   OneTradeBatch(batch, index)});
}

// What the record changes behind the clock waits, with the gap marks as they are now.
void Partition::EndTrades(Offset offset) {
  if (record_late_.empty() && record_moved_.empty()) return;
  if (!rules_.healed_open_is_complete) {
    healed_open_.insert(healed_open_.end(), record_moved_.begin(), record_moved_.end());
  }
  AsideRecord record{offset, version_, std::move(record_late_), {}, {}};
  for (const auto& [number, time] : record_moved_) {
    const EventTime closed_until = state_.ClosedUntil(*state_.instruments[number]);
    for (Interval interval : state_.options.intervals) {
      const RowKey key{number, interval.seconds, WindowStart(time, interval).us};
      if (key.end() <= closed_until) record.marks.push_back(key);
      if (!rules_.all_intervals) break;
    }
  }
  record_late_.clear();
  record_moved_.clear();
  if (record.trades.empty() && record.marks.empty()) return;
  std::sort(record.marks.begin(), record.marks.end());
  record.marks.erase(std::unique(record.marks.begin(), record.marks.end()), record.marks.end());
  const auto keep_edges = [&](uint32_t number) {
    record.edges.try_emplace(number, state_.instruments[number]->ledger.Edges());
  };
  for (const LateTrade& late : record.trades) keep_edges(late.pane.first);
  for (const RowKey& mark : record.marks) keep_edges(mark.instrument);
  late_.SetAside(std::move(record));
}

}  // namespace quantstream::processor
