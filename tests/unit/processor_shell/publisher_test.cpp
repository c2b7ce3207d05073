// The publisher against librdkafka's own mock broker, with one of its topics stuck.
#include "processor/publisher.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "tests/support/wait.h"
#include "tests/unit/processor_shell/mock_broker.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;
using test_support::WaitFor;

OutboxRow CandleRowOf(int64_t version, size_t bytes = 10) {
  OutboxRow row{version, ""};
  AppendCandleEvent(std::string(bytes, 'c'), row.payload);
  return row;
}

OutboxRow LetterRowOf(int64_t version, size_t bytes = 10) {
  OutboxRow row{version, ""};
  AppendDeadLetter({"bad", Offset{version}, bytes, std::string(bytes, 'l')}, row.payload);
  return row;
}

class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest() {
    options_.producer.client = broker_.client();
    options_.trades_topic = "trades";
    options_.candles_topic = "candles";
    options_.dead_letter_topic = "dead-letter";
    options_.queue_bytes_max = 10'000;
  }

  void Start() {
    auto publisher = KafkaPublisher::Create(options_, &metrics_);
    ASSERT_TRUE(publisher.ok()) << publisher.status();
    publisher_ = *std::move(publisher);
  }
  // Rows until there is no room; the version that found none.
  int64_t Fill(const std::function<OutboxRow(int64_t)>& row_of) {
    int64_t version = 1;
    while (publisher_->PublishCommitted(0, row_of(version))) ++version;
    return version;
  }
  bool Delivers(int32_t partition, int64_t version) {
    return WaitFor([&] { return publisher_->DeliveredVersion(partition) == version; });
  }

  MockBroker broker_;
  PublisherOptions options_;
  Metrics metrics_{std::make_shared<prometheus::Registry>()};
  std::unique_ptr<KafkaPublisher> publisher_;
};

TEST_F(PublisherTest, ADeadLetterTopicThatIsStuckStopsNoCandles) {
  broker_.GetStuck("dead-letter");
  Start();
  int64_t refused = Fill([](int64_t version) { return LetterRowOf(version, 1'000); });
  EXPECT_GT(refused, 5);
  EXPECT_LT(refused, 15) << "the queue is bounded";
  for (int64_t version = 1; version <= 50; ++version) {
    ASSERT_TRUE(WaitFor(
        [&] { return publisher_->PublishCommitted(1, CandleRowOf(version, 1'000)); }));
  }
  EXPECT_TRUE(Delivers(1, 50));
  EXPECT_EQ(publisher_->DeliveredVersion(0), -1);
  broker_.GetLoose("dead-letter");
  EXPECT_TRUE(Delivers(0, refused - 1));
  EXPECT_TRUE(publisher_->PublishCommitted(0, LetterRowOf(refused, 1'000)));
}

TEST_F(PublisherTest, ARowIsDeliveredWithAllBeforeIt) {
  broker_.GetStuck("dead-letter");
  Start();
  ASSERT_TRUE(publisher_->PublishCommitted(0, CandleRowOf(1)));
  ASSERT_TRUE(publisher_->PublishCommitted(0, LetterRowOf(2)));
  ASSERT_TRUE(publisher_->PublishCommitted(0, CandleRowOf(3)));
  ASSERT_TRUE(publisher_->PublishCommitted(0, OutboxRow{4, ""}));
  ASSERT_TRUE(publisher_->PublishCommitted(1, CandleRowOf(5)));
  EXPECT_TRUE(Delivers(1, 5));  // so 3, too, is delivered
  EXPECT_EQ(publisher_->DeliveredVersion(0), 1);
  broker_.GetLoose("dead-letter");
  EXPECT_TRUE(Delivers(0, 4));
}

TEST_F(PublisherTest, ATopicThatTakesNothingForLongIsTold) {
  options_.undelivered_max = milliseconds(200);
  broker_.GetStuck("candles");
  Start();
  ASSERT_TRUE(publisher_->PublishCommitted(0, LetterRowOf(1)));
  ASSERT_TRUE(Delivers(0, 1));
  ASSERT_TRUE(publisher_->PublishCommitted(0, CandleRowOf(2)));
  EXPECT_EQ(publisher_->Trouble(), "");
  ASSERT_TRUE(WaitFor([&] { return !publisher_->Trouble().empty(); }));
  EXPECT_EQ(publisher_->Trouble(), "topic candles: a committed message has waited for 0 s");
  broker_.GetLoose("candles");
  EXPECT_TRUE(Delivers(0, 2));
  EXPECT_EQ(publisher_->Trouble(), "");
}

}  // namespace
}  // namespace quantstream::processor
