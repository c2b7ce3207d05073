#include "ingest/heartbeat.h"

#include <algorithm>
#include <limits>

namespace quantstream::ingest {

HeartbeatSchedule::HeartbeatSchedule(int32_t partitions, int64_t interval_us)
    : interval_us_(interval_us),
      due_at_us_(static_cast<size_t>(partitions), std::numeric_limits<int64_t>::min()) {}

void HeartbeatSchedule::Sent(int32_t partition, Instant now) {
  due_at_us_[static_cast<size_t>(partition)] = now.us + interval_us_;
}

std::vector<int32_t> HeartbeatSchedule::Due(Instant now) const {
  std::vector<int32_t> due;
  for (size_t i = 0; i < due_at_us_.size(); ++i) {
    if (due_at_us_[i] <= now.us) due.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(due.begin(), due.end(), [this](int32_t a, int32_t b) {
    return due_at_us_[static_cast<size_t>(a)] < due_at_us_[static_cast<size_t>(b)];
  });
  return due;
}

}  // namespace quantstream::ingest
