#include "tests/simulation/fold/sim_world.h"

#include <algorithm>
#include <exception>

namespace quantstream::processor::simulation {

namespace {

// One worker with its connections.
struct Owner {
  Owner(SimTopic& topic, SimDatabase& database, Checker& checker, const WorkerOptions& options,
        const Rules& rules, uint64_t seed)
      : source(topic, seed),
        store(database),
        publisher(checker, seed + 1),
        worker(options, source, store, publisher, rules) {}

  SimSource source;
  SimStore store;
  SimPublisher publisher;
  Worker worker;
  bool stopping = false;
};

class World {
 public:
  World(const std::vector<SimLog>& logs, const Schedule& schedule)
      : schedule_(schedule),
        random_(schedule.seed),
        topic_(logs),
        checker_(logs, schedule.options, Worker::kAllRules) {
    database_.rules = schedule.store_rules;
    database_.on_commit = [this](const PartitionCommit& commit) { checker_.Committed(commit); };
    database_.on_violation = [this](std::string what) { checker_.Violation(std::move(what)); };
    options_.fold = schedule.options;
    options_.commit_interval_us = 100'000;
    options_.partial_interval_us = 50'000;
    options_.commit_latest_us = 500'000;
    options_.fenced_wait_us = 3'000'000;
    for (int64_t& visible : topic_.visible) {
      size_records_ += visible;
      visible = Chance(random_, .5) ? visible : visible / 3;
    }
  }

  std::string Run() {
    const int64_t steps = 3 * size_records_ / static_cast<int64_t>(topic_.records.size()) + 20;
    for (int64_t i = 0; i < steps && checker_.violation().empty(); ++i) StepAtRandom();
    if (checker_.violation().empty()) Finish();
    if (checker_.violation().empty()) checker_.AtTheEnd(database_);
    return checker_.violation();
  }

 private:
  void StepAtRandom() {
    now_us_ += Below(random_, 200'000);
    const double dice = std::uniform_real_distribution<double>(0, 1)(random_);
    if (owners_.empty() || dice < schedule_.faults / 2) return Spawn();
    if (dice < schedule_.faults) return Kill();
    if (dice < .25 && database_.has_running()) {
      database_.RunOne(random_, false);
      return;
    }
    if (dice < .3) Grow();
    Owner& owner = *(Chance(random_, .7) ? owners_.back() : Pick(random_, owners_));
    owner.store.down = Chance(random_, schedule_.faults / 4);
    if (Chance(random_, schedule_.faults / 4)) owner.worker.BeginStop();
    owner.worker.Step(now_us_, 0);
  }

  void Grow() {
    const auto at =
        static_cast<size_t>(Below(random_, static_cast<int64_t>(topic_.visible.size())));
    const auto size = static_cast<int64_t>(topic_.records[at].size());
    topic_.visible[at] = std::min(size, topic_.visible[at] + Below(random_, 20));
  }

  // The partitions, all or one, move to another worker; the one that had them learns of it at once,
  // later or never.
  void Spawn() {
    if (owners_.size() < 5 || Chance(random_, .5)) {
      owners_.push_back(std::make_shared<Owner>(topic_, database_, checker_, options_,
                                                schedule_.rules, random_()));
    }
    for (size_t partition = 0; partition < topic_.records.size(); ++partition) {
      if (Chance(random_, .3) && owners_.size() > 1) continue;
      const auto number = static_cast<int32_t>(partition);
      for (const auto& owner : owners_) {
        if (owner != owners_.back() && Chance(random_, .3)) owner->source.Revoke(number);
      }
      owners_.back()->source.Assign(number);
    }
  }

  // kill -9; its transaction may still run.
  void Kill() {
    owners_.erase(owners_.begin() + Below(random_, static_cast<int64_t>(owners_.size())));
  }

  void Finish() {
    owners_.clear();
    for (size_t i = 0; i < topic_.records.size(); ++i) {
      topic_.visible[i] = static_cast<int64_t>(topic_.records[i].size());
    }
    owners_.push_back(
        std::make_shared<Owner>(topic_, database_, checker_, options_, schedule_.rules, random_()));
    Owner& last = *owners_.back();
    for (size_t i = 0; i < topic_.records.size(); ++i) last.source.Assign(static_cast<int32_t>(i));
    for (int64_t i = 0; i < 200 + 10 * size_records_ && checker_.violation().empty(); ++i) {
      now_us_ += 100'000;
      last.worker.Step(now_us_, 0);
      database_.RunAll();
      if (IsDone(last.worker)) return;
    }
    checker_.Violation("the last owner does not come to an end");
  }

  bool IsDone(const Worker& worker) {
    for (const auto& [number, partition] : worker.partitions()) {
      const auto size = static_cast<int64_t>(topic_.records[static_cast<size_t>(number)].size());
      if (partition->state() != OwnedPartition::kFolding ||
          database_.partition(number).row.next_offset.value < size ||
          partition->has_unpublished() || partition->has_records()) {
        return false;
      }
    }
    return !worker.partitions().empty();
  }

  const Schedule schedule_;
  Random random_;
  SimTopic topic_;
  Checker checker_;
  SimDatabase database_;
  WorkerOptions options_;
  std::vector<std::shared_ptr<Owner>> owners_;
  int64_t now_us_ = 1'000'000;
  int64_t size_records_ = 0;
};

}  // namespace

std::string RunSchedule(const std::vector<SimLog>& logs, const Schedule& schedule) {
  try {
    return World(logs, schedule).Run();
  } catch (const std::exception& problem) {
    return std::string("exception: ") + problem.what();
  }
}

}  // namespace quantstream::processor::simulation
