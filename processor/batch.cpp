#include "processor/batch.h"

#include <utility>

namespace quantstream::processor {

Batch::Batch(int32_t partition, Epoch epoch, const Rules& rules)
    : rules_(rules), commit_(std::make_shared<PartitionCommit>()), closed_(epoch) {
  commit_->partition = partition;
  commit_->epoch = epoch;
}

const CandleRow* Batch::Find(const RowKey& key) const {
  auto place = index_.find(key);
  return place == index_.end() ? nullptr : &commit_->candles[place->second];
}

const CandleRow& Batch::Put(const RowKey& key, const std::string& instrument, Candle candle,
                            bool is_new) {
  auto [place, fresh] = index_.try_emplace(key, commit_->candles.size());
  if (!fresh && rules_.key_once) {
    CandleRow& row = commit_->candles[place->second];
    row.candle = std::move(candle);
    return row;
  }
  place->second = commit_->candles.size();
  if (key.seconds == 1) panes_.emplace(key.instrument, key.start_us);
  commit_->candles.push_back(CandleRow{CandleKey{instrument, Interval{key.seconds}, key.start()},
                                       std::move(candle), is_new});
  return commit_->candles.back();
}

void Batch::Announce(const CandleRow& row) {
  closed_.Add(row.key, row.candle);
  const std::string event = closed_.Take(false);
  if (!event.empty()) AppendCandleEvent(event, payload_);
}

void Batch::Refuse(DeadLetter letter) {
  AppendDeadLetter(letter, payload_);
}

void Batch::OpenGap(GapRow gap) {
  if (gap.cause != GapCause::kMissingIds) {
    commit_->gaps.push_back(std::move(gap));
    return;
  }
  std::pair key(gap.instrument, *gap.first_trade_id);
  opened_.insert_or_assign(std::move(key), std::move(gap));
}

void Batch::CloseGap(const std::string& instrument, const Hole& hole, int64_t version) {
  auto opened = opened_.find({instrument, hole.first});
  if (opened != opened_.end() && opened->second.last_trade_id == hole.last) {
    opened_.erase(opened);
    return;
  }
  GapRow gap;
  gap.instrument = instrument;
  gap.first_trade_id = hole.first;
  gap.last_trade_id = hole.last;
  gap.closed_version = version;
  commit_->gaps.push_back(std::move(gap));
}

bool Batch::HasUnknownGap(const std::string& instrument, uint64_t id) const {
  for (const GapRow& gap : commit_->gaps) {
    if (gap.cause == GapCause::kUnknown && gap.instrument == instrument &&
        *gap.first_trade_id <= id && id <= *gap.last_trade_id) {
      return true;
    }
  }
  return false;
}

void Batch::AddLate(uint32_t instrument, LateTradeRow row) {
  late_bytes_ += row.batch.size() + sizeof(row);
  late_index_[{instrument, row.open_time.us}].push_back(commit_->late_trades.size());
  commit_->late_trades.push_back(std::move(row));
}

std::optional<EventTime> Batch::PaneBefore(uint32_t instrument, EventTime pane) const {
  auto place = panes_.lower_bound({instrument, pane.us});
  if (place == panes_.begin() || (--place)->first != instrument) return std::nullopt;
  return EventTime{place->second};
}

std::optional<EventTime> Batch::PaneAfter(uint32_t instrument, EventTime pane) const {
  auto place = panes_.upper_bound({instrument, pane.us});
  if (place == panes_.end() || place->first != instrument) return std::nullopt;
  return EventTime{place->second};
}

std::shared_ptr<PartitionCommit> Batch::Freeze(int64_t version) {
  const std::string event = closed_.Take(true);
  if (!event.empty()) AppendCandleEvent(event, payload_);
  if (!payload_.empty()) commit_->outbox = OutboxRow{version, std::move(payload_)};
  for (auto& [key, gap] : opened_) commit_->gaps.push_back(std::move(gap));
  return commit_;
}

}  // namespace quantstream::processor
