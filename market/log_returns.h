// Exact sums of log returns in fixed point: order-free, and one share can be taken out and put
// back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "market/decimal.h"

namespace quantstream {

// logl(b / a) of both prices as integers of one scale, one long double division, rounded half to
// even to units of 2^-40. REQUIRES: both above zero.
int64_t LogReturn(const Decimal& a, const Decimal& b);

// How many returns, their sum and the sum of their squares, in units of 2^-40 and 2^-80.
struct LogReturnSums {
  int64_t count = 0;
  __int128 sum = 0;
  __int128 sum_of_squares = 0;

  void Add(int64_t log_return);
  void Remove(int64_t log_return);
  LogReturnSums& operator+=(const LogReturnSums& other);
  bool operator==(const LogReturnSums&) const = default;

  // Sample standard deviation, sqrt((sum_of_squares - sum^2 / count) / (count - 1)) x 2^-40, from
  // exact integers up to the last division and root (long double). Absent below two returns.
  std::optional<double> StandardDeviation() const;
};

}  // namespace quantstream
