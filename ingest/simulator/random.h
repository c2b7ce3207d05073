// A small generator of random numbers (xoshiro256**): the same numbers for one seed on every
// machine.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace quantstream::simulator {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) word = Spread(&seed);
  }

  uint64_t Next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  // Uniform in [0, 1).
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  bool Chance(double probability) { return probability > 0 && Fraction() < probability; }
  // Exponential with this mean.
  double Wait(double mean) { return -mean * std::log1p(-Fraction()); }

 private:
  static uint64_t Spread(uint64_t* seed) {
    uint64_t z = (*seed += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  uint64_t state_[4];
};

}  // namespace quantstream::simulator
