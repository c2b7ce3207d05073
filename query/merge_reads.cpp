// What a merger asks the store for, and how it goes on from the answers.
#include <algorithm>
#include <iterator>
#include <utility>

#include "query/merge.h"

namespace quantstream::query {
namespace {

bool Within(const CandleKey& key, const WantedSeries& wanted) {
  return SeriesOf(key) == wanted.series && key.open_time >= wanted.from &&
         (!wanted.to || key.open_time < *wanted.to);
}

}  // namespace

SnapshotRequest Merger::NeededRead(int64_t candles_max) const {
  SnapshotRequest request;
  int64_t left = candles_max;
  for (const auto& [place, reading] : reading_) {
    left -= grid_.parts_max();
    if (left < 0 && !request.series.empty()) break;
    request.series.push_back({.series = {place.first, grid_.part()},
                              .partition = instruments_.at(place.first).partition,
                              .from = place.second,
                              .to = grid_.End(place.second),
                              .with_scaled = true});
  }
  return request;
}

bool Merger::OnRead(const SnapshotRequest& request, const Snapshot& snapshot) {
  bool taken = false;
  for (const WantedSeries& wanted : request.series) {
    const auto reading = reading_.find({wanted.series.instrument, wanted.from});
    const auto stored = snapshot.next_version.find(wanted.partition);
    taken |= reading == reading_.end();
    if (reading == reading_.end() || stored == snapshot.next_version.end()) continue;
    Reading* of = &reading->second;
    const int64_t held = rules_.lagging_read_waits ? stored->second - 1 : of->newest;
    Instrument* instrument = Find(wanted.series.instrument);
    const auto known = instrument->windows.find(wanted.from);
    const int64_t folded =
        known == instrument->windows.end() ? 0 : known->second.parts.folded_version();
    if (held < std::max(of->at_least, folded) && rules_.lagging_read_waits) continue;
    taken = true;
    Raise(wanted.partition, held);  // the next read may be of a store that is behind this one
    if (held < of->newest) {
      *of = {held + 1, of->newest, of->newest};
    } else {
      reading_.erase(reading);
    }
    std::vector<Update> parts;
    std::ranges::copy_if(snapshot.candles, std::back_inserter(parts),
                         [&](const Update& part) { return Within(part->key, wanted); });
    OnStored(instrument, wanted.from, parts);
  }
  return taken;
}

void Merger::OnStored(Instrument* instrument, EventTime start, const std::vector<Update>& parts) {
  const auto known = instrument->windows.find(start);
  if (known != instrument->windows.end()) {
    Window* window = &known->second;
    const int64_t apart = window->parts.apart();
    window->parts.Rebuild(parts);
    instrument->parts_apart += window->parts.apart() - apart;
    if (window->parts.empty()) {  // the store has let go of it
      Unmark(*instrument, start);
      instrument->windows.erase(known);
      return;
    }
    instrument->fold_from = std::min(instrument->fold_from, start);
    Mark(*instrument, start, window);
    return Fold(instrument);
  }
  MergedParts merged(grid_.part(), rules_);
  for (const Update& part : parts) merged.Append(CandleOf(part));
  if (merged.empty()) return;
  read_.push_back(
      MakeMerged(grid_, instrument->name, instrument->partition, start, merged, true));
}

void Merger::Restart(const VenueClocks& settled) {
  ready_ = false;
  reading_.clear();
  dirty_closed_.clear();
  dirty_open_.clear();
  read_.clear();
  for (auto& [name, instrument] : instruments_) {
    if (!instrument.last) {
      const auto clock = settled.find(instrument.clock);
      const bool known = clock != settled.end();
      instrument.known_from =
          std::max(instrument.from, known ? grid_.Start(clock->second) : instrument.from);
    }
    KeepOpen(&instrument);
  }
}

// The splice does not let the same open part out twice: those stay.
void Merger::KeepOpen(Instrument* instrument) {
  instrument->parts_apart = 0;
  instrument->fold_from = instrument->known_from;
  std::erase_if(instrument->sent,
                [&](const auto& sent) { return sent.first < instrument->known_from; });
  auto next = instrument->windows.begin();
  while (next != instrument->windows.end()) {
    const auto at = next++;
    Window* window = &at->second;
    if (window->sent_version > 0 && rules_.versions_are_kept_over_restarts) {
      instrument->sent[at->first] = window->sent_version;
    }
    window->parts.KeepOpen();
    if (at->first < instrument->known_from || window->parts.empty()) {
      instrument->windows.erase(at);
      continue;
    }
    window->sent_version = 0;
    window->sent_closed = false;
    instrument->parts_apart += window->parts.apart();
    Mark(*instrument, at->first, window);
  }
}

void Merger::Complete(SnapshotRequest* request) const {
  std::vector<WantedSeries> unsettled;
  for (WantedSeries& wanted : request->series) {
    wanted.with_scaled = true;
    const auto instrument = instruments_.find(wanted.series.instrument);
    if (!wanted.changed_since || instrument == instruments_.end()) continue;
    WantedSeries newer = wanted;
    newer.from = std::max(wanted.from, instrument->second.known_from);
    newer.changed_since.reset();
    wanted.to = newer.from;
    unsettled.push_back(std::move(newer));
  }
  if (!rules_.restart_reads_unsettled_windows) return;
  request->series.insert(request->series.end(), unsettled.begin(), unsettled.end());
}

int64_t Merger::RequiredVersion(int32_t partition) const {
  const auto newest = newest_.find(partition);
  return newest == newest_.end() || !rules_.lagging_snapshot_waits ? 0 : newest->second + 1;
}

std::optional<int64_t> Merger::PendingVersion(int32_t partition) const {
  std::optional<int64_t> oldest;
  for (const auto& [place, reading] : reading_) {
    if (instruments_.at(place.first).partition != partition) continue;
    oldest = std::min(oldest.value_or(reading.changed), reading.changed);
  }
  return oldest;
}

}  // namespace quantstream::query
