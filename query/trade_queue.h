// Trades that wait for one client, bounded in bytes: past the bound the oldest are left out, and
// the client is told how many before it gets what came after them. Pure; the lock is its owner's.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quantstream::query {

// Trades of one instrument from one record, in their order: made once, shared by all clients.
struct TradeChunk {
  std::string fields;  // a serialised quantstream.v1.StreamTradesResponse with trades only; such
                       // bytes may be joined
  uint64_t trades = 0;

  int64_t bytes() const {
    return static_cast<int64_t>(sizeof(TradeChunk) + kQueueEntryBytes + fields.size());
  }
  static constexpr size_t kQueueEntryBytes = 48;  // about what a place in a queue costs
};
using SharedTrades = std::shared_ptr<const TradeChunk>;

// What one message tells: so many trades were left out, then these came.
struct TradeMessage {
  uint64_t skipped = 0;  // where it is not known how many: at least this many
  std::vector<SharedTrades> chunks;

  uint64_t trades() const;
};

class TradeQueue {
 public:
  // Then drops from the front what lies over `bytes_max`. How many trades that were.
  uint64_t Push(SharedTrades chunk, int64_t bytes_max);
  // So many trades are missing from here on.
  void Skip(uint64_t trades) { skipped_at_end_ += trades; }

  // What to send next, at least one chunk and then at most `bytes_max` in all; what was taken
  // before is sent by now. Absent: nothing waits.
  std::optional<TradeMessage> Take(int64_t bytes_max);

  // What waits and what is being sent.
  int64_t bytes() const { return waiting_bytes_ + sending_bytes_; }

 private:
  struct Waiting {
    uint64_t skipped = 0;  // before these
    SharedTrades chunk;
  };

  uint64_t DropFront();
  void MoveFrontTo(TradeMessage* message);

  std::deque<Waiting> waiting_;
  uint64_t skipped_at_end_ = 0;  // behind all that waits
  int64_t waiting_bytes_ = 0;
  int64_t sending_bytes_ = 0;
};

}  // namespace quantstream::query
