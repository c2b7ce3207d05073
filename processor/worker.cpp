#include "processor/worker.h"

#include <algorithm>
#include <utility>

namespace quantstream::processor {
namespace {

constexpr int64_t kHeldWaitUs = 1'000;  // that open candles may go is noticed within

}  // namespace

const Rules Worker::kAllRules;

Worker::Worker(WorkerOptions options, Source& source, Store& store, Publisher& publisher,
               const Rules& rules)
    : options_(std::move(options)),
      source_(source),
      store_(store),
      publisher_(publisher),
      rules_(rules),
      retry_(options_) {}

void Worker::Step(int64_t now_us, int64_t wait_us) {
  FinishCommit(now_us);
  if (!stopping_) TakeOver(now_us);
  Poll(now_us, wait_us);
  BeginCommitWhenDue(now_us);
  for (auto& [number, partition] : partitions_) {
    if (commit_ == kIdle) partition->CheckFence(now_us);
    partition->Publish(now_us);
  }
}

// A log that does not answer costs a time-out each time it is asked: it is asked once in a Step,
// and in the next one the other partitions come first.
void Worker::TakeOver(int64_t now_us) {
  auto each = partitions_.upper_bound(log_failed_);
  for (size_t i = 0; i < partitions_.size(); ++i, ++each) {
    if (each == partitions_.end()) each = partitions_.begin();
    if (each->second->TakeOverWhenDue(now_us)) continue;
    log_failed_ = each->first;
    return;
  }
}

void Worker::Poll(int64_t now_us, int64_t wait_us) {
  const bool full = std::any_of(partitions_.begin(), partitions_.end(), [](const auto& each) {
    return each.second->is_full() || each.second->has_left_over();
  });
  const bool stuck = unpublished_bytes() > options_.unpublished_bytes_max;
  const bool pause = stopping_ || full || stuck || commit_ == kToSend || commit_ == kToResolve;
  if (pause != paused_) source_.Pause(pause);
  paused_ = pause;
  const bool held = std::any_of(partitions_.begin(), partitions_.end(),
                                [](const auto& each) { return each.second->holds_open(); });
  source_status_ = source_.Poll(held ? std::min(wait_us, kHeldWaitUs) : wait_us, events_);
  if (!source_status_.ok()) return;
  for (int32_t partition : events_.revoked) partitions_.erase(partition);
  for (int32_t partition : events_.assigned) {
    partitions_.erase(partition);
    partitions_.emplace(partition,
                        std::make_unique<OwnedPartition>(partition, options_, source_, store_,
                                                         publisher_, counters_, rules_));
  }
  for (const PartitionFailure& failure : events_.failed) {
    const auto owned = partitions_.find(failure.partition);
    if (owned != partitions_.end()) owned->second->SourceFailed(failure.status, now_us);
  }
  Give(events_.records, now_us);
}

void Worker::Give(const std::vector<Record>& records, int64_t now_us) {
  for (const Record& record : records) {
    const auto owned = partitions_.find(record.partition);
    if (owned != partitions_.end()) owned->second->Take(record, batch_, now_us);
  }
  for (auto& [number, partition] : partitions_) partition->EndPoll(now_us);
}

// ---- commits

bool Worker::IsCommitDue(int64_t now_us) const {
  const auto any = [this](auto predicate) {
    return std::any_of(partitions_.begin(), partitions_.end(),
                       [&](const auto& each) { return predicate(*each.second); });
  };
  if (stopping_) return true;
  if (now_us - begun_us_ < options_.commit_interval_us) return false;
  if (any([](const OwnedPartition& p) { return p.wants_commit() || p.is_full(); })) return true;
  return now_us - begun_us_ >= options_.commit_latest_us &&
         any([](const OwnedPartition& p) { return p.has_records(); });
}

void Worker::BeginCommitWhenDue(int64_t now_us) {
  if (commit_ != kIdle || !IsCommitDue(now_us)) return;
  for (auto& [number, partition] : partitions_) {
    if (stopping_) partition->Release();
    if (auto frozen = partition->Freeze(stopping_, now_us)) pending_.push_back(std::move(frozen));
  }
  if (pending_.empty()) return;
  begun_us_ = now_us;
  Send(now_us);
}

void Worker::Send(int64_t) {
  commit_ = kInFlight;
  store_.BeginCommit(pending_);
}

OwnedPartition* Worker::OwnerOf(const PartitionCommit& commit) {
  const auto owned = partitions_.find(commit.partition);
  const bool is_its = owned != partitions_.end() && owned->second->epoch() == commit.epoch;
  return is_its ? owned->second.get() : nullptr;
}

void Worker::Landed(const PartitionCommit& commit, int64_t now_us) {
  OwnedPartition* owner = OwnerOf(commit);
  if (owner == nullptr) return;
  owner->Landed(commit, begun_us_, now_us);
  source_.ReportCommitted(commit.partition, commit.row.next_offset);
}

void Worker::FinishCommit(int64_t now_us) {
  if (commit_ == kToSend && retry_.IsDue(now_us)) Send(now_us);
  if (commit_ == kToResolve && retry_.IsDue(now_us)) Resolve(now_us);
  if (commit_ != kInFlight) return;
  const std::optional<CommitOutcome> outcome = store_.PollCommit();
  if (!outcome) return;
  switch (outcome->kind) {
    case CommitOutcome::kLanded:
      ++commits_.landed;
      for (const auto& commit : std::exchange(pending_, {})) Landed(*commit, now_us);
      commit_ = kIdle;
      retry_.Worked();
      trouble_ = absl::OkStatus();
      return;
    case CommitOutcome::kFailed:
      ++commits_.failed;
      commit_ = kToSend;
      return Trouble(outcome->status, now_us);
    case CommitOutcome::kUnmatched:
    case CommitOutcome::kUnknown:
      ++(outcome->kind == CommitOutcome::kUnknown ? commits_.unknown : commits_.unmatched);
      unmatched_ = outcome->kind == CommitOutcome::kUnmatched;
      trouble_ = outcome->status;
      commit_ = kToResolve;
      return Resolve(now_us);
  }
}

void Worker::Trouble(absl::Status status, int64_t now_us) {
  trouble_ = std::move(status);
  retry_.Failed(now_us);
}

// The rows tell: landed, to be sent again, or another owner's.
void Worker::Resolve(int64_t now_us) {
  const size_t sent = pending_.size();
  for (auto commit = pending_.begin(); commit != pending_.end();) {
    if (OwnerOf(**commit) == nullptr) {
      commit = pending_.erase(commit);
      continue;
    }
    const absl::StatusOr<StoredProgress> row = store_.ReadProgress((*commit)->partition);
    if (!row.ok()) return Trouble(row.status(), now_us);
    const bool mine = row->epoch == (*commit)->epoch;
    const bool looked = rules_.read_after_unmatched || !unmatched_;
    if (mine && looked && row->next_offset == (*commit)->row.next_offset &&
        (*commit)->row.next_offset != (*commit)->expected_next_offset) {
      Landed(**commit, now_us);
      commit = pending_.erase(commit);
    } else if (mine && row->next_offset == (*commit)->expected_next_offset) {
      ++commit;
    } else {
      OwnerOf(**commit)->Fenced(now_us);
      commit = pending_.erase(commit);
    }
  }
  commit_ = pending_.empty() ? kIdle : kToSend;
  if (pending_.empty()) trouble_ = absl::OkStatus();
  if (pending_.size() == sent) return retry_.Failed(now_us);
  retry_.WaitUntil(now_us);
}

size_t Worker::unpublished_bytes() const {
  size_t bytes = 0;
  for (const auto& [number, partition] : partitions_) bytes += partition->unpublished_bytes();
  return bytes;
}

bool Worker::stopped() const {
  return stopping_ && commit_ == kIdle &&
         std::all_of(partitions_.begin(), partitions_.end(), [](const auto& each) {
           const OwnedPartition& partition = *each.second;
           return partition.state() != OwnedPartition::kFolding && !partition.has_unpublished();
         });
}

}  // namespace quantstream::processor
