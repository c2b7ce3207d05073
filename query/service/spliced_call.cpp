#include "query/service/spliced_call.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/service/errors.h"

namespace quantstream::query {
namespace {

int64_t BytesOf(const Snapshot& snapshot) {
  int64_t bytes = 0;
  for (const Update& update : snapshot.candles) bytes += update->bytes();
  return bytes;
}

// The series of all these instruments and intervals, each once.
std::vector<StreamSeries> SeriesOfAll(const std::vector<Instrument>& instruments,
                                      const std::vector<Interval>& intervals) {
  std::vector<StreamSeries> all;
  std::set<Series> seen;
  for (const Instrument& instrument : instruments) {
    for (const Interval interval : intervals) {
      Series series{instrument.name, interval};
      if (seen.insert(series).second) all.push_back({std::move(series), instrument.partition});
    }
  }
  return all;
}

}  // namespace

std::vector<LegSpec> LegsOfAll(const std::vector<Instrument>& instruments,
                               const std::vector<WindowGrid>& grids, const LegSpec& like) {
  std::vector<LegSpec> legs;
  std::vector<Interval> stored;
  for (const WindowGrid& grid : grids) {
    if (!grid.merged()) {
      stored.push_back(grid.part());
      continue;
    }
    legs.push_back(like);
    legs.back().grid = grid;
    legs.back().stream.series = SeriesOfAll(instruments, {grid.part()});
  }
  if (stored.empty()) return legs;
  legs.insert(legs.begin(), like);
  legs.front().stream.series = SeriesOfAll(instruments, stored);
  return legs;
}

SplicedCall::SplicedCall(ServiceParts* parts)
    : parts_(parts), subscription_(parts->limits.subscription) {}

// The store may hold a call for longer than the server is there: what it reserved it gave back when
// it ended.
SplicedCall::~SplicedCall() = default;

void SplicedCall::Open(std::chrono::milliseconds progress_interval) {
  parts_->fanout->Add(shared_from_this(), progress_interval);
  // It may have ended, and been unregistered, just before Add.
  std::unique_lock lock(mutex_);
  if (!ended_) return;
  lock.unlock();
  parts_->fanout->Remove(this);
}

std::vector<LegId> SplicedCall::AddLegs(std::vector<LegSpec> specs) {
  std::vector<Listening> listenings;
  for (const LegSpec& spec : specs) {
    listenings.push_back({0, spec.stream.series, spec.grid.has_value()});
  }
  std::vector<LegId> legs;
  {
    std::lock_guard lock(mutex_);
    if (ended_) return {};
    std::vector<bool> merged;
    for (const LegSpec& spec : specs) merged.push_back(spec.grid.has_value());
    legs = subscription_.Add(std::move(specs));
    for (size_t i = 0; i < legs.size(); ++i) {
      if (merged[i]) windows_[legs[i]] = {};
    }
  }
  for (size_t i = 0; i < legs.size(); ++i) {
    listenings[i].leg = legs[i];
    parts_->fanout->Listen(this, std::move(listenings[i]));
  }
  return legs;
}

void SplicedCall::RemoveSeries(LegId leg, const Series& series) {
  {
    std::lock_guard lock(mutex_);
    subscription_.Remove(leg, series);
    if (subscription_.splice(leg) == nullptr) {
      readings_.erase(leg);
      windows_.erase(leg);
    }
  }
  // Last: a parked leg that the fanout does not know could not be registered again.
  parts_->fanout->Unlisten(this, leg, series);
}

void SplicedCall::AfterPositions(Places::Positions positions,
                                 std::function<void(bool unreachable)> next) {
  {
    std::lock_guard lock(mutex_);
    awaiting_ = {std::move(positions), Clock::now() + parts_->limits.lag_wait_max, std::move(next)};
  }
  Send();
}

void SplicedCall::LookForPositions() {
  std::unique_lock lock(mutex_);
  if (ended_ || !awaiting_) return;
  const Places::Way way = parts_->fanout->places().To(awaiting_->positions);
  if (way == Places::Way::kAhead) {
    if (Clock::now() < awaiting_->until) return;
    awaiting_.reset();
    return EndLocked(WithRetryAfter(
        absl::UnavailableError("this replica has not read the live candles as far as the "
                               "resume_token tells"),
        parts_->limits.reconnect_after));
  }
  const auto next = std::move(awaiting_->next);
  awaiting_.reset();
  lock.unlock();
  next(way == Places::Way::kUnreachable);
}

void SplicedCall::OnRegistered(LegId leg, const LiveState& live, std::string_view reason) {
  std::lock_guard lock(mutex_);
  if (ended_ || subscription_.splice(leg) == nullptr) return;
  subscription_.Register(leg, live, reason);
  ReadIfNeededLocked(leg);
}

void SplicedCall::ReadIfNeededLocked(LegId leg) {
  const bool needed = subscription_.splice(leg)->reading() && !subscription_.parked(leg);
  if (needed) readings_[leg].read_at = Clock::now();
}

void SplicedCall::Send() {
  LookForPositions();
  ReadHistoryIfDue();
  ReadWindowsIfNeeded();
  Pump();
  if (NeedsTick()) parts_->fanout->WantTick(this);
}

bool SplicedCall::NeedsTick() {
  std::lock_guard lock(mutex_);
  if (ended_) return !finished_;
  const bool reads = std::ranges::any_of(
      readings_, [](const auto& leg) { return leg.second.read_at.has_value(); });
  const bool windows = std::ranges::any_of(windows_, [&](const auto& leg) {
    return !subscription_.NeededRead(leg.first, 1).series.empty();
  });
  return awaiting_ || reads || windows || subscription_.WaitsForTime();
}

void SplicedCall::ReadHistoryIfDue() {
  LegId leg = 0;
  int64_t ticket = 0;
  SnapshotRequest request;
  {
    std::lock_guard lock(mutex_);
    if (!BeginReadLocked(&leg, &ticket, &request)) return;
  }
  parts_->history->ReadSnapshot(std::move(request), cancellation_,
                                [self = shared_from_this(), leg, ticket](auto snapshot) {
                                  self->OnSnapshot(leg, ticket, std::move(snapshot));
                                });
}

bool SplicedCall::BeginReadLocked(LegId* leg, int64_t* ticket, SnapshotRequest* request) {
  if (ended_ || in_flight_) return false;
  const auto now = Clock::now();
  for (auto& [id, reading] : readings_) {
    const Splice* splice = subscription_.splice(id);
    if (!reading.read_at || now < *reading.read_at || splice == nullptr) continue;
    if (subscription_.parked(id)) continue;
    reading.read_at.reset();
    in_flight_ = true;
    *leg = id;
    *ticket = splice->ticket();
    *request = subscription_.Request(id);
    return true;
  }
  return false;
}

// Old windows of merged intervals of which a part has changed.
void SplicedCall::ReadWindowsIfNeeded() {
  LegId leg = 0;
  SnapshotRequest request;
  {
    std::lock_guard lock(mutex_);
    if (!BeginWindowsLocked(&leg, &request)) return;
  }
  parts_->history->ReadSnapshot(request, cancellation_,
                                [self = shared_from_this(), leg, request](auto snapshot) {
                                  self->OnWindows(leg, request, std::move(snapshot));
                                });
}

bool SplicedCall::BeginWindowsLocked(LegId* leg, SnapshotRequest* request) {
  if (ended_ || in_flight_) return false;
  const auto now = Clock::now();
  for (const auto& [id, windows] : windows_) {
    if (windows.read_at && now < *windows.read_at) continue;
    *request = subscription_.NeededRead(id, parts_->limits.request.snapshot_candles_max);
    if (request->series.empty()) continue;
    in_flight_ = true;
    *leg = id;
    return true;
  }
  return false;
}

// Those that the answer was too old for are read again a little later.
void SplicedCall::OnWindows(LegId leg, const SnapshotRequest& request,
                            absl::StatusOr<Snapshot> snapshot) {
  {
    std::lock_guard lock(mutex_);
    in_flight_ = false;
    if (!ended_ && !snapshot.ok()) {
      EndLocked(WithRetryAfter(snapshot.status(), parts_->limits.reconnect_after));
    }
    if (!ended_ && subscription_.splice(leg) != nullptr) {
      Reading* windows = &windows_[leg];
      if (subscription_.OnRead(leg, request, *snapshot)) {
        *windows = {Clock::now() + parts_->limits.lag_retry, std::nullopt};
      } else {
        OnBehindLocked(windows);
      }
    }
  }
  Send();
}

void SplicedCall::OnSnapshot(LegId leg, int64_t ticket, absl::StatusOr<Snapshot> snapshot) {
  {
    std::lock_guard lock(mutex_);
    in_flight_ = false;
    if (!ended_) TakeSnapshotLocked(leg, ticket, snapshot);
  }
  Send();
}

void SplicedCall::TakeSnapshotLocked(LegId leg, int64_t ticket,
                                     const absl::StatusOr<Snapshot>& snapshot) {
  if (subscription_.splice(leg) == nullptr) return;
  if (absl::IsOutOfRange(snapshot.status())) return OnTooMuchLocked(leg);
  if (!snapshot.ok()) {
    return EndLocked(WithRetryAfter(snapshot.status(), parts_->limits.reconnect_after));
  }
  const MemoryBudget::Held before = reserved_;
  if (!parts_->snapshot_bytes.Take(BytesOf(*snapshot), parts_->streams, &reserved_)) {
    return EndNoMemoryLocked();
  }
  switch (subscription_.OnHistory(leg, ticket, *snapshot)) {
    case Splice::Outcome::kPiece:
      parts_->metrics->SnapshotPiece();
      [[fallthrough]];
    case Splice::Outcome::kDelivered:
      readings_.erase(leg);
      return;
    case Splice::Outcome::kTooLong:
      return EndTooLongLocked(leg);
    case Splice::Outcome::kStale:
      parts_->snapshot_bytes.GiveBack(&reserved_, before);
      ReadIfNeededLocked(leg);
      return;
    case Splice::Outcome::kBehind:
      parts_->snapshot_bytes.GiveBack(&reserved_, before);
      return OnBehindLocked(&readings_[leg]);
  }
}

void SplicedCall::OnBehindLocked(Reading* reading) {
  parts_->metrics->SnapshotLagged();
  const auto now = Clock::now();
  if (!reading->behind_since) reading->behind_since = now;
  if (now - *reading->behind_since >= parts_->limits.lag_wait_max) {
    return EndLocked(
        WithRetryAfter(absl::UnavailableError("the store lags behind the live candles"),
                       parts_->limits.reconnect_after));
  }
  reading->read_at = now + parts_->limits.lag_retry;
}

void SplicedCall::OnTooMuchLocked(LegId leg) {
  if (!subscription_.ReadInPieces(leg)) return EndTooLongLocked(leg);
  readings_[leg].read_at = Clock::now();
}

// Of one that goes on: not even a piece can be read, for it has more series, or longer windows,
// than that.
void SplicedCall::EndTooLongLocked(LegId leg) {
  const bool goes_on = subscription_.splice(leg)->goes_on();
  const std::string most = absl::StrCat(parts_->limits.request.snapshot_candles_max);
  EndLocked(OutOfRange(
      goes_on ? "resume_token" : "start_time",
      absl::StrCat(goes_on ? "so many series, or so long windows, have missed more than "
                           : "history holds more than ",
                   most,
                   goes_on ? " candles at a time; read them in pages with GetCandles, and start "
                             "anew with start_time"
                           : " candles since then; start later, or read it in pages with "
                             "GetCandles"),
      "HISTORY_TOO_LONG", "candles_max", most));
}

void SplicedCall::EndNoMemoryLocked() {
  parts_->metrics->SnapshotRefused();
  EndLocked(WithRetryAfter(
      Exhausted("SNAPSHOT_MEMORY", "too much history is on its way to clients; try again"),
      parts_->limits.reconnect_after));
}

void SplicedCall::ReleaseSentLocked() {
  if (!subscription_.history_waits()) ReleaseSnapshotLocked();
}

void SplicedCall::KeepUnsentLocked() {
  if (!parts_->snapshot_bytes.Keep(parts_->streams, &reserved_)) EndNoMemoryLocked();
}

void SplicedCall::OnPlaced(int32_t partition, int64_t committed) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_.OnPlaced(partition, committed);
}

void SplicedCall::OnUpdates(LegId leg, std::span<const Update> updates) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_.OnUpdates(leg, updates);
}

void SplicedCall::OnClosedUntil(int32_t partition, const VenueClosedUntil& closed_until) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_.OnClosedUntil(partition, closed_until);
}

void SplicedCall::OnProgress(std::optional<EventTime> watermark, std::string_view trouble) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_.OnProgress(watermark, trouble);
}

void SplicedCall::End(const absl::Status& status) {
  {
    std::lock_guard lock(mutex_);
    EndLocked(status);
  }
  Pump();
}

void SplicedCall::EndLocked(const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  end_status_ = status;
  ended_at_ = Clock::now();
  subscription_ = Subscription(parts_->limits.subscription);
  CountWaitingLocked();
  awaiting_.reset();
  readings_.clear();
  windows_.clear();
  ReleaseSnapshotLocked();
}

void SplicedCall::CountWaitingLocked() {
  const int64_t bytes = subscription_.waiting_bytes();
  if (bytes != counted_bytes_) parts_->queue_bytes += bytes - counted_bytes_;
  counted_bytes_ = bytes;
}

void SplicedCall::StopWork() {
  cancellation_->Cancel();
}

void SplicedCall::Unregister() {
  parts_->fanout->Remove(this);
}

}  // namespace quantstream::query
