// Sums of quantities and notionals that never round and never depend on order: 256-bit integers of
// scale 36.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "market/decimal.h"
#include "market/precondition.h"
#include "market/wide_integer.h"

namespace quantstream {

// A signed integer in units of 10^-36. One fixed scale makes every sum exact whatever the scales of
// the trades were; 128 bits cannot hold a notional at the product of two scales of 18
// (ARCHITECTURE.md, decisions).
class ExactSum {
 public:
  static constexpr int kScale = 36;

  ExactSum() = default;
  // The value of a decimal: always fits.
  static ExactSum Of(const Decimal& value);
  // price x quantity, exactly. REQUIRES: both above zero and NotionalFits(price, quantity).
  static ExactSum Product(const Decimal& price, const Decimal& quantity);

  ExactSum& operator+=(const ExactSum& other) {
    wide::Add(limbs_, other.limbs_);
    return *this;
  }
  ExactSum& operator-=(const ExactSum& other) {
    wide::Subtract(limbs_, other.limbs_);
    return *this;
  }
  friend ExactSum operator+(ExactSum a, const ExactSum& b) { return a += b; }
  friend ExactSum operator-(ExactSum a, const ExactSum& b) { return a -= b; }
  bool operator==(const ExactSum&) const = default;
  bool IsZero() const { return wide::IsZero(limbs_); }
  bool IsNegative() const { return limbs_[3] >> 63 != 0; }

  // Canonical decimal text: no exponent, no trailing zeros.
  std::string ToString() const;
  // Parses canonical text (also with trailing zeros). InvalidArgument for any other, and for what
  // is beyond 256 bits or 36 places.
  static absl::StatusOr<ExactSum> Parse(std::string_view text);

  // Shortest two's complement, big endian; empty for zero. FromBytes refuses more than 32 bytes.
  std::string ToBytes() const;
  static absl::StatusOr<ExactSum> FromBytes(std::string_view bytes);

  // Limbs, the least first, two's complement: for codecs.
  const std::array<uint64_t, 4>& limbs() const { return limbs_; }
  static ExactSum OfLimbs(const std::array<uint64_t, 4>& limbs) { return ExactSum(limbs); }

 private:
  explicit ExactSum(const std::array<uint64_t, 4>& limbs) : limbs_(limbs) {}

  std::array<uint64_t, 4> limbs_{};
};

// False when 2^40 trades of this notional could overflow an ExactSum. A bound on the single trade,
// so that what is refused does not depend on order. REQUIRES: both above zero.
bool NotionalFits(const Decimal& price, const Decimal& quantity);

// numerator / denominator rounded half to even at 12 places, as canonical text: the vwap.
// REQUIRES: denominator above zero, numerator not negative.
std::string DivideHalfEven12(const ExactSum& numerator, const ExactSum& denominator);

// 10^0 to 10^36: what lifts a product of two decimals to the scale of a sum.
inline constexpr std::array<wide::Uint128, ExactSum::kScale + 1> kSumPowersOfTen = [] {
  std::array<wide::Uint128, ExactSum::kScale + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// On the path of every trade: one product, no division.
inline ExactSum ExactSum::Product(const Decimal& price, const Decimal& quantity) {
  const int scale = price.scale + quantity.scale;
  Precondition(scale <= kScale, "Product: scales of at most 18");
  Precondition(price.mantissa >= 0 && quantity.mantissa >= 0, "Product: nothing negative");
  const wide::Uint128 mantissas =
      static_cast<wide::Uint128>(price.mantissa) * static_cast<wide::Uint128>(quantity.mantissa);
  return ExactSum(wide::Multiply(mantissas, kSumPowersOfTen[static_cast<size_t>(kScale - scale)]));
}

inline ExactSum ExactSum::Of(const Decimal& value) {
  Precondition(value.scale <= kScale, "Of: a scale of at most 36");
  const uint64_t bits = static_cast<uint64_t>(value.mantissa);
  const wide::Uint128 magnitude = value.mantissa < 0 ? 0 - bits : bits;
  const auto limbs =
      wide::Multiply(magnitude, kSumPowersOfTen[static_cast<size_t>(kScale - value.scale)]);
  return ExactSum(value.mantissa < 0 ? wide::Negated(limbs) : limbs);
}

// 2^215 x 2^40 = 2^255.
inline bool NotionalFits(const Decimal& price, const Decimal& quantity) {
  return ExactSum::Product(price, quantity).limbs()[3] >> (215 - 192) == 0;
}

}  // namespace quantstream
