// Which trade ids of an instrument have been seen: duplicates and gaps in one structure, for ids
// that are contiguous. Each range keeps the times of the trades at its two ends: enough to find the
// candles that a gap touches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "market/time.h"
#include "processor/packing.h"

namespace quantstream::processor {

// Missing ids between two ranges, both included, and the times of the trades on both sides.
struct Hole {
  uint64_t first = 0;
  uint64_t last = 0;
  EventTime from_time;
  EventTime until_time;
  bool operator==(const Hole&) const = default;
};

// What an id changed.
struct LedgerChange {
  std::vector<EventTime> moved;  // times of the trades whose neighbourhood changed
  std::optional<Hole> closed;    // the hole that the id was in
  std::vector<Hole> opened;      // what is left of it, or a new one

  void Clear();
};

// Times of the inner ends of ranges: a candle with one of them in its window is suspect. Ascending.
using GapEdges = std::vector<EventTime>;

class Ledger {
 public:
  struct Range {
    uint64_t first = 0;
    uint64_t last = 0;
    EventTime first_time;
    EventTime last_time;
    bool operator==(const Range&) const = default;
  };

  // Was any of the ids seen?
  bool Overlaps(uint64_t first, uint64_t last) const {
    if (ranges_.empty() || first > ranges_.back().last) return false;
    return OverlapsBefore(first, last);
  }

  // True when the ids follow the highest one seen: then nothing but that range's end changes.
  // REQUIRES of both: !Overlaps(first, last).
  bool Append(uint64_t first, uint64_t last, EventTime time) {
    if (ranges_.empty() || first != ranges_.back().last + 1) return false;
    ranges_.back().last = last;
    ranges_.back().last_time = time;
    return true;
  }
  void Insert(uint64_t first, uint64_t last, EventTime time, LedgerChange& change);

  // The lowest hole leaves the ledger: its ids count as seen, the candles beside it stay suspect.
  // REQUIRES: ranges().size() > 1.
  Hole ForgetLowestHole();

  // Is an inner end, or one that left the ledger, in [from, until)?
  bool EdgeIn(EventTime from, EventTime until) const;
  // All of them; shared until they change.
  std::shared_ptr<const GapEdges> Edges() const;

  // Up to these, holes have left the ledger: ids may be in one, a suspect candle stays so.
  uint64_t forgotten_id() const { return forgotten_id_; }
  EventTime forgotten_time() const { return forgotten_time_; }
  // No open window begins before this any more: older ends of forgotten holes are not needed.
  void DropForgottenBefore(EventTime time);

  const std::vector<Range>& ranges() const { return ranges_; }
  void Pack(Packer& out) const;
  void Unpack(Unpacker& in);

 private:
  static constexpr size_t kForgottenEdgesMax = 1'024;

  bool OverlapsBefore(uint64_t first, uint64_t last) const;
  size_t PositionOf(uint64_t first) const;
  void CollectEdges(size_t begin, size_t end,
                    std::vector<std::pair<uint64_t, EventTime>>& out) const;
  void Place(size_t at, const Range& range);

  std::vector<Range> ranges_;  // ascending, with at least one id missing between two
  GapEdges forgotten_;         // ends of holes that left, in windows that may be open; ascending
  uint64_t forgotten_id_ = 0;
  EventTime forgotten_time_{INT64_MIN};
  mutable std::shared_ptr<const GapEdges> edges_;  // null = to be made
};

// Does one of them lie in [from, until)?
bool EdgeWithin(const GapEdges& edges, EventTime from, EventTime until);

}  // namespace quantstream::processor
