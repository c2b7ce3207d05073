// The newest closed candles of the series that are asked for, so that most reads need no store. A
// series is read from the store once and then follows topic `candles`. Bounded. Thread-safe: one
// lock, nothing is called under it.
//
//   Find: miss ─► Begin: what comes live is kept ─► the store is read ─► End: the page, then what
//   came live ─► Find: hit
//
// Every answer is what the store held after one of its commits: changes are taken over when
// Progress says that all of their commit have come. It is never an older one than a page that was
// read from the store, and none is given while a partition says nothing: whether the store goes on
// is then not known.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "query/io.h"

namespace quantstream::query {

struct RecentLimits {
  int64_t candles_per_series = 128;
  int64_t series_max = 10'000;  // 0: nothing is kept
  int64_t bytes_max = 64 << 20;
  int64_t pending_max = 20'000;  // changes of one commit of a partition; more: its series are left
  std::chrono::milliseconds progress_age_max{3'000};  // a partition silent for longer is not told
  // A series is read again after so long: rows may have been removed by hand or by retention.
  std::chrono::milliseconds age_max{300'000};
};

// Test-only: each rule can be taken out to see that it is needed.
struct RecentRules {
  bool behind_is_refused = true;    // a page that is older than what came live before it
  bool higher_version_wins = true;  // of one candle
  bool live_is_buffered = true;     // while the store is read
  bool commits_are_whole = true;    // changes wait for the Progress of their commit
  bool never_before_a_page = true;  // no answer that is older than a page that was read
  bool lost_place_forgets = true;
  bool silence_is_refused = true;
};

class Recent {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Of one read of the store. 0: this read is not to be kept.
  using Ticket = int64_t;

  explicit Recent(RecentLimits limits = {}, RecentRules rules = {})
      : limits_(limits), rules_(rules) {}

  // What the store answers to this, if it is known here. REQUIRES: neither for_fill nor
  // with_scaled. oldest_closed is absent where the series begins before what is kept.
  std::optional<Page> Find(const PageRequest& request, Time now);

  // After a miss: makes `request` one whose answer can be kept, where that is of use; else leaves
  // it as it is and gives 0. End must follow.
  Ticket Begin(PageRequest* request, Time now);
  // The answer to that request; null: there is none. Of reads without a ticket, too: their moment
  // counts. `page` may be any page of the partition.
  void End(Ticket ticket, const PageRequest& request, const Page* page, Time now);

  // All events of the tail, in order.
  void OnEvent(const TailEvent& event, Time now);
  // Events of these partitions may have been missed.
  void OnPlaceLost(const std::vector<int32_t>& partitions);

  int64_t series() const;
  int64_t bytes() const;

 private:
  struct Kept {
    Ticket filling = 0;    // 0: filled
    int64_t required = 0;  // of the page: all versions below it came live before it was read
    bool whole = false;    // the series has no older candle
    int32_t partition = 0;
    int64_t bytes = 0;
    Time filled_at{};
    std::map<EventTime, Update> candles;
    std::vector<Update> buffered;
    std::list<Series>::iterator used;  // in used_
  };
  struct Partition {
    int64_t epoch = 0;
    int64_t told = 0;      // the store holds all versions below it
    int64_t heard = 0;     // of Progress: all versions below it came live
    int64_t answered = 0;  // next_version of the newest page that was read
    EventTime newest;      // end of the newest closed window
    std::optional<Time> progress;  // absent: how far the partition is, is not known
    std::vector<Update> pending;   // of kept series, of a commit that is not whole yet
  };
  using Entries = std::map<Series, Kept>;

  bool Fresh(const Partition& partition, Time now) const;
  void OnClosed(const ClosedEvent& closed, int32_t number);
  void OnProgress(const ProgressEvent& progress, Time now, Partition* partition);
  void Close(const Update& update);
  void Add(const Update& update, Kept* kept);
  void Trim(Kept* kept);
  void Fill(const Page& page, int64_t rows_max, Time now, Kept* kept);
  void Forget(Entries::iterator entry);
  void ForgetPartition(int32_t number);
  void MakeRoom();

  const RecentLimits limits_;
  const RecentRules rules_;
  mutable std::mutex mutex_;
  Entries kept_;
  std::list<Series> used_;  // the one that was asked for last stands first
  std::map<int32_t, Partition> partitions_;
  int64_t bytes_ = 0;
  Ticket last_ticket_ = 0;
};

}  // namespace quantstream::query
