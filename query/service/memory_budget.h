// How many bytes of history all calls together may hold.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace quantstream::query {

// Thread-safe. One half is for shares: a call that holds no more than its share of it is not
// refused on behalf of larger ones. What is larger, and what finds its half full (calls that nobody
// counts, shares that were larger before), comes from the other half. No half is ever passed.
class MemoryBudget {
 public:
  // Of one call, under its own lock.
  struct Held {
    int64_t of_shares = 0;
    int64_t of_rest = 0;
  };

  explicit MemoryBudget(int64_t bytes_max) : half_(bytes_max / 2) {}

  // `calls`, here and below: that there are now, each of which has a share. False: there is no
  // room; nothing was taken.
  bool Take(int64_t bytes, int64_t calls, Held* held) {
    const bool share = held->of_shares + bytes <= Share(calls);
    if (share && TakeFrom(&shares_, bytes)) {
      held->of_shares += bytes;
      return true;
    }
    if (!TakeFrom(&rest_, bytes)) return false;
    held->of_rest += bytes;
    return true;
  }
  // False: shares are smaller than when it was taken, and there is no room for what is more.
  bool Keep(int64_t calls, Held* held) {
    const int64_t more = held->of_shares;
    if (more <= Share(calls)) return true;
    if (!TakeFrom(&rest_, more)) return false;
    shares_ -= more;
    held->of_rest += more;
    held->of_shares = 0;
    return true;
  }
  // All of it but `kept`, which it held before.
  void GiveBack(Held* held, const Held& kept) {
    shares_ -= held->of_shares - kept.of_shares;
    rest_ -= held->of_rest - kept.of_rest;
    *held = kept;
  }
  int64_t used() const { return shares_ + rest_; }

 private:
  int64_t Share(int64_t calls) const { return half_ / std::max<int64_t>(1, calls); }
  bool TakeFrom(std::atomic<int64_t>* pool, int64_t bytes) const {
    int64_t used = *pool;
    while (used + bytes <= half_) {
      if (pool->compare_exchange_weak(used, used + bytes)) return true;
    }
    return false;
  }

  const int64_t half_;
  std::atomic<int64_t> shares_ = 0;
  std::atomic<int64_t> rest_ = 0;
};

}  // namespace quantstream::query
