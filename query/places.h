// How far the tail has read each partition of topic `candles`, and who waits for it to get on.
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace quantstream::query {

// Test-only: each rule can be taken out to see that it is needed.
struct PlacesRules {
  bool unreachable_counts_as_read = true;  // 21
  bool unreachable_is_told = true;         // 21
};

class Places {
 public:
  explicit Places(PlacesRules rules = {}) : rules_(rules) {}

  using Positions = std::map<int32_t, int64_t>;  // partition -> offset of the next record

  // The tail's. A new start may be lower than what was read before.
  void Set(int32_t partition, int64_t position);
  // Partitions where somebody waits for a position that is not read yet.
  std::vector<int32_t> Sought() const;
  // The log of a partition that is sought ends here, asked just now.
  void OnLogEnd(int32_t partition, int64_t end);

  // A stream's: where the tail is in these partitions.
  Positions Of(const Positions& partitions) const;

  enum class Way { kRead, kAhead, kUnreachable };
  // Whether the tail has read up to `wanted` everywhere. kUnreachable: where it has not, the log
  // ends before: it was made again, or lost its end.
  Way To(const Positions& wanted);

 private:
  struct Place {
    int64_t position = 0;
    int64_t sought = -1;
    int64_t log_end = -1;  // since it is sought
  };

  const PlacesRules rules_;
  mutable std::mutex mutex_;
  std::map<int32_t, Place> places_;
};

}  // namespace quantstream::query
