#include "query/trade_fanout.h"

#include <algorithm>
#include <utility>

#include "market/wire.h"

namespace quantstream::query {
namespace {

constexpr uint32_t kTradesField = 1;  // StreamTradesResponse.trades

void SendAll(const std::vector<std::shared_ptr<TradeListener>>& senders) {
  for (const auto& listener : senders) listener->Send();
}

void AppendTrade(std::string_view message, TradeChunk* chunk) {
  char head[1 + 10];
  wire::Writer writer(head);
  writer.RawVarint(wire::Tag(kTradesField, wire::kBytes));
  writer.RawVarint(message.size());
  chunk->fields.append(head, static_cast<size_t>(writer.position() - head));
  chunk->fields.append(message);
  ++chunk->trades;
}

}  // namespace

TradeFanout::TradeFanout(TradeLimits limits)
    : limits_(limits),
      chunk_bytes_max_(
          static_cast<size_t>(std::min(limits.message_bytes_max, limits.queue_bytes_max / 2))) {}

TradeFanout::Partition& TradeFanout::PartitionAt(int32_t number) {
  const auto [entry, added] = partitions_.try_emplace(number);
  if (added) entry->second.seen = SeenRecords(limits_.seen);
  return entry->second;
}

void TradeFanout::Add(std::shared_ptr<TradeListener> listener,
                      const std::vector<TradeSource>& sources) {
  std::lock_guard lock(mutex_);
  State& state = listeners_[listener.get()];
  state.listener = std::move(listener);
  state.sources = sources;
  for (const TradeSource& source : sources) {
    Partition& partition = PartitionAt(source.partition);
    partition.channels[source.instrument].listeners.insert(&state);
    if (!partition.reading) state.awaited.insert(source.partition);
  }
}

void TradeFanout::Remove(TradeListener* listener) {
  std::shared_ptr<TradeListener> last;  // let go without the lock
  TradeQueue queue;
  std::lock_guard lock(mutex_);
  const auto found = listeners_.find(listener);
  if (found == listeners_.end()) return;
  State& state = found->second;
  for (const TradeSource& source : state.sources) LeaveChannel(source, &state);
  queued_bytes_ -= state.queue.bytes();
  last = std::move(state.listener);
  queue = std::move(state.queue);
  listeners_.erase(found);
}

void TradeFanout::LeaveChannel(const TradeSource& source, State* state) {
  const auto partition = partitions_.find(source.partition);
  if (partition == partitions_.end()) return;
  auto& channels = partition->second.channels;
  const auto channel = channels.find(source.instrument);
  if (channel == channels.end()) return;
  channel->second.listeners.erase(state);
  if (channel->second.listeners.empty()) channels.erase(channel);
  // One that is read stays until TakeWishes says that it is to be stopped.
  if (channels.empty() && !partition->second.reading) partitions_.erase(partition);
}

std::optional<TradeNews> TradeFanout::Take(TradeListener* listener) {
  std::lock_guard lock(mutex_);
  const auto found = listeners_.find(listener);
  if (found == listeners_.end()) return std::nullopt;
  State& state = found->second;
  queued_bytes_ -= state.queue.bytes();
  state.woken = true;
  std::optional<TradeNews> news;
  if (state.awaited.empty() && !std::exchange(state.begun_told, true)) {
    news = TradesBegun{};
  } else if (auto message = state.queue.Take(limits_.message_bytes_max)) {
    news = *std::move(message);
  } else {
    state.woken = false;
  }
  queued_bytes_ += state.queue.bytes();
  return news;
}

TradeFanout::Wishes TradeFanout::TakeWishes() {
  std::lock_guard lock(mutex_);
  Wishes wishes;
  for (auto entry = partitions_.begin(); entry != partitions_.end();) {
    const auto& [number, partition] = *entry;
    const bool wanted = !partition.channels.empty();
    if (wanted && !partition.reading) wishes.start.push_back(number);
    if (!wanted) wishes.stop.push_back(number);
    entry = wanted ? std::next(entry) : partitions_.erase(entry);
  }
  return wishes;
}

void TradeFanout::OnStarted(int32_t number) {
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    // Whoever wanted it may have gone: the next wishes stop it.
    PartitionAt(number).reading = true;
    for (auto& [listener, state] : listeners_) {
      if (state.awaited.erase(number) > 0 && state.awaited.empty()) Wake(&state, &senders);
    }
  }
  SendAll(senders);
}

void TradeFanout::OnPlaceLost(int32_t number) {
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    const auto found = partitions_.find(number);
    if (found == partitions_.end()) return;
    found->second.reading = false;
    std::set<State*> hit;
    for (const auto& [instrument, channel] : found->second.channels) {
      hit.insert(channel.listeners.begin(), channel.listeners.end());
    }
    for (State* state : hit) {
      if (state->awaited.contains(number)) continue;  // it was promised nothing yet
      state->queue.Skip(1);
      Wake(state, &senders);
    }
  }
  SendAll(senders);
}

TradeFanout::Outcome TradeFanout::OnRecord(int32_t number, const TradeRecord& record) {
  Outcome outcome;
  Senders senders;
  {
    std::lock_guard lock(mutex_);
    const auto found = partitions_.find(number);
    if (found == partitions_.end() || !found->second.reading) return outcome;
    const TradeBatch& batch = record.batch;
    outcome.repeated = !found->second.seen.Add(batch.node, batch.session, batch.sequence);
    if (outcome.repeated) return outcome;
    outcome.trades_dropped = Deliver(found->second, record, &senders);
  }
  SendAll(senders);
  return outcome;
}

uint64_t TradeFanout::Deliver(Partition& partition, const TradeRecord& record, Senders* senders) {
  uint64_t dropped = 0;
  std::vector<Channel*> filled;  // in order of their first trades
  for (size_t i = 0; i < record.messages.size(); ++i) {
    Channel* channel = FindChannel(partition, record.batch.trades[i]);
    if (channel == nullptr) continue;
    const std::string_view message = record.messages[i];
    if (channel->chunk.fields.size() + message.size() > chunk_bytes_max_) {
      dropped += Flush(channel, senders);
    }
    if (channel->chunk.trades == 0) filled.push_back(channel);
    AppendTrade(message, &channel->chunk);
  }
  for (Channel* channel : filled) dropped += Flush(channel, senders);
  return dropped;
}

TradeFanout::Channel* TradeFanout::FindChannel(Partition& partition, const Trade& trade) {
  name_.assign(trade.venue).append(1, ':').append(trade.symbol);
  const auto channel = partition.channels.find(name_);
  return channel == partition.channels.end() ? nullptr : &channel->second;
}

uint64_t TradeFanout::Flush(Channel* channel, Senders* senders) {
  if (channel->chunk.trades == 0) return 0;
  const auto chunk =
      std::make_shared<const TradeChunk>(std::exchange(channel->chunk, TradeChunk{}));
  uint64_t dropped = 0;
  for (State* state : channel->listeners) {
    dropped += Push(state, chunk);
    Wake(state, senders);
  }
  return dropped;
}

uint64_t TradeFanout::Push(State* state, const SharedTrades& chunk) {
  const int64_t bytes_max = QueueBytesMax();
  queued_bytes_ -= state->queue.bytes();
  const uint64_t dropped = state->queue.Push(chunk, bytes_max);
  queued_bytes_ += state->queue.bytes();
  return dropped;
}

// Past the bound of all, whoever has more than its share gives the rest back with the next trade.
int64_t TradeFanout::QueueBytesMax() const {
  if (queued_bytes_ < limits_.queues_bytes_max) return limits_.queue_bytes_max;
  const auto share = limits_.queues_bytes_max / static_cast<int64_t>(listeners_.size());
  return std::min(limits_.queue_bytes_max, share);
}

void TradeFanout::Wake(State* state, Senders* senders) {
  if (std::exchange(state->woken, true)) return;
  senders->push_back(state->listener);
}

int64_t TradeFanout::listeners() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(listeners_.size());
}

int64_t TradeFanout::partitions_read() const {
  std::lock_guard lock(mutex_);
  return std::ranges::count_if(partitions_, [](const auto& entry) { return entry.second.reading; });
}

int64_t TradeFanout::queued_bytes() const {
  std::lock_guard lock(mutex_);
  return queued_bytes_;
}

}  // namespace quantstream::query
