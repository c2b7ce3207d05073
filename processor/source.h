// Source on Kafka: a member of the consumer group, and a reader of its own for what is read again.
// Makes its consumer anew when it is fenced or stuck. Not a judge of offsets: it reports, the core
// decides.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/kafka/consumer.h"
#include "processor/io.h"
#include "processor/metrics.h"
#include "processor/partition_board.h"

namespace quantstream::processor {

struct SourceOptions {
  kafka::ConsumerOptions consumer;
  kafka::GroupOptions group;
  std::chrono::milliseconds stall_timeout{60'000};  // no record while the log grows: made anew
  std::chrono::milliseconds query_timeout{5'000};   // of questions to the broker
  std::chrono::milliseconds look_interval{2'000};   // how often lag and topic id are looked at
};

class KafkaSource final : public Source, private kafka::RebalanceListener {
 public:
  // `metrics` and `board` outlive the source. Joins the group at the first Poll.
  KafkaSource(SourceOptions options, Metrics* metrics, PartitionBoard* board);
  ~KafkaSource() override;  // Leaves the group, within 3 s.

  absl::Status Poll(int64_t wait_us, SourceEvents& events) override;
  absl::StatusOr<LogBounds> Bounds(int32_t partition) override;
  absl::Status Start(int32_t partition, Offset from, int32_t leader_epoch) override;
  void Stop(int32_t partition) override;
  void Pause(bool paused) override;
  absl::Status Read(int32_t partition, Offset first, Offset last,
                    const std::function<void(const Record&)>& each) override;
  void ReportCommitted(int32_t partition, Offset next_offset) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Reading {
    int64_t next = 0;         // offset that comes next
    Clock::time_point moved;  // when a record came last
  };

  void OnAssigned(std::span<const int32_t> partitions) override;
  void OnRevoked(std::span<const int32_t> partitions, bool lost) override;

  absl::Status Join();
  void Leave(std::chrono::milliseconds rest);
  void TakeRecords(const kafka::PollResult& result, SourceEvents& events);
  void TakeErrors(const kafka::PollResult& result, SourceEvents& events);
  void Look(SourceEvents& events);
  void LookForStall(Clock::time_point now);
  bool LookAtTopic(SourceEvents& events);
  void FailAll(const absl::Status& status, SourceEvents& events);
  absl::StatusOr<std::string> QueryLogId() const;
  absl::StatusOr<int64_t> ReadSome(int32_t partition, int64_t next, Offset last,
                                   const std::function<void(const Record&)>& each);

  SourceOptions options_;
  Metrics* metrics_;
  PartitionBoard* board_;
  bool paused_ = false;
  absl::Status joined_;             // the last attempt
  Clock::time_point rest_until_{};  // after a fence: the other member has its chance
  Clock::time_point looked_{};
  int topic_rest_ = 0;  // Looks until the topic is asked about again
  std::string log_id_;  // of the topic that is being read; empty = not known
  std::map<int32_t, Reading> reading_;
  std::vector<int32_t> assigned_;  // since the last Poll
  std::vector<int32_t> revoked_;
  std::unique_ptr<kafka::Consumer> reader_;
  std::unique_ptr<kafka::Consumer> consumer_;  // last: it calls this listener
};

}  // namespace quantstream::processor
