// Integers wider than 128 bits as 64-bit limbs, least first: what exact sums are made of.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace quantstream::wide {

using Int128 = __int128;
using Uint128 = unsigned __int128;

template <size_t N>
using Limbs = std::array<uint64_t, N>;

// a + b and a - b modulo 2^(64 N): right for signed two's complement as well. Subtract returns
// whether b was the greater one, both unsigned.
template <size_t N>
void Add(Limbs<N>& a, const Limbs<N>& b) {
  uint64_t carry = 0;
  for (size_t i = 0; i < N; ++i) {
    const Uint128 sum = static_cast<Uint128>(a[i]) + b[i] + carry;
    a[i] = static_cast<uint64_t>(sum);
    carry = static_cast<uint64_t>(sum >> 64);
  }
}

template <size_t N>
bool Subtract(Limbs<N>& a, const Limbs<N>& b) {
  uint64_t borrow = 0;
  for (size_t i = 0; i < N; ++i) {
    const Uint128 difference = static_cast<Uint128>(a[i]) - b[i] - borrow;
    a[i] = static_cast<uint64_t>(difference);
    borrow = static_cast<uint64_t>(difference >> 64) & 1;
  }
  return borrow != 0;
}

template <size_t N>
Limbs<N> Negated(const Limbs<N>& a) {
  Limbs<N> zero{};
  Subtract(zero, a);
  return zero;
}

template <size_t N>
bool IsZero(const Limbs<N>& a) {
  return a == Limbs<N>{};
}

// <0, 0 or >0 as a is less than, equal to or greater than b, both unsigned.
template <size_t N>
int Compare(const Limbs<N>& a, const Limbs<N>& b) {
  for (size_t i = N; i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

inline Limbs<4> Multiply(Uint128 a, Uint128 b) {
  const uint64_t a0 = static_cast<uint64_t>(a);
  const uint64_t a1 = static_cast<uint64_t>(a >> 64);
  const uint64_t b0 = static_cast<uint64_t>(b);
  const uint64_t b1 = static_cast<uint64_t>(b >> 64);
  const Uint128 low = static_cast<Uint128>(a0) * b0;
  const Uint128 left = static_cast<Uint128>(a0) * b1;
  const Uint128 right = static_cast<Uint128>(a1) * b0;
  const Uint128 middle = (low >> 64) + static_cast<uint64_t>(left) + static_cast<uint64_t>(right);
  const Uint128 high =
      static_cast<Uint128>(a1) * b1 + (left >> 64) + (right >> 64) + (middle >> 64);
  return {static_cast<uint64_t>(low), static_cast<uint64_t>(middle), static_cast<uint64_t>(high),
          static_cast<uint64_t>(high >> 64)};
}

// a x factor + addend in place; returns what does not fit.
template <size_t N>
uint64_t MultiplyAdd(Limbs<N>& a, uint64_t factor, uint64_t addend) {
  for (uint64_t& limb : a) {
    const Uint128 product = static_cast<Uint128>(limb) * factor + addend;
    limb = static_cast<uint64_t>(product);
    addend = static_cast<uint64_t>(product >> 64);
  }
  return addend;
}

// a / divisor in place; returns the remainder.
template <size_t N>
uint64_t DivideBy(Limbs<N>& a, uint64_t divisor) {
  uint64_t rest = 0;
  for (size_t i = N; i-- > 0;) {
    if (rest == 0 && a[i] < divisor) {
      rest = a[i];
      a[i] = 0;
      continue;
    }
    const Uint128 dividend = static_cast<Uint128>(rest) << 64 | a[i];
    a[i] = static_cast<uint64_t>(dividend / divisor);
    rest = static_cast<uint64_t>(dividend % divisor);
  }
  return rest;
}

struct Quotient {
  Limbs<5> quotient{};
  Limbs<5> rest{};
};

// Unsigned long division. REQUIRES: divisor is not zero.
Quotient Divide(const Limbs<5>& dividend, const Limbs<5>& divisor);

// value x 10^-scale as canonical decimal text: no exponent, no zeros at the end of the fraction.
std::string DecimalText(Limbs<5> value, int scale, bool negative);

}  // namespace quantstream::wide
