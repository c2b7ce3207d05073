// What a subscription does for legs of merged intervals.
#include <algorithm>
#include <utility>

#include "query/subscription.h"

namespace quantstream::query {

// With the first history open candles come before its end, as they do of stored intervals.
void Subscription::OnMergedHistory(Leg* leg, const Snapshot& snapshot, bool first) {
  leg->merged->OnSnapshot(snapshot, leg->missed);
  QueueMerged(leg, false);
  if (first && !leg->merged->closed_only()) {
    leg->merged->merger().TakeOpen(
        [](const CandleKey&) { return true; },
        [&](Update update) {
          queue_.emplace_back(QueuedCandle{leg->id, std::move(update), false});
          return true;
        });
  }
  // A client that is slow for good comes further with each history that is read.
  leg->base = leg->splice.marks();
  Marker marker{leg->id, leg->base, leg->merged->Rebase(snapshot)};
  leg->merged->LowerToPending(&marker.marks);
  QueueMarker(leg, std::move(marker));
  if (first) SnapshotEnded(leg);
}

// Closed windows that have changed.
void Subscription::QueueMerged(Leg* leg, bool live) {
  for (Update& update : leg->merged->merger().TakeClosed()) {
    leg->DropOpenUpTo(update->key, &open_bytes_);
    if (live) {
      closed_bytes_ += update->bytes();
      ++closed_waiting_;
    }
    queue_.emplace_back(QueuedCandle{leg->id, std::move(update), live});
  }
}

SnapshotRequest Subscription::Request(LegId id) const {
  const Leg& leg = *legs_.at(id);
  SnapshotRequest request = leg.splice.Request();
  if (leg.merged) leg.merged->Complete(&request);
  for (WantedSeries& wanted : request.series) {
    // What a merged leg asks for as changes is of windows that it does not read whole: little. It
    // may go back to a window that is being read.
    wanted.in_pieces = leg.in_pieces && wanted.changed_since.has_value() != (leg.merged != nullptr);
    if (leg.merged) wanted.finals_from.reset();
  }
  return request;
}

bool Subscription::ReadInPieces(LegId id) {
  Leg* leg = Find(id);
  if (leg == nullptr || !leg->splice.goes_on()) return false;
  return !std::exchange(leg->in_pieces, true);
}

// As fast as the client reads: what was read is never let go of. Also when parked, or a client that
// is slow for good would never come to it.
SnapshotRequest Subscription::NeededRead(LegId id, int64_t candles_max) const {
  if (!queue_.empty()) return {};
  const auto found = legs_.find(id);
  if (found == legs_.end()) return {};
  const Leg& leg = *found->second;
  if (!leg.merged || leg.splice.reading()) return {};
  return leg.merged->merger().NeededRead(candles_max);
}

bool Subscription::OnRead(LegId id, const SnapshotRequest& request, const Snapshot& snapshot) {
  Leg* leg = Find(id);
  if (leg == nullptr || leg->splice.reading()) return true;
  const bool taken = leg->merged->merger().OnRead(request, snapshot);
  QueueMerged(leg, false);
  return taken;
}

void Subscription::OnClosedUntil(int32_t partition, const VenueClosedUntil& closed_until) {
  for (auto& [id, leg] : legs_) {
    if (!leg->merged) continue;
    leg->merged->OnClosedUntil(partition, closed_until, leg->parked || leg->splice.reading());
    QueueMerged(leg.get(), true);
  }
}

bool Subscription::parked() const {
  const auto pending = [](const auto& leg) {
    return leg.second->merged && leg.second->merged->pending();
  };
  return queue_.empty() &&
         std::ranges::any_of(legs_, [](const auto& leg) { return leg.second->parked; }) &&
         std::ranges::none_of(legs_, pending);
}

bool Subscription::Behind(const Leg& leg) const {
  return leg.parked || leg.splice.reading() || (leg.merged && leg.merged->pending());
}

// What was merged says nothing of other windows of its versions: a stream of a merged interval can
// be resumed as of a moment when nothing of it waited.
void Subscription::SettleMerged() {
  if (!queue_.empty()) return;
  for (auto& [id, leg] : legs_) {
    if (!leg->merged || !leg->splice.snapshot_sent() || Behind(*leg)) continue;
    leg->merged->Settle();
    leg->sent = leg->base = leg->splice.marks();
    leg->snapshot_taken = true;
  }
}

}  // namespace quantstream::query
