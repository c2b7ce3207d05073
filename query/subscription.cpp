#include "query/subscription.h"

#include <algorithm>
#include <utility>

namespace quantstream::query {
namespace {

void Raise(int32_t partition, int64_t version, std::map<int32_t, int64_t>* marks) {
  const auto found = marks->find(partition);
  if (found != marks->end()) found->second = std::max(found->second, version);
}

}  // namespace

// What a leg's splice lets out goes into the queue.
class Subscription::LegOutlet final : public Outlet {
 public:
  LegOutlet(Subscription* subscription, Leg* leg) : subscription_(subscription), leg_(leg) {}

  void SendSnapshot(const Update& update) override {
    if (leg_->merged) return leg_->merged->merger().OnPart(update);
    if (update->closed()) {
      leg_->DropOpenUpTo(update->key, &subscription_->open_bytes_);
    } else {
      leg_->DropOpen(update->key, &subscription_->open_bytes_);
    }
    subscription_->queue_.emplace_back(QueuedCandle{leg_->id, update, false});
  }
  void SendLive(const Update& update) override {
    if (leg_->merged) return leg_->merged->merger().OnPart(update);
    subscription_->SendLive(leg_, update);
  }
  void EndSnapshot() override {
    if (leg_->merged) return;
    leg_->base = leg_->splice.marks();
    leg_->starts = leg_->splice.Starts();
    subscription_->QueueMarker(leg_, Marker{leg_->id, leg_->base});
  }
  void SendSnapshotEnd() override {
    if (!leg_->merged) subscription_->SnapshotEnded(leg_);
  }
  void SendDiscontinuity(std::string_view reason) override { subscription_->Tell(reason); }

 private:
  Subscription* const subscription_;
  Leg* const leg_;
};

Subscription::Subscription(SubscriptionLimits limits, SubscriptionRules rules)
    : limits_(limits), rules_(rules) {}

Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;
Subscription::~Subscription() = default;

std::vector<LegId> Subscription::Add(std::vector<LegSpec> specs) {
  std::vector<LegId> added;
  const int64_t group = next_leg_;
  for (const LegSpec& spec : specs) {
    const LegId id = next_leg_++;
    legs_[id] = std::make_unique<Leg>(id, group, spec);
    added.push_back(id);
  }
  if (!added.empty()) snapshots_missing_[group] = static_cast<int64_t>(added.size());
  return added;
}

void Subscription::Remove(LegId id, const Series& series) {
  Leg* leg = Find(id);
  if (leg == nullptr || !leg->splice.Remove(series)) return;
  leg->shrunk = true;
  if (leg->merged) {
    leg->merged->Remove(series.instrument);
  } else {
    leg->DropOpenOf(series, &open_bytes_);
    leg->starts = leg->splice.Starts();
  }
  if (!leg->splice.empty()) return;
  if (!leg->splice.snapshot_sent()) SnapshotEnded(leg);
  legs_.erase(id);
}

void Subscription::Notify(std::string notice) {
  queue_.emplace_back(EventOf(NoticeMessage{std::move(notice)}));
  ++notices_waiting_;
}

// One is enough, of however many legs and lost places, until the client has read it.
void Subscription::Tell(std::string_view discontinuity) {
  if (std::exchange(discontinuity_waits_, true)) return;
  queue_.emplace_back(EventOf(DiscontinuityMessage{std::string(discontinuity)}));
}

void Subscription::Register(LegId id, const LiveState& live, std::string_view reason) {
  Leg* leg = Find(id);
  if (leg == nullptr) return;
  LegOutlet outlet(this, leg);
  if (leg->parked && !reason.empty()) return Tell(reason);
  const bool again = leg->splice.ticket() > 0;
  if (again && !leg->parked && reason.empty()) return;  // it was for another leg
  leg->parked = leg->missed = false;
  // What waits may be dropped later on: all that was not sent is read.
  LiveState merged_live;
  std::map<int32_t, int64_t> marks = leg->base;
  if (leg->merged) {
    merged_live = live;
    leg->merged->Register(again, &merged_live, &marks);
  }
  if (again) leg->splice.Rewind(marks);
  leg->splice.Register(leg->merged ? merged_live : live, reason, &outlet);
}

void Subscription::OnPlaced(int32_t partition, int64_t committed) {
  for (auto& [id, leg] : legs_) leg->splice.OnPlaced(partition, committed);
}

Splice::Outcome Subscription::OnHistory(LegId id, int64_t ticket, const Snapshot& snapshot) {
  Leg* leg = Find(id);
  if (leg == nullptr || leg->parked) return Splice::Outcome::kStale;
  auto outcome = Splice::Outcome::kTooLong;
  if (leg->merged && snapshot.to) {
    const auto whole = leg->merged->WholeWindows(snapshot);
    if (whole) outcome = TakeHistory(leg, ticket, *whole);
  } else {
    outcome = TakeHistory(leg, ticket, snapshot);
  }
  const bool ends = outcome == Splice::Outcome::kDelivered || outcome == Splice::Outcome::kTooLong;
  if (ends) leg->in_pieces = false;
  return outcome;
}

Splice::Outcome Subscription::TakeHistory(Leg* leg, int64_t ticket, const Snapshot& snapshot) {
  using Outcome = Splice::Outcome;
  LegOutlet outlet(this, leg);
  const bool first = !leg->splice.snapshot_sent() && !snapshot.is_piece();
  // What came after a gap must not be sent, or it would count as all up to there.
  if (leg->missed) leg->splice.DropBuffered();
  const auto outcome = leg->splice.OnHistory(ticket, snapshot, &outlet);
  if (outcome != Outcome::kDelivered && outcome != Outcome::kPiece) return outcome;
  if (leg->merged) OnMergedHistory(leg, snapshot, first);
  if (std::exchange(leg->missed, false) || outcome == Outcome::kPiece) {
    leg->splice.Rewind(leg->base);
    leg->parked = true;
  }
  return outcome;
}

void Subscription::OnUpdates(LegId id, std::span<const Update> updates) {
  Leg* leg = Find(id);
  if (leg == nullptr || leg->parked) return;
  LegOutlet outlet(this, leg);
  leg->splice.OnUpdates(updates, &outlet);
  if (leg->merged) QueueMerged(leg, true);
}

const Splice* Subscription::splice(LegId id) const {
  const auto found = legs_.find(id);
  return found == legs_.end() ? nullptr : &found->second->splice;
}

Leg* Subscription::Find(LegId id) {
  const auto found = legs_.find(id);
  return found == legs_.end() ? nullptr : found->second.get();
}

void Subscription::SnapshotEnded(Leg* leg) {
  const auto missing = snapshots_missing_.find(leg->group);
  if (missing == snapshots_missing_.end() || --missing->second > 0) return;
  snapshots_missing_.erase(missing);
  queue_.emplace_back(EventOf(SnapshotEndMessage{}));
  snapshot_end_queued_ = true;
}

void Subscription::SendLive(Leg* leg, const Update& update) {
  if (!update->closed()) {
    conflated_ += leg->Conflate(update, &open_bytes_) ? 1 : 0;
    return;
  }
  leg->DropOpenUpTo(update->key, &open_bytes_);
  queue_.emplace_back(QueuedCandle{leg->id, update, true});
  closed_bytes_ += update->bytes();
  ++closed_waiting_;
}

void Subscription::OnProgress(std::optional<EventTime> watermark, std::string_view trouble) {
  if (!snapshot_end_queued_ || !snapshots_missing_.empty() || progress_waits_) return;
  const bool behind =
      std::ranges::any_of(legs_, [&](const auto& leg) { return Behind(*leg.second); });
  if (behind) watermark = std::nullopt;
  if (behind && trouble.empty()) return;
  queue_.emplace_back(EventOf(ProgressMessage{watermark, std::string(trouble)}));
  progress_waits_ = true;
}

void Subscription::OnDraining(std::chrono::milliseconds reconnect_after) {
  queue_.emplace_front(EventOf(DrainingMessage{reconnect_after}));
}

bool Subscription::empty() const {
  return queue_.empty() &&
         std::ranges::none_of(legs_, [](const auto& leg) { return leg.second->OpenWaits(); });
}

std::optional<StreamMessage> Subscription::Take(Time now) {
  CandlesMessage message;
  int64_t bytes = 0;
  TakeClosed(&message, &bytes);
  if (queue_.empty()) TakeOpen(now, &message, &bytes);
  std::optional<StreamMessage> next;
  if (!message.candles.empty()) {
    next = std::move(message);
  } else if (!queue_.empty()) {
    next = TakeEvent();
  }
  SettleMerged();
  return next;
}

void Subscription::TakeClosed(CandlesMessage* message, int64_t* bytes) {
  for (; !queue_.empty(); queue_.pop_front()) {
    if (const auto* marker = std::get_if<std::unique_ptr<Marker>>(&queue_.front())) {
      OnMarker(**marker);
      continue;
    }
    auto* candle = std::get_if<QueuedCandle>(&queue_.front());
    if (candle == nullptr) return;
    const Leg* leg = Find(candle->leg);
    const auto size = static_cast<int64_t>(candle->update->message.size());
    const bool wanted = Wanted(*candle, leg);
    if (wanted && !message->candles.empty() && *bytes + size > limits_.message_bytes_max) return;
    if (candle->counted) {
      closed_bytes_ -= candle->update->bytes();
      --closed_waiting_;
      const bool merged = leg != nullptr && leg->merged;
      if (!merged) RaiseSent(candle->update->partition, candle->update->version);
    }
    if (!wanted) continue;
    *bytes += size;
    message->candles.push_back(std::move(candle->update));
  }
}

// Not when its series was removed meanwhile. `leg`: null: it is gone.
bool Subscription::Wanted(const QueuedCandle& candle, const Leg* leg) {
  if (leg == nullptr || !leg->shrunk) return leg != nullptr;
  Series series = SeriesOf(candle.update->key);
  if (leg->merged) series.interval = leg->merged->grid().part();
  return leg->splice.Has(series);
}

void Subscription::QueueMarker(Leg* leg, Marker marker) {
  ++leg->markers_waiting;
  ++markers_waiting_;
  queue_.emplace_back(std::make_unique<Marker>(std::move(marker)));
}

void Subscription::OnMarker(const Marker& marker) {
  --markers_waiting_;
  Leg* leg = Find(marker.leg);
  if (leg == nullptr) return;
  --leg->markers_waiting;
  leg->snapshot_taken = true;
  leg->sent = marker.marks;
  if (leg->merged) leg->merged->Settle(marker.clocks);
}

// Candles of a partition wait in order of version, whatever leg they are of.
void Subscription::RaiseSent(int32_t partition, int64_t version) {
  for (auto& [id, leg] : legs_) {
    if (leg->merged || leg->parked || leg->markers_waiting > 0 || leg->splice.reading()) continue;
    Raise(partition, version, &leg->sent);
    Raise(partition, version, &leg->base);
  }
}

void Subscription::TakeOpen(Time now, CandlesMessage* message, int64_t* bytes) {
  for (auto& [id, leg] : legs_) {
    if (!leg->TakeOpen(now, limits_.message_bytes_max, message, bytes, &open_bytes_)) return;
  }
}

std::optional<StreamMessage> Subscription::TakeEvent() {
  if (auto* entry = std::get_if<std::unique_ptr<SkippedEntry>>(&queue_.front())) {
    const auto skipped = std::move(*entry);
    queue_.pop_front();
    for (const auto& [partition, version] : skipped->versions) RaiseSent(partition, version);
    return std::optional<StreamMessage>(std::in_place, std::move(skipped->message));
  }
  const Event event = std::move(std::get<Event>(queue_.front()));
  queue_.pop_front();
  if (std::holds_alternative<ProgressMessage>(*event)) progress_waits_ = false;
  if (std::holds_alternative<DiscontinuityMessage>(*event)) discontinuity_waits_ = false;
  if (std::holds_alternative<NoticeMessage>(*event)) --notices_waiting_;
  return std::move(*event);
}

bool Subscription::WaitsForTime() const {
  return std::ranges::any_of(legs_, [](const auto& leg) {
    return leg.second->update_interval.count() > 0 && leg.second->OpenWaits();
  });
}

std::optional<Resume> Subscription::Resumable() const {
  if (legs_.empty()) return std::nullopt;
  Resume resume;
  for (const auto& [id, leg] : legs_) {
    if (rules_.token_waits_for_snapshot_end && !leg->resumable()) return std::nullopt;
    const bool of_sent = rules_.mark_is_of_what_was_sent && leg->resumable();
    const auto& marks = of_sent ? leg->sent : leg->splice.marks();
    for (const auto& [partition, mark] : marks) {
      int64_t& least = resume.marks.emplace(partition, mark).first->second;
      least = std::min(least, mark);
    }
    for (const auto& [interval, start] : leg->starts) {
      EventTime& least = resume.starts.emplace(interval, start).first->second;
      least = std::min(least, start);
    }
    if (leg->merged) leg->merged->AddTo(&resume);
  }
  return resume;
}

}  // namespace quantstream::query
