#include "query/piece.h"

#include <algorithm>

namespace quantstream::query {
namespace {

// Candles a second, at most.
double RateOf(const WantedSeries& wanted) {
  return wanted.in_pieces ? 1.0 / wanted.series.interval.seconds : 0;
}

}  // namespace

// A series' share is as large as it closes more candles than others; half of it is for REVISED.
PieceCut::PieceCut(const SnapshotRequest& request, int64_t candles_max, int64_t least)
    : request_(request) {
  double rate = 0;
  for (const WantedSeries& wanted : request.series) rate += RateOf(wanted);
  const auto series = std::max<int64_t>(1, static_cast<int64_t>(request.series.size()));
  least = std::clamp<int64_t>(candles_max / (4 * series), 1, least);
  const auto shared = static_cast<double>(std::max<int64_t>(0, candles_max / 2 - least * series));
  for (const WantedSeries& wanted : request.series) {
    const bool whole = !wanted.in_pieces;
    const auto share = whole ? 0 : static_cast<int64_t>(shared * RateOf(wanted) / rate);
    at_most_.push_back(whole ? wanted.newest.value_or(candles_max + 1) : least + share);
  }
}

void PieceCut::Count(size_t n, const Update& row) {
  const WantedSeries& wanted = request_.series[n];
  if (!wanted.in_pieces) return;
  Rows& rows = rows_[{n, wanted.changed_since && row->state == CandleState::kRevised}];
  rows.last = rows.count == 0 ? row->key.open_time : std::max(rows.last, row->key.open_time);
  rows.version_max = std::max(rows.version_max, row->version);
  ++rows.count;
}

bool PieceCut::Widen() {
  bool widened = false;
  for (const auto& [of, rows] : rows_) {
    const WantedSeries& wanted = request_.series[of.first];
    if (!wanted.changed_since || !Full(of.first, rows)) continue;
    if (rows.version_max - 1 > *wanted.changed_since) continue;
    at_most_[of.first] = rows.count + std::max<int64_t>(1, rows.count / 2);
    widened = true;
  }
  if (widened) rows_.clear();
  return widened;
}

void PieceCut::Apply(Snapshot* snapshot) const {
  std::map<Series, EventTime> ranges;  // where they begin
  for (const WantedSeries& wanted : request_.series) {
    if (wanted.in_pieces && !wanted.changed_since) ranges[wanted.series] = wanted.from;
  }
  for (const auto& [of, rows] : rows_) {
    const WantedSeries& wanted = request_.series[of.first];
    if (!Full(of.first, rows)) continue;
    if (!wanted.changed_since) {
      snapshot->to = std::min(snapshot->to.value_or(rows.last), rows.last);
      continue;
    }
    // Others of the last one's version may not have been read.
    const int64_t through = rows.version_max - 1;
    int64_t& least = snapshot->changed_through.try_emplace(wanted.partition, through).first->second;
    least = std::min(least, through);
  }
  std::erase_if(snapshot->candles, [&](const Update& row) {
    const auto through = snapshot->changed_through.find(row->partition);
    if (through != snapshot->changed_through.end()) return row->version > through->second;
    const auto range = ranges.find(SeriesOf(row->key));
    return snapshot->to && range != ranges.end() &&
           row->key.open_time >= std::max(*snapshot->to, range->second);
  });
}

}  // namespace quantstream::query
