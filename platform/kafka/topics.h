// Makes missing topics with the settings we need and refuses those that do not fit.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/config/option.h"

namespace quantstream::kafka {

// A topic as it should be. All are made with message.timestamp.type=LogAppendTime and
// cleanup.policy=delete.
struct TopicSpec {
  std::string name{};
  int32_t partitions = 12;
  int replication_factor = -1;  // -1 = the broker's default
  int64_t retention_ms = 7LL * 24 * 3600 * 1000;
  int64_t retention_bytes = -1;  // per partition; -1 = no limit
  int64_t record_bytes_max = 2 << 20;
  std::string compression = "producer";  // keep what the producer chose
  config::Properties more{};             // further topic settings
};

struct TopicDescription {
  int32_t partitions = 0;
  std::string topic_id{};  // changes when a topic is deleted and made again; empty when the broker
                           // does not tell
  std::string timestamp_type{};  // "LogAppendTime"
};

// Blocking; thread-safe. UNAVAILABLE or DEADLINE_EXCEEDED while the brokers do not answer: try
// again.
class Topics {
 public:
  static absl::StatusOr<std::unique_ptr<Topics>> Connect(const config::Properties& client);
  ~Topics();

  // Makes the topic when it is missing and waits until it has leaders. One that exists is checked,
  // not changed:
  //   FAILED_PRECONDITION  "topic quantstream.trades has 6 partitions, expected 12"; or it is not
  //   LogAppendTime
  absl::Status Ensure(const TopicSpec& spec, std::chrono::milliseconds timeout);

  // NOT_FOUND when it does not exist.
  absl::StatusOr<TopicDescription> Describe(const std::string& topic,
                                            std::chrono::milliseconds timeout);
  absl::StatusOr<std::string> ClusterId(std::chrono::milliseconds timeout);

  // For tests and tools; services never delete.
  absl::Status Delete(const std::string& topic, std::chrono::milliseconds timeout);
  absl::Status AddPartitions(const std::string& topic, int32_t total,
                             std::chrono::milliseconds timeout);
  // Everything before `offset` goes, as if retention had passed.
  absl::Status DeleteRecordsBefore(const std::string& topic, int32_t partition, int64_t offset,
                                   std::chrono::milliseconds timeout);

 private:
  class Client;
  explicit Topics(std::unique_ptr<Client> client);
  std::unique_ptr<Client> client_;
};

// "topic quantstream.trades has 6 partitions, expected 12 (what the stored state was built with)".
absl::Status PartitionCountMismatch(const std::string& topic, int32_t actual, int32_t expected);

}  // namespace quantstream::kafka
