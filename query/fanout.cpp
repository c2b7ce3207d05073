#include "query/fanout.h"

#include <algorithm>
#include <utility>

namespace quantstream::query {
namespace {

std::string VenueOf(const std::string& instrument) {
  return instrument.substr(0, instrument.find(':'));
}

}  // namespace

struct Fanout::State {
  std::shared_ptr<Subscriber> subscriber;
  std::map<LegId, Wanted> legs;
  std::set<std::string> all_of;  // venues
  std::map<std::pair<int32_t, std::string>, int>
      venues;  // that its watermark depends on; how often
  std::chrono::milliseconds progress_interval{0};
  std::multimap<Time, State*>::iterator progress_due;
  uint64_t touched = 0;
};

Fanout::Fanout(FanoutOptions options, LatestLimits limits, LatestRules rules)
    : options_(options), latest_(limits, rules), crew_(options.send_helpers) {}

Fanout::~Fanout() = default;

void Fanout::SendAll(Senders senders) {
  std::ranges::sort(senders, {}, [](const auto& sender) { return sender->lane(); });
  crew_.Run(senders.size(), [&](size_t i) { senders[i]->Send(); });
}

void Fanout::Add(std::shared_ptr<Subscriber> subscriber,
                 std::chrono::milliseconds progress_interval) {
  std::lock_guard lock(mutex_);
  auto& state = subscribers_[subscriber.get()];
  state = std::make_unique<State>();
  state->subscriber = std::move(subscriber);
  state->progress_interval =
      progress_interval.count() > 0 ? progress_interval : options_.progress_interval;
  state->progress_due = progress_due_.emplace(now_ + state->progress_interval, state.get());
}

Fanout::State* Fanout::Find(Subscriber* subscriber) {
  const auto found = subscribers_.find(subscriber);
  return found == subscribers_.end() ? nullptr : found->second.get();
}

void Fanout::Listen(Subscriber* subscriber, Listening listening) {
  std::shared_ptr<Subscriber> sender;
  {
    std::lock_guard lock(mutex_);
    State* state = Find(subscriber);
    if (state == nullptr) return;
    sender = state->subscriber;
    Wanted& leg = state->legs[listening.leg];
    for (const auto& [series, partition] : listening.series) {
      if (!leg.emplace(series, partition).second) continue;
      wanted_[series.instrument][series.interval].push_back({state, listening.leg});
      ++state->venues[{partition, VenueOf(series.instrument)}];
      if (listening.closed_until) closed_until_[partition].insert(state);
    }
    subscriber->OnRegistered(listening.leg, LookLocked(leg), "");
  }
  sender->Send();
}

void Fanout::Unlisten(Subscriber* subscriber, LegId leg, const Series& series) {
  std::lock_guard lock(mutex_);
  State* state = Find(subscriber);
  if (state == nullptr) return;
  const auto found = state->legs.find(leg);
  if (found == state->legs.end()) return;
  const auto wanted = found->second.find(series);
  if (wanted == found->second.end()) return;
  Forget(state, leg, series, wanted->second);
  found->second.erase(wanted);
  if (found->second.empty()) state->legs.erase(found);
}

void Fanout::Forget(State* state, LegId leg, const Series& series, int32_t partition) {
  const auto venue = state->venues.find({partition, VenueOf(series.instrument)});
  if (venue != state->venues.end() && --venue->second == 0) state->venues.erase(venue);
  const auto instrument = wanted_.find(series.instrument);
  if (instrument == wanted_.end()) return;
  auto& listeners = instrument->second[series.interval];
  std::erase_if(listeners, [&](const Listener& listener) {
    return listener.state == state && listener.leg == leg;
  });
  if (listeners.empty()) instrument->second.erase(series.interval);
  if (instrument->second.empty()) wanted_.erase(instrument);
}

std::map<std::string, int32_t> Fanout::ListenToVenues(Subscriber* subscriber,
                                                      const std::set<std::string>& venues) {
  std::lock_guard lock(mutex_);
  State* state = Find(subscriber);
  if (state == nullptr || venues.empty()) return {};
  for (const std::string& venue : venues) {
    state->all_of.insert(venue);
    venues_[venue].insert(state);
  }
  return latest_.InstrumentsOf(venues);
}

void Fanout::LeaveVenues(Subscriber* subscriber, const std::set<std::string>& venues) {
  std::lock_guard lock(mutex_);
  State* state = Find(subscriber);
  if (state == nullptr) return;
  for (const std::string& venue : venues) {
    if (state->all_of.erase(venue) > 0) LeaveVenue(state, venue);
  }
}

// A name that nobody asks for any more is not kept: clients choose it.
void Fanout::LeaveVenue(State* state, const std::string& venue) {
  const auto listening = venues_.find(venue);
  if (listening == venues_.end()) return;
  listening->second.erase(state);
  if (listening->second.empty()) venues_.erase(listening);
}

void Fanout::RegisterAgain(Subscriber* subscriber) {
  std::shared_ptr<Subscriber> sender;
  {
    std::lock_guard lock(mutex_);
    State* state = Find(subscriber);
    if (state == nullptr) return;
    sender = state->subscriber;
    for (const auto& [leg, wanted] : state->legs) {
      subscriber->OnRegistered(leg, LookLocked(wanted), "");
    }
  }
  sender->Send();
}

void Fanout::WantTick(Subscriber* subscriber) {
  std::lock_guard lock(mutex_);
  if (State* state = Find(subscriber)) ticking_.insert(state);
}

void Fanout::Remove(Subscriber* subscriber) {
  std::unique_ptr<State> last;  // let go without the lock
  std::lock_guard lock(mutex_);
  const auto found = subscribers_.find(subscriber);
  if (found == subscribers_.end()) return;
  State* state = found->second.get();
  for (const auto& [leg, wanted] : state->legs) {
    for (const auto& [series, partition] : wanted) Forget(state, leg, series, partition);
  }
  for (const std::string& venue : state->all_of) LeaveVenue(state, venue);
  for (auto& [partition, states] : closed_until_) states.erase(state);
  ticking_.erase(state);
  progress_due_.erase(state->progress_due);
  last = std::move(found->second);
  subscribers_.erase(found);
}

void Fanout::OnEvent(const TailEvent& event) {
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    senders = TakeEvent(event);
    // Not before its candles are on their way: a token may say so from now on.
    if (event.offset >= 0) places_.Set(event.partition, event.offset + 1);
  }
  SendAll(std::move(senders));
}

Fanout::Senders Fanout::TakeEvent(const TailEvent& event) {
  ++round_;
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
  return TellClosedUntil(event.partition, std::get<ProgressEvent>(event.body));
}

Fanout::Senders Fanout::Deliver(const std::vector<Update>& updates) {
  Senders senders;
  const std::string* name = nullptr;
  const Listeners* listeners = nullptr;
  for (auto from = updates.begin(); from != updates.end();) {
    const CandleKey& key = (*from)->key;
    if (name == nullptr || *name != key.instrument) {
      name = &key.instrument;
      if (latest_.TakeNew(*name)) Introduce(*name, (*from)->partition, &senders);
      const auto found = wanted_.find(*name);
      listeners = found == wanted_.end() ? nullptr : &found->second;
    }
    const auto to = std::find_if(from, updates.end(), [&](const Update& update) {
      return update->key.interval != key.interval || update->key.instrument != key.instrument;
    });
    if (listeners != nullptr) DeliverTo(*listeners, {from, to}, &senders);
    from = to;
  }
  return senders;
}

void Fanout::DeliverTo(const Listeners& listeners, std::span<const Update> updates,
                       Senders* senders) {
  const auto found = listeners.find(updates.front()->key.interval);
  if (found == listeners.end()) return;
  for (const Listener& listener : found->second) {
    listener.state->subscriber->OnUpdates(listener.leg, updates);
    Touch(listener.state, senders);
  }
}

void Fanout::Touch(State* state, Senders* senders) {
  if (std::exchange(state->touched, round_) != round_) senders->push_back(state->subscriber);
}

void Fanout::Introduce(const std::string& instrument, int32_t partition, Senders* senders) {
  const auto found = venues_.find(VenueOf(instrument));
  if (found == venues_.end()) return;
  for (State* state : found->second) {
    state->subscriber->OnInstrument(instrument, partition);
    Touch(state, senders);
  }
}

Fanout::Senders Fanout::TellClosedUntil(int32_t partition, const ProgressEvent& progress) {
  Senders senders;
  const auto found = closed_until_.find(partition);
  if (found == closed_until_.end()) return senders;
  for (State* state : found->second) {
    for (const VenueClosedUntil& venue : progress.venues) {
      state->subscriber->OnClosedUntil(partition, venue);
    }
    Touch(state, &senders);
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
    senders = RegisterLost(lost, reason);
  }
  SendAll(std::move(senders));
}

Fanout::Senders Fanout::RegisterLost(const std::set<int32_t>& lost, std::string_view reason) {
  Senders senders;
  ++round_;
  for (const auto& [subscriber, state] : subscribers_) {
    for (const auto& [leg, wanted] : state->legs) {
      const bool hit = std::ranges::any_of(
          wanted, [&](const auto& series) { return lost.contains(series.second); });
      if (!hit) continue;
      subscriber->OnRegistered(leg, LookLocked(wanted), reason);
      Touch(state.get(), &senders);
    }
  }
  return senders;
}

void Fanout::Place(int32_t partition) {
  unplaced_.erase(partition);
  const int64_t committed = latest_.Committed(partition);
  for (const auto& [subscriber, state] : subscribers_) subscriber->OnPlaced(partition, committed);
}

void Fanout::SetTrouble(std::string trouble) {
  std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

void Fanout::Tick(Time now) {
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    senders = TakeTime(now);
  }
  SendAll(std::move(senders));
}

Fanout::Senders Fanout::TakeTime(Time now) {
  now_ = now;
  ++round_;
  std::vector<int32_t> silent;
  for (const auto& [partition, since] : unplaced_) {
    if (now - since >= options_.placement_wait) silent.push_back(partition);
  }
  for (const int32_t partition : silent) Place(partition);
  Senders senders;
  TellProgress(now, &senders);
  for (State* state : std::exchange(ticking_, {})) Touch(state, &senders);
  return senders;
}

void Fanout::TellProgress(Time now, Senders* senders) {
  while (!progress_due_.empty() && progress_due_.begin()->first <= now) {
    State* state = progress_due_.begin()->second;
    progress_due_.erase(progress_due_.begin());
    state->progress_due = progress_due_.emplace(now + state->progress_interval, state);
    state->subscriber->OnProgress(WatermarkOf(*state), trouble_);
    Touch(state, senders);
  }
}

LiveState Fanout::Look(const std::vector<StreamSeries>& series) const {
  std::lock_guard lock(mutex_);
  LiveState live;
  for (const StreamSeries& wanted : series) LookAt(wanted.series, wanted.partition, &live);
  return live;
}

LiveState Fanout::LookLocked(const Wanted& wanted) const {
  LiveState live;
  for (const auto& [series, partition] : wanted) LookAt(series, partition, &live);
  return live;
}

void Fanout::LookAt(const Series& series, int32_t partition, LiveState* live) const {
  latest_.CopyOpen(series, &live->open);
  live->committed[partition] = latest_.Committed(partition);
  if (unplaced_.contains(partition)) live->unplaced.insert(partition);
  if (const auto* closed_until = latest_.ClosedUntil(partition)) {
    live->closed_until[partition] = *closed_until;
  }
}

// The least over the stream's instruments; absent while one of them is not known.
std::optional<EventTime> Fanout::WatermarkOf(const State& state) const {
  std::optional<EventTime> least;
  for (const auto& [place, series] : state.venues) {
    const auto closed_until = latest_.ClosedUntil(place.first, place.second);
    if (!closed_until) return std::nullopt;
    least = least ? std::min(*least, *closed_until) : *closed_until;
  }
  return least;
}

std::optional<EventTime> Fanout::ClosedUntil(int32_t partition, const std::string& venue) const {
  std::lock_guard lock(mutex_);
  return latest_.ClosedUntil(partition, venue);
}

int64_t Fanout::subscribers() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(subscribers_.size());
}

int64_t Fanout::venues() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(venues_.size());
}

int64_t Fanout::open_candles() const {
  std::lock_guard lock(mutex_);
  return latest_.open_candles();
}

}  // namespace quantstream::query
