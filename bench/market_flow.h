// The market of the benchmarks: trades of many instruments, skewed like a real one, the same for
// the same seed. Fill writes it to Kafka, check computes from it what PostgreSQL must hold. Not
// realistic in its prices.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace quantstream::bench {

struct FlowOptions {
  uint64_t seed = 1;
  int64_t trades = 5'000'000;
  int instruments = 200;
  int64_t trades_per_second = 50'000;
  double late_share = 0.001;  // of the trades, delivered 0.2 to 60 s after their time
  int64_t start_us = 1'700'000'000'000'000;
};

// Price in 10^-2, quantity in 10^-5.
struct FlowTrade {
  int instrument = 0;
  uint64_t id = 0;
  int64_t time_us = 0;
  int64_t arrival_us = 0;
  int64_t price = 0;
  int64_t quantity = 0;
  bool buy = false;
};

// Trades in order of arrival.
class MarketFlow {
 public:
  explicit MarketFlow(const FlowOptions& options);

  // The next trade by arrival; false at the end.
  bool Next(FlowTrade& trade);

  static std::string SymbolOf(int instrument);

 private:
  struct Instrument {
    uint64_t next_id = 1;
    int64_t price = 100'000;
  };
  struct LaterArrival {
    bool operator()(const FlowTrade& a, const FlowTrade& b) const {
      return a.arrival_us > b.arrival_us;
    }
  };
  FlowTrade Draw();

  FlowOptions options_;
  std::mt19937_64 random_;
  std::discrete_distribution<int> pick_;
  std::vector<Instrument> instruments_;
  std::vector<FlowTrade> delayed_;  // a heap by arrival
  int64_t drawn_ = 0;
};

}  // namespace quantstream::bench
