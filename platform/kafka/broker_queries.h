// Questions that any client can ask the brokers. All are thread-safe and bounded.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "platform/kafka/record.h"

namespace quantstream::kafka {

// What DescribeTopics says of one topic.
struct TopicState {
  int32_t partitions = 0;
  int32_t partitions_with_leader = 0;
  std::string topic_id{};
};

// NOT_FOUND when there is no such topic. Never makes one.
absl::StatusOr<TopicState> QueryTopic(rd_kafka_t* client, const std::string& topic,
                                      std::chrono::milliseconds timeout);
absl::StatusOr<std::string> QueryTopicSetting(rd_kafka_t* client, const std::string& topic,
                                              const std::string& name,
                                              std::chrono::milliseconds timeout);
absl::StatusOr<std::string> QueryCluster(rd_kafka_t* client, std::chrono::milliseconds timeout);
absl::StatusOr<LogRange> QueryRange(rd_kafka_t* client, const std::string& topic, int32_t partition,
                                    std::chrono::milliseconds timeout);
absl::StatusOr<int64_t> QueryOffset(rd_kafka_t* client, const std::string& topic, int32_t partition,
                                    int64_t log_time_ms, std::chrono::milliseconds timeout);

using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;

// Sends an admin request (its options and queue are handed in) and waits for its answer.
absl::StatusOr<Event> AskBroker(
    rd_kafka_t* client, const std::string& context, std::chrono::milliseconds timeout,
    const std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send);

}  // namespace quantstream::kafka
