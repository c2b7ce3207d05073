#include "query/service/merged_fill.h"

#include <algorithm>
#include <utility>

#include "query/fill.h"

namespace quantstream::query {
namespace {

// The windows that the page knows whole, from the first stored candle to the newest closed one.
TimeSpan Known(const WindowGrid& grid, const PageRequest& request, const Page& page,
               const MergedWindows& windows) {
  TimeSpan known{std::max(request.from, grid.Start(*page.oldest_closed)),
                 std::min({request.to, grid.Start(windows.closed_until),
                           grid.End(grid.Start(*page.newest_closed))})};
  if (windows.open_at) known.to = std::min(known.to, *windows.open_at);
  if (!windows.edge) return known;
  if (request.newest_first) {
    known.from = std::max(known.from, grid.End(*windows.edge));
  } else {
    known.to = std::min(known.to, *windows.edge);
  }
  return known;
}

// The newest part before a moment.
Update PartBefore(const PageRequest& request, const Page& page, EventTime time) {
  if (!request.newest_first) return page.previous;
  const auto found = std::ranges::find_if(
      page.candles, [&](const Update& part) { return part->key.open_time < time; });
  return found == page.candles.end() ? page.previous : *found;
}

}  // namespace

absl::Status CheckMergedFill(const CandlesQuery& query, const RequestLimits& limits,
                             const Page& page) {
  if (!query.fill || !query.first_page || query.left || !page.oldest_closed) {
    return absl::OkStatus();
  }
  Page windows;
  windows.oldest_closed = query.grid.Start(*page.oldest_closed);
  windows.newest_closed = query.grid.Start(*page.newest_closed);
  const int64_t count = WindowsToFill(query.grid, query.from, query.to, windows);
  if (count <= limits.filled_candles_max) return absl::OkStatus();
  return TooManyToFill(query.interval, count, limits.filled_candles_max);
}

std::vector<Update> FillMerged(const CandlesQuery& query, const PageRequest& request,
                               const Page& page, MergedWindows windows) {
  std::vector<Update>& candles = windows.candles;
  if (!page.oldest_closed || !page.newest_closed) return std::move(candles);
  const TimeSpan known = Known(query.grid, request, page, windows);
  if (known.from >= known.to) return std::move(candles);
  const auto open = std::ranges::find_if(
      candles, [&](const Update& update) { return update->key.open_time >= known.to; });
  Page filled;
  filled.candles.assign(candles.begin(), open);
  filled.oldest_closed = known.from;
  filled.newest_closed = query.grid.Start(EventTime{known.to.us - 1});
  filled.previous = PartBefore(request, page, known.from);
  filled.gaps = page.gaps;
  PageRequest of = request;
  of.from = known.from;
  of.to = known.to;
  of.candles_max = std::min<int64_t>(query.page_size, query.left.value_or(query.page_size)) + 1;
  if (query.left) of.candles_max = std::max<int64_t>(of.candles_max, *query.left);
  if (of.newest_first) std::ranges::reverse(filled.candles);
  FillPage(query.grid, of, &filled);
  if (of.newest_first) std::ranges::reverse(filled.candles);
  filled.candles.insert(filled.candles.end(), open, candles.end());
  return std::move(filled.candles);
}

}  // namespace quantstream::query
