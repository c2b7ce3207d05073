#include "platform/kafka/consumer.h"

#include <algorithm>

#include "platform/kafka/broker_queries.h"
#include "platform/kafka/consumer_client.h"

namespace quantstream::kafka {
namespace {

constexpr int64_t kRecordBytesMax = 16 << 20;  // of one answer; a single larger record still comes

config::Properties CommonProperties(const ConsumerOptions& options) {
  return {{"client.id", options.client_id},
          {"auto.offset.reset", "error"},
          {"enable.auto.commit", "false"},
          {"enable.auto.offset.store", "false"},
          {"enable.partition.eof", "false"},
          {"isolation.level", "read_uncommitted"},
          {"allow.auto.create.topics", "false"},
          {"check.crcs", "true"},
          {"topic.metadata.propagation.max.ms", "5000"},
          {"topic.metadata.refresh.interval.ms", "30000"},
          {"queued.min.messages", std::to_string(options.prefetch_records_min)},
          {"queued.max.messages.kbytes", std::to_string(options.prefetch_bytes_max / 1024 + 1)},
          {"fetch.message.max.bytes", std::to_string(options.fetch_partition_bytes)},
          {"fetch.max.bytes", std::to_string(kRecordBytesMax)},
          {"fetch.queue.backoff.ms", "1"},
          {"fetch.error.backoff.ms", "100"},
          {"fetch.wait.max.ms", std::to_string(options.fetch_wait_max_ms)},
          {"reconnect.backoff.max.ms", "5000"}};
}

}  // namespace

Consumer::Consumer(std::unique_ptr<Client> client) : client_(std::move(client)) {}
Consumer::~Consumer() = default;

absl::StatusOr<std::unique_ptr<Consumer>> Consumer::JoinGroup(const ConsumerOptions& options,
                                                              const GroupOptions& group,
                                                              RebalanceListener* listener) {
  config::Properties ours = CommonProperties(options);
  ours["group.id"] = group.group_id;
  ours["group.protocol"] = "classic";
  ours["partition.assignment.strategy"] = "range";
  ours["session.timeout.ms"] = std::to_string(group.session_timeout_ms);
  ours["heartbeat.interval.ms"] = std::to_string(group.session_timeout_ms / 5);
  ours["max.poll.interval.ms"] =
      std::to_string(std::max(group.poll_interval_max_ms, group.session_timeout_ms));
  if (!group.instance_id.empty()) ours["group.instance.id"] = group.instance_id;
  auto client = std::make_unique<Client>(options.topic, options.batch_records_max, listener);
  if (absl::Status status = client->Open(options.client, ours); !status.ok()) return status;
  if (absl::Status status = client->Subscribe(); !status.ok()) return status;
  return std::unique_ptr<Consumer>(new Consumer(std::move(client)));
}

absl::StatusOr<std::unique_ptr<Consumer>> Consumer::MakeReader(const ConsumerOptions& options) {
  config::Properties ours = CommonProperties(options);
  ours["group.id"] = "quantstream-reader";  // librdkafka wants one; nothing joins it
  auto client = std::make_unique<Client>(options.topic, options.batch_records_max, nullptr);
  if (absl::Status status = client->Open(options.client, ours); !status.ok()) return status;
  return std::unique_ptr<Consumer>(new Consumer(std::move(client)));
}

absl::Status Consumer::Start(int32_t partition, Position from) {
  return client_->Start(partition, from);
}

void Consumer::Stop(int32_t partition) {
  client_->Stop(partition);
}
void Consumer::Pause() {
  client_->SetPaused(true);
}
void Consumer::Resume() {
  client_->SetPaused(false);
}
PollResult Consumer::Poll(std::chrono::milliseconds timeout) {
  return client_->Poll(timeout);
}

absl::StatusOr<LogRange> Consumer::QueryLogRange(int32_t partition,
                                                 std::chrono::milliseconds timeout) const {
  return QueryRange(client_->raw(), client_->topic(), partition, timeout);
}

absl::StatusOr<int64_t> Consumer::QueryOffsetAt(int32_t partition, int64_t log_time_ms,
                                                std::chrono::milliseconds timeout) const {
  return QueryOffset(client_->raw(), client_->topic(), partition, log_time_ms, timeout);
}

absl::StatusOr<int32_t> Consumer::QueryPartitionCount(std::chrono::milliseconds timeout) const {
  const auto topic = QueryTopic(client_->raw(), client_->topic(), timeout);
  if (!topic.ok()) return topic.status();
  return topic->partitions;
}

absl::StatusOr<std::string> Consumer::QueryTopicId(std::chrono::milliseconds timeout) const {
  const auto topic = QueryTopic(client_->raw(), client_->topic(), timeout);
  if (!topic.ok()) return topic.status();
  return topic->topic_id;
}

absl::StatusOr<std::string> Consumer::QueryClusterId(std::chrono::milliseconds timeout) const {
  return QueryCluster(client_->raw(), timeout);
}

int64_t Consumer::CachedLogEnd(int32_t partition) const {
  int64_t start = 0;
  int64_t end = 0;
  const auto error = rd_kafka_get_watermark_offsets(client_->raw(), client_->topic().c_str(),
                                                    partition, &start, &end);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR && end >= 0 ? end : -1;
}

void Consumer::CommitForLagTools(int32_t partition, int64_t next_offset) {
  client_->Commit(partition, next_offset);
}

std::vector<int32_t> Consumer::partitions() const {
  return client_->partitions();
}
int64_t Consumer::dropped_records() const {
  return client_->dropped_records();
}
bool Consumer::Close(std::chrono::milliseconds timeout) {
  return client_->Close(timeout);
}

}  // namespace quantstream::kafka
