#include "tests/simulation/splice_world.h"

#include <algorithm>
#include <utility>

#include "tests/unit/query/pieces.h"

namespace quantstream::query::simulation {
namespace {

EventTime Second(int64_t second) {
  return EventTime{second * kMicrosecondsPerSecond};
}

bool Wanted(const WantedSeries& wanted, const CandleKey& key, const Row& row,
            const ChangesRead& changes) {
  if (SeriesOf(key) != wanted.series || key.open_time < wanted.from) return false;
  if (!wanted.changed_since) return true;
  const bool is_final = row.state == CandleState::kFinal;
  if (!(is_final ? changes.finals : changes.revisions)) return false;
  if (is_final && wanted.finals_from && key.open_time < *wanted.finals_from) return false;
  return row.version > *wanted.changed_since ||
         (changes.at_the_mark && row.version == *wanted.changed_since);
}

}  // namespace

World::World(uint64_t seed, WorldOptions options) : options_(std::move(options)), random_(seed) {
  const auto partitions = static_cast<size_t>(options_.partitions);
  effects_.resize(partitions);
  rows_.resize(partitions);
  log_end_.assign(partitions, 0);
  owners_.resize(partitions);
  zombies_.resize(partitions);
  outbox_.resize(partitions);
  topic_.resize(partitions);
  committed_.emplace_back(partitions, 0);
  for (int32_t partition = 0; partition < options_.partitions; ++partition) {
    owners_[partition].epoch = 1;
    DrawEffects(partition);
  }
}

std::string World::Instrument(int32_t partition, int64_t number) const {
  return "venue:P" + std::to_string(partition) + "-I" + std::to_string(number);
}

std::vector<StreamSeries> World::AllSeries() const {
  std::vector<StreamSeries> all;
  for (int32_t partition = 0; partition < options_.partitions; ++partition) {
    for (int64_t i = 0; i < options_.instruments_per_partition; ++i) {
      for (const int32_t seconds : options_.intervals) {
        all.push_back({{Instrument(partition, i), Interval{seconds}}, partition});
      }
    }
  }
  return all;
}

Update World::MakeUpdate(const CandleKey& key, int32_t partition, const Row& row) {
  return std::make_shared<CandleUpdate>(
      CandleUpdate{key, row.state, row.version, partition, std::to_string(row.version)});
}

void World::DrawEffects(int32_t partition) {
  std::set<CandleKey> open;
  int64_t closed_until = 100;
  rows_[partition].emplace_back();
  for (int64_t offset = 0; offset < options_.records; ++offset) {
    Effect effect;
    for (int64_t trades = Below(3); trades > 0; --trades) {
      const int64_t second = closed_until - 3 + Below(7);
      DrawTrade(Instrument(partition, Below(options_.instruments_per_partition)), second,
                closed_until, &open, &effect);
    }
    if (Below(2) == 0) DrawClose(closed_until += Below(3), &open, &effect);
    effect.closed_until_s = closed_until;
    for (auto& [instrument, keys] : effect.open) {
      for (const CandleKey& key : open) {
        if (key.instrument == instrument) keys.push_back(key);
      }
    }
    Rows rows = rows_[partition].back();
    for (const auto& [key, state] : effect.closed) rows[key] = {offset, state};
    rows_[partition].push_back(std::move(rows));
    effects_[partition].push_back(std::move(effect));
  }
}

void World::DrawTrade(const std::string& instrument, int64_t second, int64_t closed_until,
                      std::set<CandleKey>* open, Effect* effect) {
  for (const int32_t seconds : options_.intervals) {
    const CandleKey key{instrument, Interval{seconds}, WindowStart(Second(second), {seconds})};
    if (key.close_time() > Second(closed_until)) {
      open->insert(key);
    } else if (std::ranges::find(effect->closed, key, [](auto& c) { return c.first; }) ==
               effect->closed.end()) {
      effect->closed.emplace_back(key, CandleState::kRevised);
    }
  }
  effect->open[instrument];
}

void World::DrawClose(int64_t closed_until, std::set<CandleKey>* open, Effect* effect) {
  for (auto key = open->begin(); key != open->end();) {
    if (key->close_time() > Second(closed_until)) {
      ++key;
      continue;
    }
    effect->closed.emplace_back(*key, CandleState::kFinal);
    key = open->erase(key);
  }
}

void World::Step() {
  StepPartition(static_cast<int32_t>(Below(options_.partitions)));
}

void World::StepPartition(int32_t partition) {
  Owner& owner = owners_[partition];
  const int64_t dice = Below(100);
  if (dice < 25) {
    log_end_[partition] = std::min<int64_t>(log_end_[partition] + 1, options_.records);
  } else if (dice < 50) {
    Fold(partition, &owner);
  } else if (dice < 57) {
    Commit(partition, &owner);
  } else if (dice < 80) {
    Publish(partition, &owner);
  } else if (dice < 82) {
    TakeOver(partition);
  } else if (dice < 84) {
    QueueProgress(partition, &owner);
  } else if (dice < 95) {
    if (replica_ + 1 < committed_.size()) ++replica_;
  } else if (!zombies_[partition].empty()) {
    Owner& zombie = zombies_[partition].back();
    Below(2) == 0 ? Fold(partition, &zombie) : Publish(partition, &zombie);
    if (--zombie.zombie_steps == 0) zombies_[partition].pop_back();
  }
}

void World::Fold(int32_t partition, Owner* owner) {
  if (owner->position >= log_end_[partition]) return;
  const int64_t offset = owner->position++;
  if (owner->position <= owner->quiet_until) return;
  for (const auto& [instrument, keys] : effects_[partition][offset].open) {
    if (keys.empty() || Below(4) == 0) continue;  // at most every so often
    OpenEvent open{instrument, {}};
    for (const CandleKey& key : keys) {
      open.candles.push_back(MakeUpdate(key, partition, {offset, CandleState::kPartial}));
    }
    topic_[partition].push_back({partition, owner->epoch, std::move(open)});
  }
}

// The fence: only the newest owner may, from where the row stands.
void World::Commit(int32_t partition, Owner* owner) {
  if (owner->position == owner->base) return;
  std::vector<int64_t> next = committed_.back();
  next[partition] = owner->position;
  committed_.push_back(next);
  outbox_[partition].emplace_back(owner->base, owner->position);
  QueueClosed(partition, owner->base, owner->position, owner);
  owner->base = owner->position;
  QueueProgress(partition, owner);
}

void World::QueueClosed(int32_t partition, int64_t from, int64_t to, Owner* owner) {
  for (int64_t offset = from; offset < to; ++offset) {
    auto closed = effects_[partition][offset].closed;
    std::shuffle(closed.begin(), closed.end(), random_);
    ClosedEvent event;
    for (const auto& [key, state] : closed) {
      const bool last = RowsAt(partition, to).at(key).version == offset;
      if (!last && !options_.every_change_in_outbox) continue;
      event.candles.push_back(MakeUpdate(key, partition, {offset, state}));
      if (Below(3) > 0) continue;
      owner->outgoing.push_back({partition, owner->epoch, std::exchange(event, {})});
    }
    if (!event.candles.empty()) {
      owner->outgoing.push_back({partition, owner->epoch, std::move(event)});
    }
  }
}

void World::QueueProgress(int32_t partition, Owner* owner) {
  const int64_t closed_until =
      owner->base == 0 ? 100 : effects_[partition][owner->base - 1].closed_until_s;
  owner->outgoing.push_back(
      {partition, owner->epoch, ProgressEvent{{{"venue", Second(closed_until)}}, owner->base}});
}

void World::Publish(int32_t partition, Owner* owner) {
  if (owner->outgoing.empty()) return;
  topic_[partition].push_back(std::move(owner->outgoing.front()));
  owner->outgoing.pop_front();
  if (owner == &owners_[partition] && owner->outgoing.empty()) outbox_[partition].clear();
}

void World::TakeOver(int32_t partition) {
  Owner old = std::move(owners_[partition]);
  Owner& owner = owners_[partition];
  owner = {};
  owner.epoch = old.epoch + 1;
  owner.position = owner.base = committed_.back()[partition];
  owner.quiet_until = log_end_[partition];
  for (const auto& [from, to] : outbox_[partition]) QueueClosed(partition, from, to, &owner);
  QueueProgress(partition, &owner);
  old.zombie_steps = static_cast<int>(Below(6));
  if (old.zombie_steps > 0) zombies_[partition].push_back(std::move(old));
}

void World::Finish() {
  for (int32_t partition = 0; partition < options_.partitions; ++partition) {
    Owner& owner = owners_[partition];
    log_end_[partition] = options_.records;
    while (owner.position < options_.records) Fold(partition, &owner);
    Commit(partition, &owner);
    QueueProgress(partition, &owner);
    while (!owner.outgoing.empty()) Publish(partition, &owner);
  }
  CatchUp();
}

Snapshot World::Read(const SnapshotRequest& request, bool torn, const ChangesRead& changes,
                     int64_t piece_rows) {
  const std::vector<int64_t> at = committed_[replica_];
  if (torn && replica_ + 1 < committed_.size()) ++replica_;
  Snapshot snapshot;
  const auto series = static_cast<int64_t>(request.series.size());
  std::vector<std::vector<Update>> read;
  for (const WantedSeries& wanted : request.series) {
    snapshot.next_version[wanted.partition] = committed_[replica_][wanted.partition];
    std::vector<Update> found;
    for (const auto& [key, row] : RowsAt(wanted.partition, at[wanted.partition])) {
      if (SeriesOf(key) != wanted.series) continue;
      snapshot.newest_closed[wanted.series] = key.open_time;  // the last one is the newest
      if (Wanted(wanted, key, row, changes))
        found.push_back(MakeUpdate(key, wanted.partition, row));
    }
    read.push_back(std::move(found));
  }
  PieceCut cut(request, 2 * piece_rows * series);
  testing::ReadAtMost(request, read, &cut, &snapshot);
  cut.Apply(&snapshot);
  return snapshot;
}

}  // namespace quantstream::query::simulation
