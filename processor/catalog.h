// What must be in PostgreSQL before rows can refer to it: instruments' numbers and the partitions
// of `candles`. Made on a connection of its own, each at once and once: nothing here needs the
// fence, and repeating it changes nothing.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "market/interval.h"
#include "market/time.h"
#include "platform/postgres/connection.h"

namespace quantstream::processor {

class Catalog {
 public:
  // Numbers all these instruments of one partition of `trades`, new ones too.
  absl::Status NumberInstruments(postgres::Connection& connection, int32_t partition,
                                 std::span<const std::string> names);
  // REQUIRES: NumberInstruments was told of it.
  int32_t NumberOf(const std::string& name) const { return numbers_.at(name); }
  bool Knows(const std::string& name) const { return numbers_.contains(name); }

  // Makes the table partition that this candle's row goes into, when it is not known to exist.
  absl::Status MakePartition(postgres::Connection& connection, Interval interval,
                             EventTime open_time);
  bool HasPartition(Interval interval, EventTime open_time) const;

  // An operator may have dropped partitions (retention): looked up again from here on.
  void ForgetPartitions() { partitions_.clear(); }

 private:
  absl::Status LoadNumbers(postgres::Connection& connection, std::span<const std::string> names);

  std::unordered_map<std::string, int32_t> numbers_;
  std::set<std::pair<int32_t, int64_t>> partitions_;  // interval, where it begins in seconds
};

}  // namespace quantstream::processor
