// A small market for the simulation: trades, heartbeats, records of both, and a random log of them.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "market/trade.h"
#include "processor/fold_options.h"

namespace quantstream::processor::simulation {

inline constexpr int64_t kTick_us = 100'000;  // 10 in a second

struct SimTrade {
  std::string venue;
  std::string symbol;
  uint64_t id = 0;
  std::string text_id;
  int64_t time = 0;  // ticks
  int64_t receive = 0;
  int64_t price = 0;
  int64_t quantity = 0;
  Side side = Side::kUnspecified;
  uint32_t count = 1;
};

struct SimBeat {
  std::string venue;
  std::optional<int64_t> time;  // ticks
  bool held = false;
  bool finished = false;
};

// A TradeBatch and the log time of its record.
struct SimRecord {
  int64_t log_time = 0;  // ticks
  std::string node;
  uint64_t session = 1;
  uint64_t sequence = 0;
  std::vector<SimTrade> trades;
  std::vector<SimBeat> beats;

  // Its text points into this.
  TradeBatch ToBatch() const;
};

using SimLog = std::vector<SimRecord>;
using Random = std::mt19937_64;

inline bool Chance(Random& random, double probability) {
  return std::uniform_real_distribution<double>(0, 1)(random) < probability;
}
inline int64_t Below(Random& random, int64_t limit) {
  return static_cast<int64_t>(random() % static_cast<uint64_t>(limit));
}
template <typename T>
const T& Pick(Random& random, const std::vector<T>& from) {
  return from[static_cast<size_t>(Below(random, static_cast<int64_t>(from.size())))];
}

// Options of the fold that this market is made for: future bound 5 s, intervals 1 s, 2 s, 6 s
// unless given.
FoldOptions SimOptions(std::vector<Interval> intervals = {{1}, {2}, {6}});

// Nodes that lag, die, return and appear late; duplicates, late trades, gaps, future stamps,
// conflicting copies inside a record, records sent again; venue `a` contiguous, `b` too, `c`
// without ids, `d` with text ids, `e` with ids that jump. `restamp`: copies of one id may differ in
// time.
SimLog RandomLog(Random& random, int64_t ticks, bool restamp);

// Some log-append times are earlier than those before: the log's brokers do not agree on the time.
void LetLogTimesGoBack(Random& random, SimLog& log);

}  // namespace quantstream::processor::simulation
