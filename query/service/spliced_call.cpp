#include "query/service/spliced_call.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/service/errors.h"

namespace quantstream::query {
namespace {

StreamSpec SpecOf(const StreamQuery& query, const std::vector<Instrument>& instruments) {
  StreamSpec spec{.series = {},
                  .start_time = query.start_time,
                  .last = query.last,
                  .closed_only = query.closed_only};
  std::set<Series> seen;
  for (const Instrument& instrument : instruments) {
    for (const Interval interval : query.intervals) {
      Series series{instrument.name, interval};
      if (seen.insert(series).second) spec.series.push_back({series, instrument.partition});
    }
  }
  return spec;
}

}  // namespace

SplicedCall::SplicedCall(ServiceParts* parts) : parts_(parts) {}

// The store may hold a call for longer than the server is there: what it reserved it gave back when
// it ended.
SplicedCall::~SplicedCall() = default;

void SplicedCall::Begin(StreamQuery query) {
  {
    std::lock_guard lock(mutex_);
    query_ = query;
  }
  parts_->instruments.Resolve(
      std::move(query.instruments), [](size_t i) { return absl::StrCat("instruments[", i, "]"); },
      [self = shared_from_this()](auto instruments) { self->OnResolved(std::move(instruments)); });
}

void SplicedCall::OnResolved(absl::StatusOr<std::vector<Instrument>> instruments) {
  if (!instruments.ok()) return End(instruments.status());
  std::vector<StreamSeries> series;
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    StreamSpec spec = SpecOf(query_, *instruments);
    series = series_ = spec.series;
    subscription_.emplace(std::move(spec), parts_->limits.subscription, query_.update_interval);
  }
  parts_->fanout->Add(shared_from_this(), series);
  // It may have ended, and been unregistered, just before Add.
  std::unique_lock lock(mutex_);
  if (!ended_) return;
  lock.unlock();
  parts_->fanout->Remove(this);
}

void SplicedCall::OnRegistered(const LiveState& live, std::string_view reason) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  subscription_->Register(live, reason);
  read_at_ = Clock::now();
}

void SplicedCall::Send() {
  ReadHistoryIfDue();
  Pump();
}

void SplicedCall::ReadHistoryIfDue() {
  std::unique_lock lock(mutex_);
  if (ended_ || in_flight_ || !read_at_ || Clock::now() < *read_at_) return;
  in_flight_ = true;
  read_at_.reset();
  SnapshotRequest request = subscription_->splice().Request();
  const int64_t ticket = subscription_->splice().ticket();
  lock.unlock();
  parts_->history->ReadSnapshot(std::move(request), cancellation_,
                                [self = shared_from_this(), ticket](auto snapshot) {
                                  self->OnSnapshot(ticket, std::move(snapshot));
                                });
}

void SplicedCall::OnSnapshot(int64_t ticket, absl::StatusOr<Snapshot> snapshot) {
  {
    std::lock_guard lock(mutex_);
    in_flight_ = false;
    if (!ended_) TakeSnapshotLocked(ticket, snapshot);
  }
  Send();
}

void SplicedCall::TakeSnapshotLocked(int64_t ticket, const absl::StatusOr<Snapshot>& snapshot) {
  if (absl::IsOutOfRange(snapshot.status())) {
    const std::string most = absl::StrCat(parts_->limits.request.snapshot_candles_max);
    return EndLocked(OutOfRange(
        "start_time",
        absl::StrCat("history holds more than ", most,
                     " candles since then; start later, or read it in pages with GetCandles"),
        "HISTORY_TOO_LONG", "candles_max", most));
  }
  if (!snapshot.ok()) {
    return EndLocked(WithRetryAfter(snapshot.status(), parts_->limits.reconnect_after));
  }
  if (!ReserveLocked(*snapshot)) {
    return EndLocked(WithRetryAfter(
        Exhausted("SNAPSHOT_MEMORY", "too much history is on its way to clients; try again"),
        parts_->limits.reconnect_after));
  }
  switch (subscription_->OnHistory(ticket, *snapshot)) {
    case Splice::Outcome::kDelivered:
      behind_since_.reset();
      return;
    case Splice::Outcome::kStale:
      read_at_ = Clock::now();
      return;
    case Splice::Outcome::kBehind:
      return OnBehindLocked();
  }
}

void SplicedCall::OnBehindLocked() {
  parts_->metrics->SnapshotLagged();
  const auto now = Clock::now();
  if (!behind_since_) behind_since_ = now;
  if (now - *behind_since_ >= parts_->limits.lag_wait_max) {
    return EndLocked(
        WithRetryAfter(absl::UnavailableError("the store lags behind the live candles"),
                       parts_->limits.reconnect_after));
  }
  read_at_ = now + parts_->limits.lag_retry;
}

bool SplicedCall::ReserveLocked(const Snapshot& snapshot) {
  ReleaseSnapshotLocked();
  int64_t bytes = 0;
  for (const Update& update : snapshot.candles) bytes += update->bytes();
  if (!parts_->snapshot_bytes.Take(bytes)) return false;
  reserved_bytes_ = bytes;
  parts_->metrics->SnapshotBytes(parts_->snapshot_bytes.used());
  return true;
}

void SplicedCall::ReleaseSnapshotLocked() {
  if (reserved_bytes_ == 0) return;
  parts_->snapshot_bytes.GiveBack(std::exchange(reserved_bytes_, 0));
  parts_->metrics->SnapshotBytes(parts_->snapshot_bytes.used());
}

void SplicedCall::OnPlaced(int32_t partition, int64_t committed) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_->OnPlaced(partition, committed);
}

void SplicedCall::OnUpdate(const Update& update) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_->OnUpdate(update);
}

void SplicedCall::OnProgress(std::optional<EventTime> watermark) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_->OnProgress(watermark);
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
  subscription_.reset();
  ReleaseSnapshotLocked();
}

void SplicedCall::StopWork() {
  cancellation_->Cancel();
}

void SplicedCall::Unregister() {
  parts_->fanout->Remove(this);
}

}  // namespace quantstream::query
