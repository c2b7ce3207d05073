// Who wants what: takes the tail's events in order, keeps what is newest, and hands each candle to
// the streams that asked for it. Registering and copying the open candles are one step.
// Thread-safe: one lock, which is not held while anything is sent. Whoever calls in here must not
// hold a lock that his On... calls take.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "query/latest.h"
#include "query/places.h"
#include "query/send_crew.h"
#include "query/subscriber.h"

namespace quantstream::query {

struct FanoutOptions {
  std::chrono::milliseconds progress_interval{1000};  // of StreamProgress, unless a stream chose
  // A partition whose place was lost and that stays silent for this long has no owner: nothing was
  // missed.
  std::chrono::milliseconds placement_wait{5000};
  int send_helpers = 0;  // threads that help the tail's to send
};

// What a leg listens to.
struct Listening {
  LegId leg = 0;
  std::vector<StreamSeries> series;
  bool closed_until = false;  // OnClosedUntil, too
};

class Fanout {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Fanout(FanoutOptions options = {}, LatestLimits limits = {}, LatestRules rules = {});
  ~Fanout();

  // From now on Progress comes; zero = at the usual interval. REQUIRES: not added yet.
  void Add(std::shared_ptr<Subscriber> subscriber,
           std::chrono::milliseconds progress_interval = {});
  // Calls OnRegistered inside, then Send. Does nothing for one that is not added.
  void Listen(Subscriber* subscriber, Listening listening);
  // No update of it comes any more once this has returned.
  void Unlisten(Subscriber* subscriber, LegId leg, const Series& series);
  // OnInstrument comes from now on; what has been heard of up to now is returned, with partitions.
  std::map<std::string, int32_t> ListenToVenues(Subscriber* subscriber,
                                                const std::set<std::string>& venues);
  void LeaveVenues(Subscriber* subscriber, const std::set<std::string>& venues);
  // Each of its legs is registered again, without a reason; then Send.
  void RegisterAgain(Subscriber* subscriber);
  // Send is called once, at the next Tick.
  void WantTick(Subscriber* subscriber);
  // No On... call comes any more once this has returned.
  void Remove(Subscriber* subscriber);

  void OnEvent(const TailEvent& event);
  // Events of these partitions may have been missed.
  void OnPlaceLost(const std::vector<int32_t>& partitions, std::string_view reason, Time now);
  // Why the live feed cannot be read; empty: it can.
  void SetTrouble(std::string trouble);
  // Call it often: it drives Progress and waiting.
  void Tick(Time now);

  // How far the tail has read.
  Places& places() { return places_; }
  // One look at the live side, as Listen takes it.
  LiveState Look(const std::vector<StreamSeries>& series) const;
  // As Latest's.
  std::optional<EventTime> ClosedUntil(int32_t partition, const std::string& venue) const;
  int64_t subscribers() const;
  int64_t venues() const;  // that are listened to as a whole
  int64_t open_candles() const;

 private:
  struct State;
  struct Listener {
    State* state;
    LegId leg;
  };
  using Listeners = std::map<Interval, std::vector<Listener>>;
  using Senders = std::vector<std::shared_ptr<Subscriber>>;
  using Wanted = std::map<Series, int32_t>;  // partition of each

  void SendAll(Senders senders);
  // With the lock held; who may have something to send now.
  Senders TakeEvent(const TailEvent& event);
  Senders Deliver(const std::vector<Update>& updates);
  Senders TellClosedUntil(int32_t partition, const ProgressEvent& progress);
  Senders RegisterLost(const std::set<int32_t>& lost, std::string_view reason);
  Senders TakeTime(Time now);

  State* Find(Subscriber* subscriber);
  // `updates` are of one series.
  void DeliverTo(const Listeners& listeners, std::span<const Update> updates, Senders* senders);
  void Touch(State* state, Senders* senders);
  void TellProgress(Time now, Senders* senders);
  void Introduce(const std::string& instrument, int32_t partition, Senders* senders);
  void Forget(State* state, LegId leg, const Series& series, int32_t partition);
  void LeaveVenue(State* state, const std::string& venue);
  LiveState LookLocked(const Wanted& wanted) const;
  void LookAt(const Series& series, int32_t partition, LiveState* live) const;
  void Place(int32_t partition);
  std::optional<EventTime> WatermarkOf(const State& state) const;

  const FanoutOptions options_;
  Places places_;
  mutable std::mutex mutex_;
  Latest latest_;
  std::unordered_map<std::string, Listeners> wanted_;  // by instrument
  std::unordered_map<Subscriber*, std::unique_ptr<State>> subscribers_;
  std::map<std::string, std::set<State*>> venues_;    // who wants all of a venue
  std::map<int32_t, std::set<State*>> closed_until_;  // who wants OnClosedUntil
  std::multimap<Time, State*> progress_due_;
  std::set<State*> ticking_;
  std::map<int32_t, Time> unplaced_;      // since when
  std::map<int32_t, int64_t> placed_by_;  // epoch of the Progress that placed a lost partition
  std::string trouble_;
  Time now_{};
  uint64_t round_ = 0;  // of events: who was touched in it
  SendCrew crew_;
};

}  // namespace quantstream::query
