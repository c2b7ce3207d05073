#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/integration/platform/kafka_fixture.h"

namespace quantstream::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A member that starts every partition where it is told to, or not at all.
class Member : public RebalanceListener {
 public:
  Member(const ConsumerOptions& options, const std::string& group, bool start_at_once = true,
         const std::string& instance = "")
      : start_at_once_(start_at_once) {
    auto joined = Consumer::JoinGroup(
        options, {.group_id = group, .instance_id = instance, .session_timeout_ms = 6000}, this);
    EXPECT_TRUE(joined.ok()) << joined.status();
    consumer_ = *std::move(joined);
  }

  void OnAssigned(std::span<const int32_t> partitions) override {
    mine_.insert(partitions.begin(), partitions.end());
    for (const int32_t partition : partitions) {
      if (!start_at_once_) continue;
      EXPECT_TRUE(consumer_->Start(partition, {next_[partition], -1}).ok());
    }
  }

  void OnRevoked(std::span<const int32_t> partitions, bool) override {
    for (const int32_t partition : partitions) mine_.erase(partition);
  }

  void Poll() {
    const PollResult result = consumer_->Poll(std::chrono::milliseconds(50));
    for (const RecordView& record : result.records) {
      EXPECT_TRUE(mine_.contains(record.partition)) << "a record of a partition that is not mine";
      EXPECT_EQ(record.offset, next_[record.partition]) << "a hole or a repeat";
      next_[record.partition] = record.offset + 1;
      ++records_;
    }
    for (const ConsumerError& error : result.errors) errors_.push_back(error.kind);
  }

  Consumer& consumer() { return *consumer_; }
  const std::set<int32_t>& mine() const { return mine_; }
  size_t records() const { return records_; }
  const std::vector<ErrorKind>& errors() const { return errors_; }

 private:
  bool start_at_once_;
  std::set<int32_t> mine_;
  std::map<int32_t, int64_t> next_;
  size_t records_ = 0;
  std::vector<ErrorKind> errors_;
  std::unique_ptr<Consumer> consumer_;
};

class GroupTest : public KafkaTest {
 protected:
  GroupTest() { MakeTopic(4); }

  void WriteEverywhere(int count) {
    for (int32_t partition = 0; partition < 4; ++partition) {
      Write(partition, std::vector<std::string>(static_cast<size_t>(count), "x"));
    }
  }

  std::string group_ = prefix_.Topic("group");
};

TEST_F(GroupTest, AMemberGetsAllPartitionsAndReadsThemFromWhereItSays) {
  WriteEverywhere(10);
  Member member(ReaderOptions(), group_);
  EXPECT_TRUE(test_support::WaitFor([&] {
    member.Poll();
    return member.records() == 40;
  }));
  EXPECT_THAT(member.consumer().partitions(), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(member.errors(), IsEmpty());
}

TEST_F(GroupTest, NothingIsReadBeforeTheApplicationSaysFromWhere) {
  WriteEverywhere(5);
  Member member(ReaderOptions(), group_, false);
  ASSERT_TRUE(test_support::WaitFor([&] {
    member.Poll();
    return member.mine().size() == 4;
  }));
  member.Poll();
  EXPECT_EQ(member.records(), 0U);
  EXPECT_EQ(member.consumer().Start(9, {0, -1}).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(member.consumer().Start(2, {0, -1}).ok());
  EXPECT_TRUE(test_support::WaitFor([&] {
    member.Poll();
    return member.records() == 5;
  }));
}

TEST_F(GroupTest, PartitionsMoveWhenAMemberJoinsAndLeaves) {
  Member first(ReaderOptions(), group_);
  ASSERT_TRUE(test_support::WaitFor([&] {
    first.Poll();
    return first.mine().size() == 4;
  }));
  {
    Member second(ReaderOptions(), group_);
    EXPECT_TRUE(test_support::WaitFor([&] {
      first.Poll();
      second.Poll();
      return first.mine().size() == 2 && second.mine().size() == 2;
    }));
    EXPECT_TRUE(second.consumer().Close(std::chrono::seconds(10)));
    EXPECT_THAT(second.mine(), IsEmpty()) << "told of the loss";
  }
  WriteEverywhere(3);
  EXPECT_TRUE(test_support::WaitFor([&] {
    first.Poll();
    return first.mine().size() == 4 && first.records() == 12;
  }));
}

TEST_F(GroupTest, ReadingGoesOnWithoutHoleOrRepeatThroughRebalances) {
  Member first(ReaderOptions(), group_);
  ASSERT_TRUE(test_support::WaitFor([&] {
    first.Poll();
    return first.mine().size() == 4;
  }));
  for (int round = 0; round < 2; ++round) {
    WriteEverywhere(500);
    Member passing(ReaderOptions(), group_, false);
    ASSERT_TRUE(test_support::WaitFor([&] {
      first.Poll();
      passing.Poll();
      return passing.mine().size() == 2;
    }));
  }
  EXPECT_TRUE(test_support::WaitFor([&] {
    first.Poll();
    return first.records() == 4000;
  })) << first.records();
}

TEST_F(GroupTest, AnErrorOfOnePartitionLeavesTheOthers) {
  WriteEverywhere(5);
  Member member(ReaderOptions(), group_, false);
  ASSERT_TRUE(test_support::WaitFor([&] {
    member.Poll();
    return member.mine().size() == 4;
  }));
  ASSERT_TRUE(member.consumer().Start(0, {1000, -1}).ok());
  ASSERT_TRUE(member.consumer().Start(1, {0, -1}).ok());
  EXPECT_TRUE(test_support::WaitFor([&] {
    member.Poll();
    return member.records() == 5 && !member.errors().empty();
  }));
  EXPECT_THAT(member.errors(), ElementsAre(ErrorKind::kOffsetOutOfRange));
  EXPECT_THAT(member.consumer().partitions(), SizeIs(4)) << "it stays assigned";
}

TEST_F(GroupTest, AMemberWhoseNameAnotherOneTakesIsFencedByName) {
  Member first(ReaderOptions(), group_, true, "host-0-0");
  ASSERT_TRUE(test_support::WaitFor([&] {
    first.Poll();
    return first.mine().size() == 4;
  }));
  Member second(ReaderOptions(), group_, true, "host-0-0");
  const auto fenced = [&] {
    first.Poll();
    second.Poll();
    return std::count(first.errors().begin(), first.errors().end(), ErrorKind::kFencedMember) > 0;
  };
  EXPECT_TRUE(test_support::WaitFor(fenced));
  EXPECT_TRUE(test_support::WaitFor([&] {
    second.Poll();
    return second.mine().size() == 4;
  }));
  EXPECT_TRUE(first.consumer().Close(std::chrono::seconds(10)));
}

TEST_F(GroupTest, OffsetsForLagToolsDoNotDecideWhereReadingBegins) {
  WriteEverywhere(5);
  {
    Member member(ReaderOptions(), group_);
    ASSERT_TRUE(test_support::WaitFor([&] {
      member.Poll();
      return member.records() == 20;
    }));
    member.consumer().CommitForLagTools(0, 5);
    member.Poll();
  }
  Member again(ReaderOptions(), group_);
  EXPECT_TRUE(test_support::WaitFor([&] {
    again.Poll();
    return again.records() == 20;
  }));
}

}  // namespace
}  // namespace quantstream::kafka
