#include "query/merged_leg.h"

#include <algorithm>
#include <limits>

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};

std::string VenueOf(const std::string& instrument) {
  return instrument.substr(0, instrument.find(':'));
}

MergedResume ResumedAt(const Resume& resume, const WindowGrid& grid) {
  const auto found = resume.merged.find(grid.ToString());
  return found == resume.merged.end() ? MergedResume{kBeginning, kBeginning} : found->second;
}

}  // namespace

MergedLeg::MergedLeg(const WindowGrid& grid, const StreamSpec& spec)
    : merger_(grid), closed_only_(spec.closed_only), last_(spec.last) {
  for (const StreamSeries& each : spec.series) {
    const std::string& name = each.series.instrument;
    partitions_[name] = each.partition;
    if (spec.resume) {
      const MergedResume at = ResumedAt(*spec.resume, grid);
      merger_.AddResumed(name, each.partition, at.from, at.closed_until);
      if (at.closed_until != kBeginning) {
        settled_[{each.partition, VenueOf(name)}] = at.closed_until;
      }
    } else if (spec.start_time) {
      merger_.AddFrom(name, each.partition, grid.FirstFrom(*spec.start_time));
    } else {
      merger_.AddLast(name, each.partition, spec.last);
    }
  }
  base_ = settled_;
  if (spec.resume) required_ = spec.resume->required;
}

StreamSpec MergedLeg::PartsSpec(const StreamSpec& spec) {
  StreamSpec parts{.series = spec.series,
                   .start_time = kBeginning,
                   .last = 0,
                   .closed_only = spec.closed_only,
                   .resume = {}};
  if (spec.resume) parts.resume = Resume{.marks = spec.resume->marks, .starts = {}};
  return parts;
}

void MergedLeg::Register(bool again, LiveState* live, std::map<int32_t, int64_t>* marks) {
  for (const auto& [partition, venues] : live->closed_until) {
    for (const auto& [venue, time] : venues) OnClosedUntil(partition, {venue, time}, true);
  }
  registered_ = clocks_;
  if (again) {
    LowerToPending(marks);
    merger_.Restart(base_);
  }
  for (auto& [partition, committed] : live->committed) {
    const auto sent = required_.find(partition);
    if (sent != required_.end()) committed = std::max(committed, sent->second);
    committed = std::max(committed, merger_.RequiredVersion(partition));
  }
}

void MergedLeg::LowerToPending(std::map<int32_t, int64_t>* marks) const {
  for (auto& [partition, mark] : *marks) {
    mark = std::min(mark, merger_.PendingVersion(partition).value_or(mark));
  }
}

void MergedLeg::Complete(SnapshotRequest* request) const {
  for (WantedSeries& wanted : request->series) {
    const auto from = merger_.from(wanted.series.instrument);
    if (from) wanted.from = *from;
    if (from || wanted.changed_since) continue;
    wanted.newest = static_cast<int32_t>(merger_.PartsOfLast(last_));
  }
  merger_.Complete(request);
  std::erase_if(request->series,
                [](const WantedSeries& wanted) { return wanted.to && *wanted.to <= wanted.from; });
}

VenueClocks MergedLeg::OwnClocks(const Snapshot& snapshot) const {
  VenueClocks own;
  for (const auto& [name, partition] : partitions_) {
    const std::pair<int32_t, std::string> of{partition, VenueOf(name)};
    const auto raise = [&](EventTime time) {
      EventTime& clock = own.try_emplace(of, time).first->second;
      clock = std::max(clock, time);
    };
    const auto registered = registered_.find(of);
    if (registered != registered_.end()) raise(registered->second);
    const auto closed = snapshot.newest_closed.find({name, grid().part()});
    if (closed != snapshot.newest_closed.end()) {
      raise(EventTime{closed->second.us + grid().part().us()});
    }
  }
  return own;
}

std::optional<Snapshot> MergedLeg::WholeWindows(const Snapshot& piece) const {
  Snapshot whole = piece;
  const EventTime to = grid().Start(*piece.to);
  whole.to = to;
  const bool further = std::ranges::any_of(OwnClocks(piece), [&](const auto& clock) {
    const auto base = base_.find(clock.first);
    return (base == base_.end() ? kBeginning : base->second) < std::min(clock.second, to);
  });
  if (!further) return std::nullopt;
  // What was revised of windows that are not read whole stays: the mark passes it.
  std::erase_if(whole.candles, [&](const Update& part) {
    const auto from = merger_.known_from(part->key.instrument);
    return from && part->key.open_time >= std::max(to, *from);
  });
  return whole;
}

void MergedLeg::OnSnapshot(const Snapshot& snapshot, bool missed) {
  merger_.OnSnapshot(snapshot);
  const VenueClocks clocks = snapshot.to ? OwnClocks(snapshot) : missed ? registered_ : clocks_;
  for (const auto& [clock, time] : clocks) {
    merger_.OnClosedUntil(clock.first, clock.second, std::min(time, snapshot.to.value_or(time)));
  }
}

const VenueClocks& MergedLeg::Rebase(const Snapshot& snapshot) {
  if (!snapshot.to) return base_ = merger_.clocks();
  for (const auto& [clock, time] : OwnClocks(snapshot)) {
    const EventTime reached = std::min(time, *snapshot.to);
    EventTime& base = base_.try_emplace(clock, reached).first->second;
    base = std::max(base, reached);
  }
  return base_;
}

void MergedLeg::OnClosedUntil(int32_t partition, const VenueClosedUntil& closed_until,
                              bool reading) {
  const std::pair<int32_t, std::string> clock{partition, closed_until.venue};
  EventTime& newest = clocks_.try_emplace(clock, closed_until.closed_until).first->second;
  newest = std::max(newest, closed_until.closed_until);
  if (!reading) merger_.OnClosedUntil(partition, closed_until.venue, newest);
}

bool MergedLeg::pending() const {
  return !merger_.NeededRead(1).series.empty();
}

// One time for all instruments of the grid, the least: tokens stay short.
void MergedLeg::AddTo(Resume* resume) const {
  constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};
  MergedResume& at =
      resume->merged.try_emplace(grid().ToString(), MergedResume{kEnd, kEnd}).first->second;
  for (const auto& [name, partition] : partitions_) {
    at.from = std::min(at.from, merger_.from(name).value_or(kBeginning));
    const auto clock = settled_.find({partition, VenueOf(name)});
    at.closed_until =
        std::min(at.closed_until, clock == settled_.end() ? kBeginning : clock->second);
    int64_t& required = resume->required[partition];
    const auto sent = required_.find(partition);
    if (sent != required_.end()) required = std::max(required, sent->second);
    required = std::max(required, merger_.RequiredVersion(partition));
  }
}

void MergedLeg::Remove(const std::string& instrument) {
  merger_.Remove(instrument);
  partitions_.erase(instrument);
}

}  // namespace quantstream::query
