// Exact decimals: a price or a quantity as venues send it. Not for sums: see exact_sum.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quantstream {

// value = mantissa x 10^-scale. Canonical when scale is the least that holds the value (0 for
// zero).
struct Decimal {
  static constexpr int kScaleMax = 18;

  int64_t mantissa = 0;
  uint8_t scale = 0;

  // Parses every form that venues send: `0.00100`, `1e-08`, `9.2E-7`, `+5`, `.5`, `5.`, `-3`. The
  // result is canonical. InvalidArgument for anything else (empty, spaces, `nan`, `0x10`);
  // OutOfRange when the value has no exact int64 mantissa at a scale of 0 to 18. Text longer than
  // 64 characters is invalid.
  static absl::StatusOr<Decimal> Parse(std::string_view text);

  // The same value with the least scale.
  Decimal Canonical() const;

  // Canonical text: no exponent, no plus sign, no trailing zeros; `0` for zero.
  std::string ToString() const;

  // Same mantissa and same scale; for values use CompareValue.
  bool operator==(const Decimal&) const = default;
};

// <0, 0 or >0 as a is less than, equal to or greater than b in value. Exact for all scales.
int CompareValue(const Decimal& a, const Decimal& b);
inline bool SameValue(const Decimal& a, const Decimal& b) {
  return CompareValue(a, b) == 0;
}

// 10^exponent. REQUIRES: 0 <= exponent <= 18.
int64_t PowerOfTen(int exponent);

}  // namespace quantstream
