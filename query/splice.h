// History, then live, with no hole and no step back: a step machine for one stream. Pure: no clock,
// thread, I/O or queue.
//
//   Register ─► reading: live updates are buffered ─► OnHistory: history, open candles,
//   SnapshotEnd, the buffer ─► live
//       ▲ │ └───────────── Register again: the live side lost its place; what changed since the
//       mark is read ◄──────────┘
//
// What changed may be more than one read holds. Then it comes in pieces, in order of version: the
// mark is where a piece ends, and the stream is registered again for the next one.
//
// The history snapshot says with which version of each partition it was read (next_version N). mark
// = N - 1; a closed candle passes if its version is at or above the mark, which then grows with it:
// one record changes many candles at one version. A PARTIAL is dropped if its series has a closed
// candle at or after it, or if this stream sent that candle with the same or a higher version.
// Nothing is compared across instruments.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/io.h"

namespace quantstream::query {

struct StreamSeries {
  Series series;
  int32_t partition = 0;
};

// Where an earlier stream of a merged interval stopped.
struct MergedResume {
  EventTime from;          // it covered windows from here on
  EventTime closed_until;  // those that ended by then were sent
  bool operator==(const MergedResume& other) const = default;
};

// Where an earlier stream of the same series stopped; from its resume token.
struct Resume {
  std::map<int32_t, int64_t> marks;      // per partition; one that is absent: from the beginning
  std::map<Interval, EventTime> starts;  // it covered open_time >= this; absent: everything
  std::map<int32_t, int64_t> required = {};         // least next_version that holds what was merged
  std::map<std::string, MergedResume> merged = {};  // by the text of the interval
};

struct StreamSpec {
  std::vector<StreamSeries> series;
  std::optional<EventTime> start_time;  // covers open_time >= this
  int32_t last = 0;  // without start_time: the newest N closed ones of each series
  bool closed_only = false;
  std::optional<Resume> resume;  // instead of start_time and last
};

// What the live side knows at the moment of registering; taken in one step with it.
struct LiveState {
  std::vector<Update> open;  // of the stream's series
  std::map<int32_t, int64_t>
      committed;  // per partition: the snapshot must not be older than this version
  std::set<int32_t>
      unplaced;  // partitions whose `committed` is not known since their place was lost
  // Per partition and venue: every window that ends at or before this is closed.
  std::map<int32_t, std::map<std::string, EventTime>> closed_until;
};

// Where a stream's events go, in order.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual void SendSnapshot(
      const Update& update) = 0;  // before SnapshotEnd, or read again after a loss
  virtual void SendLive(const Update& update) = 0;
  virtual void EndSnapshot() {}  // of each snapshot; what follows is live
  virtual void SendSnapshotEnd() = 0;
  virtual void SendDiscontinuity(std::string_view reason) = 0;
};

// Test-only: each rule can be taken out to see that it is needed.
struct SpliceRules {
  bool mark_filters = true;                   // 18
  bool version_at_mark_passes = true;         // 18
  bool mark_is_from_snapshot = true;          // 18
  bool mark_is_within_the_piece = true;       // 18
  bool mark_grows = true;                     // 18
  bool newest_closed_stops_partial = true;    // 19
  bool sent_version_stops_partial = true;     // 19
  bool versions_are_per_candle = true;        // 19
  bool open_candles_are_copied = true;        // 20
  bool lost_place_resumes = true;             // 20
  bool lost_place_waits_for_progress = true;  // 20
  bool mark_is_resumed_from = true;           // 21
  bool start_is_resumed_from = true;          // 21
  bool lagging_snapshot_waits = true;
  bool live_is_buffered = true;
};

class Splice {
 public:
  enum class Outcome {
    kDelivered,
    kPiece,    // more was stored than one read holds: until Register, which asks for the rest,
               // updates must not come
    kTooLong,  // not even a piece of it can be read
    kBehind,   // the snapshot lags behind what the live side had: read again a little later
    kStale,    // the place was lost meanwhile: read again now, with the new ticket
  };

  explicit Splice(StreamSpec spec, SpliceRules rules = {});

  // First, and again whenever the live side lost its place (then a Discontinuity is sent), or after
  // Rewind, without a reason.
  void Register(const LiveState& live, std::string_view reason, Outlet* outlet);
  // The place of a partition is known again: snapshots must reach `committed`.
  void OnPlaced(int32_t partition, int64_t committed);

  // What to read now. Each Register begins a new ticket; hand it back with the answer.
  SnapshotRequest Request() const;
  int64_t ticket() const { return ticket_; }
  // It asks for what changed since its marks; only that comes in pieces.
  bool goes_on() const { return snapshot_sent_ || Resumes(); }
  bool reading() const { return reading_; }

  Outcome OnHistory(int64_t ticket, const Snapshot& snapshot, Outlet* outlet);
  // REQUIRES: Register was called, and the updates are all of one series.
  void OnUpdates(std::span<const Update> updates, Outlet* outlet);
  void OnUpdate(const Update& update, Outlet* outlet) { OnUpdates({&update, 1}, outlet); }

  // What was let out is taken back: next, what changed since these marks is read again. Until
  // Register updates must not come.
  void Rewind(const std::map<int32_t, int64_t>& marks);
  // Lets go of what came while history is read: it must be read again afterwards.
  void DropBuffered();
  // This state of an open candle was let out, but will not be sent: it may come again, older ones
  // may not.
  void TakeBack(const CandleUpdate& open);
  // Nothing of it passes any more. False: it was not there.
  bool Remove(const Series& series);
  bool Has(const Series& series) const { return series_.contains(series); }
  bool empty() const { return series_.empty(); }

  int64_t buffered_bytes() const { return buffered_bytes_; }
  bool snapshot_sent() const { return snapshot_sent_; }
  // Every closed candle of the partition up to this version has been let out.
  const std::map<int32_t, int64_t>& marks() const { return marks_; }
  // Per interval, what the stream covers.
  std::map<Interval, EventTime> Starts() const;

 private:
  struct SeriesState {
    int32_t partition = 0;
    EventTime from;  // older candles are not this stream's
    std::optional<EventTime> newest_closed;
    std::optional<EventTime> finals_from;    // of a piece: the newest FINAL candle in it
    std::map<EventTime, int64_t> sent_open;  // open_time -> version
  };

  EventTime StartOf(const Series& series) const;
  bool Resumes() const;
  int32_t LastOf() const;
  bool Behind(const Snapshot& snapshot) const;
  void BeginAtOldest(const Snapshot& snapshot);
  Outcome TakePiece(const Snapshot& piece, Outlet* outlet);
  void DeliverHistory(const Snapshot& snapshot, Outlet* outlet);
  void TakeMarks(const Snapshot& snapshot);
  void DeliverBuffered(bool first, Outlet* outlet);
  void Buffer(const Update& update);
  void Take(const Update& update, SeriesState* state, Outlet* outlet);
  void SetNewestClosed(SeriesState* state, EventTime open_time);
  bool ClosedPasses(const CandleUpdate& update, SeriesState* state);
  bool PartialPasses(const CandleUpdate& update, SeriesState* state);

  StreamSpec spec_;
  SpliceRules rules_;
  std::map<Series, SeriesState, SeriesLess> series_;
  std::map<int32_t, int64_t> marks_;        // per partition
  std::map<int32_t, int64_t> open_floors_;  // only with versions_are_per_candle off
  std::map<int32_t, int64_t> required_;  // per partition: least next_version of a usable snapshot
  std::set<int32_t> unplaced_;
  int64_t ticket_ = 0;
  bool reading_ = false;
  bool snapshot_sent_ = false;  // and SnapshotEnd with it

  std::vector<Update> copied_open_;
  std::deque<Update> buffered_closed_;
  std::map<CandleKey, Update> buffered_open_;
  int64_t buffered_bytes_ = 0;
};

}  // namespace quantstream::query
