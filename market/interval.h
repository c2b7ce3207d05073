// Lengths of windows, aligned to the Unix epoch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "market/time.h"

namespace quantstream {

// A whole number of seconds from 1 s to 1 day.
struct Interval {
  static constexpr int32_t kSecondsMax = 86'400;

  int32_t seconds = 1;
  auto operator<=>(const Interval&) const = default;

  // `1s`, `5m`, `1h`, `1d`: a number without sign or leading zero, and one of s, m, h, d.
  // InvalidArgument names what is legal.
  static absl::StatusOr<Interval> Parse(std::string_view text);
  // The largest unit that divides it: 60 s is `1m`.
  std::string ToString() const;
  constexpr int64_t us() const { return seconds * kMicrosecondsPerSecond; }
};

// The stored intervals unless configured otherwise: 1s 5s 1m 5m 15m 1h 1d.
inline constexpr Interval kDefaultIntervals[] = {{1}, {5}, {60}, {300}, {900}, {3600}, {86400}};

// Start of the window that holds `time`: floor(time / length), also before 1970.
inline constexpr EventTime WindowStart(EventTime time, Interval interval) {
  int64_t rest = time.us % interval.us();
  return EventTime{time.us - (rest < 0 ? rest + interval.us() : rest)};
}

}  // namespace quantstream
