// Publisher on Kafka: committed outbox rows and open candles into topic `candles`, dead letters
// into `dead-letter`. Committed messages are kept until the broker has them and are sent again by a
// new producer when the old one is broken.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
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
  int64_t queue_bytes_max = 64 << 20;  // of each topic
  std::chrono::milliseconds undelivered_max{30'000};  // for longer: trouble
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
  bool TakesOpen(int32_t partition) override;
  bool PublishEvent(int32_t partition, std::string candle_event) override;
  void Forget(int32_t partition) override;

  // Which topic has not got a committed message for too long. Empty = none.
  std::string Trouble() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum { kCandles, kLetters, kTopics };
  using Counts = std::array<int64_t, kTopics>;
  struct Topic {
    std::string name;
    SendQueue queue;
    Clock::time_point send_not_before{};  // after a failure
  };
  // A row that is not delivered as a whole.
  struct Row {
    Counts left{};         // messages
    int64_t covers = 0;    // version up to which everything behind this row is delivered
    Clock::time_point at;  // when it was taken
  };
  using Rows = std::map<int64_t, Row>;  // by version
  struct Channel {                      // of one partition
    Rows rows;
    int64_t delivered_version = -1;
    int64_t refused_version = -1;  // of the row that found no room
    Counts refused_bytes{};
  };
  KafkaPublisher(PublisherOptions options, Metrics* metrics);
  absl::Status MakeProducer();
  bool HasRoom(const Counts& bytes) const;
  static int TopicOf(const OutboxMessage& message);
  static void RemoveWhenDelivered(Channel& channel, Rows::iterator row);
  void Send();
  void SendTo(int topic);
  absl::Status Produce(const QueuedMessage& message, uint64_t token);
  void Serve();
  void Report();
  void TakeDelivery(const kafka::Delivery& delivery);
  void MarkDelivered(const QueuedMessage& message);
  void Renew();

  PublisherOptions options_;
  Metrics* metrics_;
  std::map<int32_t, Channel> channels_;
  std::array<Topic, kTopics> topics_;
  uint64_t sent_ = 0;  // token: this times kTopics, plus the topic
  Clock::time_point renew_not_before_{};
  Clock::time_point serve_at_{};
  Clock::time_point report_at_{};
  std::unique_ptr<kafka::Producer> producer_;  // last: it calls TakeDelivery
};

}  // namespace quantstream::processor
