#include "query/splice.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "market/precondition.h"

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};

}  // namespace

Splice::Splice(StreamSpec spec, SpliceRules rules) : spec_(std::move(spec)), rules_(rules) {
  for (const StreamSeries& wanted : spec_.series) {
    series_[wanted.series] = {.partition = wanted.partition,
                              .from = StartOf(wanted.series),
                              .newest_closed = {},
                              .finals_from = {},
                              .sent_open = {}};
    marks_[wanted.partition] = -1;
  }
  if (!spec_.resume || !rules_.mark_is_resumed_from) return;
  for (auto& [partition, mark] : marks_) {
    const auto found = spec_.resume->marks.find(partition);
    if (found != spec_.resume->marks.end()) mark = found->second;
  }
}

EventTime Splice::StartOf(const Series& series) const {
  if (!spec_.resume) return spec_.start_time.value_or(kBeginning);
  const auto found = spec_.resume->starts.find(series.interval);
  return found == spec_.resume->starts.end() ? kBeginning : found->second;
}

void Splice::Register(const LiveState& live, std::string_view reason, Outlet* outlet) {
  if (ticket_ > 0 && !rules_.lost_place_resumes) return;
  if (snapshot_sent_ && !reading_ && !reason.empty()) outlet->SendDiscontinuity(reason);
  ++ticket_;
  reading_ = true;
  required_ = live.committed;
  if (rules_.lost_place_waits_for_progress) unplaced_ = live.unplaced;
  if (rules_.open_candles_are_copied) copied_open_ = live.open;
}

void Splice::OnPlaced(int32_t partition, int64_t committed) {
  unplaced_.erase(partition);
  if (marks_.contains(partition)) {
    required_[partition] = std::max(required_[partition], committed);
  }
}

SnapshotRequest Splice::Request() const {
  SnapshotRequest request;
  for (const auto& [series, state] : series_) {
    WantedSeries wanted{.series = series, .partition = state.partition, .from = state.from};
    if (goes_on()) {
      wanted.changed_since = marks_.at(state.partition);
      wanted.finals_from = state.finals_from;
    } else if (!spec_.start_time) {
      wanted.newest = LastOf();
    }
    request.series.push_back(std::move(wanted));
  }
  return request;
}

bool Splice::Resumes() const {
  return spec_.resume && rules_.mark_is_resumed_from;
}
int32_t Splice::LastOf() const {
  return spec_.resume ? 0 : spec_.last;
}

Splice::Outcome Splice::OnHistory(int64_t ticket, const Snapshot& snapshot, Outlet* outlet) {
  if (ticket != ticket_ || !reading_) return Outcome::kStale;
  if (rules_.lagging_snapshot_waits && Behind(snapshot)) return Outcome::kBehind;
  if (snapshot.is_piece()) return TakePiece(snapshot, outlet);
  const bool first = !std::exchange(snapshot_sent_, true);
  if (first && !spec_.start_time && !Resumes()) BeginAtOldest(snapshot);
  if (first && Resumes() && !rules_.start_is_resumed_from) BeginAtOldest(snapshot);
  DeliverHistory(snapshot, outlet);
  TakeMarks(snapshot);
  reading_ = false;
  for (auto& [series, state] : series_) state.finals_from.reset();  // old, when it is read again
  DeliverBuffered(first, outlet);
  return Outcome::kDelivered;
}

// Open candles, and what came meanwhile, belong to the last one.
Splice::Outcome Splice::TakePiece(const Snapshot& piece, Outlet* outlet) {
  Precondition(goes_on(), "Splice: a piece of a first history");
  const auto no_further = [this](const auto& cut) { return cut.second <= marks_[cut.first]; };
  if (std::ranges::any_of(piece.changed_through, no_further)) return Outcome::kTooLong;
  DeliverHistory(piece, outlet);
  TakeMarks(piece);
  for (const Update& update : piece.candles) {
    const auto found = series_.find(ViewOf(update->key));
    if (found == series_.end() || update->state != CandleState::kFinal) continue;
    std::optional<EventTime>& newest = found->second.finals_from;
    newest = std::max(newest.value_or(update->key.open_time), update->key.open_time);
  }
  reading_ = false;
  copied_open_.clear();
  DropBuffered();
  outlet->EndSnapshot();
  return Outcome::kPiece;
}

bool Splice::Behind(const Snapshot& snapshot) const {
  if (!unplaced_.empty()) return true;
  return std::ranges::any_of(required_, [&](const auto& required) {
    const auto found = snapshot.next_version.find(required.first);
    return (found == snapshot.next_version.end() ? 0 : found->second) < required.second;
  });
}

// Of the newest N, the oldest one says where this stream begins; without history it begins behind
// the newest one.
void Splice::BeginAtOldest(const Snapshot& snapshot) {
  if (LastOf() == 0) {
    for (const auto& [series, open_time] : snapshot.newest_closed) {
      if (series_.contains(series)) series_[series].from = EventTime{open_time.us + 1};
    }
  }
  for (const Update& update : snapshot.candles) {
    const auto found = series_.find(ViewOf(update->key));
    if (found != series_.end() && found->second.from == kBeginning) {
      found->second.from = update->key.open_time;
    }
  }
}

void Splice::DeliverHistory(const Snapshot& snapshot, Outlet* outlet) {
  for (const auto& [series, open_time] : snapshot.newest_closed) {
    if (const auto found = series_.find(series); found != series_.end()) {
      SetNewestClosed(&found->second, open_time);
    }
  }
  for (const Update& update : snapshot.candles) {
    const auto found = series_.find(ViewOf(update->key));
    if (found == series_.end()) continue;
    SetNewestClosed(&found->second, update->key.open_time);
    outlet->SendSnapshot(update);
  }
}

void Splice::TakeMarks(const Snapshot& snapshot) {
  if (!rules_.mark_is_from_snapshot) return;
  for (auto& [partition, mark] : marks_) {
    const auto found = snapshot.next_version.find(partition);
    if (found == snapshot.next_version.end()) continue;
    int64_t through = found->second - 1;
    const auto cut = snapshot.changed_through.find(partition);
    if (cut != snapshot.changed_through.end() && rules_.mark_is_within_the_piece)
      through = std::min(through, cut->second);
    mark = std::max(mark, through);
  }
}

void Splice::DeliverBuffered(bool first, Outlet* outlet) {
  for (const Update& update : std::exchange(copied_open_, {})) {
    const auto found = series_.find(ViewOf(update->key));
    if (found != series_.end() && PartialPasses(*update, &found->second)) {
      outlet->SendSnapshot(update);
    }
  }
  outlet->EndSnapshot();
  if (first) outlet->SendSnapshotEnd();
  for (const Update& update : std::exchange(buffered_closed_, {})) OnUpdate(update, outlet);
  for (const auto& [key, update] : std::exchange(buffered_open_, {})) OnUpdate(update, outlet);
  buffered_bytes_ = 0;
}

void Splice::OnUpdates(std::span<const Update> updates, Outlet* outlet) {
  Precondition(ticket_ > 0, "Splice::OnUpdates before Register");
  if (updates.empty()) return;
  const auto found = series_.find(ViewOf(updates.front()->key));
  if (found == series_.end()) return;
  for (const Update& update : updates) {
    if (!reading_) {
      Take(update, &found->second, outlet);
    } else if (rules_.live_is_buffered) {
      Buffer(update);
    }
  }
}

void Splice::Take(const Update& update, SeriesState* state, Outlet* outlet) {
  const bool passes =
      update->closed() ? ClosedPasses(*update, state) : PartialPasses(*update, state);
  if (passes) outlet->SendLive(update);
}

void Splice::Buffer(const Update& update) {
  if (update->closed()) {
    buffered_closed_.push_back(update);
    buffered_bytes_ += update->bytes();
    return;
  }
  Update& kept = buffered_open_[update->key];
  if (kept && kept->version >= update->version) return;
  buffered_bytes_ += update->bytes() - (kept ? kept->bytes() : 0);
  kept = update;
}

void Splice::Rewind(const std::map<int32_t, int64_t>& marks) {
  for (auto& [partition, mark] : marks_) {
    const auto found = marks.find(partition);
    if (found != marks.end()) mark = std::min(mark, found->second);
  }
  DropBuffered();
}

void Splice::DropBuffered() {
  buffered_closed_.clear();
  buffered_open_.clear();
  buffered_bytes_ = 0;
}

void Splice::TakeBack(const CandleUpdate& open) {
  const auto series = series_.find(ViewOf(open.key));
  if (series == series_.end()) return;
  const auto sent = series->second.sent_open.find(open.key.open_time);
  if (sent != series->second.sent_open.end()) sent->second = open.version - 1;
}

bool Splice::Remove(const Series& series) {
  return series_.erase(series) > 0;
}

std::map<Interval, EventTime> Splice::Starts() const {
  std::map<Interval, EventTime> starts;
  for (const auto& [series, state] : series_) {
    EventTime& start = starts.emplace(series.interval, state.from).first->second;
    start = std::min(start, state.from);
  }
  return starts;
}

void Splice::SetNewestClosed(SeriesState* state, EventTime open_time) {
  state->newest_closed = std::max(state->newest_closed.value_or(open_time), open_time);
  state->sent_open.erase(state->sent_open.begin(),
                         state->sent_open.upper_bound(*state->newest_closed));
}

bool Splice::ClosedPasses(const CandleUpdate& update, SeriesState* state) {
  int64_t& mark = marks_[state->partition];
  if (rules_.mark_filters) {
    if (update.version < mark) return false;
    if (update.version == mark && !rules_.version_at_mark_passes) return false;
    if (rules_.mark_grows) mark = update.version;
  }
  SetNewestClosed(state, update.key.open_time);
  return update.key.open_time >= state->from;
}

bool Splice::PartialPasses(const CandleUpdate& update, SeriesState* state) {
  const EventTime open_time = update.key.open_time;
  if (spec_.closed_only || open_time < state->from) return false;
  if (rules_.newest_closed_stops_partial && state->newest_closed &&
      open_time <= *state->newest_closed) {
    return false;
  }
  if (!rules_.versions_are_per_candle) {
    int64_t& floor = open_floors_.emplace(state->partition, -1).first->second;
    if (update.version < floor) return false;
    floor = update.version;
  }
  const auto [sent, added] = state->sent_open.emplace(open_time, update.version);
  if (added) return true;
  if (rules_.sent_version_stops_partial && update.version <= sent->second) return false;
  sent->second = update.version;
  return true;
}

}  // namespace quantstream::query
