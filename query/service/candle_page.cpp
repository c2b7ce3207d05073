#include "query/service/candle_page.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/fill.h"
#include "query/service/errors.h"
#include "query/window.h"

namespace quantstream::query {
namespace {

// The newest N, oldest first: what is first is known once all N were read.
bool FirstOfNewest(const CandlesQuery& query) {
  return query.left && query.first_page && !query.newest_first;
}

int64_t PageSize(const CandlesQuery& query) {
  return std::min<int64_t>(query.page_size, query.left.value_or(query.page_size));
}

// One more than the page shows whether another one follows; behind the newest N none does.
int64_t RowsFor(const CandlesQuery& query) {
  const int64_t rows = PageSize(query) + 1;
  return std::min(rows, query.left.value_or(rows));
}

void MergeOpen(const CandlesQuery& query, bool newest_first, std::vector<Update> open, Page* page) {
  for (Update& update : open) {
    const EventTime time = update->key.open_time;
    const bool closed = page->newest_closed && time <= *page->newest_closed;
    if (!closed && time >= query.from && time < query.to)
      page->candles.push_back(std::move(update));
  }
  std::ranges::sort(page->candles, [&](const Update& a, const Update& b) {
    return newest_first ? b->key.open_time < a->key.open_time : a->key.open_time < b->key.open_time;
  });
}

}  // namespace

PageRequest PageRequestFor(const CandlesQuery& query, const Series& series, int32_t partition) {
  const bool all = FirstOfNewest(query);
  return {.series = series,
          .partition = partition,
          .from = query.from,
          .to = query.to,
          .newest_first = query.newest_first || all,
          .candles_max = all ? *query.left : RowsFor(query),
          .with_final = query.with_final,
          .with_revised = query.with_revised,
          .for_fill = query.fill};
}

std::optional<Page> PageWithin(const PageRequest& request, const PageRequest& read, Page page) {
  const bool whole = static_cast<int64_t>(page.candles.size()) < read.candles_max;
  if (!page.candles.empty()) {
    page.newest_closed = page.candles.front()->key.open_time;
    if (whole) page.oldest_closed = page.candles.back()->key.open_time;
  }
  const bool reaches =
      whole || (!page.candles.empty() && page.candles.back()->key.open_time <= request.from);
  std::erase_if(page.candles, [&](const Update& candle) {
    const EventTime time = candle->key.open_time;
    const bool state =
        candle->state == CandleState::kFinal ? request.with_final : request.with_revised;
    return !state || time < request.from || time >= request.to;
  });
  const auto most = static_cast<size_t>(request.candles_max);
  if (!reaches && !(request.newest_first && page.candles.size() >= most)) return std::nullopt;
  if (!request.newest_first) std::ranges::reverse(page.candles);
  if (page.candles.size() > most) page.candles.resize(most);
  return page;
}

absl::Status CheckRange(const CandlesQuery& query, const Page& page) {
  const bool before = page.oldest_closed && query.to <= *page.oldest_closed;
  if (!before || query.from >= query.to || !query.first_page || query.with_partial) {
    return absl::OkStatus();
  }
  const std::string earliest = TimeForPeople(*page.oldest_closed);
  return OutOfRange("end_time",
                    absl::StrCat("is not after the first stored candle, which opens at ", earliest),
                    "BEFORE_FIRST_CANDLE", "earliest_time", earliest);
}

absl::Status FillWindows(const CandlesQuery& query, const RequestLimits& limits,
                         const PageRequest& request, Page* page) {
  if (!query.fill) return absl::OkStatus();
  const WindowGrid grid(query.interval);
  const int64_t windows = WindowsToFill(grid, query.from, query.to, *page);
  if (query.first_page && !query.left && windows > limits.filled_candles_max) {
    return TooManyToFill(query.interval, windows, limits.filled_candles_max);
  }
  FillPage(grid, request, page);
  return absl::OkStatus();
}

CandlePage CutPage(const CandlesQuery& query, Page page, std::vector<Update> open) {
  const bool newest_first = query.newest_first || FirstOfNewest(query);
  if (query.with_partial) MergeOpen(query, newest_first, std::move(open), &page);
  std::vector<Update>& candles = page.candles;
  std::optional<int64_t> left = query.left;
  if (FirstOfNewest(query)) {
    const auto newest = std::min<size_t>(candles.size(), static_cast<size_t>(*left));
    candles.resize(newest);
    std::ranges::reverse(candles);
    left = static_cast<int64_t>(newest);
  }
  const auto size = static_cast<size_t>(PageSize(query));
  const bool more = candles.size() > size;
  if (more) candles.resize(size);
  if (left) *left -= static_cast<int64_t>(candles.size());
  CandlePage cut{std::move(candles), ""};
  if (more && left != 0) {
    const int64_t last = cut.candles.back()->key.open_time.us;
    cut.next_page_token =
        NextPageToken(query, EventTime{query.newest_first ? last : last + 1}, left);
  }
  return cut;
}

}  // namespace quantstream::query
