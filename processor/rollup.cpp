#include "processor/rollup.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "market/candle_codec.h"
#include "processor/clock.h"

namespace quantstream::processor {

void Widen(std::optional<OffsetSpan>& lineage, const std::optional<OffsetSpan>& part) {
  if (!part) return;
  if (!lineage) {
    lineage = part;
    return;
  }
  lineage->first = std::min(lineage->first, part->first);
  lineage->last = std::max(lineage->last, part->last);
}

void Rollup::Append(Interval interval, const CandleValues& pane, EventTime pane_start,
                    OffsetSpan lineage) {
  Accumulator* window = Find(interval, WindowStart(pane_start, interval));
  if (window == nullptr) {
    Insert(Accumulator{interval, WindowStart(pane_start, interval), {}, {}});
    window = Find(interval, WindowStart(pane_start, interval));
  }
  AppendPane(window->values, pane);
  Widen(window->lineage, lineage);
}

Accumulator* Rollup::Find(Interval interval, EventTime start) {
  return const_cast<Accumulator*>(std::as_const(*this).Find(interval, start));
}

const Accumulator* Rollup::Find(Interval interval, EventTime start) const {
  for (const Accumulator& window : windows_) {
    if (window.interval == interval && window.start == start) return &window;
  }
  return nullptr;
}

void Rollup::Insert(Accumulator window) {
  auto place = std::find_if(windows_.begin(), windows_.end(), [&](const Accumulator& other) {
    return std::tie(window.interval, window.start) < std::tie(other.interval, other.start);
  });
  windows_.insert(place, std::move(window));
}

std::optional<Accumulator> Rollup::TakeClosed(EventTime closed_until) {
  auto place = std::find_if(windows_.begin(), windows_.end(), [&](const Accumulator& window) {
    return window.end() <= closed_until;
  });
  if (place == windows_.end()) return std::nullopt;
  std::optional<Accumulator> closed = std::move(*place);
  windows_.erase(place);
  return closed;
}

void Rollup::Keep(const std::vector<Interval>& intervals) {
  std::erase_if(windows_, [&](const Accumulator& window) {
    return std::find(intervals.begin(), intervals.end(), window.interval) == intervals.end();
  });
}

EventTime Rollup::EarliestEnd() const {
  EventTime earliest = kForever;
  for (const Accumulator& window : windows_) earliest = std::min(earliest, window.end());
  return earliest;
}

void Rollup::Pack(const std::string& instrument, Packer& out) const {
  out.Number(windows_.size());
  std::string bytes;
  for (const Accumulator& window : windows_) {
    Candle candle;
    candle.values = window.values;
    candle.lineage = window.lineage;
    bytes.clear();
    EncodeCandle(CandleKey{instrument, window.interval, window.start}, candle, bytes);
    out.Text(bytes);
  }
}

void Rollup::Unpack(Unpacker& in) {
  windows_.clear();
  for (size_t left = in.Count(); left > 0 && in.ok(); --left) {
    absl::StatusOr<KeyedCandle> decoded = DecodeCandle(in.Text());
    in.Require(decoded.ok());
    if (!in.ok()) return;
    windows_.push_back(Accumulator{decoded->key.interval, decoded->key.open_time,
                                   std::move(decoded->candle.values), decoded->candle.lineage});
  }
}

}  // namespace quantstream::processor
