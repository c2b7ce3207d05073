// NUMERIC in binary: count of base-10000 groups, weight of the first group, sign, digits behind the
// point, groups.
#include <algorithm>
#include <array>

#include "platform/postgres/value.h"
#include "platform/require.h"

namespace quantstream::postgres {
namespace {

constexpr size_t kGroup = 4;
constexpr uint16_t kNegative = 0x4000, kNan = 0xC000, kInfinity = 0xD000, kMinusInfinity = 0xF000;

bool AllDigits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

struct Parts {
  bool negative;
  std::string_view whole;
  std::string_view fraction;
};

Parts Split(std::string_view text) {
  Parts parts{text.starts_with('-'), {}, {}};
  if (parts.negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  parts.whole = text.substr(0, point);
  if (point < text.size()) parts.fraction = text.substr(point + 1);
  return parts;
}

// The groups of `parts` from the point outwards, with zeros filled in at both ends.
std::string PaddedDigits(const Parts& parts, size_t* whole_groups) {
  const size_t whole_digits = (parts.whole.size() + kGroup - 1) / kGroup * kGroup;
  const size_t fraction_digits = (parts.fraction.size() + kGroup - 1) / kGroup * kGroup;
  std::string digits(whole_digits - parts.whole.size(), '0');
  digits += parts.whole;
  digits += parts.fraction;
  digits.resize(whole_digits + fraction_digits, '0');
  *whole_groups = whole_digits / kGroup;
  return digits;
}

int16_t GroupAt(const std::string& digits, size_t group) {
  int value = 0;
  for (size_t i = 0; i < kGroup; ++i) value = value * 10 + (digits[group * kGroup + i] - '0');
  return static_cast<int16_t>(value);
}

uint16_t WordAt(std::string_view bytes, size_t word) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  return static_cast<uint16_t>(byte(2 * word) << 8 | byte(2 * word + 1));
}

std::string_view SpecialName(uint16_t sign) {
  if (sign == kNan) return "NaN";
  if (sign == kInfinity) return "Infinity";
  return sign == kMinusInfinity ? "-Infinity" : "";
}

}  // namespace

bool IsPlainDecimal(std::string_view text) {
  const Parts parts = Split(text);
  const bool point_without_digits = text.ends_with('.');
  return !parts.whole.empty() && !point_without_digits && AllDigits(parts.whole) &&
         AllDigits(parts.fraction) && parts.whole.size() + parts.fraction.size() < 1000;
}

void AppendNumeric(std::string* out, std::string_view text) {
  Require(IsPlainDecimal(text), "AppendNumeric takes plain decimal text");
  const Parts parts = Split(text);
  size_t whole_groups = 0;
  const std::string digits = PaddedDigits(parts, &whole_groups);
  size_t first = 0;
  size_t last = digits.size() / kGroup;
  while (first < last && GroupAt(digits, first) == 0) ++first;
  while (last > first && GroupAt(digits, last - 1) == 0) --last;
  const bool zero = first == last;
  AppendInt2(out, static_cast<int16_t>(last - first));
  const auto weight = static_cast<int64_t>(whole_groups) - 1 - static_cast<int64_t>(first);
  AppendInt2(out, static_cast<int16_t>(zero ? 0 : weight));
  AppendInt2(out, static_cast<int16_t>(parts.negative && !zero ? kNegative : 0));
  AppendInt2(out, static_cast<int16_t>(parts.fraction.size()));
  for (size_t group = first; group < last; ++group) AppendInt2(out, GroupAt(digits, group));
}

void AppendNumeric(std::string* out, __int128 mantissa, int scale) {
  Require(scale >= 0 && scale <= 38, "AppendNumeric takes a scale of 0 .. 38");
  std::array<char, 96> text;
  size_t at = text.size();
  const bool negative = mantissa < 0;
  unsigned __int128 rest = static_cast<unsigned __int128>(mantissa);
  if (negative) rest = ~rest + 1;
  for (int digit = 0; rest != 0 || digit <= scale; ++digit) {
    if (digit == scale && scale > 0) text[--at] = '.';
    text[--at] = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  }
  if (negative) text[--at] = '-';
  AppendNumeric(out, std::string_view(text.data() + at, text.size() - at));
}

absl::StatusOr<std::string> DecodeNumeric(std::string_view bytes) {
  const auto bad = [] { return absl::InvalidArgumentError("these bytes are no NUMERIC"); };
  if (bytes.size() < 8) return bad();
  const size_t groups = WordAt(bytes, 0);
  const auto weight = static_cast<int16_t>(WordAt(bytes, 1));
  const uint16_t sign = WordAt(bytes, 2);
  const size_t scale = WordAt(bytes, 3);
  if (const std::string_view name = SpecialName(sign); !name.empty()) return std::string(name);
  if (bytes.size() != 8 + 2 * groups || (sign != 0 && sign != kNegative)) return bad();
  const auto group_text = [&](int index) {  // of weight `weight - index`
    const bool stored = index >= 0 && static_cast<size_t>(index) < groups;
    const int value = stored ? WordAt(bytes, 4 + static_cast<size_t>(index)) : 0;
    std::string text = std::to_string(value);
    return std::string(kGroup - std::min(kGroup, text.size()), '0') + text;
  };
  std::string whole;
  for (int place = weight; place >= 0; --place) whole += group_text(weight - place);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  std::string fraction;
  for (int place = -1; fraction.size() < scale; --place) fraction += group_text(weight - place);
  fraction.resize(scale);
  std::string text = sign == kNegative ? "-" : "";
  text += whole.empty() ? "0" : whole;
  return fraction.empty() ? text : text + "." + fraction;
}

}  // namespace quantstream::postgres
