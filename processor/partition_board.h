// What every worker shows of its partitions, for readiness: how far behind, and which have stopped
// by name. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "processor/worker.h"

namespace quantstream::processor {

class PartitionBoard {
 public:
  void LagIs(int32_t partition, int64_t records);
  void Stopped(int32_t partition, const std::string& why);
  // A worker's troubles as they are now.
  struct Troubles {
    std::string database;    // each: empty = none
    std::string kafka;
    std::string partitions;  // others own them
  };
  void TroublesAre(int worker, Troubles troubles);
  static Troubles TroublesOf(const Worker& worker);
  // It is not read at the moment: no lag.
  void Idle(int32_t partition);
  // It was let go of: no lag, no stop.
  void Gone(int32_t partition);

  struct Summary {
    int64_t owned = 0;
    int64_t lag_records = 0;  // the greatest
    int32_t lagging_partition = -1;
    Troubles troubles;    // of the first worker that has any of the kind
    std::string stopped;  // "partition 3: …", one after the other; empty = none
  };
  Summary Read() const;

 private:
  mutable std::mutex mutex_;
  std::map<int32_t, int64_t> lag_;
  std::map<int32_t, std::string> stopped_;
  std::map<int, Troubles> troubles_;  // by worker
};

}  // namespace quantstream::processor
