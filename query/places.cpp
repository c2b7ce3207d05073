#include "query/places.h"

#include <algorithm>

namespace quantstream::query {

void Places::Set(int32_t partition, int64_t position) {
  std::lock_guard lock(mutex_);
  Place& place = places_[partition];
  place.position = position;
  if (place.position >= place.sought) place.sought = place.log_end = -1;
}

std::vector<int32_t> Places::Sought() const {
  std::lock_guard lock(mutex_);
  std::vector<int32_t> sought;
  for (const auto& [partition, place] : places_) {
    if (place.sought > place.position) sought.push_back(partition);
  }
  return sought;
}

void Places::OnLogEnd(int32_t partition, int64_t end) {
  std::lock_guard lock(mutex_);
  Place& place = places_[partition];
  if (place.sought > place.position) place.log_end = end;
}

Places::Positions Places::Of(const Positions& partitions) const {
  std::lock_guard lock(mutex_);
  Positions positions;
  for (const auto& [partition, ignored] : partitions) {
    const auto found = places_.find(partition);
    positions[partition] = found == places_.end() ? 0 : found->second.position;
  }
  return positions;
}

Places::Way Places::To(const Positions& wanted) {
  std::lock_guard lock(mutex_);
  Way way = Way::kRead;
  for (const auto& [partition, position] : wanted) {
    Place& place = places_[partition];
    if (place.position >= position) continue;
    if (place.sought <= place.position) place.log_end = -1;  // asked for anew
    place.sought = std::max(place.sought, position);
    const bool ends_before = place.log_end >= 0 && place.log_end < position;
    if (!ends_before || place.position < place.log_end) return Way::kAhead;
    if (!rules_.unreachable_counts_as_read) return Way::kAhead;
    if (rules_.unreachable_is_told) way = Way::kUnreachable;
  }
  return way;
}

}  // namespace quantstream::query
