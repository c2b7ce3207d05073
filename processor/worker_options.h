// Options of a worker beside those of the fold.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "processor/closed_panes.h"
#include "processor/fold_options.h"

namespace quantstream::processor {

struct WorkerOptions {
  FoldOptions fold;
  bool record_gap =
      false;  // on_data_loss: go on behind offsets that are lost, instead of stopping the partition
  int64_t commit_interval_us = 250'000;      // least time between two commits' beginnings
  int64_t commit_latest_us = 5'000'000;      // a record folded is committed within
  int64_t partial_interval_us = 50'000;      // least time between two PARTIALs of an instrument
  int64_t partial_repeat_us = 30'000'000;    // open candles are repeated this often
  int64_t progress_interval_us = 1'000'000;  // Progress at least this often
  int64_t fence_check_us = 5'000'000;   // a partition without a commit for so long reads its row
  int64_t fence_valid_us = 10'000'000;  // no PARTIAL this long after the last commit or such a read
  int64_t retry_first_us = 100'000;     // back-off after a failure, doubled up to retry_longest_us
  int64_t retry_longest_us = 5'000'000;
  std::function<double()> jitter = [] { return 1.0; };  // 0 … 1: the part of a back-off waited
  int64_t fenced_wait_us = 10'000'000;  // fenced, yet still assigned: taken over again after this
  int64_t short_log_wait_us = 60'000'000;  // a log that ends before next_offset may still come back
  size_t batch_rows_max = 200'000;      // uncommitted rows of a partition; past it reading pauses
  // Of committed rows that the publisher has no room for, of all partitions together; past it
  // reading pauses.
  size_t unpublished_bytes_max = size_t{64} << 20;
  // One for all workers of a process.
  std::shared_ptr<ClosedPanesBudget> closed_panes =
      std::make_shared<ClosedPanesBudget>(size_t{64} << 20);
};

}  // namespace quantstream::processor
