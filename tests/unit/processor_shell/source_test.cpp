// The source against librdkafka's own mock broker, which can be told to give no records.
#include "processor/source.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <algorithm>

#include "platform/kafka/producer.h"
#include "tests/support/wait.h"
#include "tests/unit/processor_shell/mock_broker.h"

namespace quantstream::processor {
namespace {

using std::chrono::milliseconds;
using test_support::WaitFor;

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
    auto producer =
        kafka::Producer::Create({.client = broker_.client()}, [](const kafka::Delivery&) {});
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

  // How long each Poll took beside what it was told to wait.
  std::vector<milliseconds> PollFor(milliseconds time) {
    std::vector<milliseconds> took;
    EXPECT_FALSE(WaitFor(
        [&] {
          SourceEvents events;
          auto began = std::chrono::steady_clock::now();
          source_->Poll(10'000, events).IgnoreError();
          auto ended = std::chrono::steady_clock::now();
          took.push_back(std::chrono::duration_cast<milliseconds>(ended - began));
          return false;
        },
        time));
    return took;
  }

  double Failures(const std::string& kind) const {
    for (const auto& family : registry_->Collect()) {
      if (family.name != "quantstream_processor_source_errors_total") continue;
      for (const auto& metric : family.metric) {
        if (metric.label.at(0).value == kind) return metric.counter.value;
      }
    }
    return 0;
  }

  MockBroker broker_;
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  Metrics metrics_{registry_};
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

// A member that leaves must not ask the group anything: librdkafka drops questions, without an
// answer, once the group has ended. Many, for that is a race; who loses it hangs.
TEST_F(SourceTest, ASourceThatIsClosedEnds) {
  struct Member {
    std::unique_ptr<KafkaSource> source;
    bool assigned = false;
  };
  std::vector<Member> members(30);
  for (size_t i = 0; i < members.size(); ++i) {
    options_.group.group_id = "group-" + std::to_string(i);
    members[i].source = std::make_unique<KafkaSource>(options_, &metrics_, &board_);
  }
  ASSERT_TRUE(WaitFor([&] {
    for (Member& member : members) {
      SourceEvents events;
      EXPECT_TRUE(member.source->Poll(1'000, events).ok());
      member.assigned |= !events.assigned.empty();
    }
    return std::ranges::all_of(members, &Member::assigned);
  }));
}

TEST_F(SourceTest, ABrokerThatIsAwayIsAskedAboutTheTopicMoreSeldom) {
  options_.stall_timeout = milliseconds(3'600'000);
  options_.look_interval = milliseconds(200);
  source_ = std::make_unique<KafkaSource>(options_, &metrics_, &board_);
  Produce("a");
  ASSERT_TRUE(PollUntil([&] { return read_ == "a"; }));
  broker_.GoDown();
  int64_t waited = 0;
  for (milliseconds took : PollFor(milliseconds(3'000))) {
    waited += took >= options_.query_timeout ? 1 : 0;
  }
  EXPECT_LE(waited, 2) << "one question, then 15 Looks without one; five, were each to ask";
}

TEST_F(SourceTest, ABrokerThatIsAwayIsAskedForOnePartitionAtATime) {
  options_.consumer.topic = "many";
  source_ = std::make_unique<KafkaSource>(options_, &metrics_, &board_);
  ASSERT_TRUE(PollUntil([&] { return assigned_ == 8; }));
  broker_.GoDown();
  std::vector<milliseconds> took = PollFor(3 * options_.stall_timeout);
  EXPECT_LT(*std::max_element(took.begin(), took.end()), 4 * options_.query_timeout);
}

TEST_F(SourceTest, AGroupThatCannotBeJoinedIsTriedOnceASecond) {
  options_.consumer.client["no.such.property"] = "1";
  source_ = std::make_unique<KafkaSource>(options_, &metrics_, &board_);
  auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(WaitFor(
      [&] {
        SourceEvents events;
        return source_->Poll(10'000, events).ok();
      },
      milliseconds(1'500)));
  int64_t seconds = (std::chrono::steady_clock::now() - began) / milliseconds(1'000);
  EXPECT_GE(Failures("join"), 1);
  EXPECT_LE(Failures("join"), 1 + seconds);
}

}  // namespace
}  // namespace quantstream::processor
