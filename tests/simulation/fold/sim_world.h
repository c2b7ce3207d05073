// The world under one random scheduler: logs, the database, topic `candles`, workers that crash and
// zombies that wake; and what must hold of everything that is committed and published.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "processor/worker.h"
#include "tests/simulation/fold/reference.h"
#include "tests/simulation/fold/sim_log.h"
#include "tests/simulation/fold/sim_store.h"

namespace quantstream::processor::simulation {

// The logs of all partitions, as bytes; `visible` records of each have been appended so far.
struct SimTopic {
  explicit SimTopic(const std::vector<SimLog>& logs);
  std::vector<std::vector<std::string>> records;
  std::vector<std::vector<int64_t>> log_times;
  std::vector<int64_t> visible;
  std::vector<int64_t> start;  // below it, retention has taken the records
};

class SimSource final : public Source {
 public:
  SimSource(SimTopic& topic, uint64_t seed) : topic_(topic), random_(seed) {}

  absl::Status Poll(int64_t wait_us, SourceEvents& events) override;
  absl::StatusOr<LogBounds> Bounds(int32_t partition) override;
  absl::Status Start(int32_t partition, Offset from, int32_t leader_epoch) override;
  void Stop(int32_t partition) override { positions_.erase(partition); }
  void Pause(bool paused) override { paused_ = paused; }
  absl::Status Read(int32_t partition, Offset first, Offset last,
                    const std::function<void(const Record&)>& each) override;
  void ReportCommitted(int32_t, Offset) override {}

  void Assign(int32_t partition) { assigned_.push_back(partition); }
  void Revoke(int32_t partition);
  std::string log_id = "log";
  int64_t records_each = 0;  // given at once; 0 = random

 private:
  Record At(int32_t partition, int64_t offset) const;

  SimTopic& topic_;
  Random random_;
  std::map<int32_t, int64_t> positions_;
  std::vector<int32_t> assigned_, revoked_;
  bool paused_ = false;
};

class Checker;

class SimPublisher final : public Publisher {
 public:
  SimPublisher(Checker& checker, uint64_t seed) : checker_(checker), random_(seed) {}

  bool PublishCommitted(int32_t partition, const OutboxRow& row) override;
  int64_t DeliveredVersion(int32_t partition) override;
  bool PublishEvent(int32_t partition, std::string candle_event) override;
  void Forget(int32_t partition) override;

 private:
  Checker& checker_;
  Random random_;
  std::map<int32_t, std::vector<int64_t>> taken_;  // versions not said to be delivered
  std::map<int32_t, int64_t> newest_taken_;
  std::map<int32_t, int64_t> delivered_;
  std::map<CandleKey, int64_t> newest_;  // of this owner's open candles
};

// The log folded once, undisturbed: what every schedule has to reproduce, version by version.
struct Straight {
  Straight(const SimLog& log, int32_t partition, const FoldOptions& options, const Rules& rules);

  std::map<CandleKey, Candle> rows;
  std::map<std::pair<CandleKey, int64_t>, Candle> changes;
  std::map<std::string, std::string> instruments;  // packed states at the end
  std::string state;                               // of the partition at the end
  FoldCounters counters;
};

class Checker {
 public:
  Checker(const std::vector<SimLog>& logs, const FoldOptions& options, const Rules& rules);

  void Committed(const PartitionCommit& commit);
  void PublishedClosed(const std::vector<KeyedCandle>& candles);
  void PublishedOpen(const std::vector<KeyedCandle>& candles, std::map<CandleKey, int64_t>& newest);
  // Everything is folded, committed and published.
  void AtTheEnd(SimDatabase& database);
  void Violation(std::string what);

  // The first thing that went wrong; empty = nothing.
  const std::string& violation() const { return violation_; }

 private:
  void Check(const KeyedCandle& got, const char* where);
  bool IsSame(const Candle& want, const Candle& got, int32_t partition) const;
  void CheckLetters(const PartitionCommit& commit);
  void CheckIsWhole(const std::vector<KeyedCandle>& message);
  void CheckChains();
  int32_t PartitionOf(const std::string& instrument) const;

  std::vector<Reference> references_;
  std::vector<Straight> straights_;
  std::map<std::string, int32_t> partitions_;  // of instruments
  std::map<std::pair<CandleKey, int64_t>, Candle> published_;
  std::map<std::pair<CandleKey, int64_t>, Candle> open_;
  std::map<int32_t, int64_t> committed_;  // next_offset of partitions
  std::string violation_;
  std::vector<Interval> intervals_;
  int64_t replay_records_max_;
};

// FOR TESTS' failure texts.
std::string Describe(const CandleKey& key, const Candle& candle);
// The parts of a CandleEvent. Dies on bytes that are none.
struct CandleEventParts {
  int64_t epoch = 0;
  std::vector<KeyedCandle> closed;
  std::vector<KeyedCandle> open;
  bool is_progress = false;
  int64_t next_version = 0;
  std::map<std::string, EventTime> closed_until;
};
CandleEventParts ReadCandleEvent(const std::string& bytes);

struct Schedule {
  uint64_t seed = 1;
  double faults = .04;
  FoldOptions options;
  Rules rules;
  StoreRules store_rules;
};

// Runs the logs under a random schedule to the end. Empty, or what went wrong.
std::string RunSchedule(const std::vector<SimLog>& logs, const Schedule& schedule);

}  // namespace quantstream::processor::simulation
