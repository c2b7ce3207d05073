// Heartbeats, the windows that they close, and the open candles.
#include <algorithm>
#include <utility>

#include "market/instrument.h"
#include "market/trade_codec.h"
#include "processor/partition.h"

namespace quantstream::processor {

namespace {

constexpr size_t kSparePanesMax = 1'024;
constexpr size_t kVenuesMax = 1'024;  // of one partition, that heartbeats name
constexpr int64_t kOpenPerIntervalMax = 128;  // in a PARTIAL message; the oldest are left out

int64_t SecondOf(EventTime time) {
  return time == kNever ? kNever.us : WindowStart(time, Interval{1}).us;
}

}  // namespace

std::unique_ptr<Pane> Partition::FreshPane() {
  if (spare_panes_.empty()) return std::make_unique<Pane>();
  std::unique_ptr<Pane> pane = std::move(spare_panes_.back());
  spare_panes_.pop_back();
  return pane;
}

// Of what may stand in a record, only this moves a clock, which never goes back.
bool Partition::IsLegal(const Heartbeat& beat) const {
  if (!IsLegalVenue(beat.venue)) return false;
  if (beat.venue_time && (beat.venue_time->us <= 0 || *beat.venue_time > kTimeMax)) return false;
  return state_.venues.size() < kVenuesMax ||
         std::any_of(state_.venues.begin(), state_.venues.end(),
                     [&](const Venue& venue) { return venue.name == beat.venue; });
}

void Partition::RefuseBeat(const TradeBatch& batch, const Heartbeat& beat) {
  ++counters_.heartbeats_refused;
  TradeBatch one;
  one.node = batch.node;
  one.session = batch.session;
  one.sequence = batch.sequence;
  one.heartbeats.push_back(beat);
  std::string bytes;
  EncodeTradeBatch(one, bytes);
  batch_->Refuse(DeadLetter{"heartbeat", Offset{position_.value - 1}, bytes.size(), bytes});
}

absl::Status Partition::Beat(const Heartbeat& beat, std::string_view node) {
  Venue& venue = state_.VenueOf(beat.venue);
  const auto number = static_cast<uint32_t>(&venue - state_.venues.data());
  if (beat.finished) {
    if (!venue.clock.Finish(node, state_.log_time, state_.options)) {
      return Advance(number, TargetOf(venue));
    }
    const EventTime end = NewestWindowEnd(venue);
    if (end == kNever) return absl::OkStatus();
    return Advance(number, EventTime{end.us + state_.options.grace_us});
  }
  if (!beat.venue_time && rules_.timeless_node_waits) return absl::OkStatus();
  const EventTime reached = beat.venue_time.value_or(EventTime{0});
  venue.clock.Beat(node, reached, beat.held, state_.log_time);
  if (!rules_.close_in_record) return absl::OkStatus();
  return Advance(number, TargetOf(venue));
}

EventTime Partition::TargetOf(const Venue& venue) const {
  if (rules_.far_node_does_not_hold) {
    return venue.clock.Target(state_.log_time, state_.options);
  }
  FoldOptions always_holds = state_.options;
  always_holds.hold_us = 0;
  return venue.clock.Target(state_.log_time, always_holds);
}

absl::Status Partition::EndPoll() {
  if (rules_.close_in_record) return absl::OkStatus();
  for (uint32_t number = 0; number < state_.venues.size(); ++number) {
    absl::Status status = Advance(number, TargetOf(state_.venues[number]));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// End of the newest window that a trade of the venue opened; kNever when none is open.
EventTime Partition::NewestWindowEnd(const Venue& venue) const {
  EventTime newest = kNever;
  for (uint32_t number : venue.instruments) {
    const Instrument& instrument = *state_.instruments[number];
    for (const Accumulator& window : instrument.rollup.windows())
      newest = std::max(newest, window.end());
    for (const std::unique_ptr<Pane>& pane : instrument.panes) {
      for (Interval interval : state_.options.intervals) {
        const EventTime start = WindowStart(pane->start(), interval);
        newest = std::max(newest, EventTime{start.us + interval.us()});
      }
    }
  }
  return newest;
}

// Late trades are settled before closed_until passes the end of a window.
absl::Status Partition::Advance(uint32_t number, EventTime target) {
  Venue& venue = state_.venues[number];
  const int64_t grace_us = state_.options.grace_us;
  const EventTime until = venue.clock.ClosedUntilAt(std::max(target, venue.clock.now()), grace_us);
  const bool passes_an_end = SecondOf(until) != SecondOf(venue.clock.closed_until());
  if (passes_an_end && rules_.settle_before_close) {
    if (absl::Status status = late_.Settle(*batch_, in_flight_.get()); !status.ok()) return status;
  }
  const bool held = venue.clock.IsHeld(state_.log_time, state_.options);
  if (!held) venue.held_from = kNever;
  if (held && venue.held_from == kNever) venue.held_from = venue.clock.closed_until();
  if (rules_.clock_never_back) {
    venue.clock.AdvanceTo(target, grace_us);
  } else {
    venue.clock.SetBack(venue.clock.Least(state_.log_time, state_.options), grace_us);
  }
  if (venue.next_close > venue.clock.closed_until()) return absl::OkStatus();
  CloseWindows(venue);
  if (held) ReportHeld(venue);
  return absl::OkStatus();
}

void Partition::CloseWindows(Venue& venue) {
  const EventTime closed_until = venue.clock.closed_until();
  venue.next_close = kForever;
  for (uint32_t number : venue.instruments) {
    Instrument& instrument = *state_.instruments[number];
    ClosePanes(instrument, closed_until);
    CloseLonger(instrument, closed_until);
    instrument.ledger.DropForgottenBefore(WindowStart(closed_until, state_.options.widest()));
    if (!instrument.panes.empty()) {
      venue.next_close = std::min(venue.next_close, instrument.panes.first().end());
    }
    venue.next_close = std::min(venue.next_close, instrument.rollup.EarliestEnd());
  }
}

void Partition::ClosePanes(Instrument& instrument, EventTime closed_until) {
  const Venue& venue = state_.venues[instrument.venue];
  const auto& intervals = state_.options.intervals;
  while (!instrument.panes.empty() && instrument.panes.first().end() <= closed_until) {
    std::unique_ptr<Pane> pane = instrument.panes.TakeFirst();
    const CandleValues values = pane->Values();
    for (size_t i = 1; i < intervals.size(); ++i) {
      if (!venue.Tracks(intervals[i], WindowStart(pane->start(), intervals[i]))) continue;
      instrument.rollup.Append(intervals[i], values, pane->start(), pane->lineage());
    }
    WriteFinal(instrument, intervals[0], pane->start(), values, pane->lineage());
    open_bytes_ -= pane->bytes();
    closed_panes_.Keep(instrument.number, *pane, closed_until);
    state_.Changed(instrument);
    if (spare_panes_.size() < kSparePanesMax) spare_panes_.push_back(std::move(pane));
  }
}

void Partition::CloseLonger(Instrument& instrument, EventTime closed_until) {
  while (std::optional<Accumulator> window = instrument.rollup.TakeClosed(closed_until)) {
    state_.Changed(instrument);
    WriteFinal(instrument, window->interval, window->start, std::move(window->values),
               window->lineage);
  }
}

void Partition::WriteFinal(const Instrument& instrument, Interval interval, EventTime start,
                           CandleValues values, std::optional<OffsetSpan> lineage) {
  const EventTime end{start.us + interval.us()};
  Candle candle;
  candle.values = std::move(values);
  candle.lineage = lineage;
  candle.state = CandleState::kFinal;
  candle.version = version_;
  if (instrument.ledger.EdgeIn(start, end)) {
    candle.completeness = Completeness::kGapSuspected;
  } else if (!rules_.healed_open_is_complete && IsHealedOtherwise(instrument, start, end)) {
    candle.completeness = Completeness::kHealed;
  }
  const RowKey key{instrument.number, interval.seconds, start.us};
  batch_->Announce(batch_->Put(key, instrument.name, std::move(candle), true));
  ++counters_.candles_final;
}

// Windows closed while a node was disconnected beyond its hold: trades of them may be missing.
void Partition::ReportHeld(Venue& venue) {
  const EventTime closed_until = venue.clock.closed_until();
  GapRow gap;
  gap.cause = GapCause::kDisconnected;
  gap.venue = venue.name;
  if (venue.held_from != kNever) gap.from_time = venue.held_from;
  gap.until_time = closed_until;
  gap.opened_version = version_;
  batch_->OpenGap(std::move(gap));
  venue.held_from = closed_until;
}

bool Partition::TakePartials(uint32_t number, std::string& event) {
  Instrument& instrument = *state_.instruments[number];
  event.clear();
  if (instrument.has_aside && rules_.settle_before_partial) {
    state_.partials_due.push_back(number);
    return false;
  }
  instrument.partial_due = false;
  std::vector<OpenCandle> candles;
  for (Interval interval : state_.options.intervals) {
    AppendOpenCandles(instrument, interval, candles);
    if (!rules_.one_message && !candles.empty()) break;
  }
  if (!candles.empty()) event = OpenCandlesEvent(epoch_, instrument.name, candles);
  return true;
}

// The first of the open windows of this interval that a PARTIAL message tells of. While a venue's
// clock stands still they grow in number; who reads keeps no more of them.
EventTime Partition::FirstOpenTold(const Instrument& instrument, Interval interval) {
  EventTime newest = instrument.panes.empty()
                         ? EventTime{0}
                         : WindowStart(instrument.panes.last().start(), interval);
  for (const Accumulator& window : instrument.rollup.windows()) {
    if (window.interval == interval) newest = std::max(newest, window.start);
  }
  return EventTime{newest.us - (kOpenPerIntervalMax - 1) * interval.us()};
}

// The closed panes of each open window of this interval, and its open ones.
void Partition::AppendOpenCandles(Instrument& instrument, Interval interval,
                                  std::vector<OpenCandle>& out) {
  const size_t begin = out.size();
  const auto open_at = [&](EventTime start) -> Candle& {
    for (size_t i = out.size(); i > begin; --i) {
      if (out[i - 1].key.open_time == start) return out[i - 1].candle;
    }
    out.push_back(OpenCandle{CandleKey{instrument.name, interval, start}, {}});
    return out.back().candle;
  };
  const EventTime first = FirstOpenTold(instrument, interval);
  for (const Accumulator& window : instrument.rollup.windows()) {
    if (window.interval != interval || window.start < first) continue;
    Candle& candle = open_at(window.start);
    candle.values = window.values;
    candle.lineage = window.lineage;
  }
  for (const std::unique_ptr<Pane>& pane : instrument.panes) {
    const EventTime start = WindowStart(pane->start(), interval);
    if (start < first || !state_.venues[instrument.venue].Tracks(interval, start)) continue;
    Candle& candle = open_at(start);
    if (interval.seconds == 1) {
      candle.values = pane->Values();
    } else {
      AppendPane(candle.values, pane->Values());
    }
    Widen(candle.lineage, pane->lineage());
  }
  for (size_t i = begin; i < out.size(); ++i) {
    const CandleKey& key = out[i].key;
    Candle& candle = out[i].candle;
    const int64_t lineage_version =
        candle.lineage ? VersionOf(state_.generation, candle.lineage->last) : 0;
    candle.version = rules_.instrument_version ? instrument.newest_version : lineage_version;
    if (instrument.ledger.EdgeIn(key.open_time, key.close_time())) {
      candle.completeness = Completeness::kGapSuspected;
    }
  }
}

}  // namespace quantstream::processor
