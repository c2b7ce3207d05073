// Connected but mute? Watches one connection against its own usual rate of frames. Pure.
#pragma once

#include <cstdint>

#include "ingest/instant.h"

namespace quantstream::ingest {

struct WatchdogOptions {
  int64_t silence_min_us = 10'000'000;  // no shorter silence is ever called mute
  int64_t silence_max_us = 60'000'000;  // a longer one always is, also before the first frame
  int64_t usual_gaps = 50;              // in between: so many times the usual gap between frames
};

class Watchdog {
 public:
  Watchdog(WatchdogOptions options, Instant opened);

  // A frame of data: the usual rate is theirs.
  void Frame(Instant now);
  // A sign of life that is no data; or the socket was not read until now, and what was silent was
  // we.
  void Alive(Instant now) { last_frame_ = now; }
  bool Mute(Instant now) const { return now - last_frame_ > SilenceAllowed(); }
  // How long it may be silent at its usual rate.
  int64_t SilenceAllowed() const;

 private:
  WatchdogOptions options_;
  Instant last_frame_;
  bool seen_frame_ = false;
  double usual_gap_us_ = 0;  // moving average
};

}  // namespace quantstream::ingest
