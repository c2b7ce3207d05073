// Closed panes into longer windows: what an instrument's open 5s … 1d candles hold so far.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "market/candle.h"
#include "processor/packing.h"

namespace quantstream::processor {

// An open window longer than 1 s: all its closed panes.
struct Accumulator {
  Interval interval;
  EventTime start;
  CandleValues values;
  std::optional<OffsetSpan> lineage;  // of on-time trades

  EventTime end() const { return EventTime{start.us + interval.us()}; }
};

// Widens a lineage by another.
void Widen(std::optional<OffsetSpan>& lineage, const std::optional<OffsetSpan>& part);

class Rollup {
 public:
  // The window grows by the next closed pane, later than all in it.
  void Append(Interval interval, const CandleValues& pane, EventTime pane_start,
              OffsetSpan lineage);
  // The window, or null when no pane of it closed so far.
  Accumulator* Find(Interval interval, EventTime start);
  const Accumulator* Find(Interval interval, EventTime start) const;
  // A window that a late trade begins.
  void Insert(Accumulator window);
  // Takes out one window that ends at or before `closed_until`; nullopt when there is none.
  std::optional<Accumulator> TakeClosed(EventTime closed_until);
  // Windows of intervals that are not stored any more go.
  void Keep(const std::vector<Interval>& intervals);

  // kForever when there are none.
  EventTime EarliestEnd() const;
  const std::vector<Accumulator>& windows() const { return windows_; }

  void Pack(const std::string& instrument, Packer& out) const;
  void Unpack(Unpacker& in);

 private:
  std::vector<Accumulator>
      windows_;  // in order of interval, then start; one or two of each interval
};

}  // namespace quantstream::processor
