#include "processor/partition_board.h"

#include <utility>

#include "platform/status.h"

namespace quantstream::processor {

void PartitionBoard::LagIs(int32_t partition, int64_t records) {
  std::lock_guard lock(mutex_);
  lag_[partition] = records;
}

void PartitionBoard::Stopped(int32_t partition, const std::string& why) {
  std::lock_guard lock(mutex_);
  stopped_[partition] = why;
}

void PartitionBoard::TroublesAre(int worker, Troubles troubles) {
  std::lock_guard lock(mutex_);
  troubles_[worker] = std::move(troubles);
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

PartitionBoard::Troubles PartitionBoard::TroublesOf(const Worker& worker) {
  Troubles troubles{Message(worker.commit_trouble()), Message(worker.source_status()), {}};
  for (const auto& [number, partition] : worker.partitions()) {
    if (partition->state() != OwnedPartition::kWaiting) {
      continue;
    }
    auto trouble = partition->trouble();
    std::string& told = trouble == OwnedPartition::Trouble::kDatabase ? troubles.database
                        : trouble == OwnedPartition::Trouble::kLog    ? troubles.kafka
                                                                      : troubles.partitions;
    if (told.empty() && !partition->status().ok()) {
      told = "partition " + std::to_string(number) + ": " + Message(partition->status());
    }
  }
  return troubles;
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
  for (const auto& [worker, troubles] : troubles_) {
    for (std::string Troubles::* kind :
         {&Troubles::database, &Troubles::kafka, &Troubles::partitions}) {
      if ((summary.troubles.*kind).empty()) {
        summary.troubles.*kind = troubles.*kind;
      }
    }
  }
  return summary;
}

}  // namespace quantstream::processor
