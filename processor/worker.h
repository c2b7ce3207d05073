// One worker: polls, folds, commits beside the fold, takes partitions over and lets them go. A step
// machine: time comes in as an argument, the world through its interfaces, so that the simulation
// drives this very code.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "processor/fold_counters.h"
#include "processor/io.h"
#include "processor/owned_partition.h"
#include "processor/retry.h"
#include "processor/rules.h"
#include "processor/worker_options.h"

namespace quantstream::processor {

struct CommitCounters {
  uint64_t landed = 0;
  uint64_t unmatched = 0;
  uint64_t unknown = 0;
  uint64_t failed = 0;
};

class Worker {
 public:
  // Everything given outlives it.
  Worker(WorkerOptions options, Source& source, Store& store, Publisher& publisher,
         const Rules& rules = kAllRules);

  // One round. Waits at most `wait_us` for records. `now_us`: of a clock that never goes back.
  void Step(int64_t now_us, int64_t wait_us);

  // Commits everything, with the open windows whole, so that the next owner reads nothing again.
  // Step on until stopped(), or give up: nothing rests on it.
  void BeginStop() { stopping_ = true; }
  bool stopped() const;

  // As they are now, by partition.
  const std::map<int32_t, std::unique_ptr<OwnedPartition>>& partitions() const {
    return partitions_;
  }
  const FoldCounters& counters() const { return counters_; }
  const CommitCounters& commits() const { return commits_; }
  // The last commit failed, or its outcome is not known yet; why.
  const absl::Status& commit_trouble() const { return trouble_; }
  // Of committed rows that the publisher has no room for yet.
  size_t unpublished_bytes() const;
  // The last Poll's.
  const absl::Status& source_status() const { return source_status_; }

  static const Rules kAllRules;

 private:
  using Pending = std::vector<std::shared_ptr<const PartitionCommit>>;

  void TakeOver(int64_t now_us);
  void Poll(int64_t now_us, int64_t wait_us);
  void Give(const std::vector<Record>& records, int64_t now_us);
  void BeginCommitWhenDue(int64_t now_us);
  bool IsCommitDue(int64_t now_us) const;
  void Send(int64_t now_us);
  void FinishCommit(int64_t now_us);
  void Resolve(int64_t now_us);
  void Landed(const PartitionCommit& commit, int64_t now_us);
  void Trouble(absl::Status status, int64_t now_us);
  OwnedPartition* OwnerOf(const PartitionCommit& commit);

  const WorkerOptions options_;
  Source& source_;
  Store& store_;
  Publisher& publisher_;
  const Rules& rules_;
  FoldCounters counters_;
  CommitCounters commits_;
  std::map<int32_t, std::unique_ptr<OwnedPartition>> partitions_;
  int32_t log_failed_ = -1;  // partition whose take-over failed last because of the log

  // The commit being made: in flight, or between two attempts.
  enum { kIdle, kInFlight, kToSend, kToResolve } commit_ = kIdle;
  Pending pending_;
  int64_t begun_us_ = 0;  // of the first attempt
  Retry retry_;
  bool unmatched_ = false;  // the last outcome was kUnmatched
  absl::Status trouble_;

  bool stopping_ = false;
  bool paused_ = false;
  absl::Status source_status_;
  SourceEvents events_;
  TradeBatch batch_;
};

}  // namespace quantstream::processor
