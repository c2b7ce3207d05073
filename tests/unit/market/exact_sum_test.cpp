#include "market/exact_sum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include <boost/multiprecision/cpp_int.hpp>

#include "tests/unit/market/random.h"

namespace quantstream {
namespace {

using boost::multiprecision::cpp_int;
using test::Random;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

const cpp_int& Unit() {
  static const cpp_int unit = pow(cpp_int(10), 36);
  return unit;
}

cpp_int Exactly(const ExactSum& sum) {
  cpp_int value = 0;
  for (size_t i = 4; i-- > 0;) value = (value << 64) + sum.limbs()[i];
  return sum.IsNegative() ? cpp_int(value - (cpp_int(1) << 256)) : value;
}

cpp_int Exactly(const Decimal& value) {
  return value.mantissa * Unit() / pow(cpp_int(10), value.scale);
}

ExactSum AnySum(Random& random) {
  std::array<uint64_t, 4> limbs{};
  const uint64_t used = random.Below(5);
  for (uint64_t i = 0; i < used; ++i) limbs[i] = random.OneIn(4) ? 0 : random.AnyWidth();
  const ExactSum sum = ExactSum::OfLimbs(limbs);
  return random.OneIn(2) ? sum : ExactSum() - sum;
}

// scaled x 10^-places without zeros at the end.
std::string SlowText(cpp_int scaled, size_t places) {
  const bool negative = scaled < 0;
  std::string digits = cpp_int(abs(scaled)).str();
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  std::string whole = digits.substr(0, digits.size() - places);
  std::string fraction = digits.substr(digits.size() - places);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  std::string text(negative ? "-" : "");
  text += whole;
  if (!fraction.empty()) text.append(".").append(fraction);
  return text;
}

TEST(ExactSum, ADecimalIsHeldExactly) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Decimal value{static_cast<int64_t>(random.AnyWidth()),
                        static_cast<uint8_t>(random.Below(19))};
    ASSERT_EQ(Exactly(ExactSum::Of(value)), Exactly(value));
  }
}

TEST(ExactSum, AProductIsExact) {
  EXPECT_EQ(ExactSum::Product(Decimal{6625001, 2}, Decimal{15, 1}).ToString(), "99375.015");
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Decimal price = random.Positive();
    const Decimal quantity = random.Positive();
    const cpp_int exact = Exactly(price) * Exactly(quantity) / Unit();
    ASSERT_EQ(Exactly(ExactSum::Product(price, quantity)), exact);
    ASSERT_EQ(NotionalFits(price, quantity), (exact << 40) <= cpp_int(1) << 255);
  }
}

TEST(ExactSum, TwoToTheFortiethOfTheGreatestNotionalDoNotOverflow) {
  // 2^215 units of 10^-36 lie between these two.
  const Decimal price{52'656'145'834'278, 0};
  ASSERT_TRUE(NotionalFits(price, Decimal{1'000'000'000'000'000, 0}));
  ASSERT_FALSE(NotionalFits(Decimal{price.mantissa + 1, 0}, Decimal{1'000'000'000'000'000, 0}));
  ASSERT_FALSE(NotionalFits(Decimal{kMost, 0}, Decimal{kMost, 0}));
  ExactSum sum = ExactSum::Product(price, Decimal{1'000'000'000'000'000, 0});
  const cpp_int one = Exactly(sum);
  for (int i = 0; i < 40; ++i) sum += sum;
  EXPECT_EQ(Exactly(sum), one << 40);
  EXPECT_FALSE(sum.IsNegative());
}

TEST(ExactSum, AQuantityThatIsLegalWithTheLeastPriceFitsToo) {
  EXPECT_TRUE(NotionalFits(Decimal{1, 18}, Decimal{kMost, 0}));
  ExactSum volume = ExactSum::Of(Decimal{kMost, 0});
  for (int i = 0; i < 40; ++i) volume += volume;
  EXPECT_EQ(Exactly(volume), Exactly(Decimal{kMost, 0}) << 40);
}

TEST(ExactSum, AddsAndTakesOutExactly) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const ExactSum a = ExactSum::Of(Decimal{static_cast<int64_t>(random.AnyWidth()), 3});
    const ExactSum b = ExactSum::Product(random.Positive(), random.Positive());
    ASSERT_EQ(Exactly(a + b), Exactly(a) + Exactly(b));
    ASSERT_EQ(Exactly(a - b), Exactly(a) - Exactly(b));
    ASSERT_EQ(a + b - b, a);
    ASSERT_TRUE((a - a).IsZero());
  }
}

TEST(ExactSum, TextIsCanonicalAndParsesBack) {
  EXPECT_EQ(ExactSum().ToString(), "0");
  EXPECT_EQ(ExactSum::Of(Decimal{-5, 18}).ToString(), "-0.000000000000000005");
  EXPECT_EQ(ExactSum::Of(Decimal{1'000, 0}).ToString(), "1000");
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const ExactSum sum = AnySum(random);
    const std::string text = sum.ToString();
    ASSERT_EQ(text, SlowText(Exactly(sum), 36));
    const absl::StatusOr<ExactSum> parsed = ExactSum::Parse(text);
    ASSERT_TRUE(parsed.ok()) << text;
    ASSERT_EQ(*parsed, sum);
  }
}

TEST(ExactSum, ParsesZerosAtTheEndAsPostgresWritesThem) {
  EXPECT_EQ(ExactSum::Parse("12.50000000000000000000000000000000000000000").value(),
            ExactSum::Of(Decimal{125, 1}));
  EXPECT_EQ(ExactSum::Parse("0.00").value(), ExactSum());
}

TEST(ExactSum, ParsesUpToTheLastValueOfBothSigns) {
  const cpp_int most = (cpp_int(1) << 255) - 1;
  EXPECT_EQ(Exactly(ExactSum::Parse(SlowText(most, 36)).value()), most);
  EXPECT_EQ(Exactly(ExactSum::Parse(SlowText(-most - 1, 36)).value()), -most - 1);
  EXPECT_FALSE(ExactSum::Parse(SlowText(most + 1, 36)).ok());
  EXPECT_FALSE(ExactSum::Parse(SlowText(-most - 2, 36)).ok());
}

TEST(ExactSum, RefusesTextThatIsNotCanonical) {
  const std::string many(37, '1');
  for (const std::string& text :
       {std::string(), std::string("-"), std::string("+1"), std::string("1."), std::string(".5"),
        std::string("01"), std::string("-0"), std::string("-0.0"), std::string("1e5"),
        std::string(" 1"), std::string("1 "), std::string("1.2.3"), std::string("NaN"), "0." + many,
        std::string(100, '9')}) {
    EXPECT_EQ(ExactSum::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ExactSum, BytesAreTheShortestTwosComplement) {
  EXPECT_EQ(ExactSum().ToBytes(), "");
  EXPECT_EQ(ExactSum::OfLimbs({127, 0, 0, 0}).ToBytes(), "\x7F");
  EXPECT_EQ(ExactSum::OfLimbs({128, 0, 0, 0}).ToBytes(), std::string("\0\x80", 2));
  EXPECT_EQ((ExactSum() - ExactSum::OfLimbs({1, 0, 0, 0})).ToBytes(), "\xFF");
  EXPECT_EQ((ExactSum() - ExactSum::OfLimbs({128, 0, 0, 0})).ToBytes(), "\x80");
  EXPECT_EQ((ExactSum() - ExactSum::OfLimbs({129, 0, 0, 0})).ToBytes(), "\xFF\x7F");
}

TEST(ExactSum, BytesReadBack) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const ExactSum sum = AnySum(random);
    std::string bytes = sum.ToBytes();
    ASSERT_EQ(ExactSum::FromBytes(bytes).value(), sum);
    if (bytes.size() < 32) {
      bytes.insert(0, 32 - bytes.size(), sum.IsNegative() ? '\xFF' : '\0');
      ASSERT_EQ(ExactSum::FromBytes(bytes).value(), sum) << "longer than need be";
    }
  }
  EXPECT_FALSE(ExactSum::FromBytes(std::string(33, '\0')).ok());
}

// numerator / denominator at 12 places, half to even, with integers of any size.
std::string SlowVwap(const ExactSum& numerator, const ExactSum& denominator) {
  const cpp_int dividend = Exactly(numerator) * 1'000'000'000'000;
  const cpp_int divisor = Exactly(denominator);
  cpp_int quotient = dividend / divisor;
  const cpp_int twice = 2 * (dividend % divisor);
  if (twice > divisor || (twice == divisor && quotient % 2 == 1)) ++quotient;
  return SlowText(quotient, 12);
}

ExactSum NotNegative(const ExactSum& sum) {
  return sum.IsNegative() ? ExactSum() - sum : sum;
}

TEST(Vwap, RoundsHalfToEvenAtTwelvePlaces) {
  const auto vwap = [](int64_t numerator, uint8_t scale, int64_t denominator) {
    return DivideHalfEven12(ExactSum::Of(Decimal{numerator, scale}),
                            ExactSum::Of(Decimal{denominator, 0}));
  };
  EXPECT_EQ(vwap(1, 0, 3), "0.333333333333");
  EXPECT_EQ(vwap(2, 0, 3), "0.666666666667");
  EXPECT_EQ(vwap(25, 13, 1), "0.000000000002");
  EXPECT_EQ(vwap(35, 13, 1), "0.000000000004");
  EXPECT_EQ(vwap(5, 13, 1), "0");
  EXPECT_EQ(vwap(300, 0, 3), "100");
  EXPECT_EQ(vwap(0, 0, 3), "0");
}

TEST(Vwap, IsExactForEveryLegalPair) {
  for (uint64_t seed = 0; seed < 50'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ExactSum numerator = NotNegative(AnySum(random));
    ExactSum denominator = NotNegative(AnySum(random));
    if (numerator.IsNegative() || denominator.IsNegative() || denominator.IsZero()) continue;
    if (random.OneIn(4)) numerator = denominator + denominator;
    if (random.OneIn(8)) numerator += ExactSum::OfLimbs({1, 0, 0, 0});
    if (numerator.IsNegative()) continue;
    ASSERT_EQ(DivideHalfEven12(numerator, denominator), SlowVwap(numerator, denominator));
  }
}

TEST(Vwap, IsExactAtTies) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    // (k + 1/2) x 10^-12 of an even volume.
    const ExactSum volume = ExactSum::OfLimbs({random.AnyWidth() >> 20 << 1 | 2, 0, 0, 0});
    const cpp_int numerator = (2 * cpp_int(random.AnyWidth()) + 1) * Exactly(volume) / 2;
    const ExactSum units = ExactSum::Parse(SlowText(numerator, 36)).value();
    ExactSum lifted;
    for (int i = 0; i < 41; ++i) {
      if ((uint64_t{1'000'000'000'000} >> i & 1) != 0) {
        ExactSum shifted = volume;
        for (int j = 0; j < i; ++j) shifted += shifted;
        lifted += shifted;
      }
    }
    ASSERT_EQ(DivideHalfEven12(units, lifted), SlowVwap(units, lifted));
  }
}

TEST(VwapDeathTest, NeedsAVolumeAboveZero) {
  EXPECT_DEATH(DivideHalfEven12(ExactSum(), ExactSum()), "volume above zero");
}

}  // namespace
}  // namespace quantstream
