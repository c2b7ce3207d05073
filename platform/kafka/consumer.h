// Reads one topic with librdkafka, from offsets that the application chooses, and never jumps in
// silence.
//
// Two ways: as a member of a group (the broker says which partitions, the application from where),
// or as a plain reader (the application says both). Records come in offset order per partition
// without a hole: an offset that is not in the log, a truncated log, a missing topic or a gap ends
// that partition with a named error, and nothing more comes from it until Start is called again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/config/option.h"
#include "platform/kafka/record.h"

namespace quantstream::kafka {

struct ConsumerOptions {
  config::Properties client{};  // the service's `kafka:` section
  std::string topic{};
  std::string client_id = "quantstream";
  int batch_records_max = 1000;             // in one Poll
  int prefetch_records_min = 2000;          // queued.min.messages, per partition
  int64_t prefetch_bytes_max = 16 << 20;    // queued.max.messages.kbytes, of the whole consumer
  int64_t fetch_partition_bytes = 1 << 20;  // fetch.message.max.bytes
  int fetch_wait_max_ms = 100;              // how long the broker may hold an empty answer back
};

struct GroupOptions {
  std::string group_id{};
  std::string instance_id{};  // static membership; empty = dynamic
  int session_timeout_ms = 10'000;
  int poll_interval_max_ms = 300'000;
};

// Called inside Poll and Close, on their thread.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;
  // These partitions are this member's now. Nothing is fetched from one until Start is called for
  // it, here or later.
  virtual void OnAssigned(std::span<const int32_t> partitions) = 0;
  // They are not any more; no record of them comes after this. `lost` = another member may already
  // have them.
  virtual void OnRevoked(std::span<const int32_t> partitions, bool lost) = 0;
};

struct PollResult {
  std::span<const RecordView>
      records;  // of several partitions; valid until the next call of the consumer
  std::span<const ConsumerError> errors{};

  bool empty() const { return records.empty() && errors.empty(); }
};

// One thread uses a consumer. Only what is marked thread-safe may be called from others.
class Consumer {
 public:
  // `listener` outlives the consumer. An error names the property that librdkafka refused; brokers
  // are not waited for.
  static absl::StatusOr<std::unique_ptr<Consumer>> JoinGroup(const ConsumerOptions& options,
                                                             const GroupOptions& group,
                                                             RebalanceListener* listener);
  static absl::StatusOr<std::unique_ptr<Consumer>> MakeReader(const ConsumerOptions& options);
  ~Consumer();  // Close(5 s), when it was not called.

  // Reads `partition` from exactly `from` on; also for one that reads already or has stopped with
  // an error. Group member: only for assigned partitions (FAILED_PRECONDITION).
  absl::Status Start(int32_t partition, Position from);
  // No record of it comes any more, not even a prefetched one. It stays assigned. Unknown
  // partitions are ignored.
  void Stop(int32_t partition);

  // Back-pressure without losing the group: Poll keeps serving rebalances but gives no records.
  // What was prefetched is fetched again after Resume, so do this for seconds, not between polls.
  void Pause();
  void Resume();

  // Waits up to `timeout` for the first record, then takes what is there, at most
  // batch_records_max.
  PollResult Poll(std::chrono::milliseconds timeout);

  // Thread-safe questions to the broker; UNAVAILABLE or DEADLINE_EXCEEDED when it does not answer
  // in time.
  absl::StatusOr<LogRange> QueryLogRange(int32_t partition,
                                         std::chrono::milliseconds timeout) const;
  // The first offset whose log time is at or after `log_time_ms`; the log's end when there is none.
  absl::StatusOr<int64_t> QueryOffsetAt(int32_t partition, int64_t log_time_ms,
                                        std::chrono::milliseconds timeout) const;
  // NOT_FOUND when the topic does not exist.
  absl::StatusOr<int32_t> QueryPartitionCount(std::chrono::milliseconds timeout) const;
  // Changes when the topic is deleted and made again; empty when the broker does not tell.
  // librdkafka reads on in a new topic without a word when the offset exists there too: whoever
  // must not, asks at the start and from time to time.
  absl::StatusOr<std::string> QueryTopicId(std::chrono::milliseconds timeout) const;
  absl::StatusOr<std::string> QueryClusterId(std::chrono::milliseconds timeout) const;
  // The log's end as of the last fetch, without asking; -1 = not known yet. Thread-safe.
  int64_t CachedLogEnd(int32_t partition) const;

  // Group member: tells the broker, some time, that everything before `next_offset` was read. For
  // lag tools only; an error is ignored.
  void CommitForLagTools(int32_t partition, int64_t next_offset);

  // Assigned partitions (group) or started ones (reader), sorted.
  std::vector<int32_t> partitions() const;
  // Records that were dropped because their offset was below the expected one.
  int64_t dropped_records() const;

  // Leaves the group and frees everything; OnRevoked is called for what is still assigned. False:
  // it took longer than `timeout` and goes on in the background; end the process soon.
  bool Close(std::chrono::milliseconds timeout);

 private:
  class Client;
  explicit Consumer(std::unique_ptr<Client> client);
  std::unique_ptr<Client> client_;
};

}  // namespace quantstream::kafka
