#include "ingest/stamp_check.h"

#include <algorithm>

namespace quantstream::ingest {

StampCheck::StampCheck(int64_t future_bound_us) : future_bound_us_(future_bound_us) {}

void StampCheck::Learn(int64_t venue_time_us, int64_t receive_time_us) {
  const int64_t offset = venue_time_us - receive_time_us;
  auto* const begin = sorted_.data();
  if (size_ == kWindow) {
    auto* const leaving = std::lower_bound(begin, begin + size_, arrived_[oldest_]);
    std::copy(leaving + 1, begin + size_, leaving);
    --size_;
  }
  auto* const place = std::upper_bound(begin, begin + size_, offset);
  std::copy_backward(place, begin + size_, begin + size_ + 1);
  *place = offset;
  ++size_;
  arrived_[oldest_] = offset;
  oldest_ = (oldest_ + 1) % kWindow;
  seen_ = std::min(seen_ + 1, kTradesToLearn);
}

int64_t StampCheck::offset_us() const {
  return size_ == 0 ? 0 : sorted_[(size_ - 1) / 2];
}

bool StampCheck::IsFuture(int64_t venue_time_us, int64_t receive_time_us) const {
  return venue_time_us - receive_time_us - offset_us() > future_bound_us_;
}

}  // namespace quantstream::ingest
