// What an owned partition tells topic `candles`: committed rows first, then Progress, then what is
// open.
#include <utility>

#include "processor/owned_partition.h"

namespace quantstream::processor {

void OwnedPartition::Queue(OutboxRow row) {
  newest_queued_ = row.version;
  unpublished_bytes_ += row.payload.size();
  unpublished_.insert(rules_.outbox_first ? unpublished_.end() : unpublished_.begin(),
                      std::move(row));
}

void OwnedPartition::Publish(int64_t now_us) {
  open_held_ = false;
  if (!fold_) return;
  while (!unpublished_.empty() && publisher_.PublishCommitted(partition_, unpublished_.front())) {
    unpublished_bytes_ -= unpublished_.front().payload.size();
    unpublished_.pop_front();
  }
  if (!unpublished_.empty()) return;
  if (left_over_) return LoadLeftOver(now_us);
  if (!progress_.empty() && now_us >= progress_at_us_) {
    progress_at_us_ = now_us + options_.progress_interval_us;
    publisher_.PublishEvent(partition_, progress_);
  }
  if (!MayPublishOpen(now_us)) return;
  RepeatOpen(now_us);
  PublishOpen(now_us);
}

// However much earlier owners could not publish, memory holds a page of it.
void OwnedPartition::LoadLeftOver(int64_t now_us) {
  trouble_ = Trouble::kDatabase;
  auto rows = store_.ReadOutbox(partition_, epoch_, newest_queued_);
  if (!rows.ok()) return Fail(rows.status(), now_us);
  left_over_ = !rows->empty();
  for (OutboxRow& row : *rows) Queue(std::move(row));
}

bool OwnedPartition::MayPublishOpen(int64_t now_us) const {
  if (state_ != kFolding) return false;
  if (rules_.catch_up_before_partial && fold_->position() < catch_up_end_) return false;
  return !rules_.fenced_recently || now_us - fenced_at_us_ <= options_.fence_valid_us;
}

void OwnedPartition::PublishOpen(int64_t now_us) {
  open_held_ = !fold_->partials_due().empty() && !publisher_.TakesOpen(partition_);
  if (open_held_) return;
  partial_at_us_.resize(fold_->instrument_count(), INT64_MIN / 2);
  std::vector<uint32_t> due;
  due.swap(fold_->partials_due());
  for (uint32_t instrument : due) {
    if (now_us - partial_at_us_[instrument] < options_.partial_interval_us) {
      fold_->partials_due().push_back(instrument);
      continue;
    }
    std::string event;
    if (!fold_->TakePartials(instrument, event)) continue;
    partial_at_us_[instrument] = now_us;
    if (!event.empty()) publisher_.PublishEvent(partition_, std::move(event));
  }
}

// So that a query that starts finds every open candle in the last minute of topic `candles`.
void OwnedPartition::RepeatOpen(int64_t now_us) {
  if (now_us < repeat_at_us_ || !rules_.open_is_repeated) return;
  repeat_at_us_ = now_us + options_.progress_interval_us;
  for (uint32_t i = 0; i < partial_at_us_.size(); ++i) {
    if (repeat_at_us_ - partial_at_us_[i] >= options_.partial_repeat_us) fold_->RepeatPartials(i);
  }
}

}  // namespace quantstream::processor
