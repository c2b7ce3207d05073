// What a worker does while Kafka or PostgreSQL is in trouble: how often it tries, what it waits for
// and what it takes for a loss.
#include <gtest/gtest.h>

#include <set>

#include "processor/partition_board.h"
#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {
namespace {

// A source that loses its place, or shows an end of its own.
class TroubledSource final : public Source {
 public:
  explicit TroubledSource(SimTopic& topic) : source_(topic, 1) {
    for (size_t i = 0; i < topic.records.size(); ++i) source_.Assign(static_cast<int32_t>(i));
  }

  absl::Status Poll(int64_t wait_us, SourceEvents& events) override {
    absl::Status polled = source_.Poll(wait_us, events);
    if (failure.ok()) return polled;
    events.records.clear();
    if (started_) events.failed.push_back({0, failure});
    started_ = false;
    return polled;
  }
  absl::StatusOr<LogBounds> Bounds(int32_t partition) override {
    ++asked;
    if (silent.contains(partition)) return absl::UnavailableError("no answer");
    absl::StatusOr<LogBounds> bounds = source_.Bounds(partition);
    if (bounds.ok() && end) bounds->end = *end;
    return bounds;
  }
  absl::Status Start(int32_t partition, Offset from, int32_t leader_epoch) override {
    started_ = true;
    return source_.Start(partition, from, leader_epoch);
  }
  void Stop(int32_t partition) override {
    started_ = false;
    source_.Stop(partition);
  }
  void Pause(bool paused) override { source_.Pause(paused); }
  absl::Status Read(int32_t partition, Offset first, Offset last,
                    const std::function<void(const Record&)>& each) override {
    return source_.Read(partition, first, last, each);
  }
  void ReportCommitted(int32_t, Offset) override {}

  absl::Status failure;       // of the partition, whenever it was started
  std::optional<Offset> end;  // shown instead of the log's
  std::set<int32_t> silent;   // partitions whose questions get no answer
  int asked = 0;

 private:
  SimSource source_;
  bool started_ = false;
};

class SilentPublisher final : public Publisher {
 public:
  bool PublishCommitted(int32_t, const OutboxRow& row) override {
    if (!full) versions.push_back(row.version);
    return !full;
  }
  int64_t DeliveredVersion(int32_t) override { return -1; }
  bool PublishEvent(int32_t, std::string) override { return true; }
  void Forget(int32_t) override {}

  bool full = false;
  std::vector<int64_t> versions;  // taken
};

// Six records, one each second.
SimLog SmallLog() {
  SimLog log;
  for (uint64_t i = 0; i < 6; ++i) {
    const auto at = 10'000 + 10 * static_cast<int64_t>(i);
    SimTrade trade;
    trade.venue = "a";
    trade.symbol = "x";
    trade.id = i + 1;
    trade.time = trade.receive = at;
    trade.price = 100;
    trade.quantity = 1;
    SimRecord& record = log.emplace_back();
    record.node = "n";
    record.sequence = i;
    record.trades = {trade};
    record.beats = {{"a", at}};
  }
  return log;
}

class TroubleTest : public testing::Test {
 protected:
  TroubleTest() { options_.fold = SimOptions({{1}, {5}}); }

  void Start() {
    worker_.reset();
    source_ = std::make_unique<TroubledSource>(topic_);
    store_ = std::make_unique<SimStore>(database_);
    worker_ = std::make_unique<Worker>(options_, *source_, *store_, publisher_);
  }
  void Run(int64_t seconds) {
    for (int i = 0; i < 100 * seconds; ++i) {
      now_us_ += 10'000;
      worker_->Step(now_us_, 0);
      database_.RunAll();
    }
  }
  const OwnedPartition& partition() { return *worker_->partitions().at(0); }

  std::vector<SimLog> logs_{SmallLog()};
  SimTopic topic_{logs_};
  SimDatabase database_;
  WorkerOptions options_;
  int64_t now_us_ = 1'000'000;
  SilentPublisher publisher_;
  std::unique_ptr<TroubledSource> source_;
  std::unique_ptr<SimStore> store_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(TroubleTest, ASourceThatGoesOnFailingIsTriedMoreAndMoreSeldom) {
  Start();
  source_->failure = absl::UnavailableError("no leader");
  Run(60);
  EXPECT_GE(source_->asked, 60 / 5);
  EXPECT_LE(source_->asked, 60 / 5 + 8) << "0.1 s, 0.2 s … 5 s, then every 5 s";
  EXPECT_EQ(partition().state(), OwnedPartition::kWaiting);
  EXPECT_EQ(partition().status().message(), "no leader");
  source_->failure = absl::OkStatus();
  Run(10);
  EXPECT_EQ(partition().position(), Offset{6});
  EXPECT_EQ(database_.partition(0).row.next_offset, Offset{6});
}

TEST_F(TroubleTest, WhatWentWellForAWhileFailsForTheFirstTimeAgain) {
  Start();
  source_->failure = absl::UnavailableError("no leader");
  Run(60);
  source_->failure = absl::OkStatus();
  Run(10);
  ASSERT_EQ(database_.partition(0).row.next_offset, Offset{6});
  source_->failure = absl::UnavailableError("no leader");
  Run(1);
  source_->failure = absl::OkStatus();
  Run(1);
  EXPECT_EQ(partition().state(), OwnedPartition::kFolding);
}

TEST_F(TroubleTest, JitterShortensTheWaits) {
  options_.jitter = [] { return 0.1; };
  Start();
  source_->failure = absl::UnavailableError("no leader");
  Run(60);
  EXPECT_GT(source_->asked, 60);
}

TEST_F(TroubleTest, ALogThatEndsTooEarlyIsWaitedForBeforeItIsALoss) {
  Start();
  Run(5);
  ASSERT_EQ(database_.partition(0).row.next_offset, Offset{6});
  Start();
  source_->end = Offset{4};  // the broker has just come back
  Run(50);
  EXPECT_EQ(partition().state(), OwnedPartition::kWaiting) << partition().status();
  source_->end.reset();
  Run(10);
  EXPECT_EQ(partition().state(), OwnedPartition::kFolding) << partition().status();
}

TEST_F(TroubleTest, ALogThatStaysTooShortIsALoss) {
  Start();
  Run(5);
  Start();
  source_->end = Offset{4};
  Run(70);
  EXPECT_EQ(partition().state(), OwnedPartition::kStopped);
  EXPECT_NE(partition().status().message().find("data loss: the log ends before"),
            std::string::npos)
      << partition().status();
}

TEST_F(TroubleTest, ADatabaseWhoseAnswersGetLostIsTriedMoreAndMoreSeldom) {
  topic_.visible = {3};
  Start();
  Run(1);
  topic_.visible = {6};
  for (int i = 0; i < 6'000; ++i) {
    now_us_ += 10'000;
    worker_->Step(now_us_, 0);
    if (database_.has_running()) database_.LoseNext(false);
  }
  EXPECT_GT(worker_->commits().unknown, 10u);
  EXPECT_LE(worker_->commits().unknown, 60u / 5 + 8);
}

TEST_F(TroubleTest, AWaitingPartitionTellsWhoseTroubleItIs) {
  Start();
  store_->down = true;
  Run(1);
  auto troubles = PartitionBoard::TroublesOf(*worker_);
  EXPECT_EQ(troubles.database.find("partition 0: "), 0u) << troubles.database;
  EXPECT_EQ(troubles.kafka + troubles.partitions, "");

  store_->down = false;
  source_->failure = absl::UnavailableError("no leader");
  Run(10);
  troubles = PartitionBoard::TroublesOf(*worker_);
  EXPECT_EQ(troubles.kafka, "partition 0: no leader");
  EXPECT_EQ(troubles.database + troubles.partitions, "");

  source_->failure = absl::OkStatus();
  Run(10);
  troubles = PartitionBoard::TroublesOf(*worker_);
  EXPECT_EQ(troubles.kafka + troubles.database + troubles.partitions, "");
  database_.Raise(0);
  Run(6);  // the row is looked at
  troubles = PartitionBoard::TroublesOf(*worker_);
  EXPECT_EQ(troubles.partitions, "partition 0: another owner has taken the partition over");
  EXPECT_EQ(troubles.kafka + troubles.database, "");
}

TEST_F(TroubleTest, ReadingPausesWhileTooMuchWaitsToBePublished) {
  options_.unpublished_bytes_max = 0;
  topic_.visible = {3};
  Start();
  publisher_.full = true;
  Run(10);
  EXPECT_GT(worker_->unpublished_bytes(), 0u);
  topic_.visible = {6};
  Run(10);
  EXPECT_EQ(partition().position(), Offset{3});
  EXPECT_EQ(database_.partition(0).row.next_offset, Offset{3}) << "what was read is committed";
  publisher_.full = false;
  Run(10);
  EXPECT_EQ(worker_->unpublished_bytes(), 0u);
  EXPECT_EQ(database_.partition(0).row.next_offset, Offset{6});
}

TEST_F(TroubleTest, AWorkerThatIsFullStopsOnceEverythingIsPublished) {
  options_.unpublished_bytes_max = 0;
  Start();
  publisher_.full = true;
  Run(10);
  const auto committed = database_.partition(0).row.next_offset;
  worker_->BeginStop();
  Run(1);
  EXPECT_FALSE(worker_->stopped());
  EXPECT_EQ(partition().state(), OwnedPartition::kReleased) << "open windows are stored already";
  publisher_.full = false;
  Run(1);
  EXPECT_TRUE(worker_->stopped());
  EXPECT_EQ(database_.partition(0).row.next_offset, committed);
}

TEST_F(TroubleTest, WhatIsLeftOverOfAnEarlierOwnerCounts) {
  options_.unpublished_bytes_max = 0;
  topic_.visible = {3};
  Start();
  publisher_.full = true;
  Run(10);
  topic_.visible = {6};
  Start();
  Run(10);
  EXPECT_EQ(database_.partition(0).row.next_offset, Offset{3});
  publisher_.full = false;
  Run(10);
  EXPECT_EQ(database_.partition(0).row.next_offset, Offset{6});
}

TEST_F(TroubleTest, WhatIsLeftOverIsLoadedAPageAtATime) {
  publisher_.full = true;
  topic_.visible = {0};
  Start();
  while (topic_.visible[0] < 6) {
    ++topic_.visible[0];
    Run(2);
  }
  std::vector<int64_t> stored;
  for (const auto& [version, payload] : database_.partition(0).outbox) stored.push_back(version);
  ASSERT_GT(stored.size(), 3u);
  const auto& outbox = database_.partition(0).outbox;
  const size_t page = outbox.begin()->second.size() + std::next(outbox.begin())->second.size();

  Start();
  Run(2);
  EXPECT_EQ(worker_->unpublished_bytes(), page);
  publisher_.full = false;
  Run(10);
  EXPECT_EQ(publisher_.versions, stored);
  EXPECT_EQ(partition().state(), OwnedPartition::kFolding);
  EXPECT_FALSE(partition().has_unpublished());
}

// Each question costs a time-out, and a worker that is asked to stop waits for the questions of one
// Step.
TEST_F(TroubleTest, ALogThatDoesNotAnswerIsAskedOnceInAStep) {
  topic_ = SimTopic({SmallLog(), SmallLog(), SmallLog()});
  Start();
  worker_->Step(now_us_, 0);  // assigned
  source_->silent = {0, 1, 2};
  for (int step = 1; step <= 10; ++step) {
    now_us_ += 10'000'000;  // all are due
    worker_->Step(now_us_, 0);
    EXPECT_EQ(source_->asked, step);
  }
}

TEST_F(TroubleTest, APartitionWhoseLogDoesNotAnswerHoldsNoOtherBack) {
  topic_ = SimTopic({SmallLog(), SmallLog(), SmallLog()});
  Start();
  worker_->Step(now_us_, 0);
  source_->silent = {0};
  for (int step = 0; step < 3; ++step) {
    now_us_ += 10'000'000;  // the time-outs take so long that the first is due again each time
    worker_->Step(now_us_, 0);
  }
  EXPECT_EQ(worker_->partitions().at(0)->state(), OwnedPartition::kWaiting);
  EXPECT_NE(worker_->partitions().at(1)->state(), OwnedPartition::kWaiting);
  EXPECT_NE(worker_->partitions().at(2)->state(), OwnedPartition::kWaiting);
}

TEST(PartitionBoardTest, ShowsTheFirstWorkersTroubleOfEachKind) {
  PartitionBoard board;
  board.TroublesAre(0, {"", "k0", ""});
  board.TroublesAre(1, {"d1", "k1", ""});
  EXPECT_EQ(board.Read().troubles.database, "d1");
  EXPECT_EQ(board.Read().troubles.kafka, "k0");
  board.TroublesAre(0, {});
  EXPECT_EQ(board.Read().troubles.kafka, "k1");
}

}  // namespace
}  // namespace quantstream::processor::simulation
