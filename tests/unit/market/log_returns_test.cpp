#include "market/log_returns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include <boost/multiprecision/cpp_bin_float.hpp>

#include "tests/unit/market/random.h"

namespace quantstream {
namespace {

using boost::multiprecision::cpp_int;
using Wide = boost::multiprecision::cpp_bin_float_100;
using test::Random;

Wide Exactly(const Decimal& value) {
  return Wide(value.mantissa) / pow(Wide(10), static_cast<int>(value.scale));
}

// The return in units of 2^-40, not rounded.
Wide ExactReturn(const Decimal& a, const Decimal& b) {
  return log(Exactly(b) / Exactly(a)) * pow(Wide(2), 40);
}

TEST(LogReturn, IsTheRoundedLogarithmOfTheRatio) {
  EXPECT_EQ(LogReturn(Decimal{100, 0}, Decimal{100, 0}), 0);
  EXPECT_EQ(LogReturn(Decimal{1, 0}, Decimal{2, 0}), 762'123'384'786);  // ln 2 x 2^40
  EXPECT_EQ(LogReturn(Decimal{2, 0}, Decimal{1, 0}), -762'123'384'786);
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Decimal a = random.OneIn(2) ? random.Positive() : random.Price();
    const Decimal b = random.OneIn(2) ? random.Positive() : random.Price();
    const Wide error = abs(Wide(LogReturn(a, b)) - ExactReturn(a, b));
    ASSERT_LT(error, Wide(0.5) + Wide(1e-4));
  }
}

TEST(LogReturn, DependsOnTheValuesAndNotOnTheirScales) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Decimal a{1 + static_cast<int64_t>(random.AnyWidth() >> 32),
              static_cast<uint8_t>(random.Below(9))};
    const Decimal b = random.Positive();
    const int64_t canonical = LogReturn(a.Canonical(), b.Canonical());
    for (int i = 0; i < 9; ++i) {
      a = Decimal{a.mantissa * 10, static_cast<uint8_t>(a.scale + 1)};
      ASSERT_EQ(LogReturn(a, b), canonical) << "one price with " << i + 1 << " zeros more";
    }
  }
}

// At the padded scale the second price needs more than 64 bits, and one unit would be lost.
// Prices that differ little take a shorter way to the same integer.
TEST(LogReturn, IsByDefinitionForPricesThatDifferLittle) {
  std::mt19937_64 random(20'261'121);
  for (int i = 0; i < 1'000'000; ++i) {
    const int bits = 8 + static_cast<int>(random() % 54);
    const auto above = static_cast<int64_t>(random() >> (64 - bits)) + 1;
    const int64_t reach = (above >> random() % 20) + 1;
    const int64_t below =
        std::max<int64_t>(1, above + static_cast<int64_t>(random() % static_cast<uint64_t>(reach)) -
                                 reach / 2);
    const long double ratio = static_cast<long double>(above) / static_cast<long double>(below);
    const int64_t defined = std::llrint(std::ldexp(std::log(ratio), 40));
    ASSERT_EQ(LogReturn(Decimal{below, 2}, Decimal{above, 2}), defined)
        << "from " << below << " to " << above;
  }
}

TEST(LogReturn, ZerosAtTheEndDoNotRoundTheRatio) {
  const Decimal padded{1'289'901'000'000'000'000, 12};
  const Decimal later{3'297'946'244'224'920'515, 1};
  EXPECT_EQ(LogReturn(Decimal{1'289'901, 0}, later), 28'881'059'367'345);
  EXPECT_EQ(LogReturn(padded, later), 28'881'059'367'345);
}

TEST(LogReturnSums, WhatWasAddedCanBeTakenOut) {
  Random random(1);
  LogReturnSums sums;
  std::vector<int64_t> added;
  for (int i = 0; i < 1'000; ++i) {
    added.push_back(LogReturn(random.Positive(), random.Positive()));
    sums.Add(added.back());
  }
  random.Shuffle(added);
  LogReturnSums half;
  for (int i = 0; i < 500; ++i) half.Add(added[static_cast<size_t>(i)]);
  LogReturnSums rest = sums;
  for (int i = 0; i < 500; ++i) rest.Remove(added[static_cast<size_t>(i)]);
  EXPECT_EQ(rest.count, 500);
  rest += half;
  EXPECT_EQ(rest, sums);
}

TEST(LogReturnSums, VolatilityIsAbsentBelowTwoReturns) {
  LogReturnSums sums;
  EXPECT_EQ(sums.StandardDeviation(), std::nullopt);
  sums.Add(5);
  EXPECT_EQ(sums.StandardDeviation(), std::nullopt);
  sums.Add(5);
  EXPECT_EQ(sums.StandardDeviation(), 0.0);
}

// Straight from the definition: mean first, then the squared distances from it.
double SlowDeviation(const std::vector<int64_t>& returns) {
  Wide mean = 0;
  for (int64_t r : returns) mean += r;
  mean /= static_cast<int64_t>(returns.size());
  Wide squares = 0;
  for (int64_t r : returns) squares += (r - mean) * (r - mean);
  const Wide variance = squares / (static_cast<int64_t>(returns.size()) - 1);
  return static_cast<double>(sqrt(variance) / pow(Wide(2), 40));
}

TEST(LogReturnSums, VolatilityIsTheSampleStandardDeviation) {
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    LogReturnSums sums;
    std::vector<int64_t> returns;
    // Also returns that hardly differ, where floating point sums would lose everything.
    const int64_t base = static_cast<int64_t>(random.AnyWidth() >> 18);
    for (int i = random.Between(2, 40); i > 0; --i) {
      returns.push_back(base + static_cast<int64_t>(random.AnyWidth() >> 24) - 1'000);
      sums.Add(returns.back());
    }
    const double slow = SlowDeviation(returns);
    ASSERT_NEAR(sums.StandardDeviation().value(), slow, 1e-15 * slow);
  }
}

TEST(LogReturnSums, AHugeCountDoesNotOverflow) {
  LogReturnSums sums;
  sums.count = int64_t{1} << 40;
  sums.sum = 0;
  sums.sum_of_squares = static_cast<__int128>(1) << 120;
  EXPECT_DOUBLE_EQ(sums.StandardDeviation().value(), std::sqrt(0x1p40 / (0x1p40 - 1)));
}

}  // namespace
}  // namespace quantstream
