#include "ingest/watchdog.h"

#include <algorithm>

namespace quantstream::ingest {
namespace {

// Weight of the newest gap in the moving average.
constexpr double kNewestWeight = 0.05;

}  // namespace

Watchdog::Watchdog(WatchdogOptions options, Instant opened)
    : options_(options), last_frame_(opened) {}

void Watchdog::Frame(Instant now) {
  const auto gap_us = static_cast<double>(now - last_frame_);
  usual_gap_us_ = seen_frame_ ? usual_gap_us_ + kNewestWeight * (gap_us - usual_gap_us_) : gap_us;
  seen_frame_ = true;
  last_frame_ = now;
}

int64_t Watchdog::SilenceAllowed() const {
  if (!seen_frame_) return options_.silence_max_us;
  const double usual_us = usual_gap_us_ * static_cast<double>(options_.usual_gaps);
  const auto floor_us = static_cast<double>(options_.silence_min_us);
  const auto ceiling_us =
      static_cast<double>(std::max(options_.silence_max_us, options_.silence_min_us));
  return static_cast<int64_t>(std::clamp(usual_us, floor_us, ceiling_us));
}

}  // namespace quantstream::ingest
