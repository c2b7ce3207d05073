// Who wants what: takes the tail's events in order, keeps what is newest, and hands each candle to
// the streams that asked for it. Registering and copying the open candles are one step.
// Thread-safe: one lock, which is not held while anything is sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/latest.h"
#include "query/splice.h"

namespace quantstream::query {

// One stream, seen from the live side. All that begin with On are called under the fanout's lock,
// in order: take note, send nothing, and never call back.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  // From now on every update comes. Again, with a reason, when a partition's place was lost.
  virtual void OnRegistered(const LiveState& live, std::string_view reason) = 0;
  virtual void OnPlaced(int32_t partition, int64_t committed) = 0;
  virtual void OnUpdate(const Update& update) = 0;
  virtual void OnProgress(std::optional<EventTime> watermark) = 0;
  // Something may be due: after each event that concerned it, and at every Tick. No lock is held;
  // several threads may be in here at once, and one still after Remove.
  virtual void Send() = 0;
};

struct FanoutOptions {
  std::chrono::milliseconds progress_interval{1000};  // of StreamProgress
  // A partition whose place was lost and that stays silent for this long has no owner: nothing was
  // missed.
  std::chrono::milliseconds placement_wait{5000};
};

class Fanout {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Fanout(FanoutOptions options = {}, LatestLimits limits = {}, LatestRules rules = {});

  // Calls OnRegistered inside, then Send. REQUIRES: not added yet.
  void Add(std::shared_ptr<Subscriber> subscriber, const std::vector<StreamSeries>& series);
  // No On... call comes any more once this has returned.
  void Remove(Subscriber* subscriber);

  void OnEvent(const TailEvent& event);
  // Events of these partitions may have been missed.
  void OnPlaceLost(const std::vector<int32_t>& partitions, std::string_view reason, Time now);
  // Call it often: it drives Progress and waiting.
  void Tick(Time now);

  // One look at the live side, as Add takes it.
  LiveState Look(const std::vector<StreamSeries>& series) const;
  int64_t subscribers() const;
  int64_t open_candles() const;

 private:
  using Senders = std::vector<std::shared_ptr<Subscriber>>;
  struct State {
    std::shared_ptr<Subscriber> subscriber;
    std::vector<StreamSeries> series;
    std::set<std::pair<int32_t, std::string>> venues;  // that its watermark depends on
  };

  // With the lock held; who may have something to send now.
  Senders TakeEvent(const TailEvent& event);
  Senders Deliver(const std::vector<Update>& updates);
  Senders RegisterAgain(const std::set<int32_t>& lost, std::string_view reason);
  Senders TakeTime(Time now);

  LiveState LookLocked(const std::vector<StreamSeries>& series) const;
  void Place(int32_t partition);
  std::optional<EventTime> WatermarkOf(const State& state) const;

  const FanoutOptions options_;
  mutable std::mutex mutex_;
  Latest latest_;
  std::map<Series, std::set<Subscriber*>> wanted_;
  std::map<Subscriber*, State> subscribers_;
  std::map<int32_t, Time> unplaced_;      // since when
  std::map<int32_t, int64_t> placed_by_;  // epoch of the Progress that placed a lost partition
  Time next_progress_;
};

}  // namespace quantstream::query
