#include "market/wide_integer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>

#include "tests/unit/market/random.h"

namespace quantstream::wide {
namespace {

using boost::multiprecision::cpp_int;
using test::Random;

template <size_t N>
cpp_int Exactly(const Limbs<N>& limbs) {
  cpp_int value = 0;
  for (size_t i = N; i-- > 0;) value = (value << 64) + limbs[i];
  return value;
}

// Words at the edges: where a long division guesses its next word wrong.
Limbs<5> EdgyLimbs(Random& random) {
  static const std::vector<uint64_t> words = {0, 1, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF};
  Limbs<5> limbs{};
  const size_t used = 1 + random.Below(5);
  for (size_t i = 0; i < used; ++i) limbs[i] = random.Pick(words) << 32 | random.Pick(words);
  return limbs;
}

TEST(WideInteger, DividesLikeIntegersOfAnySize) {
  for (uint64_t seed = 0; seed < 60'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Limbs<5> dividend = EdgyLimbs(random);
    Limbs<5> divisor = EdgyLimbs(random);
    if (IsZero(divisor)) divisor[0] = 1;
    const auto [quotient, rest] = Divide(dividend, divisor);
    ASSERT_TRUE(Exactly(quotient) == Exactly(dividend) / Exactly(divisor));
    ASSERT_TRUE(Exactly(rest) == Exactly(dividend) % Exactly(divisor));
  }
}

TEST(WideInteger, MultipliesLikeIntegersOfAnySize) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Limbs<5> a = EdgyLimbs(random);
    const Limbs<5> b = EdgyLimbs(random);
    const Uint128 left = static_cast<Uint128>(a[1]) << 64 | a[0];
    const Uint128 right = static_cast<Uint128>(b[1]) << 64 | b[0];
    const cpp_int expected = Exactly(Limbs<2>{a[0], a[1]}) * Exactly(Limbs<2>{b[0], b[1]});
    ASSERT_TRUE(Exactly(Multiply(left, right)) == expected);
  }
}

TEST(WideInteger, SubtractionSaysWhichIsTheGreaterOne) {
  Limbs<2> less{5, 0};
  EXPECT_TRUE(Subtract(less, Limbs<2>{0, 1}));
  Limbs<2> greater{0, 1};
  EXPECT_FALSE(Subtract(greater, Limbs<2>{5, 0}));
  EXPECT_EQ(greater, (Limbs<2>{~uint64_t{4}, 0}));
}

}  // namespace
}  // namespace quantstream::wide
