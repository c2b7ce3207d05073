// RecordLog over Kafka: topics `trades` and `dead-letter`, idempotent producer, made anew after a
// fatal error.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "ingest/io.h"
#include "platform/config/option.h"

namespace quantstream::kafka {
class Producer;
struct Delivery;
}  // namespace quantstream::kafka

namespace quantstream::ingest {

struct KafkaLogOptions {
  config::Properties client;
  std::string client_id;
  std::string trades_topic;
  std::string dead_letter_topic;
};

class KafkaLog : public RecordLog {
 public:
  // Brokers are not waited for; an error names the property that the client refuses.
  static absl::StatusOr<std::unique_ptr<KafkaLog>> Create(KafkaLogOptions options);
  ~KafkaLog() override;

  absl::Status Append(const OutgoingRecord& record, uint64_t token) override;
  void Poll(int wait_ms, const OnDelivery& on_delivery) override;
  absl::Status Broken() const override;
  absl::Status Reachable() const override;
  absl::Status Renew() override;

  // Leaves without waiting for reports.
  void Close();
  kafka::Producer& producer_for_test() { return *producer_; }

 private:
  explicit KafkaLog(KafkaLogOptions options);
  absl::Status Start();

  KafkaLogOptions options_;
  std::unique_ptr<kafka::Producer> producer_;
  const OnDelivery* on_delivery_ = nullptr;  // while Poll runs
};

}  // namespace quantstream::ingest
