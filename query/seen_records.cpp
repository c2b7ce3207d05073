#include "query/seen_records.h"

#include <algorithm>
#include <iterator>

namespace quantstream::query {

bool SeenRecords::Add(std::string_view node, uint64_t session, uint64_t sequence) {
  if (node.size() > limits_.node_bytes_max) return true;
  Source& source = sources_[{session, std::string(node)}];
  source.heard_at = ++records_;
  const bool added = AddTo(source.ranges, sequence);
  if (source.ranges.size() > limits_.ranges_max) source.ranges.erase(source.ranges.begin());
  if (sources_.size() > limits_.sources_max) ForgetOldestSource();
  return added;
}

bool SeenRecords::AddTo(std::map<uint64_t, uint64_t>& ranges, uint64_t sequence) {
  const auto above = ranges.upper_bound(sequence);
  const auto below = above == ranges.begin() ? ranges.end() : std::prev(above);
  if (below != ranges.end() && sequence <= below->second) return false;
  const bool extends = below != ranges.end() && below->second + 1 == sequence;
  const bool joins = above != ranges.end() && sequence + 1 == above->first;
  const uint64_t last = joins ? above->second : sequence;
  if (joins) ranges.erase(above);
  if (extends) {
    below->second = last;
  } else {
    ranges.emplace(sequence, last);
  }
  return true;
}

void SeenRecords::ForgetOldestSource() {
  const auto oldest = std::ranges::min_element(
      sources_, {}, [](const auto& entry) { return entry.second.heard_at; });
  sources_.erase(oldest);
}

}  // namespace quantstream::query
