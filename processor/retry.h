// When something that failed is tried again: the one place that says how long a worker waits.
// Bounded exponential back-off with jitter. Pure: time comes in as an argument.
#pragma once

#include <chrono>
#include <cstdint>

#include "platform/backoff.h"
#include "processor/worker_options.h"

namespace quantstream::processor {

class Retry {
 public:
  explicit Retry(const WorkerOptions& options)
      : backoff_({Milliseconds(options.retry_first_us), Milliseconds(options.retry_longest_us)},
                 options.jitter) {}

  // It failed: due again after the back-off, which grows from failure to failure.
  void Failed(int64_t now_us) {
    due_at_us_ = now_us + std::chrono::microseconds(backoff_.Next()).count();
  }
  // Due from then on, whatever has failed.
  void WaitUntil(int64_t at_us) { due_at_us_ = at_us; }
  bool IsDue(int64_t now_us) const { return now_us >= due_at_us_; }
  // It has worked for a while, not only begun: the next failure is the first one.
  void Worked() { backoff_.Reset(); }

 private:
  static std::chrono::milliseconds Milliseconds(int64_t us) {
    return std::chrono::milliseconds(us / 1'000);
  }

  Backoff backoff_;
  int64_t due_at_us_ = 0;
};

}  // namespace quantstream::processor
