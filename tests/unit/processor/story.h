// Runs a story: what a partition is given, line by line, and below each line what it answers (lines
// that begin with `>`).
//
//   options grace=1 intervals=1,5 contiguous=a ledger=1024 replay=1000000 retention=0,0 hold=10
//   options grace=1 intervals=1,5 contiguous=a ledger=1024 replay=1000000 retention=0,0 hold=10
//   and heartbeats follow, indented
//     trade VENUE SYMBOL id=7 at=1000.2 price=100 qty=2 [text=…] [count=…] [side=buy|sell]
//     [received=…] beat VENUE SECONDS|none [held] [finished]
//   bad                        a record that is no TradeBatch
//   commit [stop]              freezes and lands a commit; `stop` stores open windows whole
//   restart                    drops the memory, takes over again and recovers; options that follow
//   `options` are taken then lose START [replaced]      the log begins at START now; the restart
//   after it records the gap partial VENUE SYMBOL       the open candles counters those that are
//   not zero
#pragma once

#include <string>

#include "processor/rules.h"

namespace quantstream::processor {

// The story with the answers that the code gives now, also with a rule taken out.
std::string Retell(const std::string& story, const Rules& rules = {});

}  // namespace quantstream::processor
