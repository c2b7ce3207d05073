#include "ingest/simulator/faults.h"

#include <algorithm>

namespace quantstream::simulator {

bool Faults::Skips(const VenueMessage& message) {
  if (!message.trade) return false;
  if (skip_next_ > 0) {
    --skip_next_;
    return true;
  }
  return random_.Chance(rates_.skip);
}

void Faults::Hold(const VenueMessage& message, int64_t now_us) {
  const auto bound = static_cast<uint64_t>(std::max(rates_.reorder_bound, 1));
  held_.push_back({turn_ + 1 + random_.Below(bound), now_us, message});
}

void Faults::Pass(const VenueMessage& message, int64_t now_us, const Output& output) {
  ++turn_;
  if (Skips(message)) {
    ++skipped_;
  } else if (random_.Chance(rates_.reorder)) {
    ++reordered_;
    Hold(message, now_us);
  } else {
    output(message);
    if (random_.Chance(rates_.duplicate)) {
      ++duplicated_;
      Hold(message, now_us);
    }
  }
  if (!held_.empty()) Release(now_us, false, output);
}

void Faults::Release(int64_t now_us, bool all, const Output& output) {
  std::erase_if(held_, [&](const Held& held) {
    const bool due = all || held.due_turn <= turn_ || now_us - held.since_us >= kHoldMaxUs;
    if (due) output(held.message);
    return due;
  });
}

}  // namespace quantstream::simulator
