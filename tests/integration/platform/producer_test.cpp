#include <gmock/gmock.h>

#include <map>
#include <set>

#include "tests/integration/platform/kafka_fixture.h"

namespace quantstream::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class ProducerTest : public KafkaTest {
 protected:
  ProducerTest() { MakeTopic(2); }

  std::unique_ptr<Producer> Make(const std::string& bootstrap, int64_t queue_records = 1000) {
    ProducerOptions options;
    options.client = {{"bootstrap.servers", bootstrap}};
    options.queue_records_max = queue_records;
    auto producer = Producer::Create(options, [this](const Delivery& delivery) {
      EXPECT_TRUE(delivery.status.ok()) << delivery.status;
      EXPECT_TRUE(delivered_.insert(delivery.token).second) << "reported twice";
      offsets_.push_back(delivery.offset);
      partitions_[delivery.token] = delivery.partition;
    });
    EXPECT_TRUE(producer.ok()) << producer.status();
    return *std::move(producer);
  }

  std::set<uint64_t> delivered_;
  std::vector<int64_t> offsets_;
  std::map<uint64_t, int32_t> partitions_;
};

TEST_F(ProducerTest, EveryRecordIsReportedOnceWithItsOffset) {
  const auto producer = Make(server_.bootstrap());
  for (uint64_t token = 1; token <= 3; ++token) {
    ASSERT_TRUE(producer->Produce(topic_, 1, "x", token, "key").ok());
  }
  ASSERT_TRUE(producer->Flush(kBound).ok());
  EXPECT_THAT(delivered_, ElementsAre(1, 2, 3));
  EXPECT_THAT(offsets_, ElementsAre(0, 1, 2));
  EXPECT_TRUE(producer->connection_state().ok());
}

TEST_F(ProducerTest, AnUnknownPartitionIsAnError) {
  const auto producer = Make(server_.bootstrap());
  ASSERT_TRUE(producer->Produce(topic_, 0, "x", 1).ok());
  ASSERT_TRUE(producer->Flush(kBound).ok());
  EXPECT_EQ(producer->Produce(topic_, 7, "x", 2).code(), absl::StatusCode::kNotFound);
}

// What Java's murmur2 says, without the sign bit: even for the first two keys, odd for the others.
TEST_F(ProducerTest, WithoutAPartitionTheKeyDecidesAsJavaClientsDo) {
  const auto producer = Make(server_.bootstrap());
  const std::vector<std::string> keys = {"21", "foobar", "abc", "a-little-bit-longer-string"};
  for (uint64_t token = 0; token < keys.size(); ++token) {
    ASSERT_TRUE(producer->Produce(topic_, -1, "x", token, keys[token]).ok());
  }
  ASSERT_TRUE(producer->Flush(kBound).ok());
  EXPECT_THAT(partitions_, UnorderedElementsAre(Pair(0, 0), Pair(1, 0), Pair(2, 1), Pair(3, 1)));
}

// The broker takes batches of at most 100 kB, as they come: the record gets through compressed
// only.
TEST_F(ProducerTest, RecordsAreCompressedAndARefusedOneIsReported) {
  const std::string small_topic = prefix_.Topic("small");
  ASSERT_TRUE(
      ConnectTopics()
          ->Ensure({.name = small_topic, .partitions = 1, .record_bytes_max = 100'000}, kBound)
          .ok());
  const auto deliver = [&](const std::string& compression) {
    ProducerOptions options;
    options.client = Client();
    options.compression = compression;
    absl::Status status = absl::UnknownError("not reported");
    auto producer =
        *Producer::Create(options, [&](const Delivery& delivery) { status = delivery.status; });
    EXPECT_TRUE(producer->Produce(small_topic, 0, std::string(800'000, 'x'), 1).ok());
    EXPECT_TRUE(producer->Flush(kBound).ok());
    return status;
  };
  EXPECT_TRUE(deliver("lz4").ok());
  EXPECT_EQ(deliver("none").code(), absl::StatusCode::kInvalidArgument);
}

// A broker of its own, which this test breaks.
class BrokenBrokerTest : public ::testing::Test {
 protected:
  static constexpr std::chrono::milliseconds kBound{60000};
  config::Properties Client() { return {{"bootstrap.servers", server_.bootstrap()}}; }
  test_support::KafkaServer server_;
};

TEST_F(BrokenBrokerTest, WhatWasTakenWhileTheBrokerIsDownArrivesInOrder) {
  auto topics = *Topics::Connect(Client());
  ASSERT_TRUE(topics->Ensure({.name = "t", .partitions = 1}, kBound).ok());
  std::set<uint64_t> delivered;
  ProducerOptions options;
  options.client = Client();
  options.queue_records_max = 100;
  auto producer = *Producer::Create(options, [&](const Delivery& delivery) {
    EXPECT_TRUE(delivery.status.ok()) << delivery.status;
    delivered.insert(delivery.token);
  });
  ASSERT_TRUE(producer->Produce("t", 0, "0", 0).ok());
  ASSERT_TRUE(producer->Flush(kBound).ok());

  server_.Kill();
  uint64_t taken = 1;
  while (producer->Produce("t", 0, std::to_string(taken), taken).ok()) {
    ++taken;
    producer->Poll(0ms);
  }
  EXPECT_EQ(taken, 101U) << "bounded: the hundredth filled the queue";
  ASSERT_TRUE(test_support::WaitFor([&] {
    producer->Poll(10ms);
    return !producer->connection_state().ok();
  }));
  EXPECT_EQ(delivered.size(), 1U) << "nothing failed, nothing was dropped";

  server_.Start();
  EXPECT_TRUE(producer->Flush(kBound).ok());
  EXPECT_EQ(delivered.size(), 101U);
  EXPECT_TRUE(producer->connection_state().ok());
  auto reader = *Consumer::MakeReader({.client = Client(), .topic = "t"});
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  std::vector<std::string> read;
  ASSERT_TRUE(test_support::WaitFor([&] {
    for (const RecordView& record : reader->Poll(100ms).records) read.emplace_back(record.payload);
    return read.size() >= taken;
  }));
  ASSERT_EQ(read.size(), taken);
  for (uint64_t i = 0; i < taken; ++i) EXPECT_EQ(read[i], std::to_string(i));
}

TEST_F(BrokenBrokerTest, AReaderGoesOnAfterABrokerRestart) {
  auto topics = *Topics::Connect(Client());
  ASSERT_TRUE(topics->Ensure({.name = "t", .partitions = 1}, kBound).ok());
  auto reader = *Consumer::MakeReader({.client = Client(), .topic = "t"});
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  reader->Poll(500ms);
  server_.Stop();
  bool transport = false;
  ASSERT_TRUE(test_support::WaitFor([&] {
    for (const ConsumerError& error : reader->Poll(100ms).errors) {
      transport = transport || error.kind == ErrorKind::kTransport;
    }
    return transport;
  }));
  server_.Start();
  ProducerOptions options;
  options.client = Client();
  auto producer = *Producer::Create(options, [](const Delivery&) {});
  ASSERT_TRUE(producer->Produce("t", 0, "after", 1).ok());
  ASSERT_TRUE(producer->Flush(kBound).ok());
  EXPECT_TRUE(test_support::WaitFor([&] {
    const PollResult result = reader->Poll(100ms);
    return !result.records.empty() && result.records[0].payload == "after";
  }));
}

}  // namespace
}  // namespace quantstream::kafka
