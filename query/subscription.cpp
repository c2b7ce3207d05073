#include "query/subscription.h"

#include <utility>

namespace quantstream::query {

Subscription::Subscription(StreamSpec spec, SubscriptionLimits limits,
                           std::chrono::milliseconds update_interval, SpliceRules rules)
    : splice_(std::move(spec), rules), limits_(limits), update_interval_(update_interval) {}

void Subscription::Register(const LiveState& live, std::string_view reason) {
  splice_.Register(live, reason, this);
}

Splice::Outcome Subscription::OnHistory(int64_t ticket, const Snapshot& snapshot) {
  return splice_.OnHistory(ticket, snapshot, this);
}

void Subscription::OnProgress(std::optional<EventTime> watermark) {
  if (!snapshot_end_sent_ || splice_.reading() || progress_waits_) return;
  queue_.emplace_back(std::in_place_type<ProgressMessage>, ProgressMessage{watermark});
  progress_waits_ = true;
}

void Subscription::OnDraining(std::chrono::milliseconds reconnect_after) {
  queue_.emplace_front(std::in_place_type<DrainingMessage>, DrainingMessage{reconnect_after});
}

void Subscription::SendSnapshot(const Update& update) {
  if (update->closed()) DropOpenUpTo(update->key);
  queue_.emplace_back(std::in_place_type<QueuedCandle>, QueuedCandle{update, false});
}

void Subscription::SendLive(const Update& update) {
  if (!update->closed()) return Conflate(update);
  DropOpenUpTo(update->key);
  queue_.emplace_back(std::in_place_type<QueuedCandle>, QueuedCandle{update, true});
  queued_bytes_ += update->bytes();
}

void Subscription::SendSnapshotEnd() {
  queue_.emplace_back(std::in_place_type<SnapshotEndMessage>);
  snapshot_end_sent_ = true;
}

void Subscription::SendDiscontinuity(std::string_view reason) {
  queue_.emplace_back(std::in_place_type<DiscontinuityMessage>,
                      DiscontinuityMessage{std::string(reason)});
}

void Subscription::Conflate(const Update& update) {
  Update& waiting = open_[update->key];
  if (waiting) {
    queued_bytes_ -= waiting->bytes();
    ++conflated_;
  }
  waiting = update;
  queued_bytes_ += update->bytes();
}

// A closed candle is in the queue now: no PARTIAL of its series up to it may come after.
void Subscription::DropOpenUpTo(const CandleKey& newest_closed) {
  const CandleKey from{newest_closed.instrument, newest_closed.interval, EventTime{INT64_MIN}};
  const auto begin = open_.lower_bound(from);
  const auto end = open_.upper_bound(newest_closed);
  for (auto dropped = begin; dropped != end; ++dropped) queued_bytes_ -= dropped->second->bytes();
  open_.erase(begin, end);
  sent_at_.erase(sent_at_.lower_bound(from), sent_at_.upper_bound(newest_closed));
}

std::optional<StreamMessage> Subscription::Take(Time now) {
  CandlesMessage message;
  int64_t bytes = 0;
  TakeClosed(&message, &bytes);
  if (queue_.empty()) TakeOpen(now, &message, &bytes);
  if (!message.candles.empty()) return message;
  if (queue_.empty()) return std::nullopt;
  return TakeEvent();
}

void Subscription::TakeClosed(CandlesMessage* message, int64_t* bytes) {
  while (!queue_.empty()) {
    const auto* candle = std::get_if<QueuedCandle>(&queue_.front());
    if (candle == nullptr) return;
    const auto size = static_cast<int64_t>(candle->update->message.size());
    if (!message->candles.empty() && *bytes + size > limits_.message_bytes_max) return;
    if (candle->counted) queued_bytes_ -= candle->update->bytes();
    *bytes += size;
    message->candles.push_back(candle->update);
    queue_.pop_front();
  }
}

void Subscription::TakeOpen(Time now, CandlesMessage* message, int64_t* bytes) {
  const bool paced = update_interval_.count() > 0;
  for (auto waiting = open_.begin(); waiting != open_.end();) {
    const auto size = static_cast<int64_t>(waiting->second->message.size());
    if (!message->candles.empty() && *bytes + size > limits_.message_bytes_max) return;
    if (paced) {
      const auto sent = sent_at_.find(waiting->first);
      if (sent != sent_at_.end() && now < sent->second + update_interval_) {
        ++waiting;
        continue;
      }
      sent_at_[waiting->first] = now;
    }
    queued_bytes_ -= waiting->second->bytes();
    *bytes += size;
    message->candles.push_back(std::move(waiting->second));
    waiting = open_.erase(waiting);
  }
}

StreamMessage Subscription::TakeEvent() {
  Entry entry = std::move(queue_.front());
  queue_.pop_front();
  if (const auto* progress = std::get_if<ProgressMessage>(&entry)) {
    progress_waits_ = false;
    return *progress;
  }
  if (const auto* discontinuity = std::get_if<DiscontinuityMessage>(&entry)) return *discontinuity;
  if (const auto* draining = std::get_if<DrainingMessage>(&entry)) return *draining;
  return SnapshotEndMessage{};
}

}  // namespace quantstream::query
