// Full-jitter exponential back-off with a cap. Pure: no clock, no sleep, the source of chance is
// handed in.
#pragma once

#include <chrono>
#include <functional>

namespace quantstream {

struct BackoffLimits {
  std::chrono::milliseconds base{100};   // the first wait is in [0, base]
  std::chrono::milliseconds cap{30000};  // no wait is longer
};

class Backoff {
 public:
  // `random` gives a number in [0, 1).
  Backoff(BackoffLimits limits, std::function<double()> random);

  // How long to wait before the next attempt: uniform in [0, min(cap, base * 2^attempts)].
  std::chrono::milliseconds Next();

  // Call when it went well for a while, not when a connection merely opened.
  void Reset() { attempts_ = 0; }

  // Waits handed out since the last reset.
  int attempts() const { return attempts_; }

 private:
  BackoffLimits limits_;
  std::function<double()> random_;
  int attempts_ = 0;
};

// A source of chance for Backoff, seeded from the system once. Not thread-safe: one per Backoff.
std::function<double()> SystemRandom();

}  // namespace quantstream
