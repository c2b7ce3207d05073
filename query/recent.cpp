#include "query/recent.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};

// Without what only merges take.
Update Slim(const Update& update) {
  if (update->scaled.empty()) return update;
  auto slim = std::make_shared<CandleUpdate>();
  slim->key = update->key;
  slim->state = update->state;
  slim->version = update->version;
  slim->partition = update->partition;
  slim->message = LazyText(update->message.get());
  return slim;
}

bool Wanted(const PageRequest& request, const CandleUpdate& candle) {
  return candle.state == CandleState::kFinal ? request.with_final : request.with_revised;
}

// The candles of [from, to) in the order asked for, at most as many as the page takes.
std::vector<Update> Cut(const PageRequest& request, const std::map<EventTime, Update>& candles) {
  std::vector<Update> cut;
  if (request.from >= request.to) return cut;
  const auto begin = candles.lower_bound(request.from);
  const auto end = candles.lower_bound(request.to);
  const auto take = [&](const Update& candle) {
    if (Wanted(request, *candle)) cut.push_back(candle);
    return static_cast<int64_t>(cut.size()) < request.candles_max;
  };
  if (request.newest_first) {
    for (auto at = end; at != begin && take(std::prev(at)->second);) --at;
  } else {
    for (auto at = begin; at != end && take(at->second);) ++at;
  }
  return cut;
}

}  // namespace

std::optional<Page> Recent::Find(const PageRequest& request, Time now) {
  std::lock_guard lock(mutex_);
  const auto found = kept_.find(request.series);
  if (found == kept_.end() || found->second.filling != 0) return std::nullopt;
  Kept& kept = found->second;
  const Partition& partition = partitions_[kept.partition];
  if (!Fresh(partition, now) || now - kept.filled_at > limits_.age_max) return std::nullopt;
  Page page;
  page.candles = Cut(request, kept.candles);
  const bool reaches = kept.whole || (!kept.candles.empty() &&
                                      request.from >= kept.candles.begin()->first);
  const bool full = static_cast<int64_t>(page.candles.size()) >= request.candles_max;
  if (!reaches && !(request.newest_first && full)) return std::nullopt;
  if (!kept.candles.empty()) {
    page.newest_closed = kept.candles.rbegin()->first;
    if (kept.whole) page.oldest_closed = kept.candles.begin()->first;
  }
  page.next_version = partition.heard;
  used_.splice(used_.begin(), used_, kept.used);
  return page;
}

Recent::Ticket Recent::Begin(PageRequest* request, Time now) {
  std::lock_guard lock(mutex_);
  const Partition& partition = partitions_[request->partition];
  if (limits_.series_max == 0 || !partition.progress) return 0;
  const EventTime within{partition.newest.us -
                         limits_.candles_per_series * request->series.interval.us()};
  const bool newest = request->newest_first && request->to >= partition.newest &&
                      request->candles_max <= limits_.candles_per_series;
  if (!newest && request->from < within) return 0;
  auto entry = kept_.find(request->series);
  if (entry != kept_.end()) {
    if (entry->second.filling != 0 || now - entry->second.filled_at <= limits_.age_max) return 0;
    Forget(entry);
  }
  entry = kept_.try_emplace(request->series).first;
  used_.push_front(request->series);
  entry->second.used = used_.begin();
  entry->second.partition = request->partition;
  entry->second.required = partition.told;
  entry->second.filling = ++last_ticket_;
  request->from = kBeginning;
  request->to = kEnd;
  request->newest_first = true;
  request->candles_max = limits_.candles_per_series + 1;
  request->with_final = request->with_revised = true;
  MakeRoom();
  return last_ticket_;
}

void Recent::End(Ticket ticket, const PageRequest& request, const Page* page, Time now) {
  std::lock_guard lock(mutex_);
  if (page != nullptr) {
    int64_t& answered = partitions_[request.partition].answered;
    answered = std::max(answered, page->next_version);
  }
  const auto entry = kept_.find(request.series);
  if (ticket == 0 || entry == kept_.end() || entry->second.filling != ticket) return;
  const bool behind = page != nullptr && page->next_version < entry->second.required;
  if (page == nullptr || (behind && rules_.behind_is_refused)) return Forget(entry);
  Fill(*page, request.candles_max, now, &entry->second);
  MakeRoom();
}

void Recent::Fill(const Page& page, int64_t rows_max, Time now, Kept* kept) {
  kept->filling = 0;
  kept->filled_at = now;
  kept->whole = static_cast<int64_t>(page.candles.size()) < rows_max;
  for (const Update& candle : page.candles) {
    kept->candles[candle->key.open_time] = candle;
    kept->bytes += candle->bytes();
    bytes_ += candle->bytes();
  }
  Trim(kept);
  for (const Update& update : std::exchange(kept->buffered, {})) Add(update, kept);
}

void Recent::OnEvent(const TailEvent& event, Time now) {
  std::lock_guard lock(mutex_);
  Partition& partition = partitions_[event.partition];
  const bool older = event.epoch < partition.epoch;
  partition.epoch = std::max(partition.epoch, event.epoch);
  if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) {
    OnClosed(*closed, event.partition);
  } else if (const auto* progress = std::get_if<ProgressEvent>(&event.body); progress && !older) {
    OnProgress(*progress, now, &partition);
  }
}

void Recent::OnClosed(const ClosedEvent& closed, int32_t number) {
  Partition& partition = partitions_[number];
  for (const Update& update : closed.candles) {
    partition.told = std::max(partition.told, update->version + 1);
    partition.newest = std::max(partition.newest, update->key.close_time());
    if (kept_.contains(SeriesOf(update->key))) partition.pending.push_back(update);
  }
  const bool too_many = static_cast<int64_t>(partition.pending.size()) > limits_.pending_max;
  if (too_many) return ForgetPartition(number);
  if (!rules_.commits_are_whole) {
    for (const Update& update : std::exchange(partition.pending, {})) Close(update);
  }
}

void Recent::OnProgress(const ProgressEvent& progress, Time now, Partition* partition) {
  partition->told = std::max(partition->told, progress.next_version);
  partition->heard = std::max(partition->heard, progress.next_version);
  partition->progress = now;
  const auto rest = std::ranges::stable_partition(
      partition->pending,
      [&](const Update& update) { return update->version < partition->heard; });
  const std::vector<Update> whole(partition->pending.begin(), rest.begin());
  partition->pending.erase(partition->pending.begin(), rest.begin());
  for (const Update& update : whole) Close(update);
  MakeRoom();
}

void Recent::OnPlaceLost(const std::vector<int32_t>& partitions) {
  std::lock_guard lock(mutex_);
  if (!rules_.lost_place_forgets) return;
  for (const int32_t lost : partitions) {
    ForgetPartition(lost);
    Partition& partition = partitions_[lost];
    partition.told = partition.heard = 0;
    partition.progress.reset();
  }
}

void Recent::ForgetPartition(int32_t number) {
  partitions_[number].pending.clear();
  for (auto entry = kept_.begin(); entry != kept_.end();) {
    const auto at = entry++;
    if (at->second.partition == number) Forget(at);
  }
}

bool Recent::Fresh(const Partition& partition, Time now) const {
  if (!partition.progress) return false;
  const bool silent = now - *partition.progress > limits_.progress_age_max;
  const bool before = partition.heard < partition.answered;
  return !(silent && rules_.silence_is_refused) && !(before && rules_.never_before_a_page);
}

void Recent::Close(const Update& update) {
  const auto entry = kept_.find(SeriesOf(update->key));
  if (entry == kept_.end()) return;
  Kept& kept = entry->second;
  if (kept.filling == 0) return Add(update, &kept);
  if (!rules_.live_is_buffered) return;
  kept.buffered.push_back(update);
  // The store answers late: the next call that misses begins anew.
  const auto most = static_cast<size_t>(2 * limits_.candles_per_series);
  if (kept.buffered.size() > most) Forget(entry);
}

void Recent::Add(const Update& update, Kept* kept) {
  const EventTime time = update->key.open_time;
  const bool older = kept->candles.empty() || time < kept->candles.begin()->first;
  if (older && !kept->whole) return;
  Update& candle = kept->candles[time];
  if (candle && rules_.higher_version_wins && update->version < candle->version) return;
  const int64_t replaced = candle ? candle->bytes() : 0;
  candle = Slim(update);
  kept->bytes += candle->bytes() - replaced;
  bytes_ += candle->bytes() - replaced;
  Trim(kept);
}

void Recent::Trim(Kept* kept) {
  while (static_cast<int64_t>(kept->candles.size()) > limits_.candles_per_series) {
    const int64_t freed = kept->candles.begin()->second->bytes();
    kept->candles.erase(kept->candles.begin());
    kept->bytes -= freed;
    bytes_ -= freed;
    kept->whole = false;
  }
}

void Recent::Forget(Entries::iterator entry) {
  bytes_ -= entry->second.bytes;
  used_.erase(entry->second.used);
  kept_.erase(entry);
}

void Recent::MakeRoom() {
  while (!used_.empty() && (bytes_ > limits_.bytes_max ||
                            static_cast<int64_t>(used_.size()) > limits_.series_max)) {
    Forget(kept_.find(used_.back()));
  }
}

int64_t Recent::series() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(kept_.size());
}

int64_t Recent::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace quantstream::query
