// The clock of one venue in one partition: the least venue time reached among its live ingest
// nodes, from heartbeats in the log. Never a worker's own clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/time.h"
#include "processor/fold_options.h"
#include "processor/packing.h"

namespace quantstream::processor {

inline constexpr EventTime kNever{INT64_MIN};
inline constexpr EventTime kForever{INT64_MAX};

class VenueClock {
 public:
  // A node says how far the venue's time has come there. `log_time` is the greatest log-append time
  // so far.
  void Beat(std::string_view node, EventTime reached, bool held, EventTime log_time);
  // The node's replay has ended: it leaves. True when no live node is left.
  bool Finish(std::string_view node, EventTime log_time, const FoldOptions& options);
  // The least time that a live node reached; one further behind the foremost than `hold_us` does
  // not count. kNever when no node is live.
  EventTime Least(EventTime log_time, const FoldOptions& options) const;
  // Where the clock stands after the heartbeats so far: it never goes back.
  EventTime Target(EventTime log_time, const FoldOptions& options) const {
    return std::max(now_, Least(log_time, options));
  }
  // Only where a scenario breaks the rule that the nodes are stored.
  void ForgetNodes() { nodes_.clear(); }
  // The clock goes to `time`, never back; what ends `grace` before it is closed.
  void AdvanceTo(EventTime time, int64_t grace_us);
  // Only where a scenario breaks the rule that it never goes back.
  void SetBack(EventTime time, int64_t grace_us);
  // closed_until after AdvanceTo(time, grace_us).
  EventTime ClosedUntilAt(EventTime time, int64_t grace_us) const;

  EventTime now() const { return now_; }
  // A window is open if and only if its end > closed_until. Never goes back.
  EventTime closed_until() const { return closed_until_; }
  // A live node is disconnected for so long that its time goes on without it.
  bool IsHeld(EventTime log_time, const FoldOptions& options) const;
  void ForgetUnheard(EventTime log_time, int64_t forget_us);

  void Pack(Packer& out) const;
  void Unpack(Unpacker& in);

 private:
  struct Node {
    std::string name;
    EventTime reached;
    EventTime heard;  // log time
    bool held = false;
  };

  bool IsLive(const Node& node, EventTime log_time, const FoldOptions& options) const {
    return log_time.us - node.heard.us < options.silent_us;
  }

  std::vector<Node> nodes_;
  EventTime now_ = kNever;
  EventTime closed_until_ = kNever;
};

}  // namespace quantstream::processor
