// A part of a subscription that has a history of its own: some series from one start on, and how
// far they were sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "query/merged_leg.h"
#include "query/splice.h"
#include "query/stream_event.h"

namespace quantstream::query {

using LegId = int64_t;

struct LegSpec {
  StreamSpec stream;                             // of a merged interval: its parts
  std::chrono::milliseconds update_interval{0};  // least time between two states of an open candle
  SpliceRules rules = {};
  std::optional<WindowGrid> grid = {};  // a merged interval
};

// The subscription keeps it.
struct Leg {
  using Time = std::chrono::steady_clock::time_point;

  Leg(LegId number, int64_t group_number, const LegSpec& spec);

  // True: a state that waited was overtaken. `bytes` counts what waits, here and below.
  bool Conflate(const Update& update, int64_t* bytes);
  // A closed candle is on its way: no PARTIAL of its series up to it may come after.
  void DropOpenUpTo(const CandleKey& newest_closed, int64_t* bytes);
  void DropOpenOf(const Series& series, int64_t* bytes);
  // A newer state of the open candle is on its way in the queue.
  void DropOpen(const CandleKey& key, int64_t* bytes);
  // An open candle waits, due or not.
  bool OpenWaits() const;
  // Moves what is due into the message. False: it is full.
  bool TakeOpen(Time now, int64_t message_bytes_max, CandlesMessage* message,
                int64_t* message_bytes, int64_t* bytes);

  const LegId id;
  const int64_t group;
  const std::chrono::milliseconds update_interval;
  Splice splice;
  std::unique_ptr<MergedLeg> merged;  // null: its candles are stored ones
  std::map<CandleKey, Update> open;   // newest waiting state of each open candle
  std::map<CandleKey, Time> sent_at;  // only with update_interval
  bool shrunk = false;                // a series was removed: what waits of it is passed over

  // Per partition, every closed candle up to this version was sent. Known from the first snapshot's
  // marker on, or from a resume token; not raised while a snapshot is read or its marker waits:
  // what stands before that is out of order.
  std::map<int32_t, int64_t> sent;
  // As `sent`, as if all markers that wait were sent: from here on what was let go is read again.
  std::map<int32_t, int64_t> base;
  std::map<Interval, EventTime> starts;  // what it covers; from the first snapshot on
  int markers_waiting = 0;
  // A client that resumes and is cut off again must not come back as of before.
  bool resumable() const { return snapshot_taken || !sent.empty(); }
  bool missed = false;  // live candles were let go while history is read
  bool parked = false;  // what waited was let go: until it is registered again nothing is taken
  bool snapshot_taken = false;
  bool in_pieces = false;  // what it reads is more than one read holds

 private:
  bool Due(const CandleKey& key, Time now) const;
  bool TakeMergedOpen(Time now, int64_t message_bytes_max, CandlesMessage* message,
                      int64_t* message_bytes);
  void DropOpenBetween(const CandleKey& from, const CandleKey& to, int64_t* bytes);
};

}  // namespace quantstream::query
