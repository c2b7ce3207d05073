// One partition that a worker holds: take-over, recovery, fold, and what it publishes. Crash-only:
// whatever goes wrong, its memory is dropped and it is taken over again, unless an operator must
// decide: then it stops by name.
#pragma once

#include <bitset>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "processor/fold_counters.h"
#include "processor/io.h"
#include "processor/partition.h"
#include "processor/retry.h"
#include "processor/rules.h"
#include "processor/worker_options.h"

namespace quantstream::processor {

class OwnedPartition final : public LateReader {
 public:
  enum State {
    kWaiting,      // to be taken over
    kRecovering,   // reads records again that open windows need
    kFirstCommit,  // new options or a gap in the log are committed before the next record
    kFolding,
    kReleased,  // all is committed for a graceful stop
    kStopped,   // until an operator has decided
  };

  // Whose trouble it is that a partition waits.
  enum class Trouble { kDatabase, kLog, kOwner };

  OwnedPartition(int32_t partition, const WorkerOptions& options, Source& source, Store& store,
                 Publisher& publisher, FoldCounters& counters, const Rules& rules);
  ~OwnedPartition() override;

  // Takes the partition over when that is due. False: it failed because of the log.
  bool TakeOverWhenDue(int64_t now_us);
  // A record from Poll. `batch` is the decoder's memory.
  void Take(const Record& record, TradeBatch& batch, int64_t now_us);
  // The records of a poll have been given.
  void EndPoll(int64_t now_us);
  // The source lost its place.
  void SourceFailed(const absl::Status& status, int64_t now_us);

  // All that is folded and not committed, or null. `store_open`: for a graceful stop, and there is
  // always something.
  std::shared_ptr<PartitionCommit> Freeze(bool store_open, int64_t now_us);
  // That commit landed; it began at `begun_us`.
  void Landed(const PartitionCommit& commit, int64_t begun_us, int64_t now_us);
  // Another owner has it.
  void Fenced(int64_t now_us);
  // Reads the row when there was no commit for long: is it still ours?
  void CheckFence(int64_t now_us);
  // Open windows need nothing from it any more.
  void Release();

  // Outbox rows, then Progress, then open candles, as far as they are due.
  void Publish(int64_t now_us);

  int32_t partition() const { return partition_; }
  State state() const { return state_; }
  const absl::Status& status() const { return status_; }  // why it stopped, or waits
  Trouble trouble() const { return trouble_; }            // REQUIRES: it waits
  std::optional<Epoch> epoch() const { return fold_ ? std::optional(epoch_) : std::nullopt; }
  bool has_records() const;   // folded, not committed
  bool wants_commit() const;  // a window closed, a candle is revised, or the first commit is due
  bool has_unpublished() const { return left_over_ || !unpublished_.empty(); }
  bool has_left_over() const { return left_over_; }
  bool holds_open() const { return open_held_; }  // until the broker has the ones before
  size_t unpublished_bytes() const { return unpublished_bytes_; }
  bool is_full() const { return fold_ && fold_->batch_rows() > options_.batch_rows_max; }
  // Next record to fold, and the end that the log had at the take-over.
  Offset position() const { return fold_ ? fold_->position() : Offset{}; }
  Offset end_at_take_over() const { return catch_up_end_; }
  const Partition* fold() const { return fold_.get(); }

  absl::StatusOr<ReadBackAnswer> Read(ReadBack request) override;
  absl::Status ReadLog(Offset first, Offset last,
                       const std::function<void(const TradeBatch&, Offset)>& each) override;

 private:
  struct Loss {
    Offset first;
    Offset last;
    Offset next;
    bool replaced = false;
    std::string why;
  };

  void TakeOver(int64_t now_us);
  void Begin(const TakenOver& taken, const LogBounds& bounds, int64_t now_us);
  bool IsAnotherLog(const PartitionRow& row, const LogBounds& bounds) const;
  absl::Status CheckEnd(const PartitionRow& row, const LogBounds& bounds, int64_t now_us);
  std::optional<Loss> FindLoss(const PartitionRow& row, const LogBounds& bounds) const;
  void EndRecovery(int64_t now_us);
  void TakeForRecovery(const Record& record, TradeBatch& batch, int64_t now_us);
  bool IsSameRecord(const Record& record) const;
  void TakeForFold(const Record& record, TradeBatch& batch, int64_t now_us);
  void CountBad(bool bad);
  void Fail(const absl::Status& status, int64_t now_us);
  void TryAgain(const absl::Status& status, int64_t now_us);
  void Drop();
  void Stop(absl::Status status);
  void Queue(OutboxRow row);
  void LoadLeftOver(int64_t now_us);
  bool MayPublishOpen(int64_t now_us) const;
  void PublishOpen(int64_t now_us);
  void RepeatOpen(int64_t now_us);

  static constexpr size_t kBadWindow = 1'000;

  const int32_t partition_;
  const WorkerOptions& options_;
  Source& source_;
  Store& store_;
  Publisher& publisher_;
  FoldCounters& counters_;
  const Rules& rules_;

  State state_ = kWaiting;
  absl::Status status_;
  Trouble trouble_ = Trouble::kDatabase;  // of the call that failed last
  Retry retry_;
  bool log_replaced_ = false;  // noticed by the last attempt
  std::optional<int64_t> short_since_us_;  // the log ends before next_offset

  Epoch epoch_;
  std::unique_ptr<Partition> fold_;
  PartitionRow stored_;        // as of the last commit
  bool first_commit_ = false;  // due, also without records
  Offset expected_;            // next record from the source
  Offset catch_up_end_;
  std::string log_id_;
  std::optional<RecordIdentity> last_record_;
  std::optional<Record> last_seen_;  // folded in this poll
  std::bitset<kBadWindow> bad_;
  size_t bad_at_ = 0;

  std::deque<OutboxRow> unpublished_;
  size_t unpublished_bytes_ = 0;
  int64_t newest_queued_ = -1;  // version of a row
  bool open_held_ = false;
  bool left_over_ = false;      // the store may have rows behind that one that were not loaded
  std::string progress_;
  int64_t progress_at_us_ = 0;
  int64_t fenced_at_us_ = 0;            // last commit or read that showed that the row is ours
  std::vector<int64_t> partial_at_us_;  // per instrument: the last one
  int64_t repeat_at_us_ = 0;
};

}  // namespace quantstream::processor
