#include "query/service/merged_page.h"

#include <algorithm>
#include <map>
#include <utility>

#include "query/merge_window.h"
#include "query/service/merged_fill.h"

namespace quantstream::query {
namespace {

using Windows = std::map<EventTime, MergeWindow>;

bool FirstOfNewest(const CandlesQuery& query) {
  return query.left && query.first_page && !query.newest_first;
}

int64_t PageSize(const CandlesQuery& query) {
  return std::min<int64_t>(query.page_size, query.left.value_or(query.page_size));
}

void Put(const WindowGrid& grid, const Update& part, Windows* windows) {
  const EventTime start = grid.Start(part->key.open_time);
  windows->try_emplace(start, grid.part()).first->second.Put(part);
}

// The last window in the order of reading, where the page ended within it or just before it.
std::optional<EventTime> EdgeOf(const CandlesQuery& query, const PageRequest& request,
                                const Page& page) {
  if (static_cast<int64_t>(page.candles.size()) < request.candles_max) return std::nullopt;
  return query.grid.Start(page.candles.back()->key.open_time);
}

bool Wanted(const CandlesQuery& query, CandleState state) {
  return state == CandleState::kPartial ? query.with_partial
         : state == CandleState::kFinal ? query.with_final
                                        : query.with_revised;
}

// Open parts that the page does not hold closed, and that do not lie beyond its edge.
void PutOpen(const CandlesQuery& query, const PageRequest& request, const Page& page,
             std::optional<EventTime> edge, const std::vector<Update>& open, Windows* windows) {
  if (edge && !request.newest_first) return;
  for (const Update& part : open) {
    const EventTime time = part->key.open_time;
    const bool closed = page.newest_closed && time <= *page.newest_closed;
    if (!closed && time >= request.from && time < request.to) Put(query.grid, part, windows);
  }
}

// Where the page after this one begins.
EventTime NextAfter(const CandlesQuery& query, EventTime start) {
  return EventTime{query.newest_first ? start.us : start.us + 1};
}

}  // namespace

PageRequest PartsRequest(const CandlesQuery& query, const StreamSeries& parts, int64_t parts_max) {
  const bool all = FirstOfNewest(query);
  const int64_t windows = (all ? *query.left : PageSize(query)) + 1;
  const int64_t in_window = query.grid.parts_max();
  return {.series = parts.series,
          .partition = parts.partition,
          .from = query.grid.FirstFrom(query.from),
          .to = query.grid.FirstFrom(query.to),
          .newest_first = query.newest_first || all,
          .candles_max = std::max(std::min(windows * in_window, parts_max), in_window) + 1,
          .with_scaled = true,
          .for_fill = query.fill};
}

CandlePage CutMergedPage(const CandlesQuery& query, const PageRequest& request, const Page& page,
                         const std::vector<Update>& open, std::optional<EventTime> closed_until) {
  const WindowGrid& grid = query.grid;
  Windows windows;
  for (const Update& part : page.candles) Put(grid, part, &windows);
  const auto edge = EdgeOf(query, request, page);
  if (edge) windows.erase(*edge);
  PutOpen(query, request, page, edge, open, &windows);
  if (page.newest_closed) {
    const EventTime stored_until{page.newest_closed->us + grid.part().us()};
    closed_until = std::max(closed_until.value_or(stored_until), stored_until);
  }

  MergedWindows merged_windows{{}, closed_until.value_or(EventTime{}), edge, std::nullopt};
  for (auto& [start, window] : windows) {
    const bool closed = !window.has_open() && closed_until && grid.End(start) <= *closed_until;
    Update merged = MakeMerged(grid, request.series.instrument, request.partition, start,
                               window.Merge(), closed);
    if (!closed && !merged_windows.open_at) merged_windows.open_at = start;
    if (Wanted(query, merged->state)) merged_windows.candles.push_back(std::move(merged));
  }
  CandlePage cut;
  std::vector<Update>& candles = cut.candles;
  candles = query.fill ? FillMerged(query, request, page, std::move(merged_windows))
                       : std::move(merged_windows.candles);
  std::optional<int64_t> left = query.left;
  if (FirstOfNewest(query)) {
    const auto newest = std::min(candles.size(), static_cast<size_t>(*left));
    candles.erase(candles.begin(), candles.end() - static_cast<ptrdiff_t>(newest));
    left = static_cast<int64_t>(newest);
  }
  if (query.newest_first) std::ranges::reverse(candles);
  const auto size = static_cast<size_t>(PageSize(query));
  const bool longer = candles.size() > size;
  if (longer) candles.resize(size);
  if (left) *left -= static_cast<int64_t>(candles.size());
  if (left == 0) return cut;
  if (longer) {
    cut.next_page_token =
        NextPageToken(query, NextAfter(query, candles.back()->key.open_time), left);
  } else if (edge && !FirstOfNewest(query)) {
    cut.next_page_token = NextPageToken(query, query.newest_first ? grid.End(*edge) : *edge, left);
  }
  return cut;
}

}  // namespace quantstream::query
