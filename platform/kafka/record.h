// What a consumer hands out: records as views, and errors by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quantstream::kafka {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Where to read from. The epoch lets the broker say that the log was truncated; -1 = unknown, no
// such check.
struct Position {
  int64_t offset = 0;
  int32_t leader_epoch = -1;
};

// Offsets [start, end) are in the log now.
struct LogRange {
  int64_t start = 0;
  int64_t end = 0;
};

// Valid until the next Poll, Stop or Close of its consumer.
struct RecordView {
  int32_t partition = 0;
  int64_t offset = 0;
  int32_t leader_epoch = -1;        // of the broker when the record was written; -1 = unknown
  int64_t log_append_time_ms = -1;  // -1 = the topic does not stamp LogAppendTime
  std::string_view payload{};       // empty for a tombstone
  std::string_view key{};
  const void* handle = nullptr;  // for HeadersOf
};

// A copy of the record's headers, in order.
Headers HeadersOf(const RecordView& record);

enum class ErrorKind {
  kOffsetOutOfRange,  // retention passed the offset, or the topic was replaced; the partition has
                      // stopped
  kTopicUnknown,  // topic or partition is not (any more) on the broker; the partition has stopped
  kPartitionTruncated,  // the log was cut behind the position; the partition has stopped
  kOffsetGap,  // records between the expected offset and the next one are missing; the partition
               // has stopped
  kTransport,  // brokers cannot be reached; the client goes on trying
  kAuthentication,  // credentials or TLS were refused; the client goes on trying
  kFencedMember,    // another member has this group.instance.id: this consumer is dead
  kPollTooLate,     // max.poll.interval.ms passed between two polls: the partitions are lost
  kOther,
};

// "offset_out_of_range": for logs and metric labels.
std::string_view ErrorName(ErrorKind kind);

struct ConsumerError {
  ErrorKind kind = ErrorKind::kOther;
  int32_t partition = -1;  // -1 = the whole client
  int64_t offset = -1;     // that was asked for or expected, where known
  std::string message{};
};

}  // namespace quantstream::kafka
