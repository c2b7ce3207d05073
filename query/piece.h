// Where history that is read in pieces is cut: so that a piece holds everything up to there, and no
// more candles than one read may. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "query/io.h"

namespace quantstream::query {

class PieceCut {
 public:
  // `least`: of a series, whatever the others have.
  PieceCut(const SnapshotRequest& request, int64_t candles_max, int64_t least = 16);

  // How many candles of the n-th wanted series to read at most. In pieces: in order of open_time,
  // of its changes REVISED ones by themselves, in order of version.
  int64_t at_most(size_t n) const { return at_most_[n]; }
  // Each row that was read. REQUIRES: a series' FINAL candles have versions in order of open_time.
  void Count(size_t n, const Update& row);
  // A series has more changes at one version than were read of it: the piece would lead no further.
  // Then all is to be read again, with more of that series. REQUIRES: nothing was counted since.
  bool Widen();
  // What the snapshot has of a series that goes on behind its last row, and what is newer than that
  // of others, is taken out.
  void Apply(Snapshot* snapshot) const;

 private:
  struct Rows {
    int64_t count = 0;
    int64_t version_max = 0;
    EventTime last;
  };

  bool Full(size_t n, const Rows& rows) const { return rows.count >= at_most_[n]; }

  const SnapshotRequest& request_;
  std::vector<int64_t> at_most_;
  std::map<std::pair<size_t, bool>, Rows> rows_;  // of a series' changes: REVISED ones
};

}  // namespace quantstream::query
