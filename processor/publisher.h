// Publisher on Kafka: committed outbox rows and open candles into topic `candles`, dead letters
// into `dead-letter`. Committed messages are kept until the broker has them and are sent again by a
// new producer when the old one is broken.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "platform/kafka/producer.h"
#include "processor/io.h"
#include "processor/metrics.h"
#include "processor/send_queue.h"

namespace quantstream::processor {

struct PublisherOptions {
  kafka::ProducerOptions producer;
  std::string trades_topic;  // named in dead letters' headers
  std::string candles_topic;
  std::string dead_letter_topic;
  int64_t queue_bytes_max = 64 << 20;
  int32_t worker = 0;  // for the metrics
};

class KafkaPublisher final : public Publisher {
 public:
  // `metrics` outlives the publisher. The error names the Kafka property that was refused.
  static absl::StatusOr<std::unique_ptr<KafkaPublisher>> Create(PublisherOptions options,
                                                                Metrics* metrics);
  ~KafkaPublisher() override;  // Waits for deliveries, at most 3 s.

  bool PublishCommitted(int32_t partition, const OutboxRow& row) override;
  int64_t DeliveredVersion(int32_t partition) override;
  bool PublishEvent(int32_t partition, std::string candle_event) override;
  void Forget(int32_t partition) override;

 private:
  // A row that is not delivered as a whole.
  struct Row {
    int64_t version = 0;
    int64_t messages_left = 0;
  };
  struct Channel {  // of one partition
    std::deque<Row> rows;
    int64_t delivered_version = -1;
  };
  KafkaPublisher(PublisherOptions options, Metrics* metrics);
  absl::Status MakeProducer();
  bool HasRoom(size_t bytes) const;
  int64_t queued_bytes() const { return candles_.bytes() + letters_.bytes(); }
  SendQueue& QueueOf(const OutboxMessage& message);
  void Send();
  void SendFrom(SendQueue& queue);
  absl::Status Produce(const QueuedMessage& message, uint64_t token);
  void Serve();
  void TakeDelivery(const kafka::Delivery& delivery);
  void MarkDelivered(const QueuedMessage& message);
  void Renew();

  PublisherOptions options_;
  Metrics* metrics_;
  std::map<int32_t, Channel> channels_;
  SendQueue candles_;
  SendQueue letters_;
  uint64_t next_token_ = 1;
  std::chrono::steady_clock::time_point send_not_before_{};  // after a failure
  std::chrono::steady_clock::time_point renew_not_before_{};
  std::unique_ptr<kafka::Producer> producer_;  // last: it calls TakeDelivery
};

}  // namespace quantstream::processor
