// One client's queue: what it wants, what it has been told, what waits for it. What it wants comes
// in legs, each a history with its live side, added and removed while the others go on. PARTIAL
// candles are conflated while they wait; what happens to FINAL and REVISED past the bound is the
// client's choice. Pure; the lock is the stream's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "query/leg.h"
#include "query/splice.h"
#include "query/stream_event.h"

namespace quantstream::query {

struct SubscriptionLimits {
  int64_t queue_bytes_max =
      8 << 20;  // of live candles that wait, buffered ones too; history has its own bound
  int64_t message_bytes_max = 256 << 10;  // one message, unless a single candle is larger
};

// Test-only: each rule can be taken out to see that it is needed.
struct SubscriptionRules {
  bool mark_is_of_what_was_sent = true;      // 21: else of what was queued
  bool token_waits_for_snapshot_end = true;  // 21
};

class Subscription {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Subscription(SubscriptionLimits limits = {}, SubscriptionRules rules = {});
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  // Input. Legs that are added together share one SnapshotEnd.
  std::vector<LegId> Add(std::vector<LegSpec> specs);
  // Nothing of the series comes any more from this leg; a leg without series is gone.
  void Remove(LegId leg, const Series& series);
  // What a client is told in the order of its queue.
  void Notify(std::string notice);
  bool notices_waiting() const { return notices_waiting_ > 0; }
  void Tell(std::string_view discontinuity);  // not while another one waits

  // As Splice's, of one leg. Again, without a reason and not parked: nothing happens.
  void Register(LegId leg, const LiveState& live, std::string_view reason);
  void OnPlaced(int32_t partition, int64_t committed);
  Splice::Outcome OnHistory(LegId leg, int64_t ticket, const Snapshot& snapshot);
  // Of one series, in order.
  void OnUpdates(LegId leg, std::span<const Update> updates);
  void OnUpdate(LegId leg, const Update& update) { OnUpdates(leg, {&update, 1}); }
  // What to read now.
  SnapshotRequest Request(LegId leg) const;
  // It is more than one read holds: from now on it is asked for in pieces, each once the client has
  // taken the one before. False: that cannot be.
  bool ReadInPieces(LegId leg);
  // Of legs of merged intervals. As Merger's; empty: nothing is needed, or not now.
  SnapshotRequest NeededRead(LegId leg, int64_t candles_max) const;
  // False: the store lags behind what was sent.
  bool OnRead(LegId leg, const SnapshotRequest& request, const Snapshot& snapshot);
  void OnClosedUntil(int32_t partition, const VenueClosedUntil& closed_until);
  int64_t legs() const { return static_cast<int64_t>(legs_.size()); }
  // Null: there is no such leg any more.
  const Splice* splice(LegId leg) const;

  // Every window that ends at or before `watermark` is closed, and OnUpdates has had its candles.
  void OnProgress(std::optional<EventTime> watermark, std::string_view trouble);
  void OnDraining(std::chrono::milliseconds reconnect_after);

  // The client reads too slowly for this bound. What is to be done then:
  bool Overflows(int64_t bytes_max) const { return waiting_bytes() > bytes_max; }
  //  - where the store is what keeps it waiting, lets go of what came meanwhile: it is read next,
  //    from where this history ends;
  bool StoreIsSlow() const;
  void DropBuffered();
  //  - lets go of all live candles that wait: once the client has taken the rest, they are read
  //    again. Updates are passed over until each leg was registered again;
  void Park();
  //    True: it is time for that, once all that was taken has been sent. Open candles of other
  //    legs that wait do not hold it up;
  bool parked() const;
  bool parked(LegId leg) const;
  //  - or leaves them out, and tells;
  void Skip(int64_t bytes_max);
  int64_t waiting_bytes() const;
  int64_t closed_waiting() const { return closed_waiting_; }  // live ones
  bool empty() const;
  // History, or what it ends with.
  bool history_waits() const { return markers_waiting_ > 0; }
  int64_t conflated() const { return conflated_; }

  // What to send next, if anything is due.
  std::optional<StreamMessage> Take(Time now);
  // Something may become due by time alone.
  bool WaitsForTime() const;
  // What a stream that resumes after the last Take must know; absent while history is on its way.
  std::optional<Resume> Resumable() const;

 private:
  class LegOutlet;
  struct QueuedCandle {
    LegId leg = 0;
    Update update;
    bool counted = false;  // live: in closed_bytes_
  };
  struct Marker {  // all of a leg's snapshot stands before it
    LegId leg = 0;
    std::map<int32_t, int64_t> marks;
    VenueClocks clocks = {};  // of a merged interval
  };
  struct SkippedEntry {
    SkippedMessage message;
    std::map<int32_t, int64_t> versions;  // newest that was left out
  };
  using Event = std::unique_ptr<StreamMessage>;
  // Most entries are candles: what takes more room than they do stands elsewhere.
  using Entry =
      std::variant<QueuedCandle, std::unique_ptr<Marker>, std::unique_ptr<SkippedEntry>, Event>;

  Leg* Find(LegId leg);
  Splice::Outcome TakeHistory(Leg* leg, int64_t ticket, const Snapshot& snapshot);
  void SnapshotEnded(Leg* leg);
  void QueueMarker(Leg* leg, Marker marker);
  void SendLive(Leg* leg, const Update& update);
  void QueueMerged(Leg* leg, bool live);
  void OnMergedHistory(Leg* leg, const Snapshot& snapshot, bool first);
  void SettleMerged();
  bool Behind(const Leg& leg) const;
  void DropWaiting(SkippedEntry* skipped);
  void DropOpen(SkippedEntry* skipped);
  static bool Wanted(const QueuedCandle& candle, const Leg* leg);
  void OnMarker(const Marker& marker);
  void RaiseSent(int32_t partition, int64_t version);
  void TakeClosed(CandlesMessage* message, int64_t* bytes);
  void TakeOpen(Time now, CandlesMessage* message, int64_t* bytes);
  template <typename T>
  static Event EventOf(T message) {
    return std::make_unique<StreamMessage>(std::move(message));
  }
  std::optional<StreamMessage> TakeEvent();

  SubscriptionLimits limits_;
  SubscriptionRules rules_;
  std::map<LegId, std::unique_ptr<Leg>> legs_;
  LegId next_leg_ = 1;
  std::map<int64_t, int64_t> snapshots_missing_;  // group of legs -> how many
  std::deque<Entry> queue_;                       // closed candles and events, in order
  int64_t closed_bytes_ = 0;                      // of the live ones in it
  int64_t closed_waiting_ = 0;
  int64_t open_bytes_ = 0;  // of all legs
  int64_t conflated_ = 0;
  int64_t notices_waiting_ = 0;
  int64_t markers_waiting_ = 0;  // of all legs, those that are gone too
  bool snapshot_end_queued_ = false;
  bool progress_waits_ = false;
  bool discontinuity_waits_ = false;
};

}  // namespace quantstream::query
