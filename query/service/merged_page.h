// One page of GetCandles of an interval that is not stored: which parts to read, and what of the
// windows that they make is the page. Pure.
#pragma once

#include <optional>
#include <vector>

#include "query/service/candle_page.h"
#include "query/splice.h"

namespace quantstream::query {

// The parts of at least one window more than the page takes where they are dense, but no more parts
// than `parts_max`, unless a single window has more. REQUIRES: query.grid is merged.
PageRequest PartsRequest(const CandlesQuery& query, const StreamSeries& parts, int64_t parts_max);

// `open` and `closed_until` (of the venue in the partition) as the live side knew them before the
// page was read. A window is closed when closed_until, or the newest stored part, has passed its
// end. A page may hold fewer candles than its size, or none, and another page follow. With `last`
// the newest N windows are looked at, whatever their state.
CandlePage CutMergedPage(const CandlesQuery& query, const PageRequest& request, const Page& page,
                         const std::vector<Update>& open, std::optional<EventTime> closed_until);

}  // namespace quantstream::query
