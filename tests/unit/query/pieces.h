// What a store reads, with PieceCut's limits, as SQL has them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "query/piece.h"

namespace quantstream::query::testing {

// Of one series. `found`: all rows that are wanted, in order of open_time. Adds those that are
// read.
inline void ReadAtMost(const SnapshotRequest& request, size_t n, std::vector<Update> found,
                       PieceCut* cut, Snapshot* snapshot) {
  const WantedSeries& wanted = request.series[n];
  const auto most = static_cast<size_t>(cut->at_most(n));
  if (wanted.newest && found.size() > most) {
    found.erase(found.begin(), found.end() - static_cast<ptrdiff_t>(most));
  }
  if (wanted.in_pieces) {
    std::vector<Update> revised;
    const auto is_revised = [&](const Update& row) {
      return wanted.changed_since && row->state == CandleState::kRevised;
    };
    std::ranges::copy_if(found, std::back_inserter(revised), is_revised);
    std::erase_if(found, is_revised);
    std::ranges::sort(revised, {}, [](const Update& row) { return row->version; });
    found.resize(std::min(found.size(), most));
    revised.resize(std::min(revised.size(), most));
    found.insert(found.end(), revised.begin(), revised.end());
  }
  for (const Update& row : found) cut->Count(n, row);
  snapshot->candles.insert(snapshot->candles.end(), found.begin(), found.end());
}

// `found`: likewise, of each wanted series.
inline void ReadAtMost(const SnapshotRequest& request,
                       const std::vector<std::vector<Update>>& found, PieceCut* cut,
                       Snapshot* snapshot) {
  do {
    snapshot->candles.clear();
    for (size_t n = 0; n < found.size(); ++n) ReadAtMost(request, n, found[n], cut, snapshot);
  } while (cut->Widen());
}

}  // namespace quantstream::query::testing
