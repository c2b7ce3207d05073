#include "ingest/record_ring.h"

#include <utility>

namespace quantstream::ingest {

size_t RecordRing::SizeOf(const OutgoingRecord& record) {
  constexpr size_t kOverhead = 128;  // of an entry, and of the client's copy
  size_t size = record.bytes.size() + kOverhead;
  for (const auto& [name, value] : record.headers) size += name.size() + value.size();
  return size;
}

void RecordRing::Push(OutgoingRecord record, bool heartbeat_only) {
  bytes_ += SizeOf(record);
  if (heartbeat_only) {
    ++heartbeats_[record.partition];
    ++heartbeats_total_;
  }
  entries_.push_back({std::move(record), heartbeat_only, false});
}

const OutgoingRecord* RecordRing::NextUnsent() const {
  return sent_ < entries_.size() ? &entries_[sent_].record : nullptr;
}

void RecordRing::Delivered(uint64_t token) {
  if (token < first_token_ || token - first_token_ >= entries_.size()) return;
  Entry& entry = entries_[token - first_token_];
  if (entry.delivered) return;
  entry.delivered = true;
  bytes_ -= SizeOf(entry.record);
  ++delivered_inside_;
  if (entry.heartbeat_only) {
    --heartbeats_[entry.record.partition];
    --heartbeats_total_;
  }
  entry.record.bytes = {};
  entry.record.headers = {};
  while (!entries_.empty() && entries_.front().delivered) {
    entries_.pop_front();
    ++first_token_;
    --delivered_inside_;
    if (sent_ > 0) --sent_;
  }
}

size_t RecordRing::Rewind() {
  std::deque<Entry> left;
  for (Entry& entry : entries_) {
    if (!entry.delivered) left.push_back(std::move(entry));
  }
  const size_t sent_before = sent_ - delivered_inside_;
  // New tokens: a late report of the old client must not hit another record.
  first_token_ += entries_.size();
  entries_ = std::move(left);
  delivered_inside_ = 0;
  sent_ = 0;
  return sent_before;
}

size_t RecordRing::HeartbeatsWaiting(int32_t partition) const {
  const auto found = heartbeats_.find(partition);
  return found == heartbeats_.end() ? 0 : found->second;
}

}  // namespace quantstream::ingest
