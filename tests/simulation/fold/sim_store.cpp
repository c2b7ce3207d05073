#include "tests/simulation/fold/sim_store.h"

#include <set>
#include <utility>

namespace quantstream::processor::simulation {

// ---- database

TakenOver SimDatabase::Load(int32_t number) {
  const Partition& partition = partitions_[number];
  TakenOver taken;
  taken.epoch = partition.epoch;
  taken.row = partition.row;
  for (const auto& [name, state] : partition.instruments)
    taken.instruments.push_back({name, state});
  taken.outbox = OutboxAfter(number, -1);
  return taken;
}

std::vector<OutboxRow> SimDatabase::OutboxAfter(int32_t number, int64_t version) {
  const std::map<int64_t, std::string>& outbox = partitions_[number].outbox;
  std::vector<OutboxRow> page;
  for (auto row = outbox.upper_bound(version); row != outbox.end() && page.size() < 2; ++row) {
    page.push_back({row->first, row->second});
  }
  return page;
}

absl::StatusOr<TakenOver> SimDatabase::TakeOver(int32_t number) {
  Raise(number);
  return Load(number);
}

std::shared_ptr<SimDatabase::Transaction> SimDatabase::Send(Commit commit) {
  auto sent = std::make_shared<Transaction>(Transaction{std::move(commit), {}, false});
  running_.push_back(sent);
  return sent;
}

CommitOutcome SimDatabase::Execute(const Commit& commit) {
  CommitOutcome outcome;
  outcome.kind = CommitOutcome::kLanded;
  for (const auto& part : commit) {
    const Partition& partition = partitions_[part->partition];
    if (partition.epoch == part->epoch && partition.row.next_offset == part->expected_next_offset)
      continue;
    outcome.kind = CommitOutcome::kUnmatched;
    outcome.unmatched.push_back(part->partition);
  }
  if (outcome.kind == CommitOutcome::kLanded) {
    for (const auto& part : commit) Apply(*part);
  }
  return outcome;
}

void SimDatabase::Apply(const PartitionCommit& commit) {
  Partition& partition = partitions_[commit.partition];
  partition.row = commit.row;
  std::set<CandleKey> keys;
  for (const CandleRow& row : commit.candles) {
    if (!keys.insert(row.key).second && on_violation) {
      on_violation("one commit writes twice " + row.key.instrument);
    }
    if (row.is_new == rows_.contains(row.key) && on_violation) {
      on_violation("is_new is wrong for " + row.key.instrument);
    }
    rows_[row.key] = row.candle;
  }
  for (const LateTradeRow& row : commit.late_trades) {
    late_trades_[{row.instrument, row.open_time, row.version, row.index}] = row;
  }
  gaps_.insert(gaps_.end(), commit.gaps.begin(), commit.gaps.end());
  for (const InstrumentState& state : commit.instruments) {
    partition.instruments[state.instrument] = state.state;
  }
  std::erase_if(partition.outbox,
                [&](const auto& row) { return row.first <= commit.delivered_version; });
  if (commit.outbox) partition.outbox[commit.outbox->version] = commit.outbox->payload;
  if (on_commit) on_commit(commit);
}

bool SimDatabase::RunOne(Random& random, bool calm) {
  if (running_.empty()) return false;
  auto place = std::next(running_.begin(), Below(random, static_cast<int64_t>(running_.size())));
  const std::shared_ptr<Transaction> transaction = *place;
  running_.erase(place);
  CommitOutcome unknown;
  unknown.kind = CommitOutcome::kUnknown;
  const double dice = calm ? 1 : std::uniform_real_distribution<double>(0, 1)(random);
  if (dice < .05) {  // certainly not committed
    if (!transaction->cut)
      transaction->outcome =
          CommitOutcome{CommitOutcome::kFailed, {}, absl::UnavailableError("lost")};
    return true;
  }
  if (dice < .2) {  // lost before it ran, or it will run some time
    if (dice >= .1) running_.push_back(transaction);
    if (!transaction->cut) transaction->outcome = unknown;
    transaction->cut = true;
    return true;
  }
  const CommitOutcome outcome = Execute(transaction->commit);
  if (!transaction->cut) transaction->outcome = dice < .3 ? unknown : outcome;
  return true;
}

void SimDatabase::RunAll() {
  while (!running_.empty()) {
    const std::shared_ptr<Transaction> transaction = running_.front();
    running_.pop_front();
    const CommitOutcome outcome = Execute(transaction->commit);
    if (!transaction->cut) transaction->outcome = outcome;
  }
}

void SimDatabase::RunTwice() {
  const std::shared_ptr<Transaction> transaction = running_.front();
  running_.pop_front();
  Execute(transaction->commit);
  transaction->outcome = Execute(transaction->commit);
}

void SimDatabase::LoseNext(bool after_it_ran) {
  const std::shared_ptr<Transaction> transaction = running_.front();
  running_.pop_front();
  if (after_it_ran) Execute(transaction->commit);
  CommitOutcome unknown;
  unknown.kind = CommitOutcome::kUnknown;
  transaction->outcome = unknown;
}

Neighbours SimDatabase::NeighboursOf(const NeighbourQuery& query) const {
  Neighbours found;
  const CandleKey key{query.pane.instrument, Interval{1}, query.pane.open_time};
  auto after = rows_.upper_bound(key);
  const auto matches = [&](const CandleKey& other) {
    return other.instrument == key.instrument && other.interval == key.interval;
  };
  if (after != rows_.end() && matches(after->first) && after->first.open_time < query.until) {
    found.after = NeighbourClose{after->first.open_time, after->second.values.close()};
  }
  auto before = rows_.lower_bound(key);
  if (before != rows_.begin() && matches((--before)->first) &&
      before->first.open_time >= query.from) {
    found.before = NeighbourClose{before->first.open_time, before->second.values.close()};
  }
  return found;
}

absl::StatusOr<ReadBackAnswer> SimDatabase::Read(const ReadBack& request) const {
  const auto partition = partitions_.find(request.partition);
  if (partition == partitions_.end() ||
      (rules.fenced_reads && partition->second.epoch != request.epoch)) {
    return absl::AbortedError("fenced");
  }
  ReadBackAnswer answer;
  for (const CandleKey& key : request.candles) {
    const auto row = rows_.find(key);
    if (row != rows_.end()) answer.candles.push_back(KeyedCandle{key, row->second});
  }
  for (const NeighbourQuery& query : request.neighbours)
    answer.neighbours.push_back(NeighboursOf(query));
  for (const PaneKey& pane : request.late_trades) {
    for (auto row = late_trades_.lower_bound({pane.instrument, pane.open_time, INT64_MIN, 0});
         row != late_trades_.end() && std::get<0>(row->first) == pane.instrument &&
         std::get<1>(row->first) == pane.open_time;
         ++row) {
      answer.late_trades.push_back(row->second);
    }
  }
  for (const GapQuery& query : request.gaps) {
    bool found = false;
    for (const GapRow& gap : gaps_) {
      found =
          found || (gap.cause == GapCause::kUnknown && gap.instrument == query.instrument &&
                    *gap.first_trade_id <= query.trade_id && query.trade_id <= *gap.last_trade_id);
    }
    answer.in_gap.push_back(found);
  }
  return answer;
}

// ---- one worker's connections

absl::StatusOr<TakenOver> SimStore::TakeOver(int32_t partition) {
  if (down) return absl::UnavailableError("database is down");
  if (database_.rules.locked_load) return database_.TakeOver(partition);
  // Rule 14 taken out: the state is read, then the epoch is raised, and another owner's commit
  // slips in between.
  TakenOver taken = database_.Load(partition);
  const Offset before = taken.row.next_offset;
  database_.RunAll();
  database_.Raise(partition);
  taken.epoch = database_.partition(partition).epoch;
  if (database_.partition(partition).row.next_offset != before) {
    taken.row.next_offset = database_.partition(partition).row.next_offset;
  }
  return taken;
}

void SimStore::BeginCommit(Commit commit) {
  in_flight_ = database_.Send(std::move(commit));
}

std::optional<CommitOutcome> SimStore::PollCommit() {
  if (in_flight_ == nullptr) return std::nullopt;
  const std::optional<CommitOutcome> outcome = in_flight_->outcome;
  if (outcome) in_flight_.reset();
  return outcome;
}

absl::StatusOr<StoredProgress> SimStore::ReadProgress(int32_t partition) {
  if (down) return absl::UnavailableError("database is down");
  const SimDatabase::Partition& row = database_.partition(partition);
  return StoredProgress{row.epoch, row.row.next_offset};
}

absl::StatusOr<std::vector<OutboxRow>> SimStore::ReadOutbox(int32_t partition, Epoch epoch,
                                                            int64_t after_version) {
  if (down) return absl::UnavailableError("database is down");
  if (database_.partition(partition).epoch != epoch) return std::vector<OutboxRow>();
  return database_.OutboxAfter(partition, after_version);
}

absl::StatusOr<ReadBackAnswer> SimStore::Read(const ReadBack& request) {
  if (down) return absl::UnavailableError("database is down");
  return database_.Read(request);
}

}  // namespace quantstream::processor::simulation
