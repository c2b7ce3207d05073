// Who listens to whose trades: takes the records of topic `trades` in order, puts each trade into
// the queues of those who asked for its instrument, and knows which partitions are to be read at
// all. A listener hears nothing but what comes after it was added. Thread-safe: one lock, which is
// not held while anything is sent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "query/seen_records.h"
#include "query/trade_queue.h"
#include "query/trade_record.h"

namespace quantstream::query {

// One client, seen from the live side.
class TradeListener {
 public:
  virtual ~TradeListener() = default;
  // Take has something, unless another thread was faster. No lock is held; several threads may be
  // in here at once, and one still after Remove. Not called between a Take that gave something and
  // the next one.
  virtual void Send() = 0;
};

// An instrument, and the partition that its trades are in.
struct TradeSource {
  std::string instrument;
  int32_t partition = 0;
};

struct TradeLimits {
  int64_t queue_bytes_max = 1 << 20;      // of one listener, what it sends now included
  int64_t queues_bytes_max = 256 << 20;   // of all; past it each has its equal share
  int64_t message_bytes_max = 256 << 10;  // unless a single trade is larger
  SeenRecordsLimits seen{};               // of one partition
};

// From now on every trade comes: all partitions of the listener are being read.
struct TradesBegun {};
using TradeNews = std::variant<TradesBegun, TradeMessage>;

class TradeFanout {
 public:
  explicit TradeFanout(TradeLimits limits = {});

  // The listener's side. REQUIRES: not added yet. Call Take next: Send is not called before.
  void Add(std::shared_ptr<TradeListener> listener, const std::vector<TradeSource>& sources);
  // What waits for it is let go. Others are ignored.
  void Remove(TradeListener* listener);
  // What to tell the client next. What it gave before is sent by now.
  std::optional<TradeNews> Take(TradeListener* listener);

  // The reader's side; one thread.
  struct Wishes {
    std::vector<int32_t> start;  // from the log's end, then OnStarted
    std::vector<int32_t> stop;   // now; nobody is promised anything of them
  };
  Wishes TakeWishes();
  void OnStarted(int32_t partition);
  // Records may have been missed, nobody knows how many. It is to be started again.
  void OnPlaceLost(int32_t partition);
  struct Outcome {
    bool repeated = false;  // the record was seen before, and changes nothing
    uint64_t trades_dropped = 0;
  };
  // REQUIRES: the record was decoded without error.
  Outcome OnRecord(int32_t partition, const TradeRecord& record);

  int64_t listeners() const;
  int64_t partitions_read() const;
  // What waits for all listeners and is being sent.
  int64_t queued_bytes() const;

 private:
  using Senders = std::vector<std::shared_ptr<TradeListener>>;
  struct State {
    std::shared_ptr<TradeListener> listener;
    std::vector<TradeSource> sources;
    std::set<int32_t> awaited;  // partitions that are not read yet
    bool begun_told = false;
    bool woken = true;  // Take comes, for Send was called or something was taken
    TradeQueue queue;
  };
  // One instrument that somebody listens to.
  struct Channel {
    std::set<State*> listeners;
    TradeChunk chunk;  // of the record that is being taken
  };
  struct Partition {
    bool reading = false;
    std::unordered_map<std::string, Channel> channels;
    SeenRecords seen;
  };

  // All with the lock held.
  Partition& PartitionAt(int32_t number);
  uint64_t Deliver(Partition& partition, const TradeRecord& record, Senders* senders);
  Channel* FindChannel(Partition& partition, const Trade& trade);
  uint64_t Flush(Channel* channel, Senders* senders);
  uint64_t Push(State* state, const SharedTrades& chunk);
  int64_t QueueBytesMax() const;
  void Wake(State* state, Senders* senders);
  void LeaveChannel(const TradeSource& source, State* state);

  const TradeLimits limits_;
  const size_t chunk_bytes_max_;  // of one chunk with more than one trade
  mutable std::mutex mutex_;
  std::map<int32_t, Partition> partitions_;  // wanted or read
  std::map<TradeListener*, State> listeners_;
  int64_t queued_bytes_ = 0;
  std::string name_;  // of the trade that is looked at; keeps its memory
};

}  // namespace quantstream::query
