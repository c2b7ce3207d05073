#include "platform/kafka/consumer_client.h"

#include <algorithm>
#include <cstring>

#include "platform/kafka/handle.h"
#include "platform/log.h"

namespace quantstream::kafka {
namespace {

using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                      decltype(&rd_kafka_topic_partition_list_destroy)>;

PartitionList MakeList(int size) {
  return PartitionList(rd_kafka_topic_partition_list_new(size),
                       rd_kafka_topic_partition_list_destroy);
}

// With auto.offset.reset=error librdkafka tells a truncated log from a passed offset in words only.
ErrorKind ResetKind(const char* reason) {
  const bool truncated = reason != nullptr && (std::strstr(reason, "truncation") != nullptr ||
                                               std::strstr(reason, "No epoch found") != nullptr);
  return truncated ? ErrorKind::kPartitionTruncated : ErrorKind::kOffsetOutOfRange;
}

ErrorKind KindOf(rd_kafka_resp_err_t error, const char* reason) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return ResetKind(reason);
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return ErrorKind::kOffsetOutOfRange;
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
      return ErrorKind::kPartitionTruncated;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return ErrorKind::kTopicUnknown;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return ErrorKind::kTransport;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return ErrorKind::kAuthentication;
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return ErrorKind::kFencedMember;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      return ErrorKind::kPollTooLate;
    default:
      return ErrorKind::kOther;
  }
}

// librdkafka stops partitions in the background of assign(), and aborts the process when one that
// is still stopping is stopped again by the next assign() (2.15.1,
// rd_kafka_assignment_partition_stopped). The stop and its reply are two steps of its main thread,
// which answers our questions in order: two questions later both are done.
void Settle(rd_kafka_t* client) {
  for (int step = 0; step < 2; ++step) {
    rd_kafka_topic_partition_list_t* now = nullptr;
    if (rd_kafka_assignment(client, &now) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_topic_partition_list_destroy(now);
    }
  }
}

// What stands behind a fatal error; any other error as it is.
rd_kafka_resp_err_t CauseOf(rd_kafka_t* client, rd_kafka_resp_err_t error) {
  if (error != RD_KAFKA_RESP_ERR__FATAL) return error;
  char reason[512];
  return rd_kafka_fatal_error(client, reason, sizeof reason);
}

// After these nothing more comes from the partition.
bool EndsPartition(ErrorKind kind) {
  return kind == ErrorKind::kOffsetOutOfRange || kind == ErrorKind::kTopicUnknown ||
         kind == ErrorKind::kPartitionTruncated || kind == ErrorKind::kOffsetGap;
}

}  // namespace

Consumer::Client::Client(std::string topic, int batch_records_max, RebalanceListener* listener)
    : topic_(std::move(topic)),
      listener_(listener),
      messages_(static_cast<size_t>(std::max(batch_records_max, 1)), nullptr) {}

Consumer::Client::~Client() {
  Close(std::chrono::seconds(5));
}

absl::Status Consumer::Client::Open(const config::Properties& client,
                                    const config::Properties& ours) {
  Callbacks callbacks;
  callbacks.opaque = this;
  callbacks.error = OnError;
  if (listener_ != nullptr) callbacks.rebalance = OnRebalance;
  const absl::StatusOr<rd_kafka_t*> made = MakeClient(RD_KAFKA_CONSUMER, client, ours, callbacks);
  if (!made.ok()) return made.status();
  client_ = *made;
  rd_kafka_poll_set_consumer(client_);
  queue_ = rd_kafka_queue_get_consumer(client_);
  return absl::OkStatus();
}

absl::Status Consumer::Client::Subscribe() {
  const PartitionList list = MakeList(1);
  rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), RD_KAFKA_PARTITION_UA);
  return MakeStatus(rd_kafka_subscribe(client_, list.get()), "subscribing to " + topic_);
}

absl::Status Consumer::Client::Start(int32_t partition, Position from) {
  if (from.offset < 0) return absl::InvalidArgumentError("the start offset is negative");
  if (listener_ != nullptr && !assigned_.contains(partition)) {
    return absl::FailedPreconditionError("partition " + std::to_string(partition) +
                                         " is not assigned to this member");
  }
  reading_[partition] = from;
  assignment_changed_ = true;
  return absl::OkStatus();
}

void Consumer::Client::Stop(int32_t partition) {
  if (reading_.erase(partition) > 0) assignment_changed_ = true;
}

void Consumer::Client::SetPaused(bool paused) {
  if (paused_ != paused) assignment_changed_ = true;
  paused_ = paused;
}

void Consumer::Client::ApplyAssignment() {
  if (!assignment_changed_) return;
  assignment_changed_ = false;
  const PartitionList list = MakeList(static_cast<int>(reading_.size()));
  if (!paused_) {
    for (const auto& [partition, position] : reading_) {
      rd_kafka_topic_partition_t* entry =
          rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition);
      entry->offset = position.offset;
      rd_kafka_topic_partition_set_leader_epoch(entry, position.leader_epoch);
    }
  }
  const rd_kafka_resp_err_t error = rd_kafka_assign(client_, list.get());
  if (!leaving_) Settle(client_);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  errors_.push_back({KindOf(error, nullptr), -1, -1,
                     std::string("assigning partitions: ") + rd_kafka_err2str(error)});
}

PollResult Consumer::Client::Poll(std::chrono::milliseconds timeout) {
  ReleaseMessages();
  records_.clear();
  errors_.clear();
  if (client_ == nullptr) return {};
  ApplyAssignment();
  rebalanced_ = false;
  Gather(timeout);
  if (rebalanced_) {
    // Some of these were fetched for what was assigned before: all are fetched again.
    ReleaseMessages();
    assignment_changed_ = true;
  }
  for (size_t i = 0; i < message_count_; ++i) Sort(messages_[i]);
  return {records_, errors_};
}

// librdkafka's batch call waits for a full batch: wait for one message, then take what is there.
void Consumer::Client::Gather(std::chrono::milliseconds timeout) {
  const auto take = [this] {
    const ssize_t count = rd_kafka_consume_batch_queue(queue_, 0, messages_.data() + message_count_,
                                                       messages_.size() - message_count_);
    if (count > 0) message_count_ += static_cast<size_t>(count);
  };
  take();
  if (message_count_ > 0 || !errors_.empty()) return;
  rd_kafka_message_t* first = rd_kafka_consumer_poll(client_, Milliseconds(timeout));
  if (first == nullptr) return;
  messages_[message_count_++] = first;
  take();
}

void Consumer::Client::Sort(rd_kafka_message_t* message) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    SortRecord(message);
  } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    SortError(message);
  }
}

void Consumer::Client::SortRecord(rd_kafka_message_t* message) {
  const auto reading = reading_.find(message->partition);
  if (paused_ || reading == reading_.end()) return;  // left over in the queue
  Position& next = reading->second;
  if (message->offset < next.offset) {
    ++dropped_records_;
    return;
  }
  if (message->offset > next.offset) {
    errors_.push_back({ErrorKind::kOffsetGap, message->partition, next.offset,
                       "expected offset " + std::to_string(next.offset) + ", got " +
                           std::to_string(message->offset)});
    Stop(message->partition);
    return;
  }
  RecordView record;
  record.partition = message->partition;
  record.offset = message->offset;
  record.leader_epoch = rd_kafka_message_leader_epoch(message);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t timestamp = rd_kafka_message_timestamp(message, &type);
  if (type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME) record.log_append_time_ms = timestamp;
  record.payload = {static_cast<const char*>(message->payload), message->len};
  record.key = {static_cast<const char*>(message->key), message->key_len};
  record.handle = message;
  records_.push_back(record);
  next = {message->offset + 1, record.leader_epoch};
}

void Consumer::Client::SortError(const rd_kafka_message_t* message) {
  const char* reason = rd_kafka_message_errstr(message);
  const ErrorKind kind = KindOf(CauseOf(client_, message->err), reason);
  const bool of_partition = message->rkt != nullptr && message->partition >= 0;
  if (!of_partition) {
    errors_.push_back({kind, -1, -1, reason == nullptr ? "" : reason});
    return;
  }
  const auto reading = reading_.find(message->partition);
  if (reading == reading_.end()) return;  // of a reading that has ended
  errors_.push_back(
      {kind, message->partition, reading->second.offset, reason == nullptr ? "" : reason});
  if (EndsPartition(kind)) Stop(message->partition);
}

void Consumer::Client::ReleaseMessages() {
  for (size_t i = 0; i < message_count_; ++i) rd_kafka_message_destroy(messages_[i]);
  message_count_ = 0;
}

void Consumer::Client::OnError(rd_kafka_t* client, int error, const char* reason, void* self) {
  const rd_kafka_resp_err_t code = CauseOf(client, static_cast<rd_kafka_resp_err_t>(error));
  static_cast<Client*>(self)->errors_.push_back(
      {KindOf(code, reason), -1, -1, reason == nullptr ? "" : reason});
}

void Consumer::Client::OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t what,
                                   rd_kafka_topic_partition_list_t* list, void* self) {
  auto* client = static_cast<Client*>(self);
  client->rebalanced_ = true;
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    client->Assigned(list);
  } else {
    client->Revoked();
  }
}

void Consumer::Client::Assigned(const rd_kafka_topic_partition_list_t* list) {
  reading_.clear();
  assigned_.clear();
  for (int i = 0; i < list->cnt; ++i) assigned_.insert(list->elems[i].partition);
  const std::vector<int32_t> partitions(assigned_.begin(), assigned_.end());
  listener_->OnAssigned(partitions);
  assignment_changed_ = true;  // the group waits for this answer, even when nothing is read yet
  ApplyAssignment();
}

void Consumer::Client::Revoked() {
  TellRevoked();
  rd_kafka_assign(client_, nullptr);
  if (!leaving_) Settle(client_);
}

void Consumer::Client::TellRevoked() {
  const bool lost = rd_kafka_assignment_lost(client_) == 1;
  const std::vector<int32_t> partitions(assigned_.begin(), assigned_.end());
  if (!partitions.empty()) listener_->OnRevoked(partitions, lost);
  reading_.clear();
  assigned_.clear();
  assignment_changed_ = false;
}

void Consumer::Client::Commit(int32_t partition, int64_t next_offset) {
  if (listener_ == nullptr || client_ == nullptr) return;
  const PartitionList list = MakeList(1);
  rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = next_offset;
  rd_kafka_commit(client_, list.get(), 1);
}

std::vector<int32_t> Consumer::Client::partitions() const {
  std::vector<int32_t> found(assigned_.begin(), assigned_.end());
  if (listener_ == nullptr) {
    for (const auto& [partition, position] : reading_) found.push_back(partition);
  }
  return found;
}

bool Consumer::Client::LeaveGroup(std::chrono::steady_clock::time_point until) {
  leaving_ = true;
  rd_kafka_queue_t* closing = rd_kafka_queue_new(client_);
  rd_kafka_error_t* refused = rd_kafka_consumer_close_queue(client_, closing);
  bool left = refused != nullptr;  // a dead member has nothing to leave
  if (refused != nullptr) rd_kafka_error_destroy(refused);
  while (!left && std::chrono::steady_clock::now() < until) {
    rd_kafka_message_t* message = nullptr;
    if (rd_kafka_consume_batch_queue(closing, 20, &message, 1) > 0) {
      rd_kafka_message_destroy(message);
    }
    left = rd_kafka_consumer_closed(client_) == 1;
  }
  rd_kafka_queue_destroy(closing);
  return left;
}

bool Consumer::Client::Close(std::chrono::milliseconds timeout) {
  if (client_ == nullptr) return true;
  const auto until = std::chrono::steady_clock::now() + timeout;
  ReleaseMessages();
  records_.clear();
  const bool left = listener_ == nullptr || LeaveGroup(until);
  if (!assigned_.empty()) TellRevoked();
  reading_.clear();
  rd_kafka_queue_destroy(queue_);
  const auto rest =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  const bool destroyed = DestroyWithin(client_, std::max(rest, std::chrono::milliseconds(100)));
  client_ = nullptr;
  return left && destroyed;
}

}  // namespace quantstream::kafka
