// What a subscription does for clients that read too slowly.
#include <algorithm>
#include <utility>

#include "query/subscription.h"

namespace quantstream::query {
namespace {

// `leg`: null: it is gone.
void Count(const Leg* leg, const Update& update, SkippedMessage* skipped) {
  const EventTime time = update->key.open_time;
  skipped->first = skipped->count == 0 ? time : std::min(skipped->first, time);
  skipped->last = skipped->count == 0 ? time : std::max(skipped->last, time);
  ++skipped->count;
  if (!update->closed()) return;
  const SkippedRange none{0, time, time};
  SkippedRange* range =
      leg != nullptr && leg->merged
          ? &skipped->merged
                 .try_emplace({update->key.instrument, leg->merged->grid().ToString()}, none)
                 .first->second
          : &skipped->closed.try_emplace(SeriesOf(update->key), none).first->second;
  ++range->count;
  range->first = std::min(range->first, time);
  range->last = std::max(range->last, time);
}

}  // namespace

int64_t Subscription::waiting_bytes() const {
  int64_t bytes = closed_bytes_ + open_bytes_;
  for (const auto& [id, leg] : legs_) bytes += leg->splice.buffered_bytes();
  return bytes;
}

bool Subscription::StoreIsSlow() const {
  return 2 * (closed_bytes_ + open_bytes_) < waiting_bytes();
}

void Subscription::DropBuffered() {
  for (auto& [id, leg] : legs_) {
    leg->missed |= leg->splice.buffered_bytes() > 0;
    leg->splice.DropBuffered();
  }
}

void Subscription::Park() {
  SkippedEntry dropped;
  DropWaiting(&dropped);
  DropOpen(&dropped);
  for (auto& [id, leg] : legs_) {
    leg->splice.Rewind(leg->base);
    leg->parked = true;
  }
}

bool Subscription::parked(LegId id) const {
  const auto found = legs_.find(id);
  return found != legs_.end() && found->second->parked;
}

void Subscription::Skip(int64_t bytes_max) {
  SkippedEntry skipped;
  DropWaiting(&skipped);
  if (2 * open_bytes_ > bytes_max) DropOpen(&skipped);
  if (skipped.message.count == 0) return;
  queue_.emplace_back(std::make_unique<SkippedEntry>(std::move(skipped)));
}

// Live closed candles that wait, and what was said of earlier ones.
void Subscription::DropWaiting(SkippedEntry* skipped) {
  std::deque<Entry> kept;
  for (Entry& entry : queue_) {
    const auto* candle = std::get_if<QueuedCandle>(&entry);
    if (auto* earlier = std::get_if<std::unique_ptr<SkippedEntry>>(&entry)) {
      *skipped = std::move(**earlier);  // it stands before all that is dropped now
    } else if (candle != nullptr && candle->counted) {
      const Leg* leg = Find(candle->leg);
      Count(leg, candle->update, &skipped->message);
      if (leg == nullptr || leg->merged) continue;
      int64_t& newest = skipped->versions[candle->update->partition];
      newest = std::max(newest, candle->update->version);
    } else {
      kept.push_back(std::move(entry));
    }
  }
  queue_ = std::move(kept);
  closed_bytes_ = 0;
  closed_waiting_ = 0;
}

void Subscription::DropOpen(SkippedEntry* skipped) {
  for (auto& [id, leg] : legs_) {
    for (const auto& [key, update] : leg->open) {
      Count(leg.get(), update, &skipped->message);
      leg->splice.TakeBack(*update);
    }
    leg->open.clear();
  }
  open_bytes_ = 0;
}

}  // namespace quantstream::query
