// What the next commit of a partition is to hold, as it grows; afterwards, while the commit is in
// flight, what lies over the store's answers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "processor/candle_events.h"
#include "processor/io.h"
#include "processor/ledger.h"
#include "processor/outbox.h"
#include "processor/rules.h"

namespace quantstream::processor {

// A candle's key within a partition: the instrument by its number there.
struct RowKey {
  uint32_t instrument = 0;
  int32_t seconds = 1;
  int64_t start_us = 0;

  auto operator<=>(const RowKey&) const = default;
  EventTime start() const { return EventTime{start_us}; }
  EventTime end() const { return EventTime{start_us + seconds * kMicrosecondsPerSecond}; }
  template <typename H>
  friend H AbslHashValue(H h, const RowKey& key) {
    return H::combine(std::move(h), key.instrument, key.seconds, key.start_us);
  }
};

class Batch {
 public:
  Batch(int32_t partition, Epoch epoch, const Rules& rules);

  // Null when this batch does not change the candle.
  const CandleRow* Find(const RowKey& key) const;
  // The candle is to stand so. `is_new` counts at the first change: a key is written once.
  const CandleRow& Put(const RowKey& key, const std::string& instrument, Candle candle,
                       bool is_new);
  // The row as it is now goes to topic `candles`. Call in order of version.
  void Announce(const CandleRow& row);
  void Refuse(DeadLetter letter);

  void OpenGap(GapRow gap);
  // The open gap of missing ids with these ends is no more; one that this batch opened never was.
  void CloseGap(const std::string& instrument, const Hole& hole, int64_t version);
  bool HasUnknownGap(const std::string& instrument, uint64_t id) const;

  void AddLate(uint32_t instrument, LateTradeRow row);
  // Calls `each` for the late trades of a pane, in order of place.
  template <typename F>
  void EachLate(uint32_t instrument, EventTime pane, F each) const {
    auto rows = late_index_.find({instrument, pane.us});
    if (rows == late_index_.end()) return;
    for (size_t at : rows->second) each(commit_->late_trades[at]);
  }

  // Open times of the nearest 1 s candles before and after `pane`.
  std::optional<EventTime> PaneBefore(uint32_t instrument, EventTime pane) const;
  std::optional<EventTime> PaneAfter(uint32_t instrument, EventTime pane) const;

  size_t rows() const { return commit_->candles.size(); }
  // Roughly, without candles.
  size_t bytes() const { return payload_.size() + late_bytes_; }
  // The commit, its outbox closed with that version. The batch stays as an overlay. REQUIRES:
  // called once.
  std::shared_ptr<PartitionCommit> Freeze(int64_t version);

 private:
  const Rules& rules_;
  std::shared_ptr<PartitionCommit> commit_;
  absl::flat_hash_map<RowKey, size_t> index_;
  std::set<std::pair<uint32_t, int64_t>> panes_;  // instrument, open time of 1 s candles
  std::map<std::pair<uint32_t, int64_t>, std::vector<size_t>> late_index_;
  std::map<std::pair<std::string, uint64_t>, GapRow> opened_;  // gaps of missing ids, by first id
  ClosedCandlesWriter closed_;
  std::string payload_;
  size_t late_bytes_ = 0;
};

}  // namespace quantstream::processor
