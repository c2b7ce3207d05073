#include "processor/late.h"

#include <algorithm>
#include <set>
#include <utility>

namespace quantstream::processor {

void LateTrades::SetAside(AsideRecord record) {
  for (const LateTrade& late : record.trades) {
    state_.instruments[late.pane.first]->has_aside = true;
  }
  trades_aside_ += record.trades.size();
  aside_.push_back(std::move(record));
}

void LateTrades::AskGap(uint32_t instrument, uint64_t trade_id, DeadLetter letter) {
  questions_.push_back(Question{instrument, trade_id, std::move(letter)});
}

absl::Status LateTrades::Settle(Batch& batch, const Batch* in_flight) {
  if (empty()) return absl::OkStatus();
  ++counters_.read_backs;
  Run run{batch,
          LateView(state_, batch, in_flight, rules_),
          // What is kept lacks the quantities.
          PaneReread(state_, rules_.sums_stored ? &closed_panes_ : nullptr, counters_, rules_),
          nullptr,
          {},
          {}};
  WantRows(run);
  if (absl::Status status = run.view.Load(reader_); !status.ok()) return status;
  if (absl::Status status = ReadPanes(run); !status.ok()) return status;
  Answer(run);
  if (!rules_.aside_in_order) std::reverse(aside_.begin(), aside_.end());
  for (const AsideRecord& record : aside_) {
    run.record = &record;
    ApplyRecord(run);
  }
  for (const AsideRecord& record : aside_) {
    for (const LateTrade& late : record.trades) {
      state_.instruments[late.pane.first]->has_aside = false;
    }
  }
  aside_.clear();
  questions_.clear();
  trades_aside_ = 0;
  return absl::OkStatus();
}

// Behind an interval's retention, or before an added interval's beginning, no candle is made or
// changed.
bool LateTrades::IsKept(const Instrument& instrument, size_t interval, EventTime start) const {
  const FoldOptions& options = state_.options;
  const Venue& venue = state_.venues[instrument.venue];
  const EventTime closed_until = venue.clock.closed_until();
  if (!venue.Tracks(options.intervals[interval], start)) return false;
  if (!rules_.retention_bounds) return true;
  if (options.retention_us[interval] == 0 || closed_until == kNever) return true;
  return start.us + options.intervals[interval].us() >
         closed_until.us - options.retention_us[interval];
}

void LateTrades::WantRows(Run& run) const {
  for (const AsideRecord& record : aside_) {
    for (const LateTrade& late : record.trades) {
      run.view.WantPane(late.pane);
      const auto& [instrument, pane] = late.pane;
      const EventTime closed_until = state_.ClosedUntil(*state_.instruments[instrument]);
      for (Interval interval : state_.options.intervals) {
        const RowKey key{instrument, interval.seconds, WindowStart(pane, interval).us};
        if (key.end() <= closed_until) run.view.WantCandle(key);
      }
    }
    for (const RowKey& mark : record.marks) run.view.WantCandle(mark);
  }
  for (const Question& question : questions_)
    run.view.WantGap(question.instrument, question.trade_id);
}

// The trades of the panes: on-time ones from the log, late ones from their table.
absl::Status LateTrades::ReadPanes(Run& run) {
  std::set<PaneId> panes;
  for (const AsideRecord& record : aside_) {
    for (const LateTrade& late : record.trades) panes.insert(late.pane);
  }
  for (const PaneId& pane : panes) {
    const Candle* candle = run.view.Find(RowKey{pane.first, 1, pane.second.us});
    if (candle != nullptr && candle->lineage) run.reread.Want(pane, *candle->lineage);
  }
  if (absl::Status status = run.reread.Load(reader_); !status.ok()) return status;
  for (const PaneId& pane : panes) {
    if (!rules_.reread_late_rows) continue;
    for (KeptTrade& kept : run.view.LateTradesOf(pane)) run.reread.Of(pane).Add(std::move(kept));
  }
  return absl::OkStatus();
}

void LateTrades::Answer(Run& run) {
  for (size_t i = 0; i < questions_.size(); ++i) {
    if (!run.view.InUnknownGap(i)) continue;
    ++counters_.trades_beyond_ledger;
    run.batch.Refuse(std::move(questions_[i].letter));
  }
}

void LateTrades::ApplyRecord(Run& run) {
  run.before.clear();
  run.changed_panes.clear();
  for (const LateTrade& late : run.record->trades) ApplyTrade(run, late);
  for (const PaneId& pane : run.changed_panes) SetReturns(run, pane);
  Mark(run);
  for (const auto& [key, before] : run.before) {
    ++counters_.candles_revised;
    run.batch.Announce(*run.batch.Find(key));
  }
}

// An id that tells nothing by itself: is it among the trades of its closed pane?
bool LateTrades::IsRepeat(Run& run, const LateTrade& late) {
  if (!late.may_repeat || !rules_.pane_is_the_set) return false;
  PaneItems& items = run.reread.Of(late.pane);
  const Candle* candle = run.view.Find(RowKey{late.pane.first, 1, late.pane.second.us});
  const bool all_known =
      !items.incomplete && (candle == nullptr || items.trade_count() == candle->values.trade_count);
  if (rules_.aside_in_the_set ? items.Has(late.kept) : items.HadAtFirst(late.kept)) {
    ++counters_.trades_duplicate;
    return true;
  }
  if (all_known || !rules_.aside_in_the_set) return false;
  ++counters_.trades_beyond_log;
  run.batch.Refuse(DeadLetter{"beyond_log", run.record->offset, late.batch.size(), late.batch});
  return true;
}

void LateTrades::ApplyTrade(Run& run, const LateTrade& late) {
  if (IsRepeat(run, late)) return;
  Instrument& instrument = *state_.instruments[late.pane.first];
  instrument.newest_version = std::max(instrument.newest_version, run.record->version);
  state_.Changed(instrument);
  state_.PartialDue(instrument);
  ++counters_.trades_late;
  if (late.may_repeat) ++counters_.trades_accepted;
  const CandleValues one = ValuesOf(late.kept);
  const Candle* found = run.view.Find(RowKey{late.pane.first, 1, late.pane.second.us});
  const std::optional<Candle> old = found == nullptr ? std::nullopt : std::optional<Candle>(*found);
  CandleValues now = one;
  if (old) {
    now = old->values;
    MergeSums(now, one);
    now.first_pane_close = now.last.price;
  }
  if (old && !rules_.sums_stored) {
    run.reread.Of(late.pane).AddNew(late.kept);
    now = run.reread.Of(late.pane).Sums();
    now.returns = old->values.returns;
  }
  const auto& intervals = state_.options.intervals;
  bool kept_anywhere = false;
  for (size_t i = 1; i < intervals.size(); ++i) {
    if (!IsKept(instrument, i, WindowStart(late.pane.second, intervals[i]))) continue;
    kept_anywhere = true;
    ApplyToLonger(run, late, intervals[i], old ? std::optional(old->values) : std::nullopt, now);
  }
  if (IsKept(instrument, 0, late.pane.second)) {
    ApplyToPane(run, late, now, old);
  } else if (!kept_anywhere) {
    ++counters_.trades_beyond_retention;
    run.batch.Refuse(
        DeadLetter{"beyond_retention", run.record->offset, late.batch.size(), late.batch});
  }
}

void LateTrades::ApplyToPane(Run& run, const LateTrade& late, const CandleValues& now,
                             const std::optional<Candle>& old) {
  const RowKey key{late.pane.first, 1, late.pane.second.us};
  run.batch.AddLate(late.pane.first,
                    LateTradeRow{state_.instruments[late.pane.first]->name, late.pane.second,
                                 run.record->version, late.kept.trade.index, late.batch});
  PaneItems& items = run.reread.Of(late.pane);
  const uint64_t known = items.trade_count();
  const bool complete = !items.incomplete && known == (old ? old->values.trade_count : 0);
  items.AddNew(late.kept);
  items.incomplete = !complete;
  if (std::find(run.changed_panes.begin(), run.changed_panes.end(), late.pane) ==
      run.changed_panes.end()) {
    run.changed_panes.push_back(late.pane);
  }
  Revise(run, key, now, old ? old->lineage : std::nullopt);
}

// Once per record: the returns of a 1 s candle, when all its trades are known.
void LateTrades::SetReturns(Run& run, const PaneId& pane) {
  const RowKey key{pane.first, 1, pane.second.us};
  const CandleRow* row = run.batch.Find(key);
  Candle candle = row->candle;
  PaneItems& items = run.reread.Of(pane);
  const LogReturnSums change = items.TakeReturnsChange();
  std::optional<LogReturnSums>& returns = candle.values.returns;
  const bool all_known = !items.incomplete && items.trade_count() == candle.values.trade_count;
  if (!all_known && rules_.absent_when_unknown) returns.reset();
  if (returns) {
    *returns += change;
  } else {
    ++counters_.volatility_absent;
  }
  run.batch.Put(key, row->key.instrument, std::move(candle), row->is_new);
}

void LateTrades::ApplyToLonger(Run& run, const LateTrade& late, Interval interval,
                               const std::optional<CandleValues>& old, const CandleValues& now) {
  Instrument& instrument = *state_.instruments[late.pane.first];
  const RowKey key{late.pane.first, interval.seconds, WindowStart(late.pane.second, interval).us};
  Venue& venue = state_.venues[instrument.venue];
  if (key.end() <= venue.clock.closed_until()) {
    const Candle* whole = run.view.Find(key);
    const std::optional<OffsetSpan> lineage = whole == nullptr ? std::nullopt : whole->lineage;
    Revise(run, key,
           Merge(run, late, interval, whole == nullptr ? nullptr : &whole->values, old, now),
           lineage);
    return;
  }
  Accumulator* window = instrument.rollup.Find(interval, key.start());
  CandleValues merged =
      Merge(run, late, interval, window == nullptr ? nullptr : &window->values, old, now);
  if (window != nullptr) {
    window->values = std::move(merged);
    return;
  }
  instrument.rollup.Insert(Accumulator{interval, key.start(), std::move(merged), std::nullopt});
  venue.next_close = std::min(venue.next_close, key.end());
}

// The longer candle with the pane's new values in it. Its volatility needs the closes beside the
// pane; where these may be behind the 1 s retention, it becomes absent.
CandleValues LateTrades::Merge(Run& run, const LateTrade& late, Interval interval,
                               const CandleValues* whole, const std::optional<CandleValues>& old,
                               const CandleValues& now) {
  const Instrument& instrument = *state_.instruments[late.pane.first];
  const EventTime from = WindowStart(late.pane.second, interval);
  CandleValues out = whole == nullptr ? now : *whole;
  if (!IsKept(instrument, 0, from) && rules_.absent_behind_retention) {
    if (whole != nullptr) MergeSums(out, ValuesOf(late.kept));
    out.returns.reset();
    ++counters_.volatility_absent;
    return out;
  }
  if (whole == nullptr) {
    out.returns = LogReturnSums{};
    return out;
  }
  std::optional<NeighbourClose> before = run.view.Before(late.pane);
  std::optional<NeighbourClose> after = run.view.After(late.pane);
  if (before && before->open_time < from) before.reset();
  if (after && after->open_time.us >= from.us + interval.us()) after.reset();
  ReplacePane(out, old, now, before ? std::optional(before->close) : std::nullopt,
              after ? std::optional(after->close) : std::nullopt);
  return out;
}

// Once per record, after its last trade: candles beside a gap that opened or closed.
void LateTrades::Mark(Run& run) {
  for (const RowKey& key : run.record->marks) {
    const Candle* found = run.view.Find(key);
    if (found == nullptr) continue;
    const bool changed = std::any_of(run.before.begin(), run.before.end(),
                                     [&](const auto& each) { return each.first == key; });
    const bool was_suspect = found->completeness == Completeness::kGapSuspected;
    const bool is_suspect = MarkOf(run, key, found) == Completeness::kGapSuspected;
    if (!changed && was_suspect == is_suspect && rules_.revise_only_changes) continue;
    const Candle current = *found;
    Revise(run, key, current.values, current.lineage);
  }
}

Completeness LateTrades::MarkOf(Run& run, const RowKey& key, const Candle* before) const {
  const Ledger& ledger = state_.instruments[key.instrument]->ledger;
  const auto edges = run.record->edges.find(key.instrument);
  const bool own = rules_.marks_of_record && edges != run.record->edges.end();
  if (EdgeWithin(own ? *edges->second : *ledger.Edges(), key.start(), key.end())) {
    return Completeness::kGapSuspected;
  }
  if (before == nullptr || before->completeness == Completeness::kComplete) {
    return Completeness::kComplete;
  }
  const bool forgotten = key.start() <= ledger.forgotten_time();
  const bool was_suspect = before->completeness == Completeness::kGapSuspected;
  if (was_suspect && forgotten) return Completeness::kGapSuspected;
  return rules_.healed_is_told ? Completeness::kHealed : Completeness::kComplete;
}

// One revision per record, counted from the row as it was before it.
void LateTrades::Revise(Run& run, const RowKey& key, CandleValues values,
                        std::optional<OffsetSpan> lineage) {
  auto place = std::find_if(run.before.begin(), run.before.end(),
                            [&](const auto& each) { return each.first == key; });
  const Candle* now = run.view.Find(key);
  const bool is_new = now == nullptr;
  if (place == run.before.end()) {
    place = run.before.emplace(run.before.end(), key,
                               now == nullptr ? std::nullopt : std::optional<Candle>(*now));
  }
  const std::optional<Candle> counted =
      rules_.one_revision || now == nullptr ? place->second : std::optional<Candle>(*now);
  Candle candle;
  candle.values = std::move(values);
  candle.lineage = lineage;
  candle.state = CandleState::kRevised;
  candle.version = run.record->version;
  candle.revision = counted ? counted->revision + 1 : 1;
  if (!counted && !rules_.late_candle_is_revised) candle.revision = 0;
  candle.completeness = MarkOf(run, key, counted ? &*counted : nullptr);
  run.batch.Put(key, state_.instruments[key.instrument]->name, std::move(candle), is_new);
}

}  // namespace quantstream::processor
