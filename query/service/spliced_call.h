// The common half of StreamCandles and GetLatest: resolves names, registers with the fanout, reads
// history until it is not behind, and keeps the subscription under one lock, which is not held
// while anything is sent. Knows no protobuf; what is sent and how it ends is the subclass's.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "query/service/parts.h"

namespace quantstream::query {

class SplicedCall : public Subscriber, public std::enable_shared_from_this<SplicedCall> {
 public:
  // Subscriber.
  void OnRegistered(const LiveState& live, std::string_view reason) final;
  void OnPlaced(int32_t partition, int64_t committed) final;
  void OnUpdate(const Update& update) final;
  void OnProgress(std::optional<EventTime> watermark) final;
  void Send() final;

 protected:
  using Clock = std::chrono::steady_clock;

  explicit SplicedCall(ServiceParts* parts);
  ~SplicedCall() override;

  // REQUIRES: no lock is held, and a shared_ptr to this exists. Errors come to EndLocked.
  void Begin(StreamQuery query);
  // The call ends with this, unless it has ended. REQUIRES: no lock is held.
  void End(const absl::Status& status);
  // The caller is gone, or the call has ended: statements in flight are stopped. REQUIRES: no lock
  // is held.
  void StopWork();
  // Call it from OnDone, once. REQUIRES: no lock is held.
  void Unregister();

  // Sends what is due, or the end. No lock is held; several threads may be in here at once.
  virtual void Pump() = 0;

  // All with the lock held. What EndLocked decides, Pump does.
  void EndLocked(const absl::Status& status);
  // Memory for history that is sent now is free again.
  void ReleaseSnapshotLocked();

  ServiceParts* const parts_;
  std::mutex mutex_;
  StreamQuery query_;  // guarded by mutex_, as all below
  std::vector<StreamSeries> series_;
  std::optional<Subscription>
      subscription_;    // absent: names are not resolved yet, or the call ends
  bool ended_ = false;         // no more work; with end_status_, since ended_at_
  absl::Status end_status_;
  Clock::time_point ended_at_;
  bool finished_ = false;  // one thread sends the end, or has sent it

 private:
  void OnResolved(absl::StatusOr<std::vector<Instrument>> instruments);
  void ReadHistoryIfDue();
  void OnSnapshot(int64_t ticket, absl::StatusOr<Snapshot> snapshot);
  void TakeSnapshotLocked(int64_t ticket, const absl::StatusOr<Snapshot>& snapshot);
  void OnBehindLocked();
  bool ReserveLocked(const Snapshot& snapshot);

  std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
  bool in_flight_ = false;
  int64_t reserved_bytes_ = 0;
  std::optional<Clock::time_point> read_at_;  // history, from then on
  std::optional<Clock::time_point> behind_since_;
};

}  // namespace quantstream::query
