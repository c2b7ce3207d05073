// Fills a page of an interval that is not stored: windows in which nothing traded. Pure.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "query/service/candle_page.h"

namespace quantstream::query {

// What a page of parts says of its windows.
struct MergedWindows {
  std::vector<Update> candles;       // those with trades, in order of time
  EventTime closed_until;            // windows that end by then are closed
  std::optional<EventTime> edge;     // the window that the page ends in, which is not among them
  std::optional<EventTime> open_at;  // the first one that is open
};

// INVALID_ARGUMENT: there are more windows to fill than one range may have. `page`: parts.
absl::Status CheckMergedFill(const CandlesQuery& query, const RequestLimits& limits,
                             const Page& page);

// The candles with what is filled between them, in order of time; no more than the page takes, from
// where it is read. REQUIRES: `page` answers `request`, for_fill.
std::vector<Update> FillMerged(const CandlesQuery& query, const PageRequest& request,
                               const Page& page, MergedWindows windows);

}  // namespace quantstream::query
