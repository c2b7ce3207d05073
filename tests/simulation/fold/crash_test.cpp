// A small log, one worker, one record at a time: the worker dies after each of its steps, and what
// it had sent to the database is lost, has run, or runs when the next owner is at work already.
#include <gtest/gtest.h>

#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {
namespace {

enum class Fate { kLost, kHasRun, kRunsLater };

struct Life {
  Life(SimTopic& topic, SimDatabase& database, Checker& checker, const WorkerOptions& options)
      : source(topic, 1),
        store(database),
        publisher(checker, 2),
        worker(options, source, store, publisher) {
    source.records_each = 1;
    source.Assign(0);
  }
  SimSource source;
  SimStore store;
  SimPublisher publisher;
  Worker worker;
};

class Crash {
 public:
  explicit Crash(uint64_t seed) {
    Random random(seed);
    logs_ = {RandomLog(random, 25, false)};
    options_.fold = SimOptions();
    options_.commit_interval_us = 250'000;
    options_.commit_latest_us = 600'000;
  }

  // Empty, or what went wrong. `died`: there was such a step.
  std::string DieAt(int64_t step, Fate fate, const Checker& fresh, bool& died) {
    SimTopic topic(logs_);
    Checker checker = fresh;
    SimDatabase database;
    database.on_commit = [&checker](const PartitionCommit& commit) { checker.Committed(commit); };
    auto first = std::make_unique<Life>(topic, database, checker, options_);
    int64_t now_us = 1'000'000;
    for (int64_t i = 0; i < step; ++i) HalfStep(*first, database, now_us, i);
    died = database.partition(0).row.next_offset.value < topic.visible[0];
    first.reset();
    if (fate == Fate::kLost && database.has_running()) database.LoseNext(false);
    if (fate == Fate::kHasRun) database.RunAll();
    Life second(topic, database, checker, options_);
    for (int64_t i = 0; i < 10'000 && !IsDone(second.worker, database, topic); ++i) {
      HalfStep(second, database, now_us, i);
    }
    checker.AtTheEnd(database);
    return checker.violation();
  }

  const std::vector<SimLog>& logs() const { return logs_; }
  const FoldOptions& fold() const { return options_.fold; }

 private:
  // A round of the worker, or of the database.
  static void HalfStep(Life& life, SimDatabase& database, int64_t& now_us, int64_t i) {
    if (i % 3 == 2) return database.RunAll();
    now_us += 100'000;
    life.worker.Step(now_us, 0);
  }

  static bool IsDone(const Worker& worker, SimDatabase& database, const SimTopic& topic) {
    const auto owned = worker.partitions().find(0);
    return owned != worker.partitions().end() &&
           owned->second->state() == OwnedPartition::kFolding &&
           database.partition(0).row.next_offset.value == topic.visible[0] &&
           !owned->second->has_records() && !owned->second->has_unpublished();
  }

  std::vector<SimLog> logs_;
  WorkerOptions options_;
};

TEST(Crash, AtEveryRecordAndEveryStepOfTheCommitChangesNothing) {
  for (uint64_t seed : {3, 8}) {
    Crash crash(seed);
    const Checker fresh(crash.logs(), crash.fold(), Worker::kAllRules);
    bool died = true;
    int64_t step = 0;
    for (; died; ++step) {
      for (Fate fate : {Fate::kLost, Fate::kHasRun, Fate::kRunsLater}) {
        ASSERT_EQ(crash.DieAt(step, fate, fresh, died), "")
            << "seed " << seed << ", after step " << step << ", fate " << static_cast<int>(fate);
      }
    }
    EXPECT_GT(step, static_cast<int64_t>(crash.logs()[0].size()));
  }
}

}  // namespace
}  // namespace quantstream::processor::simulation
