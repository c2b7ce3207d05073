// What the live side knows: the newest state of each open candle and how far each partition is
// committed, from topic `candles` alone. A closed candle beats a PARTIAL whatever their versions,
// else the higher version wins. Pure; bounded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "query/io.h"

namespace quantstream::query {

struct LatestLimits {
  int64_t instruments_max = 100'000;  // candles of more are passed on to streams but not remembered
  int64_t open_per_series_max = 128;  // the oldest is forgotten first: its FINAL comes next
};

// Test-only: each rule can be taken out to see that it is needed.
struct LatestRules {
  bool closed_beats_partial = true;
  bool higher_version_wins = true;
  bool older_epoch_is_dropped = true;
};

class Latest {
 public:
  explicit Latest(LatestLimits limits = {}, LatestRules rules = {})
      : limits_(limits), rules_(rules) {}

  // False: Progress of an older owner than one seen; dropped.
  bool Apply(const TailEvent& event);

  // Appends the open candles of a series, oldest first.
  void CopyOpen(const Series& series, std::vector<Update>* open) const;
  // First version that may not be in PostgreSQL yet, as far as the topic told; 0 = it told nothing.
  int64_t Committed(int32_t partition) const;
  // Every window of the venue in this partition that ends at or before this is closed.
  std::optional<EventTime> ClosedUntil(int32_t partition, const std::string& venue) const;

  // Of all venues of the partition; null: it told nothing.
  const std::map<std::string, EventTime>* ClosedUntil(int32_t partition) const;

  // True once for each instrument that the topic told of.
  bool TakeNew(const std::string& instrument);
  // Names and partitions of those that it told of.
  std::map<std::string, int32_t> InstrumentsOf(const std::set<std::string>& venues) const;

  int64_t open_candles() const { return open_candles_; }
  int64_t refused() const { return refused_; }  // states that were not remembered for want of room

 private:
  struct SeriesState {
    std::optional<EventTime> newest_closed;
    std::map<EventTime, Update> open;
  };
  struct InstrumentState {
    int32_t partition = 0;
    bool is_new = true;
    std::map<Interval, SeriesState> series;
  };
  struct PartitionState {
    int64_t epoch = 0;  // of any event: a zombie's Progress may be the first one after a loss
    int64_t committed = 0;
    std::map<std::string, EventTime> closed_until;
  };

  SeriesState* StateOf(const Update& update);
  void Close(const Update& update);
  void Keep(const Update& update);
  static void OnProgress(const ProgressEvent& progress, PartitionState* partition);

  LatestLimits limits_;
  LatestRules rules_;
  std::unordered_map<std::string, InstrumentState> instruments_;
  std::map<int32_t, PartitionState> partitions_;
  int64_t open_candles_ = 0;
  int64_t refused_ = 0;
};

}  // namespace quantstream::query
