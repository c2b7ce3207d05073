// What the benchmark of query sends, so that whoever receives a candle knows what it must hold and
// when its newest trade was due: everything follows from the trade's number.
#pragma once

#include <cstdint>
#include <string>

namespace quantstream::bench {

// Trades of `instruments` in turn, at a steady rate. Trade n (0, 1, ...) is due n/rate seconds
// after the start; its instrument is n % instruments, its id there n / instruments + 1.
struct TradeFlow {
  std::string venue = "paced";
  int64_t instruments = 100;
  int64_t trades_per_second = 5'000;

  static constexpr uint32_t kPriceScale = 2;

  static std::string SymbolOf(int64_t instrument) {
    return "COIN" + std::to_string(instrument) + "-USDT";
  }
  std::string NameOf(int64_t instrument) const { return venue + ":" + SymbolOf(instrument); }
  // Microseconds from the start.
  int64_t DueOf(int64_t number) const { return number * 1'000'000 / trades_per_second; }
  int64_t NumberOf(int64_t instrument, uint64_t id) const {
    return (static_cast<int64_t>(id) - 1) * instruments + instrument;
  }
  // In 10^-2, never a multiple of 10: its text has two places.
  static int64_t PriceOf(uint64_t id) {
    return 100'001 + static_cast<int64_t>(id * 7'919 % 1'000) * 10;
  }
  // Whole units.
  static int64_t QuantityOf(uint64_t id) { return 1 + static_cast<int64_t>(id % 7); }
};

// Candles that the processor could have closed: candle n of the instrument, one a second.
struct CandleFlow {
  static constexpr int64_t kFirstOpenTime_s = 1'700'000'000;

  static int64_t OpenTimeOf(int64_t number) { return kFirstOpenTime_s + number; }
  static int64_t PriceOf(int64_t number) { return 100'001 + number % 1'000 * 10; }
};

}  // namespace quantstream::bench
