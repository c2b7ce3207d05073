#include "market/exact_sum.h"

#include <algorithm>

#include "absl/status/status.h"

namespace quantstream {
namespace {

constexpr int kVwapPlaces = 12;
constexpr uint64_t kVwapUnit = 1'000'000'000'000;
constexpr uint64_t kSignBit = uint64_t{1} << 63;

wide::Limbs<5> Widened(const std::array<uint64_t, 4>& limbs) {
  return {limbs[0], limbs[1], limbs[2], limbs[3], 0};
}

// Digits of canonical text, up to `kScale` behind the point, gathered in units of 10^-36.
class Gatherer {
 public:
  // False at anything that is no digit, and where the magnitude leaves 256 bits.
  bool Whole(std::string_view digits) {
    if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return false;
    return All(digits);
  }

  bool Fraction(std::string_view digits) {
    if (digits.empty()) return false;
    while (!digits.empty() && digits.back() == '0') digits.remove_suffix(1);
    if (digits.size() > ExactSum::kScale || !All(digits)) return false;
    places_ = digits.size();
    return true;
  }

  bool Scale() {
    for (size_t i = places_; i < ExactSum::kScale; ++i) {
      if (wide::MultiplyAdd(magnitude_, 10, 0) != 0) return false;
    }
    return true;
  }

  const wide::Limbs<4>& magnitude() const { return magnitude_; }

 private:
  bool All(std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(), [this](char c) {
      return c >= '0' && c <= '9' &&
             wide::MultiplyAdd(magnitude_, 10, static_cast<uint64_t>(c - '0')) == 0;
    });
  }

  wide::Limbs<4> magnitude_{};
  size_t places_ = 0;
};

}  // namespace

std::string ExactSum::ToString() const {
  const bool negative = IsNegative();
  return wide::DecimalText(Widened(negative ? wide::Negated(limbs_) : limbs_), kScale, negative);
}

absl::StatusOr<ExactSum> ExactSum::Parse(std::string_view text) {
  const absl::Status refused = absl::InvalidArgumentError(
      "a sum is canonical decimal text within 256 bits at 36 decimal places");
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  Gatherer gatherer;
  if (!gatherer.Whole(text.substr(0, point))) return refused;
  if (point != std::string_view::npos && !gatherer.Fraction(text.substr(point + 1))) return refused;
  if (!gatherer.Scale()) return refused;
  const wide::Limbs<4>& magnitude = gatherer.magnitude();
  if (!negative) {
    if (magnitude[3] >= kSignBit) return refused;
    return ExactSum(magnitude);
  }
  const bool fits = wide::Compare(magnitude, {0, 0, 0, kSignBit}) <= 0;
  if (!fits || wide::IsZero(magnitude)) return refused;
  return ExactSum(wide::Negated(magnitude));
}

std::string ExactSum::ToBytes() const {
  std::string bytes(32, '\0');
  for (size_t i = 0; i < 32; ++i) {
    bytes[31 - i] = static_cast<char>(limbs_[i / 8] >> (8 * (i % 8)));
  }
  const char sign = IsNegative() ? '\xFF' : '\0';
  size_t redundant = 0;
  while (redundant < 31 && bytes[redundant] == sign &&
         ((bytes[redundant + 1] ^ sign) & 0x80) == 0) {
    ++redundant;
  }
  bytes.erase(0, IsZero() ? 32 : redundant);
  return bytes;
}

absl::StatusOr<ExactSum> ExactSum::FromBytes(std::string_view bytes) {
  if (bytes.size() > 32) return absl::InvalidArgumentError("a sum has at most 32 bytes");
  const bool negative = !bytes.empty() && (bytes[0] & 0x80) != 0;
  std::array<uint64_t, 4> limbs;
  limbs.fill(negative ? ~uint64_t{0} : 0);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint64_t byte = static_cast<uint8_t>(bytes[bytes.size() - 1 - i]);
    const size_t shift = 8 * (i % 8);
    limbs[i / 8] = (limbs[i / 8] & ~(uint64_t{0xFF} << shift)) | byte << shift;
  }
  return ExactSum(limbs);
}

std::string DivideHalfEven12(const ExactSum& numerator, const ExactSum& denominator) {
  Precondition(!denominator.IsNegative() && !denominator.IsZero(), "vwap: volume above zero");
  Precondition(!numerator.IsNegative(), "vwap: quote volume not negative");
  wide::Limbs<5> dividend = Widened(numerator.limbs());
  wide::MultiplyAdd(dividend, kVwapUnit, 0);
  const wide::Limbs<5> divisor = Widened(denominator.limbs());
  auto [quotient, rest] = wide::Divide(dividend, divisor);
  wide::Limbs<5> missing = divisor;
  wide::Subtract(missing, rest);
  const int half = wide::Compare(rest, missing);
  if (half > 0 || (half == 0 && (quotient[0] & 1) != 0)) wide::Add(quotient, {1, 0, 0, 0, 0});
  return wide::DecimalText(quotient, kVwapPlaces, false);
}

}  // namespace quantstream
