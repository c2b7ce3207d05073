#include "processor/partition_board.h"

namespace quantstream::processor {

void PartitionBoard::LagIs(int32_t partition, int64_t records) {
  std::lock_guard lock(mutex_);
  lag_[partition] = records;
}

void PartitionBoard::Stopped(int32_t partition, const std::string& why) {
  std::lock_guard lock(mutex_);
  stopped_[partition] = why;
}

void PartitionBoard::DatabaseTrouble(int worker, const std::string& why) {
  std::lock_guard lock(mutex_);
  if (why.empty()) {
    database_trouble_.erase(worker);
  } else {
    database_trouble_[worker] = why;
  }
}

void PartitionBoard::Idle(int32_t partition) {
  std::lock_guard lock(mutex_);
  lag_.erase(partition);
}

void PartitionBoard::Gone(int32_t partition) {
  std::lock_guard lock(mutex_);
  lag_.erase(partition);
  stopped_.erase(partition);
}

PartitionBoard::Summary PartitionBoard::Read() const {
  std::lock_guard lock(mutex_);
  Summary summary;
  for (const auto& [partition, records] : lag_) {
    ++summary.owned;
    if (records >= summary.lag_records) {
      summary.lag_records = records;
      summary.lagging_partition = partition;
    }
  }
  for (const auto& [partition, why] : stopped_) {
    summary.stopped += (summary.stopped.empty() ? "" : "; ") + std::string("partition ") +
                       std::to_string(partition) + ": " + why;
  }
  if (!database_trouble_.empty()) {
    summary.database_trouble = database_trouble_.begin()->second;
  }
  return summary;
}

}  // namespace quantstream::processor
