// Rules of owners that one schedule shows best: the fence of read-backs, lost answers, what a
// take-over publishes, and what makes a partition stop by name.
#include <algorithm>

#include "tests/simulation/fold/owner_fixture.h"

namespace quantstream::processor::simulation {
namespace {

TEST_F(Owners, Rule9_AZombiesReadBackIsRefusedAndItLetsGo) {
  for (bool fenced : {true, false}) {
    database_ = SimDatabase();
    database_.rules.fenced_reads = fenced;
    topic_.visible = {3};
    auto zombie = Start();
    Steps(*zombie, 8);
    ASSERT_EQ(zombie->partition().state(), OwnedPartition::kFolding);
    database_.RunAll();
    Steps(*zombie, 1);
    database_.Raise(0);  // another owner
    topic_.visible = {4};
    Steps(*zombie, 5);  // a late trade is read back
    EXPECT_EQ(zombie->partition().state(),
              fenced ? OwnedPartition::kWaiting : OwnedPartition::kFolding);
  }
}

// The rule is that a record is one step: it is taken out by folding one in two.
TEST_F(Owners, Rule5_NothingIsPublishedInTheMiddleOfARecord) {
  const SimRecord whole = RecordOf(0, {TradeAt(1, 10'000), TradeAt(2, 10'001)}, {});
  const SimRecord halves[] = {RecordOf(0, {whole.trades[0]}, {}),
                              RecordOf(1, {whole.trades[1]}, {})};
  NothingIsLate reader;
  FoldCounters counters;
  ClosedPanesBudget budget(0);
  for (bool one_step : {true, false}) {
    Partition fold(0, Epoch{1}, options_.fold, reader, counters, rules_, budget);
    std::map<int64_t, std::set<uint64_t>> contents;  // version -> trade counts
    for (const SimRecord& part : one_step ? std::vector{whole} : std::vector(halves, halves + 2)) {
      ASSERT_TRUE(fold.Fold(part.ToBatch(), Offset{0}, EventTime{}).ok());
      std::string event;
      ASSERT_TRUE(fold.TakePartials(0, event));
      const KeyedCandle second = ReadCandleEvent(event).open.at(0);
      contents[second.candle.version].insert(second.candle.values.trade_count);
    }
    EXPECT_EQ(contents.at(0).size() == 1, one_step) << "one version, two contents";
  }
}

TEST_F(Owners, Rule15_AnUnmatchedGuardAfterALostAnswerMeansItLanded) {
  for (bool looks : {true, false}) {
    database_ = SimDatabase();
    rules_.read_after_unmatched = looks;
    topic_.visible = {3};
    auto owner = Start();
    Steps(*owner, 8);
    ASSERT_TRUE(database_.has_running());
    // Sent again while the first was on its way: both run, and only the second's answer arrives.
    database_.RunTwice();
    Steps(*owner, 2);
    EXPECT_EQ(owner->partition().state(),
              looks ? OwnedPartition::kFolding : OwnedPartition::kWaiting);
  }
}

TEST_F(Owners, LeftOverOutboxRowsArePublishedByTheNextOwner) {
  auto first = Start();
  Steps(*first, 10);
  database_.RunAll();
  ASSERT_FALSE(database_.partition(0).outbox.empty());
  const int64_t version = database_.partition(0).outbox.begin()->first;
  first.reset();
  auto second = Start();
  Steps(*second, 3);
  EXPECT_GE(second->publisher.newest, version);
  RunToTheEnd(*second);
  EXPECT_LE(database_.partition(0).outbox.size(), 1u);  // delivered ones are gone
}

TEST_F(Owners, Rule24_AGracefulStopStoresEveryOpenPane) {
  for (bool stores : {true, false}) {
    database_ = SimDatabase();
    rules_.stop_stores_open = stores;
    auto owner = Start();
    RunToTheEnd(*owner);
    const PartitionRow& row = database_.partition(0).row;
    ASSERT_LT(row.replay_from, row.next_offset);
    owner->worker.BeginStop();
    RunToTheEnd(*owner);
    EXPECT_TRUE(owner->worker.stopped());
    EXPECT_EQ(row.replay_from == row.next_offset, stores);
  }
}

TEST_F(Owners, Rule24_PastOpenTradesBytesMaxThePartitionStopsByName) {
  options_.fold.open_trades_bytes_max = 100;
  for (bool bounded : {true, false}) {
    database_ = SimDatabase();
    rules_.open_bytes_bounded = bounded;
    auto owner = Start();
    RunToTheEnd(*owner);
    const std::string why(owner->partition().status().message());
    EXPECT_EQ(owner->partition().state(),
              bounded ? OwnedPartition::kStopped : OwnedPartition::kFolding);
    EXPECT_EQ(why.find("open_trades_bytes_max") != std::string::npos, bounded) << why;
  }
}

TEST_F(Owners, AnotherLogStopsThePartitionUnlessGapsAreRecorded) {
  auto first = Start();
  RunToTheEnd(*first);
  first.reset();
  auto stopped = Start();
  stopped->source.log_id = "another log";
  Steps(*stopped, 5);
  EXPECT_EQ(stopped->partition().state(), OwnedPartition::kStopped);
  EXPECT_TRUE(absl::IsOutOfRange(stopped->partition().status())) << stopped->partition().status();
  options_.record_gap = true;
  auto goes_on = Start();
  goes_on->source.log_id = "another log";
  RunToTheEnd(*goes_on);
  EXPECT_EQ(goes_on->partition().state(), OwnedPartition::kFolding);
  EXPECT_EQ(database_.partition(0).row.generation, 1);
  EXPECT_EQ(database_.gaps().back().cause, GapCause::kDataLoss);
}

TEST_F(Owners, ARecordThatIsAnotherThanBeforeStopsThePartition) {
  auto first = Start();
  RunToTheEnd(*first);
  first.reset();
  topic_.records[0].back() += topic_.records[0].front();
  auto second = Start();
  Steps(*second, 20);
  EXPECT_EQ(second->partition().state(), OwnedPartition::kStopped);
}

TEST_F(Owners, Rule4_RetentionBehindAnOpenWindowStopsThePartition) {
  for (bool by_replay_from : {true, false}) {
    database_ = SimDatabase();
    rules_.retention_by_replay_from = by_replay_from;
    topic_.visible = {2};
    topic_.start = {0};
    auto first = Start();
    RunToTheEnd(*first);
    first.reset();
    topic_.visible = {6};
    topic_.start = {1};  // the first trade of the open window is gone
    auto second = Start();
    RunToTheEnd(*second);
    EXPECT_EQ(second->partition().state(),
              by_replay_from ? OwnedPartition::kStopped : OwnedPartition::kFolding);
    // Without the check the window closes without that trade, and nobody is told.
    EXPECT_EQ(database_.rows().empty(), by_replay_from);
  }
}

TEST_F(Owners, ALogThatStartsAtNextOffsetIsNoLoss) {
  auto first = Start();
  RunToTheEnd(*first);
  first->worker.BeginStop();
  RunToTheEnd(*first);
  first.reset();
  topic_.start = {6};
  auto second = Start();
  Steps(*second, 5);
  EXPECT_EQ(second->partition().state(), OwnedPartition::kFolding);
}

TEST_F(Owners, MoreThanHalfBadOfTheLastThousandRecordsStopsThePartition) {
  topic_.records[0].assign(600, "\xff not a batch");
  topic_.log_times[0].assign(600, 0);
  topic_.visible = {500};
  auto owner = Start();
  owner->source.records_each = 100;
  RunToTheEnd(*owner);
  EXPECT_EQ(owner->partition().state(), OwnedPartition::kFolding);
  topic_.visible = {600};
  RunToTheEnd(*owner);
  EXPECT_EQ(owner->partition().state(), OwnedPartition::kStopped);
  EXPECT_TRUE(absl::IsFailedPrecondition(owner->partition().status()));
}

TEST_F(Owners, Rule3_NothingIsPublishedByOptionsThatAreNotStored) {
  for (bool alone : {true, false}) {
    database_ = SimDatabase();
    rules_.options_commit_alone = alone;
    options_.fold = SimOptions({{1}, {5}});
    topic_.visible = {3};
    auto first = Start();
    RunToTheEnd(*first);
    first.reset();
    options_.fold = SimOptions({{1}, {2}, {5}});
    topic_.visible = {6};
    auto second = Start();
    Steps(*second, 8);  // no commit of it has run
    EXPECT_EQ(second->publisher.intervals.contains(2), !alone);
    RunToTheEnd(*second);
    EXPECT_TRUE(second->publisher.intervals.contains(2));
  }
}

TEST_F(Owners, ChangedOptionsAreCommittedBeforeTheNextRecord) {
  topic_.visible = {3};
  auto first = Start();
  RunToTheEnd(*first);
  first.reset();
  options_.fold.grace_us = 5'000'000;
  topic_.visible = {6};
  auto second = Start();
  Steps(*second, 5);
  EXPECT_EQ(second->partition().state(), OwnedPartition::kFirstCommit);
  EXPECT_EQ(second->partition().position().value, 3);
  RunToTheEnd(*second);
  EXPECT_EQ(second->partition().state(), OwnedPartition::kFolding);
  EXPECT_EQ(second->partition().position().value, 6);
}

}  // namespace
}  // namespace quantstream::processor::simulation
