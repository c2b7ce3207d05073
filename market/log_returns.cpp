#include "market/log_returns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "market/precondition.h"
#include "market/wide_integer.h"

namespace quantstream {
namespace {

using wide::Uint128;

constexpr int kFractionBits = 40;

static_assert(std::numeric_limits<long double>::digits >= 64,
              "a log return is defined by long doubles that hold a 64-bit integer");

Uint128 Lifted(const Decimal& value, int scale) {
  return static_cast<Uint128>(value.mantissa) *
         static_cast<Uint128>(PowerOfTen(scale - value.scale));
}

// b / a. Integers that fit 64 bits are exact as long doubles: the ratio then depends on the values
// alone. Greater ones are rounded, so they are taken at the least scale there is.
long double Ratio(const Decimal& a, const Decimal& b, bool canonical) {
  const int scale = std::max(a.scale, b.scale);
  const Uint128 below = Lifted(a, scale);
  const Uint128 above = Lifted(b, scale);
  if (!canonical && (below | above) >> 64 != 0) return Ratio(a.Canonical(), b.Canonical(), true);
  return static_cast<long double>(above) / static_cast<long double>(below);
}

long double AsLongDouble(const wide::Limbs<4>& value) {
  long double sum = 0;
  for (size_t i = 4; i-- > 0;) sum = std::ldexp(sum, 64) + static_cast<long double>(value[i]);
  return sum;
}

}  // namespace

int64_t LogReturn(const Decimal& a, const Decimal& b) {
  if (a == b) return 0;
  Precondition(a.mantissa > 0 && b.mantissa > 0, "LogReturn: prices above zero");
  return std::llrint(std::ldexp(std::log(Ratio(a, b, false)), kFractionBits));
}

void LogReturnSums::Add(int64_t log_return) {
  ++count;
  sum += log_return;
  sum_of_squares += static_cast<__int128>(log_return) * log_return;
}

void LogReturnSums::Remove(int64_t log_return) {
  --count;
  sum -= log_return;
  sum_of_squares -= static_cast<__int128>(log_return) * log_return;
}

LogReturnSums& LogReturnSums::operator+=(const LogReturnSums& other) {
  count += other.count;
  sum += other.sum;
  sum_of_squares += other.sum_of_squares;
  return *this;
}

std::optional<double> LogReturnSums::StandardDeviation() const {
  if (count < 2) return std::nullopt;
  const Uint128 magnitude = static_cast<Uint128>(sum < 0 ? -sum : sum);
  wide::Limbs<4> spread =
      wide::Multiply(static_cast<Uint128>(count), static_cast<Uint128>(sum_of_squares));
  if (wide::Subtract(spread, wide::Multiply(magnitude, magnitude))) return 0.0;
  const Uint128 pairs = static_cast<Uint128>(count) * static_cast<Uint128>(count - 1);
  const long double variance = AsLongDouble(spread) / static_cast<long double>(pairs);
  return static_cast<double>(std::ldexp(std::sqrt(variance), -kFractionBits));
}

}  // namespace quantstream
