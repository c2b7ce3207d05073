// What to read for one page of GetCandles, and what of it is the page. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "query/io.h"
#include "query/service/requests.h"

namespace quantstream::query {

PageRequest PageRequestFor(const CandlesQuery& query, const Series& series, int32_t partition);

// The answer to `request` out of that to `read`, the series' newest candles, newest first; nothing
// where it does not reach far enough back.
std::optional<Page> PageWithin(const PageRequest& request, const PageRequest& read, Page page);

// OUT_OF_RANGE with the earliest time: the range ends before anything was stored. An empty range
// within is fine.
absl::Status CheckRange(const CandlesQuery& query, const Page& page);

// Fills the windows without trades where the query wants that. INVALID_ARGUMENT: there are more
// than one range may have.
absl::Status FillWindows(const CandlesQuery& query, const RequestLimits& limits,
                         const PageRequest& request, Page* page);

struct CandlePage {
  std::vector<Update> candles;
  std::string next_page_token;  // empty: the last page
};

// `open`: the series' open candles as the live side knew them before the page was read; those that
// have been closed since give way to what is stored.
CandlePage CutPage(const CandlesQuery& query, Page page, std::vector<Update> open);

}  // namespace quantstream::query
