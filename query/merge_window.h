// One window of a merged interval: its parts, put together when asked. Parts that are not kept
// apart any more are folded into one sum. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "query/merged_parts.h"

namespace quantstream::query {

class MergeWindow {
 public:
  // `part`: the interval of its parts.
  explicit MergeWindow(Interval part, MergeRules rules = {})
      : part_(part), rules_(rules), folded_(part, rules), prefix_(part, rules) {}

  enum class Outcome {
    kTaken,
    kOlder,   // nothing new
    kFolded,  // a part that is folded has changed: the window must be read again
  };
  // Of one part a closed state beats an open one, else the version that is not lower wins.
  Outcome Put(const Update& part);
  // An open part that ends at or before `closed_until` was never committed: it goes. Returns
  // how many there were.
  int64_t DropOpenUpTo(EventTime closed_until);
  // Folds the oldest part that is kept apart. False: there is none, or it is open.
  bool FoldOldest();
  // `stored`: all closed parts at one moment of the store. What is kept apart and newer stays.
  void Rebuild(const std::vector<Update>& stored);

  // Closed parts will be handed in again: they go, open ones stay.
  void KeepOpen();

  MergedParts Merge();
  // The newest version that is folded: a read that replaces it must hold this.
  int64_t folded_version() const { return folded_.candle().version; }
  // Parts that are kept apart.
  int64_t apart() const { return static_cast<int64_t>(parts_.size()); }
  bool has_open() const { return open_parts_ > 0; }
  bool empty() const { return parts_.empty() && folded_.empty(); }

 private:
  static constexpr EventTime kNever{std::numeric_limits<int64_t>::min()};

  void ForgetPrefix();

  Interval part_;
  MergeRules rules_;
  std::map<EventTime, Update> parts_;  // open_time -> newest state; later than what is folded
  MergedParts folded_;
  EventTime folded_to_ = kNever;  // open_time of the newest part that is folded
  // What is folded and the closed parts after it, up to the first open one: made when asked, so
  // that an open part that changes often costs one part.
  MergedParts prefix_;
  EventTime prefix_to_ = kNever;
  int64_t open_parts_ = 0;
};

}  // namespace quantstream::query
