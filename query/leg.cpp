#include "query/leg.h"

#include <limits>
#include <utility>

namespace quantstream::query {

Leg::Leg(LegId number, int64_t group_number, const LegSpec& spec)
    : id(number),
      group(group_number),
      update_interval(spec.update_interval),
      splice(spec.grid ? MergedLeg::PartsSpec(spec.stream) : spec.stream, spec.rules) {
  if (spec.grid) merged = std::make_unique<MergedLeg>(*spec.grid, spec.stream);
  if (merged) base = splice.marks();
  if (!spec.stream.resume) return;
  sent = base = splice.marks();
  if (!merged) starts = splice.Starts();
}

bool Leg::OpenWaits() const {
  if (!merged) return !open.empty();
  return !parked && !merged->closed_only() && merged->merger().open_waits();
}

bool Leg::Due(const CandleKey& key, Time now) const {
  const auto sent = sent_at.find(key);
  return sent == sent_at.end() || now >= sent->second + update_interval;
}

// A window is merged when it is sent.
bool Leg::TakeMergedOpen(Time now, int64_t message_bytes_max, CandlesMessage* message,
                         int64_t* message_bytes) {
  if (!OpenWaits()) return true;
  return merged->merger().TakeOpen([&](const CandleKey& key) { return Due(key, now); },
                                   [&](Update update) {
                                     if (update_interval.count() > 0) sent_at[update->key] = now;
                                     *message_bytes += static_cast<int64_t>(update->message.size());
                                     message->candles.push_back(std::move(update));
                                     return *message_bytes < message_bytes_max;
                                   });
}

bool Leg::Conflate(const Update& update, int64_t* bytes) {
  Update& waiting = open[update->key];
  const bool overtaken = waiting != nullptr;
  *bytes += update->bytes() - (overtaken ? waiting->bytes() : 0);
  waiting = update;
  return overtaken;
}

void Leg::DropOpenUpTo(const CandleKey& newest_closed, int64_t* bytes) {
  if (open.empty() && sent_at.empty()) return;
  CandleKey first = newest_closed;
  first.open_time.us = std::numeric_limits<int64_t>::min();
  DropOpenBetween(first, newest_closed, bytes);
}

void Leg::DropOpenOf(const Series& series, int64_t* bytes) {
  constexpr EventTime kFirst{std::numeric_limits<int64_t>::min()};
  constexpr EventTime kLast{std::numeric_limits<int64_t>::max()};
  DropOpenBetween({series.instrument, series.interval, kFirst},
                  {series.instrument, series.interval, kLast}, bytes);
}

void Leg::DropOpen(const CandleKey& key, int64_t* bytes) {
  const auto waiting = open.find(key);
  if (waiting == open.end()) return;
  *bytes -= waiting->second->bytes();
  open.erase(waiting);
}

void Leg::DropOpenBetween(const CandleKey& from, const CandleKey& to, int64_t* bytes) {
  const auto begin = open.lower_bound(from);
  const auto end = open.upper_bound(to);
  for (auto dropped = begin; dropped != end; ++dropped) *bytes -= dropped->second->bytes();
  open.erase(begin, end);
  sent_at.erase(sent_at.lower_bound(from), sent_at.upper_bound(to));
}

bool Leg::TakeOpen(Time now, int64_t message_bytes_max, CandlesMessage* message,
                   int64_t* message_bytes, int64_t* bytes) {
  if (merged) return TakeMergedOpen(now, message_bytes_max, message, message_bytes);
  const bool paced = update_interval.count() > 0;
  for (auto waiting = open.begin(); waiting != open.end();) {
    const auto sent = paced ? sent_at.find(waiting->first) : sent_at.end();
    if (sent != sent_at.end() && now < sent->second + update_interval) {
      ++waiting;
      continue;
    }
    const auto size = static_cast<int64_t>(waiting->second->message.size());
    if (!message->candles.empty() && *message_bytes + size > message_bytes_max) return false;
    if (paced) sent_at[waiting->first] = now;
    *bytes -= waiting->second->bytes();
    *message_bytes += size;
    message->candles.push_back(std::move(waiting->second));
    waiting = open.erase(waiting);
  }
  return true;
}

}  // namespace quantstream::query
