// A database in memory: rows, guards, transactions whose answers get lost; and one worker's
// connection to it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "processor/io.h"
#include "tests/simulation/fold/sim_log.h"

namespace quantstream::processor::simulation {

// What the store itself must keep, for the scenarios that take it away.
struct StoreRules {
  bool fenced_reads = true;  // rule 9
  bool locked_load = true;   // rule 14
};

class SimDatabase {
 public:
  struct Partition {
    PartitionRow row;
    Epoch epoch;
    std::map<std::string, std::string> instruments;
    std::map<int64_t, std::string> outbox;
  };
  using LateKey = std::tuple<std::string, EventTime, int64_t, uint32_t>;

  // A transaction that was sent.
  struct Transaction {
    Commit commit;
    std::optional<CommitOutcome> outcome;  // what its sender sees
    bool cut = false;                      // its sender saw the connection die
  };

  absl::StatusOr<TakenOver> TakeOver(int32_t partition);
  void Raise(int32_t partition) { ++partitions_[partition].epoch.value; }
  TakenOver Load(int32_t partition);
  // A page of two.
  std::vector<OutboxRow> OutboxAfter(int32_t partition, int64_t version);
  std::shared_ptr<Transaction> Send(Commit commit);
  absl::StatusOr<ReadBackAnswer> Read(const ReadBack& request) const;

  // One transaction that was sent goes on: it runs, gets lost, or runs and its answer gets lost.
  // False when there is none.
  bool RunOne(Random& random, bool calm);
  // It runs now and its sender is told.
  void RunAll();
  // Runs it now; whether the sender learns of it is the caller's choice.
  CommitOutcome Execute(const Commit& commit);
  bool has_running() const { return !running_.empty(); }
  // The next one runs twice, as when it was sent again while the first was on its way; its sender
  // learns of the second.
  void RunTwice();
  // The next one is lost before it runs, or after.
  void LoseNext(bool after_it_ran);

  const std::map<CandleKey, Candle>& rows() const { return rows_; }
  const std::vector<GapRow>& gaps() const { return gaps_; }
  const std::map<LateKey, LateTradeRow>& late_trades() const { return late_trades_; }
  Partition& partition(int32_t number) { return partitions_[number]; }

  std::function<void(const PartitionCommit&)> on_commit;  // it landed
  std::function<void(std::string)> on_violation;
  StoreRules rules;

 private:
  void Apply(const PartitionCommit& commit);
  Neighbours NeighboursOf(const NeighbourQuery& query) const;

  std::map<int32_t, Partition> partitions_;
  std::map<CandleKey, Candle> rows_;
  std::vector<GapRow> gaps_;
  std::map<LateKey, LateTradeRow> late_trades_;
  std::list<std::shared_ptr<Transaction>> running_;
};

// One worker's connections.
class SimStore final : public Store {
 public:
  explicit SimStore(SimDatabase& database) : database_(database) {}

  absl::StatusOr<TakenOver> TakeOver(int32_t partition) override;
  void BeginCommit(Commit commit) override;
  std::optional<CommitOutcome> PollCommit() override;
  absl::StatusOr<StoredProgress> ReadProgress(int32_t partition) override;
  absl::StatusOr<std::vector<OutboxRow>> ReadOutbox(int32_t partition, Epoch epoch,
                                                    int64_t after_version) override;
  absl::StatusOr<ReadBackAnswer> Read(const ReadBack& request) override;

  bool down = false;                             // everything but a commit in flight fails
  std::function<void()> between_raise_and_load;  // where rule 14 is taken out

 private:
  SimDatabase& database_;
  std::shared_ptr<SimDatabase::Transaction> in_flight_;
};

}  // namespace quantstream::processor::simulation
