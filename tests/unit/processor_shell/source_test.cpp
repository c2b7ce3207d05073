// The source against librdkafka's own mock broker, which can be told to give no records.
#include "processor/source.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>  // wants the one above
#include <prometheus/registry.h>

#include <algorithm>

#include "platform/kafka/producer.h"
#include "tests/support/wait.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;
using test_support::WaitFor;

class MockBroker {
 public:
  MockBroker() {
    char error[256];
    host_ = rd_kafka_new(RD_KAFKA_PRODUCER, nullptr, error, sizeof(error));
    cluster_ = rd_kafka_mock_cluster_new(host_, 1);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_, 0);
    rd_kafka_mock_topic_create(cluster_, "trades", 1, 1);
  }
  ~MockBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(host_);
  }

  config::Properties client() const {
    return {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)}};
  }
  // The next thousands of requests of this kind are answered with `error`.
  void Refuse(int16_t request, rd_kafka_resp_err_t error) {
    std::vector<rd_kafka_resp_err_t> errors(100'000, error);
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  }
  void RefuseNoMore(int16_t request) { rd_kafka_mock_clear_request_errors(cluster_, request); }

 private:
  rd_kafka_t* host_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

constexpr int16_t kFetch = 1;
constexpr int16_t kJoinGroup = 11;

class SourceTest : public ::testing::Test {
 protected:
  SourceTest() {
    options_.consumer.client = broker_.client();
    options_.consumer.topic = "trades";
    options_.group.group_id = "processor";
    options_.stall_timeout = milliseconds(1'000);
    options_.query_timeout = milliseconds(500);
    options_.look_interval = milliseconds(100);
    options_.group.session_timeout_ms = 6'000;
    source_ = std::make_unique<KafkaSource>(options_, &metrics_, &board_);
  }

  void Produce(const std::string& payload) {
    auto producer = kafka::Producer::Create({.client = broker_.client()},
                                            [](const kafka::Delivery&) {});
    ASSERT_TRUE(producer.ok()) << producer.status();
    ASSERT_TRUE((*producer)->Produce("trades", 0, payload, 1).ok());
    ASSERT_TRUE((*producer)->Flush(milliseconds(20'000)).ok());
  }

  // Polls, starting the partition where it was left whenever it is assigned, until `condition`.
  bool PollUntil(const std::function<bool()>& condition) {
    return WaitFor([&] {
      SourceEvents events;
      absl::Status polled = source_->Poll(10'000, events);
      EXPECT_TRUE(polled.ok()) << polled;
      revoked_ += static_cast<int>(events.revoked.size());
      for (const Record& record : events.records) read_ += std::string(record.bytes);
      for (int32_t partition : events.assigned) {
        ++assigned_;
        auto next = static_cast<int64_t>(read_.size());
        EXPECT_TRUE(source_->Start(partition, Offset{next}, -1).ok());
      }
      return condition();
    });
  }

  MockBroker broker_;
  Metrics metrics_{std::make_shared<prometheus::Registry>()};
  PartitionBoard board_;
  SourceOptions options_;
  std::unique_ptr<KafkaSource> source_;
  std::string read_;  // each record is one letter
  int assigned_ = 0;
  int revoked_ = 0;
};

TEST_F(SourceTest, AConsumerThatIsStuckWhileTheLogGrowsIsMadeAnew) {
  Produce("a");
  ASSERT_TRUE(PollUntil([&] { return read_ == "a"; }));
  broker_.Refuse(kFetch, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE);
  Produce("b");
  ASSERT_TRUE(PollUntil([&] { return revoked_ == 1; }));
  EXPECT_EQ(read_, "a");
  broker_.RefuseNoMore(kFetch);
  EXPECT_TRUE(PollUntil([&] { return read_ == "ab"; }));
  EXPECT_EQ(assigned_, 2);
}

TEST_F(SourceTest, AConsumerWithoutNewRecordsIsLeftAlone) {
  Produce("a");
  ASSERT_TRUE(PollUntil([&] { return read_ == "a"; }));
  auto until = std::chrono::steady_clock::now() + 3 * options_.stall_timeout;
  EXPECT_TRUE(PollUntil([&] { return std::chrono::steady_clock::now() > until; }));
  EXPECT_EQ(revoked_, 0);
}

TEST_F(SourceTest, AGroupWhoseCoordinatorIsStillLoadingIsJoinedOnceItIsThere) {
  Produce("a");
  broker_.Refuse(kJoinGroup, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  auto until = std::chrono::steady_clock::now() + milliseconds(2'000);
  ASSERT_TRUE(PollUntil([&] { return std::chrono::steady_clock::now() > until; }));
  EXPECT_EQ(assigned_, 0);
  broker_.RefuseNoMore(kJoinGroup);
  EXPECT_TRUE(PollUntil([&] { return read_ == "a"; }));
}

TEST_F(SourceTest, AGroupThatCannotBeJoinedIsNotTriedInATightLoop) {
  options_.consumer.client["no.such.property"] = "1";
  source_ = std::make_unique<KafkaSource>(options_, &metrics_, &board_);
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    SourceEvents events;
    EXPECT_FALSE(source_->Poll(10'000, events).ok());
  }
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(200));
}

}  // namespace
}  // namespace quantstream::processor
