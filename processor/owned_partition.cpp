#include "processor/owned_partition.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "processor/trade_record.h"

namespace quantstream::processor {

namespace {

uint32_t Crc32Of(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

bool IsForAnOperator(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsDataLoss(status);
}

}  // namespace

OwnedPartition::OwnedPartition(int32_t partition, const WorkerOptions& options, Source& source,
                               Store& store, Publisher& publisher, FoldCounters& counters,
                               const Rules& rules)
    : partition_(partition),
      options_(options),
      source_(source),
      store_(store),
      publisher_(publisher),
      counters_(counters),
      rules_(rules),
      retry_(options) {}

OwnedPartition::~OwnedPartition() {
  publisher_.Forget(partition_);
}

// ---- take-over

bool OwnedPartition::TakeOverWhenDue(int64_t now_us) {
  if (state_ != kWaiting || !retry_.IsDue(now_us)) return true;
  TakeOver(now_us);
  return state_ != kWaiting || trouble_ != Trouble::kLog;
}

void OwnedPartition::TakeOver(int64_t now_us) {
  trouble_ = Trouble::kDatabase;
  absl::StatusOr<TakenOver> taken = store_.TakeOver(partition_);
  if (!taken.ok()) return Fail(taken.status(), now_us);
  trouble_ = Trouble::kLog;
  // After the epoch was raised: the end that PARTIALs wait for.
  absl::StatusOr<LogBounds> bounds = source_.Bounds(partition_);
  if (!bounds.ok()) return Fail(bounds.status(), now_us);
  if (absl::Status whole = CheckEnd(taken->row, *bounds, now_us); !whole.ok()) {
    return Fail(whole, now_us);
  }
  Begin(*taken, *bounds, now_us);
}

bool OwnedPartition::IsAnotherLog(const PartitionRow& row, const LogBounds& bounds) const {
  return log_replaced_ ||
         (!row.log_id.empty() && !bounds.log_id.empty() && row.log_id != bounds.log_id);
}

// Just after a restart a broker may show less of a log than it has: only one that stays too short
// has lost records.
absl::Status OwnedPartition::CheckEnd(const PartitionRow& row, const LogBounds& bounds,
                                      int64_t now_us) {
  if (bounds.end >= row.next_offset || IsAnotherLog(row, bounds)) {
    short_since_us_.reset();
    return absl::OkStatus();
  }
  if (!short_since_us_) short_since_us_ = now_us;
  if (now_us - *short_since_us_ >= options_.short_log_wait_us) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the log ends at offset ", bounds.end.value,
                                             ", but was read up to ", row.next_offset.value));
}

std::optional<OwnedPartition::Loss> OwnedPartition::FindLoss(const PartitionRow& row,
                                                             const LogBounds& bounds) const {
  if (IsAnotherLog(row, bounds) || bounds.end < row.next_offset) {
    return Loss{row.replay_from, Offset{std::max(row.next_offset.value - 1, row.replay_from.value)},
                bounds.start, true,
                IsAnotherLog(row, bounds)
                    ? "the log is another one than the one that was read before"
                    : "the log ends before records that were read"};
  }
  const Offset needed = rules_.retention_by_replay_from ? row.replay_from : row.next_offset;
  if (bounds.start <= needed) return std::nullopt;
  return Loss{row.replay_from, Offset{bounds.start.value - 1},
              std::max(row.next_offset, bounds.start), false,
              "retention has passed records that were not read"};
}

void OwnedPartition::Begin(const TakenOver& taken, const LogBounds& bounds, int64_t now_us) {
  const PartitionRow& row = taken.row;
  const bool is_new = row.state.empty() && row.next_offset.value == 0;
  const std::optional<Loss> loss = is_new ? std::nullopt : FindLoss(row, bounds);
  if (loss && !options_.record_gap) {
    return Stop(absl::OutOfRangeError(absl::StrCat(
        "data loss: ", loss->why, " (offsets ", loss->first.value, " to ", loss->last.value,
        "); on_data_loss: record_gap would go on at ", loss->next.value)));
  }
  epoch_ = taken.epoch;
  stored_ = row;
  auto fold =
      std::make_unique<Partition>(partition_, epoch_, options_.fold, *this, counters_, rules_,
                                  *options_.closed_panes);
  if (absl::Status status = fold->Load(taken); !status.ok()) return Stop(std::move(status));
  if (is_new) fold->BeginAt(bounds.start);
  if (loss) fold->RecordGap(loss->first, loss->last, loss->next, loss->replaced);
  fold_ = std::move(fold);
  first_commit_ = loss.has_value();
  last_record_ = loss ? std::nullopt : row.last_record;
  log_id_ = bounds.log_id;
  log_replaced_ = false;
  if (rules_.left_over_published) {
    left_over_ = !taken.outbox.empty();
    for (const OutboxRow& row : taken.outbox) Queue(row);
  }
  catch_up_end_ = bounds.end;
  fenced_at_us_ = now_us;
  status_ = absl::OkStatus();
  bad_.reset();
  // One record more, where the log still holds it, for its identity.
  const Offset next = fold_->position();
  Offset from = loss && loss->replaced ? next : std::min(row.replay_from, next);
  if (last_record_) from = std::min(from, last_record_->offset);
  from = std::clamp(from, std::min(bounds.start, next), next);
  expected_ = from;
  state_ = kRecovering;
  const int32_t leader_epoch = last_record_ ? last_record_->leader_epoch : -1;
  if (absl::Status status = source_.Start(partition_, from, leader_epoch); !status.ok()) {
    return Fail(status, now_us);
  }
  if (expected_ == next) EndRecovery(now_us);
}

void OwnedPartition::EndRecovery(int64_t now_us) {
  if (fold_->TakeOptions(options_.fold) && rules_.options_commit_alone) first_commit_ = true;
  state_ = first_commit_ ? kFirstCommit : kFolding;
  repeat_at_us_ = now_us;
  progress_at_us_ = now_us;
  // What is stored is told at once: the market may be quiet for long.
  if (state_ == kFolding && fold_->position() == stored_.next_offset) {
    progress_ = fold_->Progress();
  }
  if (first_commit_) source_.Stop(partition_);
}

// ---- records

void OwnedPartition::Take(const Record& record, TradeBatch& batch, int64_t now_us) {
  if ((state_ != kRecovering && state_ != kFolding) || record.offset < expected_) return;
  if (record.offset > expected_) {
    return Stop(absl::DataLossError(absl::StrCat(
        "the log has no record at offset ", expected_.value, " but one at ", record.offset.value)));
  }
  expected_ = Offset{record.offset.value + 1};
  if (state_ == kRecovering) return TakeForRecovery(record, batch, now_us);
  TakeForFold(record, batch, now_us);
}

bool OwnedPartition::IsSameRecord(const Record& record) const {
  return !last_record_ || last_record_->offset != record.offset ||
         last_record_->crc32 == Crc32Of(record.bytes);
}

void OwnedPartition::TakeForRecovery(const Record& record, TradeBatch& batch, int64_t now_us) {
  if (!IsSameRecord(record)) {
    log_replaced_ = true;
    trouble_ = Trouble::kLog;
    return TryAgain(absl::UnavailableError("a record is another one than before"), now_us);
  }
  if (record.offset >= stored_.replay_from && DecodeTradeRecord(record.bytes, batch).ok()) {
    fold_->Recover(batch, record.offset);
  }
  if (expected_ == fold_->position()) EndRecovery(now_us);
}

void OwnedPartition::TakeForFold(const Record& record, TradeBatch& batch, int64_t now_us) {
  const absl::Status decoded = DecodeTradeRecord(record.bytes, batch);
  CountBad(!decoded.ok());
  if (!decoded.ok()) {
    fold_->FoldBad(record.bytes, record.offset, record.log_time,
                   std::string_view(decoded.message().data(), decoded.message().size()));
  } else if (absl::Status s = fold_->Fold(batch, record.offset, record.log_time); !s.ok()) {
    return Fail(s, now_us);
  }
  last_seen_ = record;
  if (bad_.count() > kBadWindow / 2) {
    Stop(absl::FailedPreconditionError(absl::StrCat("bad records: ", bad_.count(), " of the last ",
                                                    kBadWindow, " records are no TradeBatch")));
  }
}

void OwnedPartition::CountBad(bool bad) {
  bad_.set(bad_at_, bad);
  bad_at_ = (bad_at_ + 1) % kBadWindow;
}

void OwnedPartition::EndPoll(int64_t now_us) {
  if (!last_seen_ || !fold_) return last_seen_.reset();
  last_record_ =
      RecordIdentity{last_seen_->offset, last_seen_->leader_epoch, Crc32Of(last_seen_->bytes)};
  last_seen_.reset();
  if (absl::Status status = fold_->EndPoll(); !status.ok()) Fail(status, now_us);
}

void OwnedPartition::SourceFailed(const absl::Status& status, int64_t now_us) {
  if (state_ != kRecovering && state_ != kFolding) return;
  log_replaced_ = log_replaced_ || absl::IsDataLoss(status);
  trouble_ = Trouble::kLog;
  TryAgain(status, now_us);
}

absl::StatusOr<ReadBackAnswer> OwnedPartition::Read(ReadBack request) {
  request.partition = partition_;
  request.epoch = epoch_;
  trouble_ = Trouble::kDatabase;
  return store_.Read(request);
}

absl::Status OwnedPartition::ReadLog(Offset first, Offset last,
                                     const std::function<void(const TradeBatch&, Offset)>& each) {
  TradeBatch batch;
  trouble_ = Trouble::kLog;
  return source_.Read(partition_, first, last, [&](const Record& record) {
    if (DecodeTradeRecord(record.bytes, batch).ok()) each(batch, record.offset);
  });
}

// ---- commits

bool OwnedPartition::has_records() const {
  return fold_ && state_ == kFolding && fold_->position() > stored_.next_offset;
}

bool OwnedPartition::wants_commit() const {
  return state_ == kFirstCommit || (state_ == kFolding && fold_->has_candles());
}

std::shared_ptr<PartitionCommit> OwnedPartition::Freeze(bool store_open, int64_t now_us) {
  if (state_ != kFolding && state_ != kFirstCommit) return nullptr;
  if (!has_records() && !first_commit_ && !store_open) return nullptr;
  absl::StatusOr<std::shared_ptr<PartitionCommit>> frozen = fold_->Freeze(store_open);
  if (!frozen.ok()) {
    Fail(frozen.status(), now_us);
    return nullptr;
  }
  PartitionCommit& commit = **frozen;
  commit.expected_next_offset = stored_.next_offset;
  commit.row.last_record = last_record_;
  commit.row.log_id = log_id_;
  commit.delivered_version = publisher_.DeliveredVersion(partition_);
  if (store_open) state_ = kReleased;
  if (commit.outbox && !rules_.publish_after_commit) Queue(*commit.outbox);
  return *frozen;
}

void OwnedPartition::Landed(const PartitionCommit& commit, int64_t begun_us, int64_t now_us) {
  stored_ = commit.row;
  fold_->Landed();
  retry_.Worked();
  first_commit_ = false;
  fenced_at_us_ = std::max(fenced_at_us_, begun_us);
  // While rows that were left over are loaded, this one comes with them.
  const bool loaded = left_over_ || (commit.outbox && commit.outbox->version <= newest_queued_);
  if (commit.outbox && rules_.publish_after_commit && !loaded) Queue(*commit.outbox);
  progress_ = fold_->frozen_progress();
  progress_at_us_ = now_us;
  if (state_ != kFirstCommit) return;
  state_ = kFolding;
  expected_ = fold_->position();
  const int32_t leader_epoch = last_record_ ? last_record_->leader_epoch : -1;
  trouble_ = Trouble::kLog;
  absl::Status started = source_.Start(partition_, expected_, leader_epoch);
  if (!started.ok()) Fail(started, now_us);
}

void OwnedPartition::CheckFence(int64_t now_us) {
  if (!fold_ || now_us - fenced_at_us_ < options_.fence_check_us) return;
  const absl::StatusOr<StoredProgress> progress = store_.ReadProgress(partition_);
  if (!progress.ok()) return;
  if (progress->epoch != epoch_) return Fenced(now_us);
  fenced_at_us_ = now_us;
}

void OwnedPartition::Fenced(int64_t now_us) {
  status_ = absl::AbortedError("another owner has taken the partition over");
  trouble_ = Trouble::kOwner;
  Drop();
  retry_.WaitUntil(now_us + options_.fenced_wait_us);
}

void OwnedPartition::Release() {
  if (state_ != kWaiting && state_ != kRecovering && state_ != kFirstCommit) return;
  Drop();
  retry_.WaitUntil(INT64_MAX);
}

void OwnedPartition::Fail(const absl::Status& status, int64_t now_us) {
  if (absl::IsAborted(status)) return Fenced(now_us);
  if (IsForAnOperator(status)) return Stop(status);
  TryAgain(status, now_us);
}

void OwnedPartition::TryAgain(const absl::Status& status, int64_t now_us) {
  status_ = status;
  Drop();
  retry_.Failed(now_us);
}

void OwnedPartition::Drop() {
  source_.Stop(partition_);
  publisher_.Forget(partition_);
  fold_.reset();
  unpublished_.clear();
  unpublished_bytes_ = 0;
  newest_queued_ = -1;
  left_over_ = false;
  progress_.clear();
  partial_at_us_.clear();
  last_seen_.reset();
  first_commit_ = false;
  state_ = kWaiting;
}

void OwnedPartition::Stop(absl::Status status) {
  Drop();
  state_ = kStopped;
  status_ = std::move(status);
}

}  // namespace quantstream::processor
