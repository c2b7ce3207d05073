#include "ingest/batcher.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "market/trade_codec.h"

namespace quantstream::ingest {
namespace {

// What a record holds beside its trades: node, session, sequence, and the heartbeats of a few
// venues.
constexpr size_t kEnvelopeBytesMax = 1024;

}  // namespace

Batcher::Batcher(std::string node, uint64_t session, int32_t partitions)
    : session_(session),
      node_(std::move(node)),
      trade_bytes_max_(TradeBatch::kBytesMax - kEnvelopeBytesMax),
      open_(static_cast<size_t>(partitions)) {
  one_trade_.trades.resize(1);
}

bool Batcher::Fits(int32_t partition, const Trade& trade) const {
  const OpenBatch& open = Open(partition);
  return open.trades == 0 || (open.trades < TradeBatch::kTradesMax &&
                              open.bytes.size() + EncodedSizeMax(trade) <= trade_bytes_max_);
}

void Batcher::Add(int32_t partition, const Trade& trade, Instant now) {
  assert(Fits(partition, trade));
  OpenBatch& open = open_[static_cast<size_t>(partition)];
  if (open.trades == 0) {
    open.since = now;
    waiting_.push_back(partition);
  }
  // Messages of protobuf may be joined: the trades of the parts follow each other.
  one_trade_.trades.front() = trade;
  EncodeTradeBatch(one_trade_, open.bytes);
  ++open.trades;
}

std::string Batcher::Take(int32_t partition, std::span<const Heartbeat> heartbeats) {
  OpenBatch& open = open_[static_cast<size_t>(partition)];
  TradeBatch envelope;
  envelope.node = node_;
  envelope.session = session_;
  envelope.sequence = open.sequence++;
  std::string bytes;
  bytes.reserve(open.bytes.size() + kEnvelopeBytesMax);
  EncodeTradeBatch(envelope, bytes);
  bytes += open.bytes;
  TradeBatch beats;
  beats.heartbeats.assign(heartbeats.begin(), heartbeats.end());
  EncodeTradeBatch(beats, bytes);
  open.bytes.clear();
  open.trades = 0;
  std::erase(waiting_, partition);
  return bytes;
}

std::vector<int32_t> Batcher::Older(Instant before) const {
  std::vector<int32_t> older;
  for (const int32_t partition : waiting_) {
    if (Open(partition).since > before) break;
    older.push_back(partition);
  }
  return older;
}

std::optional<Instant> Batcher::oldest() const {
  if (waiting_.empty()) return std::nullopt;
  return Open(waiting_.front()).since;
}

}  // namespace quantstream::ingest
