// A topic of its own for each test, on a real broker, and short ways to write to it and read from
// it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "platform/kafka/consumer.h"
#include "platform/kafka/producer.h"
#include "platform/kafka/topics.h"
#include "tests/support/kafka_server.h"
#include "tests/support/wait.h"

namespace quantstream::kafka {

// What a test keeps of a record.
struct ReadRecord {
  int32_t partition;
  int64_t offset;
  std::string payload;

  bool operator==(const ReadRecord&) const = default;
};

class KafkaTest : public ::testing::Test {
 protected:
  static constexpr std::chrono::milliseconds kBound{20000};

  config::Properties Client() const { return {{"bootstrap.servers", server_.bootstrap()}}; }

  std::unique_ptr<Topics> ConnectTopics() const {
    auto topics = Topics::Connect(Client());
    EXPECT_TRUE(topics.ok()) << topics.status();
    return *std::move(topics);
  }

  void MakeTopic(int32_t partitions) {
    const absl::Status made =
        ConnectTopics()->Ensure({.name = topic_, .partitions = partitions}, kBound);
    ASSERT_TRUE(made.ok()) << made;
  }

  // Appends records with these payloads and waits until the broker has them.
  void Write(int32_t partition, const std::vector<std::string>& payloads,
             const Headers& headers = {}) {
    ProducerOptions options;
    options.client = Client();
    auto producer = Producer::Create(options, [](const Delivery& delivery) {
      EXPECT_TRUE(delivery.status.ok()) << delivery.status;
    });
    ASSERT_TRUE(producer.ok()) << producer.status();
    for (const std::string& payload : payloads) {
      ASSERT_TRUE((*producer)->Produce(topic_, partition, payload, 0, {}, headers).ok());
    }
    ASSERT_TRUE((*producer)->Flush(kBound).ok());
  }

  ConsumerOptions ReaderOptions() const {
    ConsumerOptions options;
    options.client = Client();
    options.topic = topic_;
    return options;
  }

  std::unique_ptr<Consumer> MakeReader() const {
    auto reader = Consumer::MakeReader(ReaderOptions());
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  }

  // Polls until `count` records came, or an error, or the bound.
  std::vector<ReadRecord> Read(Consumer& consumer, size_t count) {
    std::vector<ReadRecord> records;
    errors_.clear();
    const auto enough = [&] {
      const PollResult result = consumer.Poll(std::chrono::milliseconds(100));
      for (const RecordView& record : result.records) {
        records.push_back({record.partition, record.offset, std::string(record.payload)});
      }
      errors_.insert(errors_.end(), result.errors.begin(), result.errors.end());
      return records.size() >= count || !errors_.empty();
    };
    EXPECT_TRUE(test_support::WaitFor(enough, kBound));
    return records;
  }

  // Polls until an error comes that is no transport trouble.
  ConsumerError ReadError(Consumer& consumer) {
    ConsumerError found;
    const auto seen = [&] {
      for (const ConsumerError& error : consumer.Poll(std::chrono::milliseconds(100)).errors) {
        if (error.kind != ErrorKind::kTransport) found = error;
      }
      return !found.message.empty();
    };
    EXPECT_TRUE(test_support::WaitFor(seen, kBound));
    return found;
  }

  const test_support::KafkaServer& server_ = test_support::KafkaServer::Shared();
  test_support::TopicPrefix prefix_{server_};
  std::string topic_ = prefix_.Topic("records");
  std::vector<ConsumerError> errors_;
};

}  // namespace quantstream::kafka
