#include "tests/unit/query/fake_history.h"

#include <algorithm>
#include <utility>

#include "tests/unit/query/pieces.h"

namespace quantstream::query::testing {

FakeHistory::FakeHistory() : thread_([this] { Loop(); }) {}

FakeHistory::~FakeHistory() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FakeHistory::AddInstrument(const std::string& name, int32_t partition) {
  std::lock_guard lock(mutex_);
  const size_t colon = name.find(':');
  instruments_.push_back({name, name.substr(0, colon), name.substr(colon + 1), partition, {}});
}

void FakeHistory::Commit(const std::vector<Update>& rows, int64_t next_version) {
  std::lock_guard lock(mutex_);
  for (const Update& row : rows) {
    content_.rows[row->key] = row;
    content_.next_version[row->partition] = next_version;
  }
}

void FakeHistory::Hold() {
  std::lock_guard lock(mutex_);
  held_ = true;
}

void FakeHistory::Release() {
  {
    std::lock_guard lock(mutex_);
    held_ = names_held_ = false;
  }
  changed_.notify_all();
}

bool FakeHistory::WaitForSnapshots(int count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(20),
                           [&] { return snapshots_begun_ >= count; });
}

int FakeHistory::snapshots_begun() {
  std::lock_guard lock(mutex_);
  return snapshots_begun_;
}

void FakeHistory::AtNextSnapshot(std::function<void()> hook) {
  std::lock_guard lock(mutex_);
  at_next_snapshot_ = std::move(hook);
}

void FakeHistory::Freeze() {
  std::lock_guard lock(mutex_);
  frozen_ = std::make_unique<Content>(content_);
}

void FakeHistory::Thaw() {
  std::lock_guard lock(mutex_);
  frozen_.reset();
}

void FakeHistory::HoldsAtMost(int64_t candles) {
  std::lock_guard lock(mutex_);
  candles_max_ = candles;
}

void FakeHistory::Fail(absl::Status status) {
  std::lock_guard lock(mutex_);
  failure_ = std::move(status);
}

void FakeHistory::ReadSnapshot(SnapshotRequest request, std::shared_ptr<Cancellation>,
                               Callback<Snapshot> callback) {
  std::unique_lock lock(mutex_);
  if (const auto hook = std::exchange(at_next_snapshot_, nullptr)) {
    lock.unlock();
    hook();
    lock.lock();
  }
  Snapshot snapshot;
  std::vector<std::vector<Update>> read;
  for (const WantedSeries& wanted : request.series) {
    const auto next = VisibleLocked().next_version.find(wanted.partition);
    if (next != VisibleLocked().next_version.end())
      snapshot.next_version[wanted.partition] = next->second;
    std::vector<Update> found;
    for (const auto& [key, row] : VisibleLocked().rows) {
      if (SeriesOf(key) != wanted.series) continue;
      snapshot.newest_closed[wanted.series] = key.open_time;
      if (key.open_time < wanted.from || (wanted.to && key.open_time >= *wanted.to)) continue;
      if (!wanted.changed_since || row->version >= *wanted.changed_since) found.push_back(row);
    }
    read.push_back(std::move(found));
  }
  PieceCut cut(request, candles_max_);
  ReadAtMost(request, read, &cut, &snapshot);
  ++snapshots_begun_;
  changed_.notify_all();
  const bool too_much = static_cast<int64_t>(snapshot.candles.size()) > candles_max_;
  const absl::Status failure = failure_.ok() && too_much ? absl::OutOfRangeError("") : failure_;
  cut.Apply(&snapshot);
  answers_.push_back([callback = std::move(callback), snapshot = std::move(snapshot), failure] {
    failure.ok() ? callback(snapshot) : callback(failure);
  });
}

void FakeHistory::ReadPage(PageRequest request, std::shared_ptr<Cancellation>,
                           Callback<Page> callback) {
  std::lock_guard lock(mutex_);
  Page page;
  const auto next = VisibleLocked().next_version.find(request.partition);
  if (next != VisibleLocked().next_version.end()) page.next_version = next->second;
  for (const auto& [key, row] : VisibleLocked().rows) {
    if (SeriesOf(key) != request.series) continue;
    if (!page.oldest_closed) page.oldest_closed = key.open_time;
    page.newest_closed = key.open_time;
    if (request.for_fill && key.open_time < request.from) page.previous = row;
    const bool wanted =
        row->state == CandleState::kFinal ? request.with_final : request.with_revised;
    if (wanted && key.open_time >= request.from && key.open_time < request.to)
      page.candles.push_back(row);
  }
  for (const Gap& gap : gaps_) {
    if (request.for_fill) page.gaps.push_back({*gap.from_time, *gap.until_time});
  }
  if (request.newest_first) std::ranges::reverse(page.candles);
  if (static_cast<int64_t>(page.candles.size()) > request.candles_max) {
    page.candles.resize(static_cast<size_t>(request.candles_max));
  }
  const absl::Status failure = failure_;
  answers_.push_back([callback = std::move(callback), page = std::move(page), failure] {
    failure.ok() ? callback(page) : callback(failure);
  });
  changed_.notify_all();
}

void FakeHistory::HoldNames() {
  std::lock_guard lock(mutex_);
  held_ = names_held_ = true;
}

bool FakeHistory::WaitForNames() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(30), [this] { return !answers_.empty(); });
}

void FakeHistory::ReadInstruments(std::shared_ptr<Cancellation>,
                                  Callback<std::vector<Instrument>> callback) {
  std::lock_guard lock(mutex_);
  (names_held_ ? answers_ : prompt_answers_)
      .push_back([callback = std::move(callback), all = instruments_, failure = failure_] {
        failure.ok() ? callback(all) : callback(failure);
      });
  changed_.notify_all();
}

template <typename T>
void FakeHistory::AnswerLocked(Callback<T> callback, T result) {
  answers_.push_back([callback = std::move(callback), result = std::move(result),
                      failure = failure_] { failure.ok() ? callback(result) : callback(failure); });
  changed_.notify_all();
}

void FakeHistory::ReadGaps(GapsRequest request, std::shared_ptr<Cancellation>,
                           Callback<std::vector<Gap>> callback) {
  std::lock_guard lock(mutex_);
  gaps_request_ = request;
  std::vector<Gap> found;
  for (const Gap& gap : gaps_) {
    const EventTime begin = gap.from_time.value_or(EventTime{INT64_MIN});
    if (std::pair(begin, gap.id) <= request.after) continue;
    if (request.of && request.of->instrument != gap.instrument) continue;
    if (static_cast<int64_t>(found.size()) < request.gaps_max) found.push_back(gap);
  }
  AnswerLocked(std::move(callback), std::move(found));
}

void FakeHistory::ReadLineage(LineageRequest request, std::shared_ptr<Cancellation>,
                              Callback<StoredLineage> callback) {
  std::lock_guard lock(mutex_);
  lineage_request_ = std::move(request);
  AnswerLocked(std::move(callback), lineage_);
}

void FakeHistory::SetGaps(std::vector<Gap> gaps) {
  std::lock_guard lock(mutex_);
  gaps_ = std::move(gaps);
}

void FakeHistory::SetLineage(StoredLineage lineage) {
  std::lock_guard lock(mutex_);
  lineage_ = std::move(lineage);
}

GapsRequest FakeHistory::gaps_request() {
  std::lock_guard lock(mutex_);
  return gaps_request_;
}

LineageRequest FakeHistory::lineage_request() {
  std::lock_guard lock(mutex_);
  return lineage_request_;
}

void FakeHistory::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] {
      return ended_ || !prompt_answers_.empty() || (!held_ && !answers_.empty());
    });
    auto& ready = !prompt_answers_.empty() ? prompt_answers_ : answers_;
    if (ready.empty()) return;
    const auto answer = std::move(ready.front());
    ready.pop_front();
    lock.unlock();
    answer();
    lock.lock();
  }
}

}  // namespace quantstream::query::testing
