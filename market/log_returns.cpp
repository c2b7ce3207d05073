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

// The same integer by the definition.
int64_t LogReturnByDefinition(const Decimal& a, const Decimal& b) {
  Precondition(a.mantissa > 0 && b.mantissa > 0, "LogReturn: prices above zero");
  return std::llrint(std::ldexp(std::log(Ratio(a, b, false)), kFractionBits));
}

// ln(1 + x) for |x| < 2^-7 to a relative error below 2^-50: the series' terms left out are below
// x^8 / 9 < 2^-59 of it, the rest is rounding of a sum that its first term outweighs.
double LogOfOnePlus(double x) {
  const double x2 = x * x;
  const double low = 1.0 - x * (1.0 / 2) + x2 * (1.0 / 3 - x * (1.0 / 4));
  const double high = 1.0 / 5 - x * (1.0 / 6) + x2 * (1.0 / 7 - x * (1.0 / 8));
  return x * (low + x2 * x2 * high);
}

// The mantissa at that scale where a double holds it exactly, else 0.
int64_t SmallMantissa(const Decimal& value, int scale) {
  constexpr int64_t kExact = int64_t{1} << 53;
  constexpr int kLiftMax = 4;
  const int lift = scale - value.scale;
  if (lift == 0) return value.mantissa < kExact ? value.mantissa : 0;
  if (lift > kLiftMax || value.mantissa > kExact / 10'000) return 0;
  return value.mantissa * PowerOfTen(lift);
}

// Trades in a row differ little. There a double is near enough to tell the integer, but where it
// lies close to the middle between two: nullopt there and wherever the bounds do not hold.
std::optional<int64_t> LogReturnOfNear(const Decimal& a, const Decimal& b) {
  constexpr double kUnits = static_cast<double>(int64_t{1} << kFractionBits);
  constexpr double kMargin = 1e-4;  // |ln| < 2^-6.9 in units of 2^-40 to 2^-50: below 2^-16
  const int scale = std::max(a.scale, b.scale);
  const int64_t below = SmallMantissa(a, scale);
  const int64_t difference = SmallMantissa(b, scale) - below;
  if (std::abs(difference) >= below >> 7) return std::nullopt;
  const double x = static_cast<double>(difference) / static_cast<double>(below);
  const double units = LogOfOnePlus(x) * kUnits;
  const auto nearest = static_cast<int64_t>(units + (units < 0 ? -0.5 : 0.5));
  if (std::abs(units - static_cast<double>(nearest)) > 0.5 - kMargin) return std::nullopt;
  return nearest;
}

}  // namespace

int64_t LogReturn(const Decimal& a, const Decimal& b) {
  if (a == b) return 0;
  const std::optional<int64_t> near = LogReturnOfNear(a, b);
  return near ? *near : LogReturnByDefinition(a, b);
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
