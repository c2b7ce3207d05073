// One worker with its real parts, on a thread of its own: source, store, publisher. What it does is
// in worker.h.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "platform/shutdown.h"
#include "processor/config.h"
#include "processor/metrics.h"
#include "processor/partition_board.h"
#include "processor/publisher.h"
#include "processor/source.h"
#include "processor/store.h"
#include "processor/worker.h"

namespace quantstream::processor {

// What all workers of a process share.
struct Surroundings {
  const ProcessorConfig& config;
  Metrics& metrics;
  PartitionBoard& board;
  const Shutdown& shutdown;
  std::shared_ptr<ClosedPanesBudget> closed_panes;
};

// Of the store, for a worker or for the start; `owner` is written into the rows taken over.
StoreOptions StoreOptionsOf(const ProcessorConfig& config, const std::string& owner);

class WorkerThread {
 public:
  // Runs until the shutdown is requested, then drains. An error names the Kafka property that was
  // refused.
  static absl::StatusOr<std::unique_ptr<WorkerThread>> Start(int number,
                                                             const Surroundings& surroundings);
  ~WorkerThread();  // Waits for the drain.

 private:
  WorkerThread(int number, const Surroundings& surroundings,
               std::unique_ptr<KafkaPublisher> publisher);
  void Run();
  void Drain();
  void Report();
  void ReportPartition(const OwnedPartition& partition);

  int number_;
  Surroundings surroundings_;
  std::unique_ptr<KafkaSource> source_;
  PostgresStore store_;
  std::unique_ptr<KafkaPublisher> publisher_;
  std::unique_ptr<Worker> worker_;
  FoldCounters reported_;
  std::map<int32_t, std::string> stopped_;  // partition, reason
  std::map<int32_t, std::string> waiting_;  // partition, why as last logged
  int64_t report_at_us_ = 0;
  std::thread thread_;  // last
};

}  // namespace quantstream::processor
