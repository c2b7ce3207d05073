#include "query/trade_queue.h"

#include <utility>

namespace quantstream::query {

uint64_t TradeMessage::trades() const {
  uint64_t sum = 0;
  for (const SharedTrades& chunk : chunks) sum += chunk->trades;
  return sum;
}

uint64_t TradeQueue::Push(SharedTrades chunk, int64_t bytes_max) {
  if (chunk->bytes() > bytes_max) {  // no room will do: the older ones may stay
    Skip(chunk->trades);
    return chunk->trades;
  }
  waiting_bytes_ += chunk->bytes();
  waiting_.push_back({std::exchange(skipped_at_end_, 0), std::move(chunk)});
  uint64_t dropped = 0;
  while (bytes() > bytes_max && !waiting_.empty()) dropped += DropFront();
  return dropped;
}

uint64_t TradeQueue::DropFront() {
  const Waiting front = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= front.chunk->bytes();
  uint64_t& next_skipped = waiting_.empty() ? skipped_at_end_ : waiting_.front().skipped;
  next_skipped += front.skipped + front.chunk->trades;
  return front.chunk->trades;
}

std::optional<TradeMessage> TradeQueue::Take(int64_t bytes_max) {
  sending_bytes_ = 0;
  TradeMessage message;
  if (waiting_.empty()) {
    message.skipped = std::exchange(skipped_at_end_, 0);
    return message.skipped > 0 ? std::optional(message) : std::nullopt;
  }
  message.skipped = waiting_.front().skipped;
  int64_t bytes = 0;
  do {
    bytes += static_cast<int64_t>(waiting_.front().chunk->fields.size());
    MoveFrontTo(&message);
  } while (!waiting_.empty() && waiting_.front().skipped == 0 &&
           bytes + static_cast<int64_t>(waiting_.front().chunk->fields.size()) <= bytes_max);
  return message;
}

void TradeQueue::MoveFrontTo(TradeMessage* message) {
  SharedTrades& chunk = waiting_.front().chunk;
  waiting_bytes_ -= chunk->bytes();
  sending_bytes_ += chunk->bytes();
  message->chunks.push_back(std::move(chunk));
  waiting_.pop_front();
}

}  // namespace quantstream::query
