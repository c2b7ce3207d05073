#include <gmock/gmock.h>

#include <atomic>

#include "tests/integration/platform/kafka_fixture.h"

namespace quantstream::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReaderTest : public KafkaTest {
 protected:
  ReaderTest() { MakeTopic(2); }
};

TEST_F(ReaderTest, ReadsFromExactlyTheOffsetThatIsAskedFor) {
  Write(0, {"a", "b", "c"});
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {1, -1}).ok());
  EXPECT_THAT(Read(*reader, 2), ElementsAre(ReadRecord{0, 1, "b"}, ReadRecord{0, 2, "c"}));
}

TEST_F(ReaderTest, ARecordHasItsLogTimeEpochAndHeaders) {
  Write(1, {"a"}, {{"reason", "bad price"}, {"empty", ""}});
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(1, {0, 0}).ok());
  PollResult result;
  ASSERT_TRUE(test_support::WaitFor([&] {
    result = reader->Poll(std::chrono::milliseconds(100));
    return !result.records.empty();
  }));
  const RecordView& record = result.records[0];
  EXPECT_GT(record.log_append_time_ms, 1'600'000'000'000);
  EXPECT_GE(record.leader_epoch, 0);
  EXPECT_THAT(HeadersOf(record),
              ElementsAre(std::pair("reason", "bad price"), std::pair("empty", "")));
}

TEST_F(ReaderTest, WaitsForNewRecordsAtTheEndOfTheLog) {
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  EXPECT_TRUE(reader->Poll(std::chrono::milliseconds(50)).records.empty());
  Write(0, {"late"});
  EXPECT_THAT(Read(*reader, 1), ElementsAre(ReadRecord{0, 0, "late"}));
}

TEST_F(ReaderTest, AnOffsetBehindTheEndIsAnErrorAndNotAJump) {
  Write(0, {"a", "b"});
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {1000, -1}).ok());
  const ConsumerError error = ReadError(*reader);
  EXPECT_EQ(error.kind, ErrorKind::kOffsetOutOfRange) << error.message;
  EXPECT_EQ(error.partition, 0);
  EXPECT_EQ(error.offset, 1000);
  EXPECT_THAT(reader->partitions(), IsEmpty()) << "it has stopped";
}

TEST_F(ReaderTest, AnOffsetThatRetentionPassedIsAnErrorUntilStartedAnew) {
  Write(0, {"a", "b", "c"});
  ASSERT_TRUE(ConnectTopics()->DeleteRecordsBefore(topic_, 0, 2, kBound).ok());
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  EXPECT_EQ(ReadError(*reader).kind, ErrorKind::kOffsetOutOfRange);
  EXPECT_EQ(reader->QueryLogRange(0, kBound)->start, 2);
  ASSERT_TRUE(reader->Start(0, {2, -1}).ok());
  EXPECT_THAT(Read(*reader, 1), ElementsAre(ReadRecord{0, 2, "c"}));
}

TEST_F(ReaderTest, AnEpochThatTheLogNeverHadIsATruncation) {
  Write(0, {"a", "b"});
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {500, 0}).ok());
  const ConsumerError error = ReadError(*reader);
  EXPECT_EQ(error.kind, ErrorKind::kPartitionTruncated) << error.message;
}

TEST_F(ReaderTest, AMissingTopicIsNamed) {
  ConsumerOptions options = ReaderOptions();
  options.topic = prefix_.Topic("nowhere");
  auto reader = *Consumer::MakeReader(options);
  EXPECT_EQ(reader->QueryPartitionCount(kBound).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  EXPECT_EQ(ReadError(*reader).kind, ErrorKind::kTopicUnknown);
}

TEST_F(ReaderTest, StartingAPartitionLeavesTheOthersWithoutHoleOrRepeat) {
  std::vector<std::string> payloads;
  for (int i = 0; i < 3000; ++i) payloads.push_back(std::to_string(i));
  Write(0, payloads);
  Write(1, payloads);
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  std::vector<ReadRecord> records = Read(*reader, 1);
  ASSERT_TRUE(reader->Start(1, {0, -1}).ok());
  for (const ReadRecord& record : Read(*reader, 6000 - records.size())) records.push_back(record);
  int64_t next[2] = {0, 0};
  for (const ReadRecord& record : records) {
    EXPECT_EQ(record.offset, next[record.partition]++);
    EXPECT_EQ(record.payload, std::to_string(record.offset));
  }
  EXPECT_EQ(next[0], 3000);
  EXPECT_EQ(next[1], 3000);
}

TEST_F(ReaderTest, StartingAgainAndAgainWithoutAPauseIsSafe) {
  Write(0, {"a", "b", "c"});
  const auto reader = MakeReader();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(reader->Start(0, {i % 3, -1}).ok());
    ASSERT_TRUE(reader->Start(1, {0, -1}).ok());
    EXPECT_THAT(reader->Poll(std::chrono::milliseconds(i % 2)).errors, IsEmpty());
  }
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  EXPECT_THAT(Read(*reader, 3),
              ElementsAre(ReadRecord{0, 0, "a"}, ReadRecord{0, 1, "b"}, ReadRecord{0, 2, "c"}));
}

TEST_F(ReaderTest, AReadCanBeginAgainFurtherBack) {
  Write(0, {"a", "b", "c"});
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  ASSERT_THAT(Read(*reader, 3), SizeIs(3));
  ASSERT_TRUE(reader->Start(0, {1, -1}).ok());
  EXPECT_THAT(Read(*reader, 2), ElementsAre(ReadRecord{0, 1, "b"}, ReadRecord{0, 2, "c"}));
}

TEST_F(ReaderTest, AfterStopNothingComesAndPauseKeepsThePlace) {
  Write(0, {"a", "b"});
  Write(1, {"c"});
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  ASSERT_TRUE(reader->Start(1, {0, -1}).ok());
  reader->Stop(1);
  reader->Pause();
  EXPECT_TRUE(reader->Poll(std::chrono::milliseconds(300)).empty());
  reader->Resume();
  EXPECT_THAT(Read(*reader, 2), ElementsAre(ReadRecord{0, 0, "a"}, ReadRecord{0, 1, "b"}));
  EXPECT_TRUE(reader->Poll(std::chrono::milliseconds(300)).empty());
}

TEST_F(ReaderTest, TheBrokerTellsRangesCountsAndTimes) {
  Write(0, {"a", "b"});
  const auto reader = MakeReader();
  const auto range = reader->QueryLogRange(0, kBound);
  ASSERT_TRUE(range.ok()) << range.status();
  EXPECT_EQ(range->start, 0);
  EXPECT_EQ(range->end, 2);
  EXPECT_EQ(reader->QueryPartitionCount(kBound).value(), 2);
  EXPECT_EQ(reader->QueryOffsetAt(0, 0, kBound).value(), 0);
  EXPECT_EQ(reader->QueryOffsetAt(0, 4'000'000'000'000, kBound).value(), 2) << "nothing so late";
  EXPECT_EQ(reader->CachedLogEnd(0), -1);
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  Read(*reader, 2);
  EXPECT_EQ(reader->CachedLogEnd(0), 2);
  EXPECT_EQ(reader->QueryClusterId(kBound).value(), ConnectTopics()->ClusterId(kBound).value());
}

TEST_F(ReaderTest, ViewsStayValidUntilTheNextPoll) {
  Write(0, {std::string(100'000, 'x'), std::string(100'000, 'y')});
  ConsumerOptions options = ReaderOptions();
  options.batch_records_max = 1;
  const auto reader = *Consumer::MakeReader(options);
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  for (const char expected : {'x', 'y'}) {
    PollResult result;
    ASSERT_TRUE(test_support::WaitFor([&] {
      result = reader->Poll(std::chrono::milliseconds(100));
      return !result.records.empty();
    }));
    ASSERT_THAT(result.records, SizeIs(1));
    EXPECT_EQ(result.records[0].payload, std::string(100'000, expected));
  }
}

TEST_F(ReaderTest, CloseIsBoundAndComesToAnEndWithRecordsHeld) {
  Write(0, {"a", "b", "c"});
  const auto reader = MakeReader();
  ASSERT_TRUE(reader->Start(0, {0, -1}).ok());
  Read(*reader, 1);
  EXPECT_TRUE(reader->Close(std::chrono::seconds(10)));
  EXPECT_TRUE(reader->Poll(std::chrono::milliseconds(0)).empty());
}

}  // namespace
}  // namespace quantstream::kafka
