// How many bytes of one kind all calls together may hold.
#pragma once

#include <atomic>
#include <cstdint>

namespace quantstream::query {

// Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t bytes_max) : bytes_max_(bytes_max) {}

  // False: there is no room; nothing was taken.
  bool Take(int64_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= bytes_max_) return true;
    used_ -= bytes;
    return false;
  }
  void GiveBack(int64_t bytes) { used_ -= bytes; }
  int64_t used() const { return used_; }

 private:
  const int64_t bytes_max_;
  std::atomic<int64_t> used_ = 0;
};

}  // namespace quantstream::query
