// One client's life against a played world and two replicas of query: tails, registration, history
// reads, drain, lost places, cuts, resumes on either replica, slow times, interleaved by chance.
// Says what promise broke, if one did.
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
  SubscriptionRules subscription;
  bool one_statement = true;  // candles and next_version are of one moment
  bool register_in_one_step = true;
  // 21
  bool resume_waits_for_the_tail = true;
  bool resume_reads_at_the_mark = true;  // versions at the mark, too
  bool resume_reads_finals = true;
  bool resume_reads_revisions = true;
};

struct RunResult {
  std::string broken;    // empty: nothing found
  int64_t messages = 0;  // that clients got
  int64_t behind = 0;    // snapshots refused because they lagged
  int64_t places_lost = 0;
  int64_t streams = 0;
  int64_t resumes = 0;
  int64_t parked = 0;
  int64_t skips = 0;
  int64_t pieces = 0;  // of histories
};

// The same seed gives the same run.
RunResult RunInterleaving(uint64_t seed, const QueryRules& rules);

}  // namespace quantstream::query::simulation
