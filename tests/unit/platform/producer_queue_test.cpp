// The producer without a broker: bounds and ends. Nothing listens on port 9 of loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "platform/kafka/consumer.h"
#include "platform/kafka/producer.h"

namespace quantstream::kafka {
namespace {

using namespace std::chrono_literals;

const config::Properties kNoBroker = {{"bootstrap.servers", "127.0.0.1:9"}};

class ProducerQueueTest : public ::testing::Test {
 protected:
  std::unique_ptr<Producer> Make(int64_t records, int64_t bytes = 1 << 20) {
    ProducerOptions options;
    options.client = kNoBroker;
    options.queue_records_max = records;
    options.queue_bytes_max = bytes;
    options.record_bytes_max = 100'000;
    auto producer = Producer::Create(
        options, [this](const Delivery& delivery) { deliveries_.push_back(delivery); });
    EXPECT_TRUE(producer.ok()) << producer.status();
    return *std::move(producer);
  }
  std::vector<Delivery> deliveries_;
};

TEST_F(ProducerQueueTest, AFullQueueIsBackPressureAndTakesNothing) {
  const auto producer = Make(10);
  int taken = 0;
  absl::Status status;
  while ((status = producer->Produce("t", 0, "x", 1)).ok()) ++taken;
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(producer->queued_records(), 10);
  EXPECT_TRUE(deliveries_.empty());
}

TEST_F(ProducerQueueTest, TheQueueIsBoundInBytesToo) {
  const auto producer = Make(100'000, 1 << 20);
  int taken = 0;
  while (producer->Produce("t", 0, std::string(50'000, 'x'), 1).ok()) ++taken;
  EXPECT_GT(taken, 10);
  EXPECT_LT(taken, 30);
}

TEST_F(ProducerQueueTest, ATooLargeRecordIsRefused) {
  const auto producer = Make(10);
  EXPECT_EQ(producer->Produce("t", 0, std::string(200'000, 'x'), 1).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ProducerQueueTest, FlushIsBoundAndSaysHowManyAreLeft) {
  const auto producer = Make(10);
  ASSERT_TRUE(producer->Produce("t", 0, "x", 1).ok());
  const absl::Status status = producer->Flush(20ms);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("1 records not delivered"));
}

TEST_F(ProducerQueueTest, AFatalErrorIsKnownAndEndsProducing) {
  const auto producer = Make(10);
  EXPECT_TRUE(producer->fatal_error().ok());
  producer->ForceFatalErrorForTest();
  EXPECT_EQ(producer->fatal_error().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(producer->Produce("t", 0, "x", 1).code(), absl::StatusCode::kAborted);
}

TEST_F(ProducerQueueTest, CloseDoesNotWaitForDeliveries) {
  const auto producer = Make(10);
  ASSERT_TRUE(producer->Produce("t", 0, "x", 1).ok());
  EXPECT_TRUE(producer->Close(10s));
  EXPECT_EQ(producer->Produce("t", 0, "x", 1).code(), absl::StatusCode::kAborted);
}

TEST_F(ProducerQueueTest, UnreachableBrokersAreSeen) {
  const auto producer = Make(10);
  const auto bound = std::chrono::steady_clock::now() + 20s;
  while (producer->connection_state().ok() && std::chrono::steady_clock::now() < bound) {
    producer->Poll(100ms);
  }
  EXPECT_FALSE(producer->connection_state().ok());
}

TEST(ConsumerWithoutBrokerTest, UnreachableBrokersAreATransportErrorAndCloseIsBound) {
  ConsumerOptions options;
  options.client = kNoBroker;
  options.topic = "t";
  auto consumer = Consumer::MakeReader(options);
  ASSERT_TRUE(consumer.ok());
  ASSERT_TRUE((*consumer)->Start(0, {5, -1}).ok());
  const auto bound = std::chrono::steady_clock::now() + 20s;
  bool seen = false;
  while (!seen && std::chrono::steady_clock::now() < bound) {
    for (const ConsumerError& error : (*consumer)->Poll(100ms).errors) {
      seen = seen || error.kind == ErrorKind::kTransport;
    }
  }
  EXPECT_TRUE(seen);
  EXPECT_FALSE((*consumer)->QueryLogRange(0, 50ms).ok());
  EXPECT_TRUE((*consumer)->Close(10s));
}

}  // namespace
}  // namespace quantstream::kafka
