#include "platform/kafka/broker_queries.h"

#include <algorithm>
#include <utility>

#include "platform/kafka/handle.h"

namespace quantstream::kafka {
namespace {

using Queue = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                      decltype(&rd_kafka_topic_partition_list_destroy)>;

absl::StatusOr<TopicState> ReadDescription(const rd_kafka_TopicDescription_t* description,
                                           const std::string& context) {
  const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(description);
  if (error != nullptr && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return MakeStatus(rd_kafka_error_code(error), context);
  }
  size_t count = 0;
  const auto** partitions = rd_kafka_TopicDescription_partitions(description, &count);
  TopicState state;
  state.partitions = static_cast<int32_t>(count);
  state.partitions_with_leader = static_cast<int32_t>(
      std::count_if(partitions, partitions + count, [](const rd_kafka_TopicPartitionInfo_t* info) {
        return rd_kafka_TopicPartitionInfo_leader(info) != nullptr;
      }));
  const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(description);
  if (id != nullptr) state.topic_id = rd_kafka_Uuid_base64str(id);
  return state;
}

}  // namespace

absl::StatusOr<Event> AskBroker(
    rd_kafka_t* client, const std::string& context, std::chrono::milliseconds timeout,
    const std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) {
  const int timeout_ms = std::max(Milliseconds(timeout), 1);
  const Queue queue(rd_kafka_queue_new(client), rd_kafka_queue_destroy);
  const Options options(rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_ANY),
                        rd_kafka_AdminOptions_destroy);
  char reason[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, reason, sizeof reason);
  send(options.get(), queue.get());
  constexpr int kMarginMs = 500;  // librdkafka's own time-out comes first, and says more
  Event event(rd_kafka_queue_poll(queue.get(), timeout_ms + kMarginMs), rd_kafka_event_destroy);
  if (event == nullptr) return absl::DeadlineExceededError(context + ": no answer in time");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return MakeStatus(rd_kafka_event_error(event.get()), context);
  }
  return event;
}

absl::StatusOr<TopicState> QueryTopic(rd_kafka_t* client, const std::string& topic,
                                      std::chrono::milliseconds timeout) {
  const std::string context = "describing topic " + topic;
  const char* names[] = {topic.c_str()};
  rd_kafka_TopicCollection_t* topics = rd_kafka_TopicCollection_of_topic_names(names, 1);
  absl::StatusOr<Event> event =
      AskBroker(client, context, timeout,
                [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                  rd_kafka_DescribeTopics(client, topics, options, queue);
                });
  rd_kafka_TopicCollection_destroy(topics);
  if (!event.ok()) return event.status();
  size_t count = 0;
  const auto* result = rd_kafka_event_DescribeTopics_result(event->get());
  const auto** descriptions = rd_kafka_DescribeTopics_result_topics(result, &count);
  if (count != 1) return absl::NotFoundError(context + ": no answer for it");
  return ReadDescription(descriptions[0], context);
}

absl::StatusOr<std::string> QueryTopicSetting(rd_kafka_t* client, const std::string& topic,
                                              const std::string& name,
                                              std::chrono::milliseconds timeout) {
  const std::string context = "reading " + name + " of topic " + topic;
  rd_kafka_ConfigResource_t* resource =
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
  absl::StatusOr<Event> event =
      AskBroker(client, context, timeout,
                [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                  rd_kafka_DescribeConfigs(client, &resource, 1, options, queue);
                });
  rd_kafka_ConfigResource_destroy(resource);
  if (!event.ok()) return event.status();
  size_t resources = 0;
  const auto** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event->get()), &resources);
  if (resources != 1) return absl::NotFoundError(context + ": no answer for it");
  if (const auto error = rd_kafka_ConfigResource_error(found[0])) return MakeStatus(error, context);
  size_t entries = 0;
  const auto** settings = rd_kafka_ConfigResource_configs(found[0], &entries);
  for (size_t i = 0; i < entries; ++i) {
    if (name == rd_kafka_ConfigEntry_name(settings[i])) {
      const char* value = rd_kafka_ConfigEntry_value(settings[i]);
      return std::string(value == nullptr ? "" : value);
    }
  }
  return absl::NotFoundError(context + ": no such setting");
}

absl::StatusOr<std::string> QueryCluster(rd_kafka_t* client, std::chrono::milliseconds timeout) {
  char* id = rd_kafka_clusterid(client, Milliseconds(timeout));
  if (id == nullptr) return absl::UnavailableError("the brokers did not tell the cluster's id");
  std::string copy = id;
  rd_kafka_mem_free(client, id);
  return copy;
}

absl::StatusOr<LogRange> QueryRange(rd_kafka_t* client, const std::string& topic, int32_t partition,
                                    std::chrono::milliseconds timeout) {
  LogRange range;
  const rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
      client, topic.c_str(), partition, &range.start, &range.end, Milliseconds(timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return MakeStatus(error, "log range of " + topic + " " + std::to_string(partition));
  }
  return range;
}

absl::StatusOr<int64_t> QueryOffset(rd_kafka_t* client, const std::string& topic, int32_t partition,
                                    int64_t log_time_ms, std::chrono::milliseconds timeout) {
  const PartitionList list(rd_kafka_topic_partition_list_new(1),
                           rd_kafka_topic_partition_list_destroy);
  rd_kafka_topic_partition_t* entry =
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  entry->offset = log_time_ms;
  rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(client, list.get(), Milliseconds(timeout));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = entry->err;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return MakeStatus(error, "offset by time of " + topic + " " + std::to_string(partition));
  }
  if (entry->offset >= 0) return entry->offset;
  const absl::StatusOr<LogRange> range = QueryRange(client, topic, partition, timeout);
  if (!range.ok()) return range.status();
  return range->end;
}

}  // namespace quantstream::kafka
