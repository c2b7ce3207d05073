#include "query/latest.h"

#include <algorithm>
#include <utility>

namespace quantstream::query {

bool Latest::Apply(const TailEvent& event) {
  PartitionState& partition = partitions_[event.partition];
  const bool older = event.epoch < partition.epoch;
  partition.epoch = std::max(partition.epoch, event.epoch);
  if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) {
    for (const Update& update : closed->candles) {
      partition.committed = std::max(partition.committed, update->version + 1);
      Close(update);
    }
  } else if (const auto* open = std::get_if<OpenEvent>(&event.body)) {
    for (const Update& update : open->candles) Keep(update);
  } else {
    if (older && rules_.older_epoch_is_dropped) return false;
    OnProgress(std::get<ProgressEvent>(event.body), &partition);
  }
  return true;
}

Latest::SeriesState* Latest::StateOf(const Update& update) {
  const CandleKey& key = update->key;
  auto found = instruments_.find(key.instrument);
  if (found == instruments_.end()) {
    if (static_cast<int64_t>(instruments_.size()) >= limits_.instruments_max) {
      ++refused_;
      return nullptr;
    }
    found = instruments_.emplace(key.instrument, InstrumentState{}).first;
    found->second.partition = update->partition;
  }
  return &found->second.series[key.interval];
}

void Latest::Close(const Update& update) {
  SeriesState* state = StateOf(update);
  if (state == nullptr) return;
  state->newest_closed =
      std::max(state->newest_closed.value_or(update->key.open_time), update->key.open_time);
  if (!rules_.closed_beats_partial) return;
  const auto end = state->open.upper_bound(*state->newest_closed);
  open_candles_ -= std::distance(state->open.begin(), end);
  state->open.erase(state->open.begin(), end);
}

void Latest::Keep(const Update& update) {
  SeriesState* state = StateOf(update);
  if (state == nullptr) return;
  const EventTime open_time = update->key.open_time;
  if (rules_.closed_beats_partial && state->newest_closed && open_time <= *state->newest_closed) {
    return;
  }
  Update& kept = state->open[open_time];
  if (!kept) {
    ++open_candles_;
  } else if (rules_.higher_version_wins && update->version <= kept->version) {
    return;
  }
  kept = update;
  if (static_cast<int64_t>(state->open.size()) > limits_.open_per_series_max) {
    state->open.erase(state->open.begin());
    --open_candles_;
    ++refused_;
  }
}

void Latest::OnProgress(const ProgressEvent& progress, PartitionState* partition) {
  partition->committed = std::max(partition->committed, progress.next_version);
  for (const VenueClosedUntil& venue : progress.venues) {
    partition->closed_until[venue.venue] = venue.closed_until;
  }
}

void Latest::CopyOpen(const Series& series, std::vector<Update>* open) const {
  const auto instrument = instruments_.find(series.instrument);
  if (instrument == instruments_.end()) return;
  const auto state = instrument->second.series.find(series.interval);
  if (state == instrument->second.series.end()) return;
  for (const auto& [open_time, update] : state->second.open) open->push_back(update);
}

int64_t Latest::Committed(int32_t partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? 0 : found->second.committed;
}

std::optional<EventTime> Latest::ClosedUntil(int32_t partition, const std::string& venue) const {
  const auto* all = ClosedUntil(partition);
  if (all == nullptr) return std::nullopt;
  const auto closed_until = all->find(venue);
  if (closed_until == all->end()) return std::nullopt;
  return closed_until->second;
}

const std::map<std::string, EventTime>* Latest::ClosedUntil(int32_t partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : &found->second.closed_until;
}

bool Latest::TakeNew(const std::string& instrument) {
  const auto found = instruments_.find(instrument);
  return found != instruments_.end() && std::exchange(found->second.is_new, false);
}

std::map<std::string, int32_t> Latest::InstrumentsOf(const std::set<std::string>& venues) const {
  std::map<std::string, int32_t> found;
  for (const auto& [name, state] : instruments_) {
    if (venues.contains(name.substr(0, name.find(':')))) found.emplace(name, state.partition);
  }
  return found;
}

}  // namespace quantstream::query
