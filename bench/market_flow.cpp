#include "bench/market_flow.h"

#include <algorithm>
#include <cmath>

namespace quantstream::bench {
namespace {

// Zipf with exponent 1: the busiest of 200 instruments has about a sixth of all trades.
std::vector<double> Weights(int count) {
  std::vector<double> weights;
  for (int i = 0; i < count; ++i) weights.push_back(1.0 / (i + 1));
  return weights;
}

}  // namespace

MarketFlow::MarketFlow(const FlowOptions& options)
    : options_(options),
      random_(options.seed),
      instruments_(static_cast<size_t>(options.instruments)) {
  std::vector<double> weights = Weights(options.instruments);
  pick_ = std::discrete_distribution<int>(weights.begin(), weights.end());
}

std::string MarketFlow::SymbolOf(int instrument) {
  return "COIN" + std::to_string(instrument) + "-USDT";
}

FlowTrade MarketFlow::Draw() {
  FlowTrade trade;
  trade.instrument = pick_(random_);
  Instrument& of = instruments_[static_cast<size_t>(trade.instrument)];
  trade.id = of.next_id++;
  of.price = std::max<int64_t>(1'000, of.price + static_cast<int64_t>(random_() % 21) - 10);
  trade.price = of.price;
  trade.quantity = 1 + static_cast<int64_t>(random_() % 500'000);
  trade.buy = (random_() & 1) != 0;
  // Venues stamp in milliseconds: many trades share one.
  int64_t now = options_.start_us + drawn_ * 1'000'000 / options_.trades_per_second;
  trade.time_us = now / 1'000 * 1'000;
  trade.arrival_us = now;
  std::uniform_real_distribution<double> share(0, 1);
  if (share(random_) < options_.late_share) {
    trade.arrival_us += 200'000 + static_cast<int64_t>(random_() % 59'800'000);
  }
  ++drawn_;
  return trade;
}

bool MarketFlow::Next(FlowTrade& trade) {
  for (;;) {
    int64_t now = drawn_ < options_.trades
                      ? options_.start_us + drawn_ * 1'000'000 / options_.trades_per_second
                      : INT64_MAX;
    if (!delayed_.empty() && delayed_.front().arrival_us <= now) {
      std::pop_heap(delayed_.begin(), delayed_.end(), LaterArrival{});
      trade = delayed_.back();
      delayed_.pop_back();
      return true;
    }
    if (drawn_ >= options_.trades) return false;
    FlowTrade drawn = Draw();
    if (drawn.arrival_us == now) {
      trade = drawn;
      return true;
    }
    delayed_.push_back(drawn);
    std::push_heap(delayed_.begin(), delayed_.end(), LaterArrival{});
  }
}

}  // namespace quantstream::bench
