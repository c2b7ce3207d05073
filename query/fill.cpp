#include "query/fill.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "quantstream/v1/candle.pb.h"
#include "query/timestamps.h"

namespace quantstream::query {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

// What all filled candles of one run have in common: the candle before it.
class Run {
 public:
  Run(const WindowGrid& grid, const CandleUpdate& previous)
      : grid_(grid), series_(SeriesOf(previous.key)), partition_(previous.partition) {
    v1::Candle before;
    before.ParseFromString(previous.message);
    close_ = before.close();
  }

  Update At(EventTime start, bool in_gap) const {
    v1::Candle candle;
    candle.set_instrument(series_.instrument);
    candle.mutable_interval()->set_seconds(grid_.length().seconds);
    SetTime(start, candle.mutable_open_time());
    SetTime(grid_.End(start), candle.mutable_close_time());
    for (std::string* price : {candle.mutable_open(), candle.mutable_high(), candle.mutable_low(),
                               candle.mutable_close()}) {
      *price = close_;
    }
    candle.set_volume("0");
    candle.set_quote_volume("0");
    candle.set_state(v1::CANDLE_STATE_FINAL);
    candle.set_completeness(in_gap ? v1::COMPLETENESS_GAP_SUSPECTED : v1::COMPLETENESS_COMPLETE);
    candle.set_filled(true);
    candle.set_time_zone(grid_.time_zone());
    return std::make_shared<CandleUpdate>(
        CandleUpdate{.key = {series_.instrument, series_.interval, start},
                     .state = CandleState::kFinal,
                     .version = 0,
                     .partition = partition_,
                     .message = candle.SerializeAsString()});
  }

 private:
  const WindowGrid& grid_;
  const Series series_;
  const int32_t partition_;
  std::string close_;
};

bool InGap(const std::vector<TimeSpan>& gaps, EventTime start, EventTime end) {
  return std::ranges::any_of(
      gaps, [&](const TimeSpan& gap) { return gap.from < end && start < gap.to; });
}

// The first window at or after a moment.
EventTime FirstStart(const WindowGrid& grid, EventTime time) {
  const EventTime start = grid.Start(time);
  return start == time ? start : grid.End(start);
}

// The windows [first, end) that are filled; nothing when there are none.
std::optional<TimeSpan> Windows(const WindowGrid& grid, EventTime from, EventTime to,
                                const Page& page) {
  if (!page.oldest_closed || !page.newest_closed) return std::nullopt;
  const EventTime end = std::min(to, grid.End(*page.newest_closed));
  if (from >= end) return std::nullopt;
  const EventTime first =
      from <= *page.oldest_closed ? *page.oldest_closed : FirstStart(grid, from);
  if (first >= end) return std::nullopt;
  return TimeSpan{first, end};
}

std::vector<Update> Forwards(const WindowGrid& grid, const PageRequest& request,
                             const TimeSpan& windows, const Page& page) {
  std::vector<Update> filled;
  Update previous = page.previous;
  std::optional<Run> run;
  auto next = page.candles.begin();
  for (EventTime start = windows.from;
       start < windows.to && static_cast<int64_t>(filled.size()) < request.candles_max;
       start = grid.End(start)) {
    if (next != page.candles.end() && (*next)->key.open_time == start) {
      previous = *next++;
      run.reset();
      filled.push_back(previous);
    } else if (previous) {
      if (!run) run.emplace(grid, *previous);
      filled.push_back(run->At(start, InGap(page.gaps, start, grid.End(start))));
    }
  }
  return filled;
}

// The newest first: the candle before a run is the next one of the page, or the one before it all.
std::vector<Update> Backwards(const WindowGrid& grid, const PageRequest& request,
                              const TimeSpan& windows, const Page& page) {
  std::vector<Update> filled;
  std::optional<Run> run;
  auto next = page.candles.begin();
  EventTime end = windows.to;
  while (end > windows.from && static_cast<int64_t>(filled.size()) < request.candles_max) {
    const EventTime start = grid.Start(EventTime{end.us - 1});
    if (start < windows.from) break;
    if (next != page.candles.end() && (*next)->key.open_time == start) {
      filled.push_back(*next++);
      run.reset();
    } else if (const Update previous = next != page.candles.end() ? *next : page.previous) {
      if (!run) run.emplace(grid, *previous);
      filled.push_back(run->At(start, InGap(page.gaps, start, grid.End(start))));
    }
    end = start;
  }
  return filled;
}

}  // namespace

void FillPage(const WindowGrid& grid, const PageRequest& request, Page* page, FillRules rules) {
  if (!rules.filled_says_of_a_gap) page->gaps.clear();
  const auto windows = Windows(grid, request.from, request.to, *page);
  if (!windows) return;
  page->candles = request.newest_first ? Backwards(grid, request, *windows, *page)
                                       : Forwards(grid, request, *windows, *page);
}

int64_t WindowsToFill(const WindowGrid& grid, EventTime from, EventTime to, const Page& page) {
  const auto windows = Windows(grid, from, to, page);
  if (!windows) return 0;
  const int64_t shortest_us = grid.time_zone().empty()
                                  ? grid.length().us()
                                  : (kSecondsPerDay - 3600) * kMicrosecondsPerSecond;
  return (windows->to.us - windows->from.us + shortest_us - 1) / shortest_us;
}

}  // namespace quantstream::query
