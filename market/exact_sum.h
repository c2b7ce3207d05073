// Sums of quantities and notionals that never round and never depend on order: 256-bit integers of scale 36.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "market/decimal.h"

namespace quantstream {

// A signed integer in units of 10^-36. One fixed scale makes every sum exact whatever the scales of the trades were; 128
// bits cannot hold a notional at the product of two scales of 18 (ARCHITECTURE.md, decisions).
class ExactSum {
 public:
  static constexpr int kScale = 36;

  ExactSum() = default;
  // The value of a decimal: always fits.
  static ExactSum Of(const Decimal& value);
  // price x quantity, exactly. REQUIRES: both above zero and NotionalFits(price, quantity).
  static ExactSum Product(const Decimal& price, const Decimal& quantity);

  ExactSum& operator+=(const ExactSum& other);
  ExactSum& operator-=(const ExactSum& other);
  friend ExactSum operator+(ExactSum a, const ExactSum& b) { return a += b; }
  friend ExactSum operator-(ExactSum a, const ExactSum& b) { return a -= b; }
  bool operator==(const ExactSum&) const = default;
  bool IsZero() const;
  bool IsNegative() const;

  // Canonical decimal text: no exponent, no trailing zeros.
  std::string ToString() const;
  // Parses canonical text (also with trailing zeros). InvalidArgument otherwise.
  static absl::StatusOr<ExactSum> Parse(std::string_view text);

  // Shortest two's complement, big endian; empty for zero. FromBytes refuses more than 32 bytes.
  std::string ToBytes() const;
  static absl::StatusOr<ExactSum> FromBytes(std::string_view bytes);

  // Little-endian limbs, two's complement: for codecs.
  const std::array<uint64_t, 4>& limbs() const { return limbs_; }

 private:
  std::array<uint64_t, 4> limbs_{};
};

// False when 2^40 trades of this notional could overflow an ExactSum. A bound on the single trade, so that what is refused
// does not depend on order. REQUIRES: both above zero.
bool NotionalFits(const Decimal& price, const Decimal& quantity);

// numerator / denominator rounded half to even at 12 places, as canonical text: the vwap.
// REQUIRES: denominator above zero, numerator not negative.
std::string DivideHalfEven12(const ExactSum& numerator, const ExactSum& denominator);

}  // namespace quantstream
