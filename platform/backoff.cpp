#include "platform/backoff.h"

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

namespace quantstream {

Backoff::Backoff(BackoffLimits limits, std::function<double()> random)
    : limits_(limits), random_(std::move(random)) {}

std::chrono::milliseconds Backoff::Next() {
  std::chrono::milliseconds ceiling = std::min(limits_.base, limits_.cap);
  for (int i = 0; i < attempts_ && ceiling < limits_.cap; ++i) {
    ceiling = std::min(limits_.cap, ceiling * 2);
  }
  ++attempts_;
  const double steps = static_cast<double>(ceiling.count()) + 1;
  const auto wait = static_cast<int64_t>(random_() * steps);
  return std::min(ceiling, std::chrono::milliseconds(wait));
}

std::function<double()> SystemRandom() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); };
}

}  // namespace quantstream
