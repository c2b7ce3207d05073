// The world's ends: topic `trades` as a source, topic `candles` as a publisher.
#include <algorithm>

#include "market/trade_codec.h"
#include "processor/outbox.h"
#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {

SimTopic::SimTopic(const std::vector<SimLog>& logs) {
  for (const SimLog& log : logs) {
    std::vector<std::string> bytes;
    std::vector<int64_t> times;
    for (const SimRecord& record : log) {
      EncodeTradeBatch(record.ToBatch(), bytes.emplace_back());
      times.push_back(record.log_time * kTick_us);
    }
    visible.push_back(static_cast<int64_t>(bytes.size()));
    start.push_back(0);
    records.push_back(std::move(bytes));
    log_times.push_back(std::move(times));
  }
}

Record SimSource::At(int32_t partition, int64_t offset) const {
  const auto number = static_cast<size_t>(partition);
  const auto at = static_cast<size_t>(offset);
  return Record{partition, Offset{offset}, 0, EventTime{topic_.log_times[number][at]},
                topic_.records[number][at]};
}

absl::Status SimSource::Poll(int64_t, SourceEvents& events) {
  events = {};
  events.assigned.swap(assigned_);
  events.revoked.swap(revoked_);
  if (paused_) return absl::OkStatus();
  const std::vector<int64_t> sizes = {1, 1, 4, 12};
  for (auto& [partition, position] : positions_) {
    const int64_t records = records_each > 0 ? records_each : Pick(random_, sizes);
    const int64_t end =
        std::min(position + records, topic_.visible[static_cast<size_t>(partition)]);
    for (; position < end; ++position) events.records.push_back(At(partition, position));
  }
  return absl::OkStatus();
}

absl::StatusOr<LogBounds> SimSource::Bounds(int32_t partition) {
  const auto number = static_cast<size_t>(partition);
  return LogBounds{Offset{topic_.start[number]}, Offset{topic_.visible[number]}, log_id};
}

absl::Status SimSource::Start(int32_t partition, Offset from, int32_t) {
  positions_[partition] = from.value;
  return absl::OkStatus();
}

absl::Status SimSource::Read(int32_t partition, Offset first, Offset last,
                             const std::function<void(const Record&)>& each) {
  if (first.value < topic_.start[static_cast<size_t>(partition)]) {
    return absl::OutOfRangeError("the log begins later");
  }
  for (int64_t offset = first.value; offset <= last.value; ++offset) each(At(partition, offset));
  return absl::OkStatus();
}

void SimSource::Revoke(int32_t partition) {
  positions_.erase(partition);
  revoked_.push_back(partition);
}

bool SimPublisher::PublishCommitted(int32_t partition, const OutboxRow& row) {
  if (Chance(random_, .1)) return false;
  const absl::StatusOr<std::vector<OutboxMessage>> messages = UnpackOutbox(row.payload);
  if (!messages.ok()) checker_.Violation("an outbox row cannot be read");
  for (const OutboxMessage& message : *messages) {
    if (message.kind == OutboxMessage::kCandleEvent) {
      checker_.PublishedClosed(ReadCandleEvent(message.candle_event).closed);
    }
  }
  int64_t& newest = newest_taken_.try_emplace(partition, -1).first->second;
  if (row.version <= newest) checker_.Violation("outbox rows are published out of order");
  newest = row.version;
  taken_[partition].push_back(row.version);
  return true;
}

int64_t SimPublisher::DeliveredVersion(int32_t partition) {
  std::vector<int64_t>& taken = taken_[partition];
  auto [delivered, fresh] = delivered_.try_emplace(partition, -1);
  while (!taken.empty() && Chance(random_, .7)) {
    delivered->second = std::max(delivered->second, taken.front());
    taken.erase(taken.begin());
  }
  return delivered->second;
}

bool SimPublisher::PublishEvent(int32_t, std::string candle_event) {
  const CandleEventParts parts = ReadCandleEvent(candle_event);
  if (!parts.is_progress) checker_.PublishedOpen(parts.open, newest_);
  return true;
}

void SimPublisher::Forget(int32_t partition) {
  taken_.erase(partition);
  delivered_.erase(partition);
  newest_taken_.erase(partition);
  newest_.clear();
}

}  // namespace quantstream::processor::simulation
