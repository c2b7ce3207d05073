// The common half of StreamCandles, Subscribe and GetLatest: registers legs with the fanout, reads
// their history until it is not behind, and keeps the subscription under one lock, which is not
// held while anything is sent. Knows no protobuf; what is sent and how it ends is the subclass's.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "query/service/parts.h"
#include "query/service/stream_requests.h"

namespace quantstream::query {

class SplicedCall : public Subscriber, public std::enable_shared_from_this<SplicedCall> {
 public:
  // Subscriber.
  void OnRegistered(LegId leg, const LiveState& live, std::string_view reason) final;
  void OnPlaced(int32_t partition, int64_t committed) final;
  void OnUpdates(LegId leg, std::span<const Update> updates) final;
  void OnClosedUntil(int32_t partition, const VenueClosedUntil& closed_until) final;
  void OnProgress(std::optional<EventTime> watermark, std::string_view trouble) override;
  void Send() override;

 protected:
  using Clock = std::chrono::steady_clock;
  using Resolved = absl::StatusOr<std::vector<Instrument>>;

  explicit SplicedCall(ServiceParts* parts);
  ~SplicedCall() override;

  // Begins to hear from the fanout. REQUIRES here and below: no lock is held, and a shared_ptr to
  // this exists.
  void Open(std::chrono::milliseconds progress_interval);
  // Adds legs that share a SnapshotEnd, and reads their history. Errors come to EndLocked.
  std::vector<LegId> AddLegs(std::vector<LegSpec> specs);
  void RemoveSeries(LegId leg, const Series& series);
  // `next` runs once the tail has read up to there, with true where it never can; UNAVAILABLE ends
  // the call when that takes too long.
  void AfterPositions(Places::Positions positions, std::function<void(bool unreachable)> next);
  // The call ends with this, unless it has ended.
  void End(const absl::Status& status);
  // The caller is gone, or the call has ended: statements in flight are stopped.
  void StopWork();
  // Call it from OnDone, once.
  void Unregister();

  // Sends what is due, or the end. No lock is held; several threads may be in here at once.
  virtual void Pump() = 0;

  // All with the lock held. What EndLocked decides, Pump does.
  void EndLocked(const absl::Status& status);
  // What waits now is counted among what waits for all clients.
  void CountWaitingLocked();
  // Memory for history is free again once it was sent.
  void ReleaseSentLocked();
  // Ends the call when there is no room any more for what was not.
  void KeepUnsentLocked();

  ServiceParts* const parts_;
  std::mutex mutex_;
  Subscription subscription_;  // guarded by mutex_, as all below
  bool ended_ = false;         // no more work; with end_status_, since ended_at_
  absl::Status end_status_;
  Clock::time_point ended_at_;
  bool finished_ = false;  // one thread sends the end, or has sent it

 private:
  struct Reading {
    std::optional<Clock::time_point> read_at;  // history is due from then on
    std::optional<Clock::time_point> behind_since;
  };
  struct Awaiting {
    Places::Positions positions;
    Clock::time_point until;
    std::function<void(bool unreachable)> next;
  };

  void LookForPositions();
  void ReadHistoryIfDue();
  void ReadIfNeededLocked(LegId leg);
  bool BeginReadLocked(LegId* leg, int64_t* ticket, SnapshotRequest* request);
  void ReadWindowsIfNeeded();
  bool BeginWindowsLocked(LegId* leg, SnapshotRequest* request);
  void OnWindows(LegId leg, const SnapshotRequest& request, absl::StatusOr<Snapshot> snapshot);
  void OnSnapshot(LegId leg, int64_t ticket, absl::StatusOr<Snapshot> snapshot);
  void TakeSnapshotLocked(LegId leg, int64_t ticket, const absl::StatusOr<Snapshot>& snapshot);
  void OnBehindLocked(Reading* reading);
  void OnTooMuchLocked(LegId leg);
  void EndTooLongLocked(LegId leg);
  void EndNoMemoryLocked();
  void ReleaseSnapshotLocked() { parts_->snapshot_bytes.GiveBack(&reserved_, {}); }
  bool NeedsTick();

  std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
  std::map<LegId, Reading> readings_;
  std::map<LegId, Reading> windows_;  // of merged legs: old windows
  bool in_flight_ = false;
  MemoryBudget::Held reserved_;  // history that is not sent yet
  int64_t counted_bytes_ = 0;
  std::optional<Awaiting> awaiting_;
};

// Legs of all these instruments and intervals, each once, that are like `like`: one for what is
// stored, and one for each merged interval.
std::vector<LegSpec> LegsOfAll(const std::vector<Instrument>& instruments,
                               const std::vector<WindowGrid>& grids, const LegSpec& like);

}  // namespace quantstream::query
