// A candle is a function of the set of its trades: the same trades shuffled, duplicated and in
// other batches give the same values. QUANTSTREAM_ORDER_SEEDS says how many sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {
namespace {

std::vector<SimTrade> RandomTrades(Random& random) {
  std::vector<SimTrade> trades;
  uint64_t contiguous = 10, jumping = 10;
  for (int64_t i = 0; i < 24; ++i) {
    SimTrade trade;
    trade.venue = std::string(1, Chance(random, .7) ? 'a' : 'e');
    trade.symbol = std::string(1, Chance(random, .7) ? 'x' : 'y');
    trade.count = Chance(random, .1) ? 3 : 1;
    uint64_t& id = trade.venue == "a" ? contiguous : jumping;
    trade.id = trade.symbol == "x" ? id : id + 1'000'000;
    id += trade.count + (trade.venue == "e" || Chance(random, .1) ? 1 : 0);
    trade.time = 1'000 + Below(random, 90);
    trade.receive = trade.time + 10;
    trade.price = 95 + Below(random, 11);
    trade.quantity = 1 + Below(random, 8);
    trade.side = Chance(random, .5) ? Side::kBuy : Side::kSell;
    trades.push_back(trade);
  }
  return trades;
}

// The trades in some order and some batches, some twice, while the venues' clocks go on.
SimLog Deliver(Random& random, std::vector<SimTrade> trades) {
  const auto size = static_cast<int64_t>(trades.size());
  for (int64_t i = Below(random, size / 2); i > 0; --i)
    trades.push_back(trades[static_cast<size_t>(Below(random, size))]);
  std::shuffle(trades.begin(), trades.end(), random);
  SimLog log;
  int64_t clock = 1'000;
  for (size_t at = 0; at < trades.size() || clock < 9'000;) {
    SimRecord record;
    record.node = "n";
    record.sequence = log.size();
    record.log_time = static_cast<int64_t>(log.size());
    for (int64_t left = Below(random, 6); left > 0 && at < trades.size(); --left)
      record.trades.push_back(trades[at++]);
    clock = at == trades.size() ? 9'000 : clock + Below(random, 15);
    for (const char* venue : {"a", "e"}) record.beats.push_back(SimBeat{venue, clock});
    log.push_back(std::move(record));
  }
  return log;
}

struct Values {
  CandleValues values;
  bool is_suspect = false;
  bool operator==(const Values&) const = default;
};

std::map<CandleKey, Values> Fold(const SimLog& log) {
  std::map<CandleKey, Values> values;
  const Straight straight(log, 0, SimOptions(), Worker::kAllRules);
  for (const auto& [key, candle] : straight.rows) {
    values[key] = Values{candle.values, candle.completeness == Completeness::kGapSuspected};
  }
  return values;
}

TEST(Order, OfTradesAndBatchesDoesNotMatter) {
  const char* text = std::getenv("QUANTSTREAM_ORDER_SEEDS");
  const int64_t seeds = text == nullptr ? 10'000 : std::atoll(text);
  for (int64_t seed = 1; seed <= seeds; ++seed) {
    Random random(static_cast<uint64_t>(seed));
    const std::vector<SimTrade> trades = RandomTrades(random);
    const SimLog log = Deliver(random, trades);
    const auto first = Fold(log);
    ASSERT_EQ(first.size(), Reference(log, SimOptions()).All().size()) << "seed " << seed;
    for (const auto& [key, candle] : Reference(log, SimOptions()).All()) {
      ASSERT_EQ(first.at(key).values, candle.values)
          << "seed " << seed << " " << Describe(key, candle);
    }
    ASSERT_TRUE(first == Fold(Deliver(random, trades))) << "seed " << seed;
  }
  std::cout << seeds << " sets of trades in two orders each: the same values\n";
}

}  // namespace
}  // namespace quantstream::processor::simulation
