// One client's queue: what it wants, what it has been told, what waits for it. PARTIAL candles are
// conflated while they wait, FINAL and REVISED never; past the bound the client is too slow. Pure;
// the lock is the stream's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "query/splice.h"

namespace quantstream::query {

struct SubscriptionLimits {
  int64_t queue_bytes_max =
      8 << 20;  // of live candles that wait, buffered ones too; history has its own bound
  int64_t message_bytes_max = 256 << 10;  // one message, unless a single candle is larger
};

// The events of a stream.
struct CandlesMessage {
  std::vector<Update> candles;
};
struct SnapshotEndMessage {};
struct ProgressMessage {
  std::optional<EventTime> watermark;
};
struct DiscontinuityMessage {
  std::string reason;
};
struct DrainingMessage {
  std::chrono::milliseconds reconnect_after{0};
};
using StreamMessage = std::variant<CandlesMessage, SnapshotEndMessage, ProgressMessage,
                                   DiscontinuityMessage, DrainingMessage>;

class Subscription final : private Outlet {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `update_interval`: at least this long between two states of one open candle.
  Subscription(StreamSpec spec, SubscriptionLimits limits,
               std::chrono::milliseconds update_interval = {}, SpliceRules rules = {});

  // Input.
  void Register(const LiveState& live, std::string_view reason);
  void OnPlaced(int32_t partition, int64_t committed) { splice_.OnPlaced(partition, committed); }
  Splice::Outcome OnHistory(int64_t ticket, const Snapshot& snapshot);
  void OnUpdate(const Update& update) { splice_.OnUpdate(update, this); }
  // Every window that ends at or before `watermark` is closed, and OnUpdate has had its candles.
  void OnProgress(std::optional<EventTime> watermark);
  void OnDraining(std::chrono::milliseconds reconnect_after);

  const Splice& splice() const { return splice_; }
  // The client reads too slowly: end the stream.
  bool overflowed() const { return waiting_bytes() > limits_.queue_bytes_max; }
  int64_t waiting_bytes() const { return queued_bytes_ + splice_.buffered_bytes(); }
  bool empty() const { return queue_.empty() && open_.empty(); }
  int64_t conflated() const { return conflated_; }

  // What to send next, if anything is due.
  std::optional<StreamMessage> Take(Time now);

 private:
  struct QueuedCandle {
    Update update;
    bool counted = false;  // in queued_bytes_
  };
  using Entry = std::variant<QueuedCandle, SnapshotEndMessage, ProgressMessage,
                             DiscontinuityMessage, DrainingMessage>;

  void SendSnapshot(const Update& update) override;
  void SendLive(const Update& update) override;
  void SendSnapshotEnd() override;
  void SendDiscontinuity(std::string_view reason) override;

  void Conflate(const Update& update);
  void DropOpenUpTo(const CandleKey& newest_closed);
  void TakeClosed(CandlesMessage* message, int64_t* bytes);
  void TakeOpen(Time now, CandlesMessage* message, int64_t* bytes);
  StreamMessage TakeEvent();

  Splice splice_;
  SubscriptionLimits limits_;
  std::chrono::milliseconds update_interval_;
  std::deque<Entry> queue_;            // closed candles and events, in order
  std::map<CandleKey, Update> open_;   // newest waiting state of each open candle
  std::map<CandleKey, Time> sent_at_;  // only with update_interval_
  int64_t queued_bytes_ = 0;
  int64_t conflated_ = 0;
  bool snapshot_end_sent_ = false;
  bool progress_waits_ = false;
};

}  // namespace quantstream::query
