#include "platform/kafka/topics.h"

#include <gmock/gmock.h>

#include "tests/integration/platform/kafka_fixture.h"

namespace quantstream::kafka {
namespace {

using ::testing::HasSubstr;

class TopicsTest : public KafkaTest {
 protected:
  std::unique_ptr<Topics> topics_ = ConnectTopics();
};

TEST_F(TopicsTest, AMissingTopicIsMadeWithItsSettings) {
  EXPECT_EQ(topics_->Describe(topic_, kBound).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(topics_->Ensure({.name = topic_, .partitions = 3}, kBound).ok());
  const auto description = topics_->Describe(topic_, kBound);
  ASSERT_TRUE(description.ok()) << description.status();
  EXPECT_EQ(description->partitions, 3);
  EXPECT_EQ(description->timestamp_type, "LogAppendTime");
  EXPECT_FALSE(description->topic_id.empty());
  EXPECT_TRUE(topics_->Ensure({.name = topic_, .partitions = 3}, kBound).ok()) << "and again";
}

TEST_F(TopicsTest, AnotherPartitionCountIsRefusedWithBothCounts) {
  ASSERT_TRUE(topics_->Ensure({.name = topic_, .partitions = 3}, kBound).ok());
  const absl::Status status = topics_->Ensure({.name = topic_, .partitions = 12}, kBound);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has 3 partitions, expected 12"));
}

TEST_F(TopicsTest, ATopicWithoutLogAppendTimeIsRefused) {
  TopicSpec spec{.name = topic_, .partitions = 1};
  spec.more = {{"message.timestamp.type", "CreateTime"}};
  const absl::Status status = topics_->Ensure(spec, kBound);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("message.timestamp.type=CreateTime"));
}

TEST_F(TopicsTest, ABadSettingIsNamedByTheBroker) {
  const absl::Status status =
      topics_->Ensure({.name = topic_, .partitions = 1, .compression = "nonsense"}, kBound);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("compression.type"));
}

TEST_F(TopicsTest, ATopicMadeAgainHasAnotherId) {
  MakeTopic(1);
  const auto reader = MakeReader();
  const std::string before = topics_->Describe(topic_, kBound)->topic_id;
  EXPECT_EQ(reader->QueryTopicId(kBound).value(), before);
  ASSERT_TRUE(topics_->Delete(topic_, kBound).ok());
  const auto made = [&] {
    return topics_->Ensure({.name = topic_, .partitions = 1}, kBound).ok() &&
           topics_->Describe(topic_, kBound)->topic_id != before;
  };
  EXPECT_TRUE(test_support::WaitFor(made, kBound));
  EXPECT_NE(reader->QueryTopicId(kBound).value(), before);
}

TEST_F(TopicsTest, TheClusterHasAnId) {
  const auto id = topics_->ClusterId(kBound);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_FALSE(id->empty());
}

TEST_F(TopicsTest, BrokersThatAreNotThereAreAnErrorInTime) {
  const std::string nobody = "127.0.0.1:" + std::to_string(test_support::FreePort());
  const auto topics = Topics::Connect({{"bootstrap.servers", nobody}});
  ASSERT_TRUE(topics.ok());
  EXPECT_FALSE((*topics)->Ensure({.name = topic_}, std::chrono::milliseconds(200)).ok());
}

}  // namespace
}  // namespace quantstream::kafka
