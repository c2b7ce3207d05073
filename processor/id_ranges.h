// A set of numbers as ranges: one range when nothing is missing.
#pragma once

#include <cstdint>
#include <vector>

#include "processor/packing.h"

namespace quantstream::processor {

class IdRanges {
 public:
  // Does any number of [first, last] belong to the set?
  bool Overlaps(uint64_t first, uint64_t last) const {
    if (ranges_.empty() || first > ranges_.back().last) return false;
    return OverlapsBefore(first, last);
  }

  // REQUIRES: !Overlaps(first, last).
  void Add(uint64_t first, uint64_t last) {
    if (!ranges_.empty() && first == ranges_.back().last + 1) {
      ranges_.back().last = last;
    } else {
      Insert(first, last);
    }
  }

  // The lowest hole counts as seen from now on. REQUIRES: size() > 1.
  void CloseLowestHole();
  // All below the highest count as seen. REQUIRES: not empty.
  void FillFromZero() { ranges_ = {Range{0, ranges_.back().last}}; }

  size_t size() const { return ranges_.size(); }
  void Clear() { ranges_.clear(); }
  bool operator==(const IdRanges&) const = default;

  void Pack(Packer& out) const;
  void Unpack(Unpacker& in);

 private:
  struct Range {
    uint64_t first;
    uint64_t last;
    bool operator==(const Range&) const = default;
  };

  bool OverlapsBefore(uint64_t first, uint64_t last) const;
  void Insert(uint64_t first, uint64_t last);

  std::vector<Range> ranges_;  // ascending, with at least one number missing between two
};

}  // namespace quantstream::processor
