#include "processor/clock.h"

#include <algorithm>

namespace quantstream::processor {

void VenueClock::Beat(std::string_view node, EventTime reached, bool held, EventTime log_time) {
  auto place = std::find_if(nodes_.begin(), nodes_.end(),
                            [node](const Node& each) { return each.name == node; });
  if (place == nodes_.end()) place = nodes_.insert(nodes_.end(), Node{std::string(node), {}, {}});
  place->reached = reached;
  place->heard = log_time;
  place->held = held;
}

bool VenueClock::Finish(std::string_view node, EventTime log_time, const FoldOptions& options) {
  std::erase_if(nodes_, [node](const Node& each) { return each.name == node; });
  return std::none_of(nodes_.begin(), nodes_.end(),
                      [&](const Node& each) { return IsLive(each, log_time, options); });
}

EventTime VenueClock::Least(EventTime log_time, const FoldOptions& options) const {
  EventTime foremost = kNever;
  for (const Node& node : nodes_) {
    if (IsLive(node, log_time, options)) foremost = std::max(foremost, node.reached);
  }
  EventTime least = foremost;
  for (const Node& node : nodes_) {
    if (!IsLive(node, log_time, options)) continue;
    const bool holds = options.hold_us == 0 || node.reached.us >= foremost.us - options.hold_us;
    if (holds) least = std::min(least, node.reached);
  }
  return least;
}

EventTime VenueClock::ClosedUntilAt(EventTime time, int64_t grace_us) const {
  if (time == kNever) return closed_until_;
  return std::max(closed_until_, EventTime{time.us - grace_us});
}

void VenueClock::AdvanceTo(EventTime time, int64_t grace_us) {
  now_ = std::max(now_, time);
  closed_until_ = ClosedUntilAt(now_, grace_us);
}

void VenueClock::SetBack(EventTime time, int64_t grace_us) {
  if (time == kNever) return;
  now_ = time;
  closed_until_ = EventTime{time.us - grace_us};
}

bool VenueClock::IsHeld(EventTime log_time, const FoldOptions& options) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
    return node.held && IsLive(node, log_time, options);
  });
}

void VenueClock::ForgetUnheard(EventTime log_time, int64_t forget_us) {
  std::erase_if(nodes_, [&](const Node& n) { return log_time.us - n.heard.us > forget_us; });
}

void VenueClock::Pack(Packer& out) const {
  out.Time(now_);
  out.Time(closed_until_);
  out.Number(nodes_.size());
  for (const Node& node : nodes_) {
    out.Text(node.name);
    out.Time(node.reached);
    out.Time(node.heard);
    out.Number(node.held ? 1 : 0);
  }
}

void VenueClock::Unpack(Unpacker& in) {
  now_ = in.Time();
  closed_until_ = in.Time();
  nodes_.assign(in.Count(4), Node{});
  for (Node& node : nodes_) {
    node.name = in.Text();
    node.reached = in.Time();
    node.heard = in.Time();
    node.held = in.Number() != 0;
  }
}

}  // namespace quantstream::processor
