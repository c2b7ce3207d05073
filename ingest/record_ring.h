// Records that Kafka has not acknowledged yet, in the order they were made, to be sent again
// unchanged. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "ingest/io.h"

namespace quantstream::ingest {

class RecordRing {
 public:
  explicit RecordRing(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Always takes it: a promise was made for what it holds. Watch Full before more is read.
  void Push(OutgoingRecord record, bool heartbeat_only);
  bool Full() const { return bytes_ >= bytes_max_; }

  // The oldest record that was not handed to the log yet, with its token; nullptr when all were.
  const OutgoingRecord* NextUnsent() const;
  uint64_t next_token() const { return first_token_ + sent_; }
  // It was handed to the log.
  void MarkSent() { ++sent_; }
  // The log acknowledged it: it is forgotten when those before it are.
  void Delivered(uint64_t token);
  // The log's client was made anew: all that was not acknowledged is unsent again. Returns how
  // many.
  size_t Rewind();

  size_t records() const { return entries_.size() - delivered_inside_; }
  size_t bytes() const { return bytes_; }
  // Records that hold more than a heartbeat, not acknowledged yet.
  size_t owed() const { return records() - heartbeats_total_; }
  // Records of the partition without a trade, not acknowledged yet.
  size_t HeartbeatsWaiting(int32_t partition) const;

 private:
  struct Entry {
    OutgoingRecord record;
    bool heartbeat_only = false;
    bool delivered = false;
  };

  static size_t SizeOf(const OutgoingRecord& record);

  size_t bytes_max_;
  size_t bytes_ = 0;
  std::deque<Entry> entries_;
  uint64_t first_token_ = 1;              // of entries_.front()
  size_t sent_ = 0;                       // so many of the front were handed over
  size_t delivered_inside_ = 0;           // acknowledged ones behind an unacknowledged one
  std::map<int32_t, size_t> heartbeats_;  // by partition
  size_t heartbeats_total_ = 0;
};

}  // namespace quantstream::ingest
