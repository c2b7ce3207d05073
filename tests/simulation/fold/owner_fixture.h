// An owner with a log, a database and a publisher that counts: for rules that one schedule shows
// best.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {

inline SimTrade TradeAt(uint64_t id, int64_t time) {
  SimTrade trade;
  trade.venue = "a";
  trade.symbol = "x";
  trade.id = id;
  trade.time = trade.receive = time;
  trade.price = 100;
  trade.quantity = 1;
  return trade;
}

inline SimRecord RecordOf(uint64_t sequence, std::vector<SimTrade> trades,
                          std::optional<int64_t> clock) {
  SimRecord record;
  record.node = "n";
  record.sequence = sequence;
  record.trades = std::move(trades);
  if (clock) record.beats.push_back(SimBeat{"a", clock});
  return record;
}

// Windows at 1000.0 (two records), closed by record 2; a late trade in record 3; then the end.
inline SimLog SmallLog() {
  return {RecordOf(0, {TradeAt(1, 10'000)}, 10'000),
          RecordOf(1, {TradeAt(2, 10'005)}, {}),
          RecordOf(2, {TradeAt(4, 10'021)}, 10'025),
          RecordOf(3, {TradeAt(3, 10'007)}, {}),
          RecordOf(4, {}, 10'050),
          RecordOf(5, {TradeAt(5, 10'051)}, 10'052)};
}

class CountingPublisher final : public Publisher {
 public:
  bool PublishCommitted(int32_t, const OutboxRow& row) override {
    ++rows;
    newest = row.version;
    return true;
  }
  int64_t DeliveredVersion(int32_t) override { return newest; }
  bool PublishEvent(int32_t, std::string event) override {
    const CandleEventParts parts = ReadCandleEvent(event);
    ++(parts.is_progress ? progress : partials);
    if (!parts.is_progress && now_us != nullptr) partials_at_us.push_back(*now_us);
    for (const KeyedCandle& open : parts.open) intervals.insert(open.key.interval.seconds);
    return true;
  }
  bool TakesOpen(int32_t) override { return takes_open; }
  void Forget(int32_t) override {}

  bool takes_open = true;
  int rows = 0, partials = 0, progress = 0;
  int64_t newest = -1;
  std::set<int32_t> intervals;  // of open candles
  const int64_t* now_us = nullptr;
  std::vector<int64_t> partials_at_us;
};

class NothingIsLate final : public LateReader {
 public:
  absl::StatusOr<ReadBackAnswer> Read(ReadBack) override { return absl::InternalError("late"); }
  absl::Status ReadLog(Offset, Offset,
                       const std::function<void(const TradeBatch&, Offset)>&) override {
    return absl::InternalError("late");
  }
};

struct Owner {
  Owner(SimTopic& topic, SimDatabase& database, const WorkerOptions& options, const Rules& rules)
      : source(topic, 1), store(database), worker(options, source, store, publisher, rules) {
    source.records_each = 1;
    source.Assign(0);
  }
  const OwnedPartition& partition() { return *worker.partitions().at(0); }

  SimSource source;
  SimStore store;
  CountingPublisher publisher;
  Worker worker;
};

class Owners : public testing::Test {
 protected:
  Owners() { options_.fold = SimOptions({{1}, {5}}); }

  std::unique_ptr<Owner> Start() {
    return std::make_unique<Owner>(topic_, database_, options_, rules_);
  }
  void Steps(Owner& owner, int count, int64_t every_us = 100'000) {
    for (int i = 0; i < count; ++i) {
      now_us_ += every_us;
      owner.worker.Step(now_us_, 0);
    }
  }
  // The worker and the database in turns until everything is committed.
  void RunToTheEnd(Owner& owner) {
    for (int i = 0; i < 200; ++i) {
      Steps(owner, 1);
      database_.RunAll();
    }
  }

  std::vector<SimLog> logs_{SmallLog()};
  SimTopic topic_{logs_};
  SimDatabase database_;
  WorkerOptions options_;
  Rules rules_;
  int64_t now_us_ = 1'000'000;
};

}  // namespace quantstream::processor::simulation
