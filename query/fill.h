// A page as if the store had a candle for every window: where nothing traded, the previous close
// with volume 0, marked `filled`. Pure. From the first stored candle to the newest closed one; what
// is before and behind stays as it is.
#pragma once

#include <cstdint>

#include "query/io.h"
#include "query/window.h"

namespace quantstream::query {

// Test-only: the rule can be taken out to see that it is needed.
struct FillRules {
  bool filled_says_of_a_gap = true;  // 23
};

// Adds the missing windows of [request.from, request.to) to `page`, in its order, at most
// request.candles_max in all; a window within a gap is GAP_SUSPECTED. A filled candle has neither
// version nor lineage. REQUIRES: `page` answers `request` (for_fill, FINAL and REVISED).
void FillPage(const WindowGrid& grid, const PageRequest& request, Page* page, FillRules rules = {});

// How many windows FillPage looks at, whatever the page's size: from the later of from and the
// oldest candle to the earlier of to and the newest closed one.
int64_t WindowsToFill(const WindowGrid& grid, EventTime from, EventTime to, const Page& page);

}  // namespace quantstream::query
