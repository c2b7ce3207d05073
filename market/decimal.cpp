#include "market/decimal.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "market/precondition.h"

namespace quantstream {
namespace {

constexpr size_t kTextMax = 64;
constexpr uint64_t kMantissaMax = std::numeric_limits<int64_t>::max();
// Up to 19 characters hold no more than 19 digits, and those fit 64 bits.
constexpr size_t kShortTextMax = 19;
// No exponent of text that has at most 64 characters matters beyond this.
constexpr int kExponentMax = 1'000;

constexpr std::array<int64_t, Decimal::kScaleMax + 1> kPowersOfTen = [] {
  std::array<int64_t, Decimal::kScaleMax + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Digits with at most one point: what nearly every venue sends. False for any other form, which
// says nothing about the text.
bool ParseShort(std::string_view text, Decimal& result) {
  uint64_t value = 0;
  uint64_t kept = 0;  // the value without the zeros at the end of the fraction
  int fraction = 0;
  int kept_fraction = 0;
  size_t i = 0;
  for (; i < text.size() && IsDigit(text[i]); ++i) {
    value = value * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  kept = value;
  if (i == 0) return false;
  if (i < text.size()) {
    if (text[i] != '.') return false;
    for (++i; i < text.size() && IsDigit(text[i]); ++i) {
      value = value * 10 + static_cast<uint64_t>(text[i] - '0');
      ++fraction;
      const bool significant = text[i] != '0';
      kept = significant ? value : kept;
      kept_fraction = significant ? fraction : kept_fraction;
    }
    if (i < text.size()) return false;
  }
  if (kept > kMantissaMax) return false;
  result = Decimal{static_cast<int64_t>(kept), static_cast<uint8_t>(kept_fraction)};
  return true;
}

// A decimal's text taken apart: value = significand x 10^exponent, no zero at the end of the
// significand.
struct Parts {
  bool negative = false;
  uint64_t significand = 0;
  int exponent = 0;
  bool too_long = false;  // more digits than a significand holds
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // False when the text is no decimal number.
  bool Scan(Parts& parts) {
    parts.negative = Take('-');
    if (!parts.negative) Take('+');
    int digits = Digits(parts, 0);
    if (Take('.')) digits += Digits(parts, -1);
    if (digits == 0) return false;
    parts.exponent += zeros_;
    if ((Take('e') || Take('E')) && !Exponent(parts)) return false;
    return at_ == text_.size();
  }

 private:
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool AtDigit() const { return at_ < text_.size() && IsDigit(text_[at_]); }

  // Each digit moves the exponent by `step`. Zeros wait until a digit follows them.
  int Digits(Parts& parts, int step) {
    int count = 0;
    for (; AtDigit(); ++at_, ++count) {
      parts.exponent += step;
      ++zeros_;
      if (text_[at_] != '0') Append(parts, static_cast<uint64_t>(text_[at_] - '0'));
    }
    return count;
  }

  void Append(Parts& parts, uint64_t digit) {
    if (parts.significand != 0) {
      for (; zeros_ > 0 && !parts.too_long; --zeros_) {
        parts.too_long =
            __builtin_mul_overflow(parts.significand, uint64_t{10}, &parts.significand);
      }
    }
    zeros_ = 0;
    parts.too_long |= __builtin_add_overflow(parts.significand, digit, &parts.significand);
  }

  bool Exponent(Parts& parts) {
    const bool negative = Take('-');
    if (!negative) Take('+');
    if (!AtDigit()) return false;
    int value = 0;
    for (; AtDigit(); ++at_) value = std::min(kExponentMax, value * 10 + (text_[at_] - '0'));
    parts.exponent += negative ? -value : value;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  int zeros_ = 0;  // seen since the last digit that is not zero
};

// False when the value has no exact mantissa at a legal scale.
bool Compose(const Parts& parts, Decimal& result) {
  if (parts.significand == 0 && !parts.too_long) {
    result = Decimal{};
    return true;
  }
  uint64_t magnitude = parts.significand;
  if (parts.too_long || parts.exponent > Decimal::kScaleMax ||
      parts.exponent < -Decimal::kScaleMax) {
    return false;
  }
  if (parts.exponent > 0 &&
      __builtin_mul_overflow(magnitude, static_cast<uint64_t>(PowerOfTen(parts.exponent)),
                             &magnitude)) {
    return false;
  }
  if (magnitude > kMantissaMax + (parts.negative ? 1 : 0)) return false;
  result.mantissa = static_cast<int64_t>(parts.negative ? 0 - magnitude : magnitude);
  result.scale = static_cast<uint8_t>(std::max(0, -parts.exponent));
  return true;
}

int Sign(int64_t value) {
  return (value > 0) - (value < 0);
}

}  // namespace

int64_t PowerOfTen(int exponent) {
  Precondition(exponent >= 0 && exponent <= Decimal::kScaleMax, "PowerOfTen: 0 <= exponent <= 18");
  return kPowersOfTen[static_cast<size_t>(exponent)];
}

absl::StatusOr<Decimal> Decimal::Parse(std::string_view text) {
  Decimal result;
  if (text.size() <= kShortTextMax && ParseShort(text, result)) return result;
  Parts parts;
  if (text.size() > kTextMax || !Scanner(text).Scan(parts)) {
    return absl::InvalidArgumentError("not a decimal number of at most 64 characters");
  }
  if (!Compose(parts, result)) {
    return absl::OutOfRangeError("the number needs more than 18 decimal places or 63 bits");
  }
  return result;
}

Decimal Decimal::Canonical() const {
  if (mantissa == 0) return Decimal{};
  Decimal result = *this;
  while (result.scale > 0 && result.mantissa % 10 == 0) {
    result.mantissa /= 10;
    --result.scale;
  }
  return result;
}

std::string Decimal::ToString() const {
  const Decimal canonical = Canonical();
  const bool negative = canonical.mantissa < 0;
  const uint64_t bits = static_cast<uint64_t>(canonical.mantissa);
  std::string text = absl::StrCat(negative ? 0 - bits : bits);
  const size_t scale = canonical.scale;
  if (scale > 0) {
    if (text.size() <= scale) text.insert(0, scale + 1 - text.size(), '0');
    text.insert(text.size() - scale, 1, '.');
  }
  if (negative) text.insert(0, 1, '-');
  return text;
}

int CompareValue(const Decimal& a, const Decimal& b) {
  if (a.scale > b.scale) return -CompareValue(b, a);
  const int difference = b.scale - a.scale;
  // 10^19 times anything but zero is beyond any mantissa.
  if (difference > Decimal::kScaleMax && a.mantissa != 0) return Sign(a.mantissa);
  const int power = std::min(difference, Decimal::kScaleMax);
  const __int128 left = static_cast<__int128>(a.mantissa) * PowerOfTen(power);
  return (left > b.mantissa) - (left < b.mantissa);
}

}  // namespace quantstream
