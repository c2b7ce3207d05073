#include "query/fanout.h"

#include <algorithm>

namespace quantstream::query {
namespace {

void SendAll(const std::vector<std::shared_ptr<Subscriber>>& senders) {
  for (const auto& subscriber : senders) subscriber->Send();
}

}  // namespace

Fanout::Fanout(FanoutOptions options, LatestLimits limits, LatestRules rules)
    : options_(options), latest_(limits, rules) {}

void Fanout::Add(std::shared_ptr<Subscriber> subscriber, const std::vector<StreamSeries>& series) {
  {
    std::lock_guard lock(mutex_);
    State& state = subscribers_[subscriber.get()];
    state.subscriber = subscriber;
    state.series = series;
    for (const StreamSeries& wanted : series) {
      const std::string& name = wanted.series.instrument;
      wanted_[wanted.series].insert(subscriber.get());
      state.venues.emplace(wanted.partition, name.substr(0, name.find(':')));
    }
    subscriber->OnRegistered(LookLocked(series), "");
  }
  subscriber->Send();
}

void Fanout::Remove(Subscriber* subscriber) {
  std::shared_ptr<Subscriber> last;  // let go without the lock
  std::lock_guard lock(mutex_);
  const auto found = subscribers_.find(subscriber);
  if (found == subscribers_.end()) return;
  for (const StreamSeries& wanted : found->second.series) {
    const auto entry = wanted_.find(wanted.series);
    if (entry == wanted_.end()) continue;
    entry->second.erase(subscriber);
    if (entry->second.empty()) wanted_.erase(entry);
  }
  last = std::move(found->second.subscriber);
  subscribers_.erase(found);
}

void Fanout::OnEvent(const TailEvent& event) {
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    senders = TakeEvent(event);
  }
  SendAll(senders);
}

Fanout::Senders Fanout::TakeEvent(const TailEvent& event) {
  if (!latest_.Apply(event)) return {};
  if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) return Deliver(closed->candles);
  if (const auto* open = std::get_if<OpenEvent>(&event.body)) return Deliver(open->candles);
  if (const auto placed = placed_by_.find(event.partition);
      unplaced_.contains(event.partition) ||
      (placed != placed_by_.end() && event.epoch > placed->second)) {
    // A zombie may have been the first to speak after the loss: who still reads waits for its
    // successor too.
    placed_by_[event.partition] = event.epoch;
    Place(event.partition);
  }
  return {};
}

Fanout::Senders Fanout::Deliver(const std::vector<Update>& updates) {
  std::set<Subscriber*> touched;
  for (const Update& update : updates) {
    const auto found = wanted_.find(SeriesOf(update->key));
    if (found == wanted_.end()) continue;
    for (Subscriber* subscriber : found->second) {
      subscriber->OnUpdate(update);
      touched.insert(subscriber);
    }
  }
  Senders senders;
  for (Subscriber* subscriber : touched) {
    senders.push_back(subscribers_.at(subscriber).subscriber);
  }
  return senders;
}

void Fanout::OnPlaceLost(const std::vector<int32_t>& partitions, std::string_view reason,
                         Time now) {
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    std::set<int32_t> lost;
    for (const int32_t partition : partitions) {
      // Whoever waits for the place of a partition goes on waiting.
      if (unplaced_.insert_or_assign(partition, now).second) lost.insert(partition);
    }
    senders = RegisterAgain(lost, reason);
  }
  SendAll(senders);
}

Fanout::Senders Fanout::RegisterAgain(const std::set<int32_t>& lost, std::string_view reason) {
  Senders senders;
  for (const auto& [subscriber, state] : subscribers_) {
    const bool hit = std::ranges::any_of(
        state.series, [&](const StreamSeries& wanted) { return lost.contains(wanted.partition); });
    if (!hit) continue;
    subscriber->OnRegistered(LookLocked(state.series), reason);
    senders.push_back(state.subscriber);
  }
  return senders;
}

void Fanout::Place(int32_t partition) {
  unplaced_.erase(partition);
  const int64_t committed = latest_.Committed(partition);
  for (const auto& [subscriber, state] : subscribers_) subscriber->OnPlaced(partition, committed);
}

void Fanout::Tick(Time now) {
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    senders = TakeTime(now);
  }
  SendAll(senders);
}

Fanout::Senders Fanout::TakeTime(Time now) {
  std::vector<int32_t> silent;
  for (const auto& [partition, since] : unplaced_) {
    if (now - since >= options_.placement_wait) silent.push_back(partition);
  }
  for (const int32_t partition : silent) Place(partition);
  const bool progress = now >= next_progress_;
  if (progress) next_progress_ = now + options_.progress_interval;
  Senders senders;
  for (const auto& [subscriber, state] : subscribers_) {
    if (progress) subscriber->OnProgress(WatermarkOf(state));
    senders.push_back(state.subscriber);
  }
  return senders;
}

LiveState Fanout::Look(const std::vector<StreamSeries>& series) const {
  std::lock_guard lock(mutex_);
  return LookLocked(series);
}

LiveState Fanout::LookLocked(const std::vector<StreamSeries>& series) const {
  LiveState live;
  for (const StreamSeries& wanted : series) {
    latest_.CopyOpen(wanted.series, &live.open);
    live.committed[wanted.partition] = latest_.Committed(wanted.partition);
    if (unplaced_.contains(wanted.partition)) live.unplaced.insert(wanted.partition);
  }
  return live;
}

// The least over the stream's instruments; absent while one of them is not known.
std::optional<EventTime> Fanout::WatermarkOf(const State& state) const {
  std::optional<EventTime> least;
  for (const auto& [partition, venue] : state.venues) {
    const auto closed_until = latest_.ClosedUntil(partition, venue);
    if (!closed_until) return std::nullopt;
    least = least ? std::min(*least, *closed_until) : *closed_until;
  }
  return least;
}

int64_t Fanout::subscribers() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(subscribers_.size());
}

int64_t Fanout::open_candles() const {
  std::lock_guard lock(mutex_);
  return latest_.open_candles();
}

}  // namespace quantstream::query
