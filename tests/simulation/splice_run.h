// One stream's life against a played world: tail, registration, history reads, drain, cuts and lost
// places, interleaved by chance. Says what promise broke, if one did.
#pragma once

#include <cstdint>
#include <string>

#include "query/fanout.h"
#include "query/subscription.h"

namespace quantstream::query::simulation {

// Each rule of history-then-live; test-only switches.
struct QueryRules {
  SpliceRules splice;
  LatestRules latest;
  bool one_statement = true;  // candles and next_version are of one moment
  bool register_in_one_step = true;
};

struct RunResult {
  std::string broken;    // empty: nothing found
  int64_t messages = 0;  // that clients got
  int64_t behind = 0;    // snapshots refused because they lagged
  int64_t places_lost = 0;
  int64_t streams = 0;
};

// The same seed gives the same run.
RunResult RunInterleaving(uint64_t seed, const QueryRules& rules);

}  // namespace quantstream::query::simulation
