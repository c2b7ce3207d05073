// Candles of a merged interval, live: parts that have passed the splice go in, merged candles come
// out. A step machine for one merged interval of a stream, over many instruments. Pure: no clock,
// thread, I/O or queue.
//
// Add says which windows belong to the stream. Parts of the first snapshot and of what follows are
// handed to OnPart, OnSnapshot after each snapshot. From then on every window at or after an
// instrument's `known_from` is known with all of its parts; of an older one nothing is kept. When
// one of its parts is revised, it is asked for (NeededRead) and merged from what the store answers.
// So it goes with a part that was folded because many came after it.
//
// A window is PARTIAL until ClosedUntil has passed its end; then every part's FINAL has come
// before. Its version never goes down, and no PARTIAL follows its FINAL. An open window is merged
// when it is taken, however often its parts changed before.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/merge_rules.h"
#include "query/merge_window.h"
#include "query/splice.h"

namespace quantstream::query {

struct MergeLimits {
  int64_t parts_apart_max = 16;  // of an instrument; older ones are folded, or forgotten
};

// Per partition and venue: every window that ends at or before this is closed.
using VenueClocks = std::map<std::pair<int32_t, std::string>, EventTime>;

class Merger {
 public:
  explicit Merger(WindowGrid grid, MergeLimits limits = {}, MergeRules rules = {});

  const WindowGrid& grid() const { return grid_; }
  // How many parts hold the newest N windows for certain: what the first snapshot must ask for.
  int64_t PartsOfLast(int64_t last) const { return (last + 1) * grid_.parts_max(); }

  // Windows that begin at or after `from`; the snapshot holds all parts from there on. REQUIRES:
  // a window's start, and `instrument` (venue:symbol) was not added.
  void AddFrom(const std::string& instrument, int32_t partition, EventTime from);
  // The newest `last` closed windows and what follows; the snapshot holds the newest PartsOfLast
  // parts.
  void AddLast(const std::string& instrument, int32_t partition, int32_t last);
  // As AddFrom, but windows that ended at or before `closed_until` were sent by an earlier stream:
  // Complete says what the snapshot must hold.
  void AddResumed(const std::string& instrument, int32_t partition, EventTime from,
                  EventTime closed_until);
  void Remove(const std::string& instrument);

  // Input. OnPart, in any order: a part that has passed the splice, with `scaled`.
  void OnPart(const Update& part);
  // Parts of this snapshot and what was buffered meanwhile were handed in.
  void OnSnapshot(const Snapshot& snapshot);
  // Every part of the venue that ends at or before `time` was handed in as FINAL or REVISED.
  void OnClosedUntil(int32_t partition, const std::string& venue, EventTime time);

  // What to read because it is not kept; nothing: empty. At least one window, no more of them than
  // hold `candles_max` parts.
  SnapshotRequest NeededRead(int64_t candles_max) const;
  // The answer. Windows that it is too old for are still needed; false: it is for all of them.
  bool OnRead(const SnapshotRequest& request, const Snapshot& snapshot);

  // Closed windows that have changed, of each instrument in order of time. Call it after each
  // input, before another part of them changes.
  std::vector<Update> TakeClosed();
  // Open windows that have changed: those that `due` says so of go to `put`, until it returns
  // false, which is returned.
  bool TakeOpen(const std::function<bool(const CandleKey&)>& due,
                const std::function<bool(Update)>& put);
  bool open_waits() const { return ready_ && !dirty_open_.empty(); }

  // What was taken last may not have been sent: from the next OnSnapshot on all windows are sent
  // again that were open at `settled`. Until then nothing is taken.
  void Restart(const VenueClocks& settled);
  // Makes the splice's request one for merging: scaled bytes; and after a restart or for a resumed
  // stream everything of the windows that were open then, beside the changes of older ones.
  void Complete(SnapshotRequest* request) const;
  const VenueClocks& clocks() const { return clocks_; }
  // What a snapshot must hold, and the one of a stream that resumes: the first version of the
  // partition that nothing that was handed in reflects.
  int64_t RequiredVersion(int32_t partition) const;
  // The oldest version of the partition that is in no merged candle yet, because a window is being
  // read: a stream that resumes later on must begin at or before it.
  std::optional<int64_t> PendingVersion(int32_t partition) const;
  // First window of the instrument that belongs to the stream; absent until the first snapshot of
  // AddLast.
  std::optional<EventTime> from(const std::string& instrument) const;
  // Windows from here on are known whole, or read whole next; absent: it is not among them.
  std::optional<EventTime> known_from(const std::string& instrument) const;
  // Windows and parts in memory.
  int64_t windows() const;
  int64_t parts_apart() const;

 private:
  struct Window {
    Window(const WindowGrid& grid, EventTime start, const MergeRules& rules)
        : end(grid.End(start)), parts(grid.part(), rules) {}
    EventTime end;
    MergeWindow parts;
    int64_t sent_version = 0;
    bool sent_closed = false;
    bool dirty = false;
  };
  struct Instrument {
    std::string name;
    int32_t partition = 0;
    std::pair<int32_t, std::string> clock;
    std::optional<int32_t> last;  // until the first snapshot
    EventTime from;
    EventTime known_from;    // windows from here on are known with all of their parts
    EventTime closed_until;  // of the store, beside the clock
    EventTime fold_from;     // parts of older windows are all folded
    std::map<EventTime, Window> windows;
    std::map<EventTime, int64_t> sent;  // versions from before a restart
    int64_t parts_apart = 0;
  };
  struct Reading {
    int64_t changed = 0;   // version of the oldest change that is in no merged candle yet
    int64_t at_least = 0;  // the read must hold this version: what was sent before holds it, too
    int64_t newest = 0;    // of the changes
  };
  using Place = std::pair<std::string, EventTime>;  // instrument, start

  Instrument* Add(const std::string& instrument, int32_t partition);
  Instrument* Find(const std::string& instrument);
  EventTime ClosedUntil(const Instrument& instrument) const;
  Window* WindowAt(Instrument* instrument, EventTime start);
  void Raise(int32_t partition, int64_t version);
  void Need(const Instrument& instrument, EventTime start, int64_t version);
  void Mark(const Instrument& instrument, EventTime start, Window* window);
  void Unmark(const Instrument& instrument, EventTime start);
  bool Closed(const Instrument& instrument, const Window& window) const;
  void CloseUpTo(Instrument* instrument, EventTime time);
  void BeginAtLast(const Snapshot& snapshot);
  void DropBefore(Instrument* instrument, EventTime from);
  Update Emit(const Instrument& instrument, EventTime start, Window* window, bool closed);
  void KeepOpen(Instrument* instrument);
  void Fold(Instrument* instrument);
  void Forget(Instrument* instrument);
  void OnStored(Instrument* instrument, EventTime start, const std::vector<Update>& parts);

  const WindowGrid grid_;
  const MergeLimits limits_;
  const MergeRules rules_;
  std::map<std::string, Instrument> instruments_;
  std::map<std::pair<int32_t, std::string>, std::set<Instrument*>> of_clock_;
  VenueClocks clocks_;
  std::map<int32_t, int64_t> newest_;  // per partition: of what was handed in or read
  std::map<Place, Reading> reading_;
  std::set<Place> dirty_closed_;
  std::set<Place> dirty_open_;
  std::vector<Update> read_;  // merged from what was read
  bool ready_ = false;
};

}  // namespace quantstream::query
