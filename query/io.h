// What query needs of the world, with the guarantees: stored candles (History) and topic `candles`
// (the events of a tail). No protobuf, gRPC, Kafka or PostgreSQL in here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "market/candle.h"
#include "query/audit.h"
#include "query/cancellation.h"
#include "query/lazy_text.h"

namespace quantstream::query {

// One instrument at one interval.
struct Series {
  std::string instrument;
  Interval interval;
  auto operator<=>(const Series&) const = default;
};

inline Series SeriesOf(const CandleKey& key) {
  return {key.instrument, key.interval};
}

// As Series, without a copy: to look one up.
struct SeriesView {
  std::string_view instrument;
  Interval interval;
};

inline SeriesView ViewOf(const CandleKey& key) {
  return {key.instrument, key.interval};
}

struct SeriesLess {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    const int order = std::string_view(a.instrument).compare(b.instrument);
    return order != 0 ? order < 0 : a.interval < b.interval;
  }
};

// One state of one candle, ready to be sent: made once, shared by all streams.
struct CandleUpdate {
  CandleKey key;
  CandleState state = CandleState::kPartial;
  int64_t version = 0;
  int32_t partition = 0;
  LazyText message;  // what clients get: a serialised quantstream.v1.Candle; not looked into here
  // What merges take: a serialised quantstream.v1.ScaledCandle. Always there from the tail, from
  // history where it was asked for (with_scaled); empty elsewhere.
  std::string scaled = {};

  bool closed() const { return state != CandleState::kPartial; }
  int64_t bytes() const {
    return static_cast<int64_t>(sizeof(CandleUpdate) + key.instrument.size() + scaled.size()) +
           message.bytes();
  }
};
using Update = std::shared_ptr<const CandleUpdate>;

// FINAL and REVISED candles, in order of version.
struct ClosedEvent {
  std::vector<Update> candles;
};

// All open candles of one instrument.
struct OpenEvent {
  std::string instrument;
  std::vector<Update> candles;
};

struct VenueClosedUntil {
  std::string venue;
  EventTime closed_until;
};

// Committed values only.
struct ProgressEvent {
  std::vector<VenueClosedUntil> venues;
  int64_t next_version = 0;  // first that is not in PostgreSQL yet
};

// One record of topic `candles`. Of one owner they come in order of version; across owners and
// zombies they may repeat and go back.
struct TailEvent {
  int32_t partition = 0;
  int64_t epoch = 0;
  std::variant<ClosedEvent, OpenEvent, ProgressEvent> body;
  int64_t offset = -1;  // of the record; -1: not known
};

// An instrument that has stored candles.
struct Instrument {
  std::string name;
  std::string venue;
  std::string symbol;
  int32_t partition = 0;
  EventTime first_seen;
};

// What a stream wants of one series. REQUIRES: partition is the instrument's.
struct WantedSeries {
  Series series;
  int32_t partition = 0;
  EventTime from;                             // open_time at or after
  std::optional<int64_t> changed_since = {};  // only versions at or above: resuming
  std::optional<EventTime> to = {};           // open_time before
  std::optional<int32_t> newest = {};         // only the newest N; 0 = none. Not with changed_since
  bool with_scaled = false;
  bool in_pieces = false;  // may be cut; not with `newest`
  // Of changes: no FINAL candle before this has changed, as an earlier piece has shown.
  std::optional<EventTime> finals_from = {};
};

// One series may stand in it more than once, with ranges that do not overlap.
struct SnapshotRequest {
  std::vector<WantedSeries> series;
};

// One moment of the store: everything in it was read by one statement.
struct Snapshot {
  std::vector<Update> candles;                // closed ones; of each series in order of open_time
  std::map<Series, EventTime> newest_closed;  // open_time; series without a row are absent
  std::map<int32_t, int64_t> next_version;    // of each partition that has a row
  // Where what was asked for in pieces was cut: per partition, changes above this version are not
  // in it; nor is what opens at or after `to`, of series that were asked for as ranges.
  std::map<int32_t, int64_t> changed_through = {};
  std::optional<EventTime> to = {};

  bool is_piece() const { return to || !changed_through.empty(); }
};

// A range of one series.
struct PageRequest {
  Series series;
  int32_t partition = 0;
  EventTime from;  // open_time, inclusive
  EventTime to;    // exclusive
  bool newest_first = false;
  int64_t candles_max = 1000;
  bool with_final = true;
  bool with_revised = true;
  bool with_scaled = false;
  bool for_fill = false;  // also what is needed to fill it
};

// [from, to).
struct TimeSpan {
  EventTime from;
  EventTime to;
};

struct Page {
  std::vector<Update> candles;
  std::optional<EventTime> newest_closed;  // of the whole series, whatever was asked for
  std::optional<EventTime> oldest_closed;  // likewise
  int64_t next_version = 0;                // of the partition; 0 without a row
  // Only with for_fill:
  Update previous;             // the newest closed candle before `from`; null: there is none
  std::vector<TimeSpan> gaps;  // open gaps that touch the range, as far as their times are known
};

// Stored candles. Thread-safe. Each callback runs exactly once, on a thread of the store, never
// inside the call; a cancelled call ends its statement and answers CANCELLED. Other errors:
// UNAVAILABLE (the store is down, or too many callers wait), OUT_OF_RANGE (more candles than one
// snapshot may hold), DEADLINE_EXCEEDED.
class History {
 public:
  template <typename T>
  using Callback = std::function<void(absl::StatusOr<T>)>;

  virtual ~History() = default;
  virtual void ReadSnapshot(SnapshotRequest request, std::shared_ptr<Cancellation> cancellation,
                            Callback<Snapshot> callback) = 0;
  virtual void ReadPage(PageRequest request, std::shared_ptr<Cancellation> cancellation,
                        Callback<Page> callback) = 0;
  // All of them, in order of name.
  virtual void ReadInstruments(std::shared_ptr<Cancellation> cancellation,
                               Callback<std::vector<Instrument>> callback) = 0;
  // In order of from_time, those without a time first, then of id.
  virtual void ReadGaps(GapsRequest request, std::shared_ptr<Cancellation> cancellation,
                        Callback<std::vector<Gap>> callback) = 0;
  virtual void ReadLineage(LineageRequest request, std::shared_ptr<Cancellation> cancellation,
                           Callback<StoredLineage> callback) = 0;
};

}  // namespace quantstream::query
