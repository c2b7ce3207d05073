#include "market/decimal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include <boost/multiprecision/cpp_int.hpp>

#include "tests/unit/market/random.h"

namespace quantstream {
namespace {

using boost::multiprecision::cpp_int;
using boost::multiprecision::cpp_rational;
using test::Random;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

Decimal Parsed(std::string_view text) {
  absl::StatusOr<Decimal> value = Decimal::Parse(text);
  EXPECT_TRUE(value.ok()) << text << ": " << value.status();
  return value.ok() ? *value : Decimal{-1, 255};
}

absl::StatusCode CodeOf(std::string_view text) {
  return Decimal::Parse(text).status().code();
}

TEST(Decimal, ParsesEveryFormThatVenuesSend) {
  EXPECT_EQ(Parsed("0.00100"), (Decimal{1, 3}));
  EXPECT_EQ(Parsed("1e-08"), (Decimal{1, 8}));
  EXPECT_EQ(Parsed("9.2E-7"), (Decimal{92, 8}));
  EXPECT_EQ(Parsed("+5"), (Decimal{5, 0}));
  EXPECT_EQ(Parsed(".5"), (Decimal{5, 1}));
  EXPECT_EQ(Parsed("5."), (Decimal{5, 0}));
  EXPECT_EQ(Parsed("-3"), (Decimal{-3, 0}));
  EXPECT_EQ(Parsed("66250.01000000"), (Decimal{6625001, 2}));
  EXPECT_EQ(Parsed("007.50"), (Decimal{75, 1}));
  EXPECT_EQ(Parsed("1.5e+3"), (Decimal{1500, 0}));
  EXPECT_EQ(Parsed("120"), (Decimal{120, 0}));
}

TEST(Decimal, ZeroHasOneForm) {
  for (std::string_view text : {"0", "-0", "0.000", "0e9999999999", "-.0E-400", "000"}) {
    EXPECT_EQ(Parsed(text), Decimal()) << text;
  }
}

TEST(Decimal, HoldsTheGreatestAndTheLeastMantissa) {
  EXPECT_EQ(Parsed("9223372036854775807"), (Decimal{kMost, 0}));
  EXPECT_EQ(Parsed("-9223372036854775808"), (Decimal{kLeast, 0}));
  EXPECT_EQ(Parsed("9.223372036854775807"), (Decimal{kMost, 18}));
  EXPECT_EQ(Parsed("9223372036854775807000000e-6"), (Decimal{kMost, 0}));
  EXPECT_EQ(CodeOf("9223372036854775808"), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(CodeOf("-9223372036854775809"), absl::StatusCode::kOutOfRange);
}

TEST(Decimal, RefusesValuesWithoutAnExactMantissa) {
  for (std::string_view text :
       {"1e19", "1e-19", "0.0000000000000000001", "92233720368547758070", "1e99999999999",
        "1e-99999999999", "18446744073709551616", "123456789012345678901234567890"}) {
    EXPECT_EQ(CodeOf(text), absl::StatusCode::kOutOfRange) << text;
  }
}

TEST(Decimal, RefusesWhatIsNoNumber) {
  for (std::string_view text :
       {"",  " ", " 1",  "1 ",  "nan",   "inf", "0x10",  "1e",    "1e+", "e5",    ".",
        "+", "-", "+-1", "--1", "1.2.3", "1,5", "1_000", "1e1.5", ".e1", "1e5e5", "\xD9\xA1"}) {
    EXPECT_EQ(CodeOf(text), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(CodeOf(std::string_view("1\0", 2)), absl::StatusCode::kInvalidArgument);
}

TEST(Decimal, RefusesTextOfMoreThan64Characters) {
  EXPECT_EQ(Parsed(std::string(63, '0') + "1"), (Decimal{1, 0}));
  EXPECT_EQ(CodeOf(std::string(64, '0') + "1"), absl::StatusCode::kInvalidArgument);
}

struct SlowResult {
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
  Decimal value;
};

// [+-] digits [. digits] [e [+-] digits], read with integers of any size.
SlowResult SlowParse(std::string_view text) {
  SlowResult result;
  if (text.size() > 64) return result;
  std::string rest(text);
  const bool negative = !rest.empty() && rest[0] == '-';
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.erase(0, 1);
  long exponent = 0;
  if (size_t e = rest.find_first_of("eE"); e != std::string::npos) {
    std::string digits = rest.substr(e + 1);
    const bool down = !digits.empty() && digits[0] == '-';
    if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.erase(0, 1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos)
      return result;
    const cpp_int magnitude(
        digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1)));
    exponent = magnitude > 300 ? 300 : static_cast<long>(magnitude);
    if (down) exponent = -exponent;
    rest.resize(e);
  }
  if (size_t point = rest.find('.'); point != std::string::npos) {
    exponent -= static_cast<long>(rest.size() - point - 1);
    rest.erase(point, 1);
  }
  if (rest.empty() || rest.find_first_not_of("0123456789") != std::string::npos) return result;
  cpp_int mantissa(rest.erase(0, std::min(rest.find_first_not_of('0'), rest.size() - 1)));
  result.code = absl::StatusCode::kOk;
  if (mantissa == 0) return result;
  for (; mantissa % 10 == 0; ++exponent) mantissa /= 10;
  for (; exponent > 0; --exponent) mantissa *= 10;
  if (negative) mantissa = -mantissa;
  if (exponent < -18 || mantissa > kMost || mantissa < kLeast) {
    result.code = absl::StatusCode::kOutOfRange;
    return result;
  }
  result.value = Decimal{static_cast<int64_t>(mantissa), static_cast<uint8_t>(-exponent)};
  return result;
}

std::string NumberText(Random& random) {
  std::string text = random.OneIn(4) ? random.TextOf("+-", 1) : "";
  text += random.TextOf(random.OneIn(3) ? "0" : "0123456789", random.Below(12));
  if (random.OneIn(2)) text.append(".").append(random.TextOf("0123456789", random.Below(14)));
  text += random.TextOf("0", random.OneIn(3) ? random.Below(20) : 0);
  if (random.OneIn(3)) {
    text.append(random.TextOf("eE", 1)).append(random.TextOf("+-", random.Below(2)));
    text.append(random.TextOf("0123456789", random.Below(3)));
  }
  return text;
}

void ExpectAsSlow(const std::string& text) {
  const SlowResult slow = SlowParse(text);
  const absl::StatusOr<Decimal> fast = Decimal::Parse(text);
  ASSERT_EQ(fast.status().code(), slow.code) << text;
  ASSERT_EQ(fast.value_or(Decimal()), slow.value) << text;
}

TEST(Decimal, ParsesNumbersAsASlowParserDoes) {
  for (uint64_t seed = 0; seed < 100'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ExpectAsSlow(NumberText(random));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Decimal, ParsesHostileTextAsASlowParserDoes) {
  for (uint64_t seed = 0; seed < 100'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ExpectAsSlow(random.TextOf("00123456789..eE+- x", random.Below(24)));
    ExpectAsSlow(random.Bytes(random.Below(5)));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Decimal, TextIsCanonical) {
  EXPECT_EQ((Decimal{0, 7}).ToString(), "0");
  EXPECT_EQ((Decimal{100, 3}).ToString(), "0.1");
  EXPECT_EQ((Decimal{-1, 8}).ToString(), "-0.00000001");
  EXPECT_EQ((Decimal{1200, 0}).ToString(), "1200");
  EXPECT_EQ((Decimal{1205, 2}).ToString(), "12.05");
  EXPECT_EQ((Decimal{kLeast, 18}).ToString(), "-9.223372036854775808");
}

TEST(Decimal, TextParsesBackToTheCanonicalValue) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Decimal value{static_cast<int64_t>(random.AnyWidth()),
                        static_cast<uint8_t>(random.Below(19))};
    ASSERT_EQ(Parsed(value.ToString()), value.Canonical());
    ASSERT_TRUE(SameValue(value, value.Canonical()));
  }
}

cpp_rational Exactly(const Decimal& value) {
  return cpp_rational(cpp_int(value.mantissa), pow(cpp_int(10), value.scale));
}

TEST(Decimal, ComparesByValueAtAnyScale) {
  EXPECT_TRUE(SameValue(Decimal{1, 0}, Decimal{1'000, 3}));
  EXPECT_TRUE(SameValue(Decimal{0, 0}, Decimal{0, 255}));
  EXPECT_LT(CompareValue(Decimal{kLeast, 0}, Decimal{kMost, 255}), 0);
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const uint64_t scales = random.OneIn(4) ? 256 : 19;
    Decimal a{static_cast<int64_t>(random.AnyWidth()), static_cast<uint8_t>(random.Below(scales))};
    Decimal b{static_cast<int64_t>(random.AnyWidth()), static_cast<uint8_t>(random.Below(scales))};
    if (random.OneIn(3)) b = a.Canonical();
    const cpp_rational difference = Exactly(a) - Exactly(b);
    ASSERT_EQ(CompareValue(a, b), (difference > 0) - (difference < 0));
  }
}

}  // namespace
}  // namespace quantstream
