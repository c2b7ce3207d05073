#include "platform/kafka/topics.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <thread>

#include "platform/kafka/broker_queries.h"
#include "platform/kafka/handle.h"
#include "platform/log.h"

namespace quantstream::kafka {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* kTimestampSetting = "message.timestamp.type";
constexpr const char* kTimestampType = "LogAppendTime";

std::chrono::milliseconds Until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return std::max(left, std::chrono::milliseconds(1));
}

config::Properties SettingsOf(const TopicSpec& spec) {
  config::Properties settings = {{"cleanup.policy", "delete"},
                                 {kTimestampSetting, kTimestampType},
                                 {"retention.ms", std::to_string(spec.retention_ms)},
                                 {"retention.bytes", std::to_string(spec.retention_bytes)},
                                 {"max.message.bytes", std::to_string(spec.record_bytes_max)},
                                 {"compression.type", spec.compression}};
  for (const auto& [name, value] : spec.more) settings[name] = value;
  return settings;
}

// What the broker says about each topic of an admin answer.
absl::Status FirstError(const rd_kafka_topic_result_t** results, size_t count,
                        const std::string& context) {
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const char* text = rd_kafka_topic_result_error_string(results[i]);
    return MakeStatus(error, context + (text == nullptr ? "" : std::string(" (") + text + ")"));
  }
  return absl::OkStatus();
}

}  // namespace

class Topics::Client {
 public:
  explicit Client(rd_kafka_t* client) : client_(client) {}
  ~Client() { DestroyWithin(client_, std::chrono::seconds(5)); }
  rd_kafka_t* raw() const { return client_; }

  absl::Status Create(const TopicSpec& spec, std::chrono::milliseconds timeout) {
    const std::string context = "making topic " + spec.name;
    char reason[256];
    rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(
        spec.name.c_str(), spec.partitions, spec.replication_factor, reason, sizeof reason);
    if (topic == nullptr) return absl::InvalidArgumentError(context + ": " + reason);
    for (const auto& [name, value] : SettingsOf(spec)) {
      rd_kafka_NewTopic_set_config(topic, name.c_str(), value.c_str());
    }
    const auto event =
        AskBroker(client_, context, timeout,
                  [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                    rd_kafka_CreateTopics(client_, &topic, 1, options, queue);
                  });
    rd_kafka_NewTopic_destroy(topic);
    if (!event.ok()) return event.status();
    size_t count = 0;
    const auto** results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event->get()), &count);
    absl::Status status = FirstError(results, count, context);
    if (status.ok())
      Log(kInfo, "topic made", {{"topic", spec.name}, {"partitions", spec.partitions}});
    return status;
  }

  // Waits until all partitions have leaders.
  absl::StatusOr<TopicState> WaitUntilWhole(const std::string& topic, Clock::time_point deadline) {
    for (;;) {
      const absl::StatusOr<TopicState> state = QueryTopic(client_, topic, Until(deadline));
      if (state.ok() && state->partitions == state->partitions_with_leader) return state;
      if (Clock::now() >= deadline) {
        if (!state.ok()) return state.status();
        return absl::UnavailableError("topic " + topic + " has partitions without a leader");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

 private:
  rd_kafka_t* client_;
};

Topics::Topics(std::unique_ptr<Client> client) : client_(std::move(client)) {}
Topics::~Topics() = default;

absl::StatusOr<std::unique_ptr<Topics>> Topics::Connect(const config::Properties& client) {
  const auto made =
      MakeClient(RD_KAFKA_PRODUCER, client, {{"reconnect.backoff.max.ms", "5000"}}, {});
  if (!made.ok()) return made.status();
  return std::unique_ptr<Topics>(new Topics(std::make_unique<Client>(*made)));
}

absl::Status Topics::Ensure(const TopicSpec& spec, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  absl::Status status = QueryTopic(client_->raw(), spec.name, timeout).status();
  if (absl::IsNotFound(status)) {
    status = client_->Create(spec, Until(deadline));
    if (absl::IsAlreadyExists(status)) status = absl::OkStatus();  // another service was quicker
  }
  if (!status.ok()) return status;
  const auto state = client_->WaitUntilWhole(spec.name, deadline);
  if (!state.ok()) return state.status();
  if (state->partitions != spec.partitions) {
    return PartitionCountMismatch(spec.name, state->partitions, spec.partitions);
  }
  const auto type =
      QueryTopicSetting(client_->raw(), spec.name, kTimestampSetting, Until(deadline));
  if (!type.ok()) return type.status();
  if (*type == kTimestampType) return absl::OkStatus();
  return absl::FailedPreconditionError("topic " + spec.name + " has " + kTimestampSetting + "=" +
                                       *type + ", expected " + kTimestampType);
}

absl::StatusOr<TopicDescription> Topics::Describe(const std::string& topic,
                                                  std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const auto state = QueryTopic(client_->raw(), topic, timeout);
  if (!state.ok()) return state.status();
  const auto type = QueryTopicSetting(client_->raw(), topic, kTimestampSetting, Until(deadline));
  if (!type.ok()) return type.status();
  return TopicDescription{state->partitions, state->topic_id, *type};
}

absl::StatusOr<std::string> Topics::ClusterId(std::chrono::milliseconds timeout) {
  return QueryCluster(client_->raw(), timeout);
}

absl::Status Topics::Delete(const std::string& topic, std::chrono::milliseconds timeout) {
  const std::string context = "deleting topic " + topic;
  rd_kafka_DeleteTopic_t* request = rd_kafka_DeleteTopic_new(topic.c_str());
  const auto event =
      AskBroker(client_->raw(), context, timeout,
                [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                  rd_kafka_DeleteTopics(client_->raw(), &request, 1, options, queue);
                });
  rd_kafka_DeleteTopic_destroy(request);
  if (!event.ok()) return event.status();
  size_t count = 0;
  const auto** results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event->get()), &count);
  return FirstError(results, count, context);
}

absl::Status Topics::AddPartitions(const std::string& topic, int32_t total,
                                   std::chrono::milliseconds timeout) {
  const std::string context = "adding partitions to topic " + topic;
  char reason[256];
  rd_kafka_NewPartitions_t* request =
      rd_kafka_NewPartitions_new(topic.c_str(), static_cast<size_t>(total), reason, sizeof reason);
  if (request == nullptr) return absl::InvalidArgumentError(context + ": " + reason);
  const auto event =
      AskBroker(client_->raw(), context, timeout,
                [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                  rd_kafka_CreatePartitions(client_->raw(), &request, 1, options, queue);
                });
  rd_kafka_NewPartitions_destroy(request);
  if (!event.ok()) return event.status();
  size_t count = 0;
  const auto** results = rd_kafka_CreatePartitions_result_topics(
      rd_kafka_event_CreatePartitions_result(event->get()), &count);
  return FirstError(results, count, context);
}

absl::Status Topics::DeleteRecordsBefore(const std::string& topic, int32_t partition,
                                         int64_t offset, std::chrono::milliseconds timeout) {
  const std::string context = "deleting records of topic " + topic;
  rd_kafka_topic_partition_list_t* before = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(before, topic.c_str(), partition)->offset = offset;
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(before);
  rd_kafka_topic_partition_list_destroy(before);
  const auto event =
      AskBroker(client_->raw(), context, timeout,
                [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                  rd_kafka_DeleteRecords(client_->raw(), &request, 1, options, queue);
                });
  rd_kafka_DeleteRecords_destroy(request);
  if (!event.ok()) return event.status();
  const auto* offsets =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get()));
  return MakeStatus(offsets->elems[0].err, context);
}

absl::Status PartitionCountMismatch(const std::string& topic, int32_t actual, int32_t expected) {
  return absl::FailedPreconditionError("topic " + topic + " has " + std::to_string(actual) +
                                       " partitions, expected " + std::to_string(expected) +
                                       " (what the stored state was built with)");
}

}  // namespace quantstream::kafka
