#include "ingest/kafka_log.h"

#include <chrono>
#include <utility>

#include "platform/kafka/producer.h"

namespace quantstream::ingest {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCloseMax{2000};
// librdkafka's own queue is only the way out: the bound that counts is the record ring's.
constexpr int64_t kQueueBytesMax = 256 << 20;
constexpr int64_t kQueueRecordsMax = 100'000;

}  // namespace

KafkaLog::KafkaLog(KafkaLogOptions options) : options_(std::move(options)) {}

KafkaLog::~KafkaLog() {
  Close();
}

absl::StatusOr<std::unique_ptr<KafkaLog>> KafkaLog::Create(KafkaLogOptions options) {
  std::unique_ptr<KafkaLog> log(new KafkaLog(std::move(options)));
  if (absl::Status started = log->Start(); !started.ok()) return started;
  return log;
}

absl::Status KafkaLog::Start() {
  kafka::ProducerOptions options;
  options.client = options_.client;
  options.client_id = options_.client_id;
  options.linger_ms = 0;
  options.queue_bytes_max = kQueueBytesMax;
  options.queue_records_max = kQueueRecordsMax;
  auto producer = kafka::Producer::Create(options, [this](const kafka::Delivery& delivery) {
    if (on_delivery_ != nullptr) (*on_delivery_)(delivery.token, delivery.status);
  });
  if (!producer.ok()) return producer.status();
  producer_ = *std::move(producer);
  return absl::OkStatus();
}

absl::Status KafkaLog::Append(const OutgoingRecord& record, uint64_t token) {
  if (producer_ == nullptr) return absl::UnavailableError("no producer");
  const bool trades = record.topic == OutgoingRecord::Topic::kTrades;
  // A dead letter goes anywhere: its partition is that of its reason, so that equal ones stay
  // together.
  const std::string_view key =
      trades || record.headers.empty() ? std::string_view() : record.headers.front().second;
  return producer_->Produce(trades ? options_.trades_topic : options_.dead_letter_topic,
                            record.partition, record.bytes, token, key, record.headers);
}

void KafkaLog::Poll(int wait_ms, const OnDelivery& on_delivery) {
  if (producer_ == nullptr) return;
  on_delivery_ = &on_delivery;
  producer_->Poll(milliseconds(wait_ms));
  on_delivery_ = nullptr;
}

absl::Status KafkaLog::Broken() const {
  return producer_ == nullptr ? absl::UnavailableError("no producer") : producer_->fatal_error();
}

absl::Status KafkaLog::Renew() {
  Close();
  return Start();
}

absl::Status KafkaLog::Reachable() const {
  return producer_ == nullptr ? absl::UnavailableError("no producer")
                              : producer_->connection_state();
}

void KafkaLog::Close() {
  if (producer_ == nullptr) return;
  producer_->Close(kCloseMax);
  producer_.reset();
}

}  // namespace quantstream::ingest
