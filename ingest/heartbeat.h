// When the next heartbeat is owed to which partition. Pure. What it says is venue_clock.h's.
#pragma once

#include <cstdint>
#include <vector>

#include "ingest/instant.h"

namespace quantstream::ingest {

class HeartbeatSchedule {
 public:
  // Every partition gets one at once and then at least every `interval_us`.
  HeartbeatSchedule(int32_t partitions, int64_t interval_us);

  // A record with heartbeats went to the partition.
  void Sent(int32_t partition, Instant now);
  // The partitions that are owed one now, the longest waiting first.
  std::vector<int32_t> Due(Instant now) const;

 private:
  int64_t interval_us_;
  std::vector<int64_t> due_at_us_;  // by partition
};

}  // namespace quantstream::ingest
