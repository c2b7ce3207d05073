// What query sees of the world, in memory and one step at a time: partitions of `trades` that
// owners fold, commit and publish, owners that die and zombies that go on, the topic `candles`, and
// a store whose replica lags. The fold itself is played: which candles a record closes, revises or
// leaves open is drawn beforehand, so every owner finds the same.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "query/splice.h"

namespace quantstream::query::simulation {

struct Row {
  int64_t version = 0;
  CandleState state = CandleState::kFinal;
};
using Rows = std::map<CandleKey, Row>;

// What one record of `trades` does to the candles of its partition.
struct Effect {
  std::vector<std::pair<CandleKey, CandleState>> closed;  // FINAL and REVISED, version = offset
  std::map<std::string, std::vector<CandleKey>>
      open;  // of each instrument that traded: all that is open
  int64_t closed_until_s = 0;
};

struct WorldOptions {
  int partitions = 2;
  int instruments_per_partition = 2;
  int records = 30;
  std::vector<int32_t> intervals = {1, 5, 60};
  bool every_change_in_outbox = true;  // else only each candle's last of a commit
};

// Which of the stored changes since a mark the store gives.
struct ChangesRead {
  bool at_the_mark = true;
  bool finals = true;
  bool revisions = true;
};

class World {
 public:
  World(uint64_t seed, WorldOptions options);

  // One step of somebody, drawn by chance: a record is written, folded, committed, published; an
  // owner dies.
  void Step();
  // Runs until all is folded, committed, published, told by Progress, and the replica has caught
  // up.
  void Finish();

  // Topic `candles`.
  const std::vector<TailEvent>& topic(int32_t partition) const { return topic_[partition]; }
  // The replica as of now. With `torn`, next_version is read a moment after the candles.
  // In pieces: at most so many rows of a series and state.
  Snapshot Read(const SnapshotRequest& request, bool torn, const ChangesRead& changes,
                int64_t piece_rows);
  void CatchUp() { replica_ = committed_.size() - 1; }

  const Rows& RowsAt(int32_t partition, int64_t offset) const { return rows_[partition][offset]; }
  int64_t committed(int32_t partition) const { return committed_.back()[partition]; }
  std::vector<StreamSeries> AllSeries() const;
  const WorldOptions& options() const { return options_; }
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }
  static Update MakeUpdate(const CandleKey& key, int32_t partition, const Row& row);

 private:
  // A worker that folds one partition. An old epoch cannot commit any more, but may still publish.
  struct Owner {
    int64_t epoch = 0;
    int64_t position = 0;     // next record to fold
    int64_t base = 0;         // as of its last commit
    int64_t quiet_until = 0;  // no PARTIAL before this position
    std::deque<TailEvent> outgoing;
    int zombie_steps = 0;
  };

  std::string Instrument(int32_t partition, int64_t number) const;
  void DrawEffects(int32_t partition);
  void DrawTrade(const std::string& instrument, int64_t second, int64_t closed_until,
                 std::set<CandleKey>* open, Effect* effect);
  void DrawClose(int64_t closed_until, std::set<CandleKey>* open, Effect* effect);
  void Fold(int32_t partition, Owner* owner);
  void Commit(int32_t partition, Owner* owner);
  void QueueClosed(int32_t partition, int64_t from, int64_t to, Owner* owner);
  void QueueProgress(int32_t partition, Owner* owner);
  void Publish(int32_t partition, Owner* owner);
  void TakeOver(int32_t partition);
  void StepPartition(int32_t partition);

  WorldOptions options_;
  std::mt19937_64 random_;
  std::vector<std::vector<Effect>> effects_;  // per partition, per offset
  std::vector<std::vector<Rows>> rows_;       // per partition: as of next_offset
  std::vector<int64_t> log_end_;              // records written so far
  std::vector<Owner> owners_;
  std::vector<std::vector<Owner>> zombies_;
  std::vector<std::vector<std::pair<int64_t, int64_t>>>
      outbox_;  // commits that are not all published: [from, to)
  std::vector<std::vector<TailEvent>> topic_;
  std::vector<std::vector<int64_t>>
      committed_;  // history of next_offset per partition; the last is the primary
  size_t replica_ = 0;
};

}  // namespace quantstream::query::simulation
