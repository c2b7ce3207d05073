// The publisher against a real broker whose topics come and go.
#include "processor/publisher.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "platform/kafka/consumer.h"
#include "platform/kafka/topics.h"
#include "tests/support/kafka_server.h"
#include "tests/support/wait.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;
using test_support::WaitFor;

class PublisherTest : public ::testing::Test {
 protected:
  static constexpr milliseconds kBound{20'000};

  PublisherTest() {
    options_.producer.client = {{"bootstrap.servers", server_.bootstrap()}};
    options_.trades_topic = prefix_.Topic("trades");
    options_.candles_topic = prefix_.Topic("candles");
    options_.dead_letter_topic = prefix_.Topic("dead-letter");
  }

  void MakeTopic(const std::string& name) {
    auto topics = kafka::Topics::Connect(options_.producer.client);
    ASSERT_TRUE(topics.ok()) << topics.status();
    absl::Status made = (*topics)->Ensure({.name = name, .partitions = 1}, kBound);
    ASSERT_TRUE(made.ok()) << made;
  }

  double failures() const {
    for (const auto& family : registry_->Collect()) {
      if (family.name == "quantstream_processor_messages_failed_total") {
        return family.metric.at(0).counter.value;
      }
    }
    return 0;
  }

  // What a topic of one partition holds, one message after the other.
  std::string Read(const std::string& topic, size_t messages) {
    auto reader = kafka::Consumer::MakeReader({.client = options_.producer.client, .topic = topic});
    EXPECT_TRUE(reader.ok() && (*reader)->Start(0, {0, -1}).ok());
    std::string text;
    EXPECT_TRUE(WaitFor([&] {
      for (const kafka::RecordView& view : (*reader)->Poll(milliseconds(100)).records) {
        text += std::string(view.payload);
      }
      return text.size() >= messages;
    }));
    return text;
  }

  test_support::KafkaServer& server_ = test_support::KafkaServer::Shared();
  test_support::TopicPrefix prefix_{server_};
  PublisherOptions options_;
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  Metrics metrics_{registry_};
};

TEST_F(PublisherTest, MessagesThatFailedArriveInTheOrderOfTheirVersions) {
  auto publisher = KafkaPublisher::Create(options_, &metrics_);
  ASSERT_TRUE(publisher.ok()) << publisher.status();
  for (int64_t version = 1; version <= 5; ++version) {
    OutboxRow row{version, ""};
    AppendCandleEvent(std::to_string(version), row.payload);
    ASSERT_TRUE((*publisher)->PublishCommitted(0, row));
  }
  EXPECT_EQ((*publisher)->DeliveredVersion(0), -1);
  // There is no topic: librdkafka gives them back.
  ASSERT_TRUE(WaitFor([&] {
    EXPECT_EQ((*publisher)->DeliveredVersion(0), -1);
    return failures() >= 5;
  }));
  MakeTopic(options_.candles_topic);
  ASSERT_TRUE(WaitFor([&] { return (*publisher)->DeliveredVersion(0) == 5; }));
  EXPECT_EQ(Read(options_.candles_topic, 5), "12345");
}

}  // namespace
}  // namespace quantstream::processor
