// A moment of the clock that elapsed time is measured by: the steady clock when live, the
// recording's own time in a replay. Never compared with venue time or with the wall clock.
#pragma once

#include <compare>
#include <cstdint>

namespace quantstream::ingest {

struct Instant {
  int64_t us = 0;
  auto operator<=>(const Instant&) const = default;
};

inline constexpr Instant operator+(Instant at, int64_t us) {
  return Instant{at.us + us};
}
inline constexpr int64_t operator-(Instant later, Instant earlier) {
  return later.us - earlier.us;
}

}  // namespace quantstream::ingest
