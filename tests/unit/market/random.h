// Random material for the properties of market/. The same seed gives the same material everywhere.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "market/decimal.h"
#include "market/trade.h"

namespace quantstream::test {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // 0 to below - 1. REQUIRES: below above zero.
  uint64_t Below(uint64_t below) { return engine_() % below; }
  int Between(int least, int most);
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  uint64_t Bits() { return engine_(); }
  // Any width is as likely as any other: small numbers and great ones.
  uint64_t AnyWidth() { return engine_() >> Below(64); }

  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(Below(from.size()))];
  }

  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

  std::string Bytes(size_t length);
  std::string TextOf(std::string_view alphabet, size_t length);

  // Above zero, any scale.
  Decimal Positive();
  // As a market has them: a price near 100 with at most 4 places.
  Decimal Price();
  Decimal Quantity();

 private:
  std::mt19937_64 engine_;
};

// A trade that CheckTrade lets pass, at `time_us`.
Trade LegalTrade(Random& random, uint64_t id, int64_t time_us);

}  // namespace quantstream::test
