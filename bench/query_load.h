// The questions of the load client, each a program of its own: see query_load.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "bench/command.h"

namespace quantstream::bench {

// A StreamCandlesRequest for 1 s candles.
std::string StreamRequest(const std::string& instrument, int64_t min_update_ms);
extern const char kStreamCandles[];

// Trade -> PARTIAL at subscribers.
int MeasureLatency(const Arguments& arguments);
// Many streams of one instrument.
int MeasureFanout(const Arguments& arguments);
// Streams that are open, until standard input ends.
int HoldStreams(const Arguments& arguments);
// Unary calls: as many as go with so many in flight, or at a fixed rate.
int MeasureCalls(const Arguments& arguments);
// Messages of a server that does nothing else: bench-query-floor.
int MeasureFloorStreams(const Arguments& arguments);

}  // namespace quantstream::bench
