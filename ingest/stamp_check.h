// Is a trade stamped in the future? Judged against the connection's own offset (venue time less
// receive time), the running median, so that a recorder's or a venue's wrong clock does not matter.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quantstream::ingest {

class StampCheck {
 public:
  static constexpr int kTradesToLearn = 11;
  static constexpr size_t kWindow = 61;

  explicit StampCheck(int64_t future_bound_us = 5'000'000);

  // Each trade of the connection, before it is judged.
  void Learn(int64_t venue_time_us, int64_t receive_time_us);
  // Enough trades were seen to judge by.
  bool learned() const { return seen_ >= kTradesToLearn; }
  // More than the bound ahead of the receive time plus the median offset. REQUIRES: one trade was
  // learned.
  bool IsFuture(int64_t venue_time_us, int64_t receive_time_us) const;
  // The running median; 0 before the first trade.
  int64_t offset_us() const;

 private:
  int64_t future_bound_us_;
  int seen_ = 0;
  size_t size_ = 0;
  size_t oldest_ = 0;                       // where in arrived_ the next one goes
  std::array<int64_t, kWindow> arrived_{};  // ring of the newest offsets
  std::array<int64_t, kWindow> sorted_{};   // the same, ascending
};

}  // namespace quantstream::ingest
