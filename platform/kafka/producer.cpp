#include "platform/kafka/producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "platform/kafka/handle.h"

namespace quantstream::kafka {
namespace {

config::Properties ProducerProperties(const ProducerOptions& options) {
  return {{"client.id", options.client_id},
          {"enable.idempotence", "true"},
          {"acks", "all"},
          {"compression.codec", options.compression},
          {"message.timeout.ms", std::to_string(options.delivery_timeout_ms)},
          {"linger.ms", std::to_string(options.linger_ms)},
          {"queue.buffering.max.messages", std::to_string(options.queue_records_max)},
          {"queue.buffering.max.kbytes", std::to_string(options.queue_bytes_max / 1024 + 1)},
          {"message.max.bytes", std::to_string(std::max<int64_t>(options.record_bytes_max, 1000))},
          {"partitioner", "murmur2_random"},
          {"delivery.report.only.error", "false"},
          {"topic.metadata.propagation.max.ms", "5000"},
          {"reconnect.backoff.max.ms", "5000"}};
}

rd_kafka_vu_t Unit(rd_kafka_vtype_t type) {
  rd_kafka_vu_t unit{};
  unit.vtype = type;
  return unit;
}

}  // namespace

class Producer::Client {
 public:
  explicit Client(DeliveryCallback on_delivery) : on_delivery_(std::move(on_delivery)) {}
  ~Client() { Close(std::chrono::seconds(5)); }

  absl::Status Open(const ProducerOptions& options) {
    Callbacks callbacks;
    callbacks.opaque = this;
    callbacks.error = OnError;
    callbacks.delivery = OnDelivery;
    const absl::StatusOr<rd_kafka_t*> made =
        MakeClient(RD_KAFKA_PRODUCER, options.client, ProducerProperties(options), callbacks);
    if (!made.ok()) return made.status();
    client_ = *made;
    return absl::OkStatus();
  }

  absl::Status Produce(const std::string& topic, int32_t partition, std::string_view payload,
                       uint64_t token, std::string_view key, const Headers& headers) {
    if (client_ == nullptr) return absl::AbortedError("the producer is closed");
    std::vector<rd_kafka_vu_t> units(6 + headers.size());
    units[0] = Unit(RD_KAFKA_VTYPE_TOPIC);
    units[0].u.cstr = topic.c_str();
    units[1] = Unit(RD_KAFKA_VTYPE_PARTITION);
    units[1].u.i32 = partition < 0 ? RD_KAFKA_PARTITION_UA : partition;
    units[2] = Unit(RD_KAFKA_VTYPE_VALUE);
    units[2].u.mem = {const_cast<char*>(payload.data()), payload.size()};
    units[3] = Unit(RD_KAFKA_VTYPE_KEY);
    units[3].u.mem = {const_cast<char*>(key.data()), key.size()};
    units[4] = Unit(RD_KAFKA_VTYPE_OPAQUE);
    units[4].u.ptr = reinterpret_cast<void*>(token);
    units[5] = Unit(RD_KAFKA_VTYPE_MSGFLAGS);
    units[5].u.i = RD_KAFKA_MSG_F_COPY;
    for (size_t i = 0; i < headers.size(); ++i) {
      const auto& [name, value] = headers[i];
      units[6 + i] = Unit(RD_KAFKA_VTYPE_HEADER);
      units[6 + i].u.header = {name.c_str(), value.data(), static_cast<ssize_t>(value.size())};
    }
    queued_records_.fetch_add(1, std::memory_order_relaxed);
    absl::Status status = MakeStatus(rd_kafka_produceva(client_, units.data(), units.size()),
                                     "producing to " + topic);
    if (status.ok()) return status;
    queued_records_.fetch_sub(1, std::memory_order_relaxed);
    if (absl::IsResourceExhausted(status)) return status;
    const absl::Status fatal = fatal_error();
    return fatal.ok() ? status : fatal;
  }

  int Poll(std::chrono::milliseconds timeout) {
    return client_ == nullptr ? 0 : rd_kafka_poll(client_, Milliseconds(timeout));
  }

  absl::Status fatal_error() const {
    if (client_ == nullptr) return absl::AbortedError("the producer is closed");
    char reason[512];
    const rd_kafka_resp_err_t error = rd_kafka_fatal_error(client_, reason, sizeof reason);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
    return absl::AbortedError(std::string(rd_kafka_err2name(error)) + ": " + reason);
  }

  absl::Status connection_state() const {
    std::lock_guard lock(mutex_);
    return connection_state_;
  }

  // rd_kafka_outq_len counts events that wait for a Poll as well.
  int64_t queued_records() const {
    return client_ == nullptr ? 0 : queued_records_.load(std::memory_order_relaxed);
  }

  absl::Status Flush(std::chrono::milliseconds timeout) {
    if (client_ == nullptr) return absl::OkStatus();
    const rd_kafka_resp_err_t error = rd_kafka_flush(client_, Milliseconds(timeout));
    return MakeStatus(error, std::to_string(queued_records()) + " records not delivered yet");
  }

  bool Close(std::chrono::milliseconds timeout) {
    if (client_ == nullptr) return true;
    rd_kafka_t* client = std::exchange(client_, nullptr);
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    return DestroyWithin(client, timeout);
  }

  void ForceFatalError() {
    rd_kafka_test_fatal_error(client_, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "forced");
  }

 private:
  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    auto* client = static_cast<Client*>(self);
    client->queued_records_.fetch_sub(1, std::memory_order_relaxed);
    Delivery delivery;
    delivery.token = reinterpret_cast<uint64_t>(message->_private);
    delivery.partition = message->partition;
    delivery.status = MakeStatus(message->err, "delivery");
    if (delivery.status.ok()) delivery.offset = message->offset;
    if (delivery.status.ok()) client->SetConnectionState(absl::OkStatus());
    client->on_delivery_(delivery);
  }

  static void OnError(rd_kafka_t*, int error, const char* reason, void* self) {
    const auto code = static_cast<rd_kafka_resp_err_t>(error);
    static_cast<Client*>(self)->SetConnectionState(
        MakeStatus(code, reason == nullptr ? "" : reason));
  }

  void SetConnectionState(const absl::Status& state) {
    std::lock_guard lock(mutex_);
    connection_state_ = state;
  }

  DeliveryCallback on_delivery_;
  rd_kafka_t* client_ = nullptr;
  std::atomic<int64_t> queued_records_{0};
  mutable std::mutex mutex_;
  absl::Status connection_state_;
};

Producer::Producer(std::unique_ptr<Client> client) : client_(std::move(client)) {}
Producer::~Producer() = default;

absl::StatusOr<std::unique_ptr<Producer>> Producer::Create(const ProducerOptions& options,
                                                           DeliveryCallback on_delivery) {
  auto client = std::make_unique<Client>(std::move(on_delivery));
  if (absl::Status status = client->Open(options); !status.ok()) return status;
  return std::unique_ptr<Producer>(new Producer(std::move(client)));
}

absl::Status Producer::Produce(const std::string& topic, int32_t partition,
                               std::string_view payload, uint64_t token, std::string_view key,
                               const Headers& headers) {
  return client_->Produce(topic, partition, payload, token, key, headers);
}

int Producer::Poll(std::chrono::milliseconds timeout) {
  return client_->Poll(timeout);
}
absl::Status Producer::fatal_error() const {
  return client_->fatal_error();
}
absl::Status Producer::connection_state() const {
  return client_->connection_state();
}
int64_t Producer::queued_records() const {
  return client_->queued_records();
}
absl::Status Producer::Flush(std::chrono::milliseconds timeout) {
  return client_->Flush(timeout);
}
bool Producer::Close(std::chrono::milliseconds timeout) {
  return client_->Close(timeout);
}
void Producer::ForceFatalErrorForTest() {
  client_->ForceFatalError();
}

}  // namespace quantstream::kafka
