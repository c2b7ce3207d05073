// The clocks of the machine, read in the shell only; the pure rooms get time handed in.
#pragma once

#include <chrono>

#include "ingest/instant.h"
#include "market/time.h"

namespace quantstream::ingest {

inline Instant SteadyNow() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return Instant{std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

inline EventTime WallNow() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return EventTime{std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

}  // namespace quantstream::ingest
