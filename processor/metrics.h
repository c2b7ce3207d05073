// The processor's metrics, one verb for each thing that happens. Thread-safe: all workers share
// one. The list of names is tests/unit/processor/testdata/metrics.txt.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "processor/fold_counters.h"

namespace prometheus {
class Registry;
}

namespace quantstream::processor {

class Metrics {
 public:
  using Duration = std::chrono::duration<double>;

  explicit Metrics(std::shared_ptr<prometheus::Registry> registry);
  ~Metrics();

  // The fold: what a worker has counted since `before`.
  void Folded(const FoldCounters& before, const FoldCounters& now);

  // Commits and late read-backs.
  void CommitLanded(Duration took, int64_t new_rows, int64_t replaced_rows);
  void CommitEnded(std::string_view outcome);  // landed, unmatched, unknown, failed
  void UpsertFellBack(int64_t rows);
  void ReadBackDone(Duration took, int64_t candles);
  void RecordsReread(int64_t records);
  void ClosedPanesAre(size_t bytes);
  void DatabaseConnected();

  // Partitions.
  void PartitionTaken(Duration took);
  void PartitionFenced();
  void PartitionStopped(int32_t partition, std::string_view reason, bool stopped);
  void PartitionOwned(int32_t partition, bool owned);
  void LagIs(int32_t partition, int64_t records);
  void SourceFailed(std::string_view kind);
  void ConsumerRenewed();

  // Publishing.
  void MessageDelivered(std::string_view kind, int64_t bytes);  // closed, open, dead_letter
  void MessageFailed();
  void EventDropped();
  void UnpublishedIs(int32_t worker, int64_t bytes);
  void PublisherQueueIs(int32_t worker, int64_t messages, int64_t bytes);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace quantstream::processor
