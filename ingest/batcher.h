// Trades of a few milliseconds, gathered into one TradeBatch per partition. Pure. Knows no Kafka
// and no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ingest/instant.h"
#include "market/trade.h"

namespace quantstream::ingest {

class Batcher {
 public:
  // `session` is another number at each start of the process.
  Batcher(std::string node, uint64_t session, int32_t partitions);

  // False: the partition's batch has 1,000 trades or would pass 64 KiB; Take it first.
  bool Fits(int32_t partition, const Trade& trade) const;
  // REQUIRES: Fits.
  void Add(int32_t partition, const Trade& trade, Instant now);
  // Bytes of the partition's next record: its trades, the heartbeats behind them. The batch is
  // empty then.
  std::string Take(int32_t partition, std::span<const Heartbeat> heartbeats);

  bool Empty(int32_t partition) const { return Open(partition).trades == 0; }
  // Partitions whose first trade came at `before` or earlier, the oldest first.
  std::vector<int32_t> Older(Instant before) const;
  // When the oldest waiting trade came.
  std::optional<Instant> oldest() const;
  int32_t partitions() const { return static_cast<int32_t>(open_.size()); }

 private:
  struct OpenBatch {
    std::string bytes;  // encoded trades
    int trades = 0;
    Instant since;
    uint64_t sequence = 0;  // of the next record
  };

  const OpenBatch& Open(int32_t partition) const { return open_[static_cast<size_t>(partition)]; }

  uint64_t session_;
  std::string node_;
  size_t trade_bytes_max_;
  std::vector<OpenBatch> open_;   // by partition
  std::vector<int32_t> waiting_;  // partitions with trades, oldest first
  TradeBatch one_trade_;          // scratch
};

}  // namespace quantstream::ingest
