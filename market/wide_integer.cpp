#include "market/wide_integer.h"

#include <algorithm>
#include <bit>

#include "market/precondition.h"

namespace quantstream::wide {
namespace {

constexpr size_t kWords = 10;  // of 32 bits in Limbs<5>
using Words = std::array<uint32_t, kWords + 1>;

Words WordsOf(const Limbs<5>& limbs, int shift) {
  Words words{};
  uint32_t carry = 0;
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t word = limbs[i / 2] >> (32 * (i % 2)) & 0xFFFF'FFFF;
    const uint64_t shifted = word << shift;
    words[i] = static_cast<uint32_t>(shifted) | carry;
    carry = static_cast<uint32_t>(shifted >> 32);
  }
  words[kWords] = carry;
  return words;
}

Limbs<5> LimbsOf(const Words& words, int shift) {
  Limbs<5> limbs{};
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t pair = static_cast<uint64_t>(words[i + 1]) << 32 | words[i];
    limbs[i / 2] |= (pair >> shift & 0xFFFF'FFFF) << (32 * (i % 2));
  }
  return limbs;
}

size_t LengthOf(const Limbs<5>& limbs) {
  size_t length = kWords;
  while (length > 0 && (limbs[(length - 1) / 2] >> (32 * ((length - 1) % 2)) & 0xFFFF'FFFF) == 0) {
    --length;
  }
  return length;
}

// What the two leading words say of the next quotient word: exact or one too many.
uint64_t EstimateWord(const uint32_t* dividend, const uint32_t* divisor, size_t n) {
  const uint64_t lead = static_cast<uint64_t>(dividend[n]) << 32 | dividend[n - 1];
  uint64_t estimate = lead / divisor[n - 1];
  uint64_t rest = lead % divisor[n - 1];
  while (estimate > 0xFFFF'FFFF ||
         (n > 1 && estimate * divisor[n - 2] > (rest << 32 | dividend[n - 2]))) {
    --estimate;
    rest += divisor[n - 1];
    if (rest > 0xFFFF'FFFF) break;
  }
  return estimate;
}

// dividend -= divisor x word, one word less where that is too many; returns the word.
uint32_t SubtractTimes(uint32_t* dividend, const uint32_t* divisor, size_t n, uint64_t word) {
  uint64_t borrow = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t product = word * divisor[i] + borrow;
    const uint32_t low = static_cast<uint32_t>(product);
    borrow = (product >> 32) + (dividend[i] < low ? 1 : 0);
    dividend[i] -= low;
  }
  const bool too_many = dividend[n] < borrow;
  dividend[n] -= static_cast<uint32_t>(borrow);
  if (!too_many) return static_cast<uint32_t>(word);
  uint64_t carry = 0;
  for (size_t i = 0; i < n; ++i) {
    carry += static_cast<uint64_t>(dividend[i]) + divisor[i];
    dividend[i] = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  dividend[n] += static_cast<uint32_t>(carry);
  return static_cast<uint32_t>(word - 1);
}

}  // namespace

// Schoolbook division in words of 32 bits (Knuth, The Art of Computer Programming, 4.3.1, D).
Quotient Divide(const Limbs<5>& dividend, const Limbs<5>& divisor) {
  const size_t n = LengthOf(divisor);
  const size_t m = LengthOf(dividend);
  Precondition(n > 0, "Divide: the divisor is not zero");
  if (m < n) return Quotient{{}, dividend};
  const uint32_t lead = static_cast<uint32_t>(divisor[(n - 1) / 2] >> (32 * ((n - 1) % 2)));
  const int shift = std::countl_zero(lead);
  Words rest = WordsOf(dividend, shift);
  const Words by = WordsOf(divisor, shift);
  Words quotient{};
  for (size_t j = m - n + 1; j-- > 0;) {
    const uint64_t estimate = EstimateWord(&rest[j], by.data(), n);
    quotient[j] = SubtractTimes(&rest[j], by.data(), n, estimate);
  }
  return Quotient{LimbsOf(quotient, 0), LimbsOf(rest, shift)};
}

std::string DecimalText(Limbs<5> value, int scale, bool negative) {
  constexpr uint64_t kChunk = 1'000'000'000'000'000'000;
  constexpr size_t kChunkDigits = 18;
  std::array<char, 6 * kChunkDigits + 2> text;  // 2^320 has 97 digits
  char* const end = text.data() + text.size();
  char* begin = end;
  const size_t places = static_cast<size_t>(scale);
  size_t digits = 0;   // without the point
  bool shown = false;  // zeros at the end of the fraction are not
  while (digits <= places || !IsZero(value)) {
    uint64_t chunk = DivideBy(value, kChunk);
    for (size_t i = 0; i < kChunkDigits && (digits <= places || chunk != 0 || !IsZero(value));
         ++i, ++digits, chunk /= 10) {
      if (digits == places) {
        if (shown) *--begin = '.';
        shown = true;
      }
      const uint64_t digit = chunk % 10;
      shown = shown || digit != 0;
      if (shown) *--begin = static_cast<char>('0' + digit);
    }
  }
  if (negative) *--begin = '-';
  return std::string(begin, end);
}

}  // namespace quantstream::wide
