#include "processor/id_ranges.h"

#include <algorithm>
#include <cassert>

namespace quantstream::processor {

bool IdRanges::OverlapsBefore(uint64_t first, uint64_t last) const {
  auto range = std::partition_point(ranges_.begin(), ranges_.end(),
                                    [first](const Range& r) { return r.last < first; });
  return range != ranges_.end() && range->first <= last;
}

void IdRanges::Insert(uint64_t first, uint64_t last) {
  auto right = std::partition_point(ranges_.begin(), ranges_.end(),
                                    [first](const Range& r) { return r.last < first; });
  const bool joins_left = right != ranges_.begin() && (right - 1)->last + 1 == first;
  const bool joins_right = right != ranges_.end() && last + 1 == right->first;
  if (joins_left && joins_right) {
    (right - 1)->last = right->last;
    ranges_.erase(right);
  } else if (joins_left) {
    (right - 1)->last = last;
  } else if (joins_right) {
    right->first = first;
  } else {
    ranges_.insert(right, Range{first, last});
  }
}

void IdRanges::CloseLowestHole() {
  ranges_[1].first = ranges_[0].first;
  ranges_.erase(ranges_.begin());
}

void IdRanges::Pack(Packer& out) const {
  out.Number(ranges_.size());
  uint64_t before = 0;
  for (const Range& range : ranges_) {
    out.Number(range.first - before);
    out.Number(range.last - range.first);
    before = range.last;
  }
}

void IdRanges::Unpack(Unpacker& in) {
  ranges_.assign(in.Count(2), Range{});
  uint64_t before = 0;
  for (Range& range : ranges_) {
    range.first = before + in.Number();
    range.last = range.first + in.Number();
    in.Require(range.first >= before && range.last >= range.first);
    before = range.last;
  }
}

}  // namespace quantstream::processor
