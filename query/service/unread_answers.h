// Answers that were handed to gRPC and that their clients have not taken yet: so many bytes and no
// more, and none for ever. Whoever reads costs milliseconds of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>

namespace quantstream::query {

// Thread-safe.
class UnreadAnswers {
 public:
  using Clock = std::chrono::steady_clock;
  struct Answer {
    int64_t bytes;
    Clock::time_point since;
    std::function<void()> cancel;
    bool cancelled = false;
  };
  using Place = std::list<Answer>::iterator;

  explicit UnreadAnswers(int64_t bytes_max) : bytes_max_(bytes_max) {}

  // Before it is handed over. `cancel` ends its call, and is called once at most, by Tick only.
  // Absent: there is no room.
  std::optional<Place> Add(int64_t bytes, std::function<void()> cancel, Clock::time_point now);
  // It was taken, or its client is gone: `cancel` is not called from here on.
  void Remove(Place place);

  // Cancels what waits for longer than `wait_max`, and the oldest while less than a quarter is
  // free, or less than Add missed: clients that read find room whatever others do. Gives how many.
  // Not to be called by a thread of gRPC's: calls end within it.
  int64_t Tick(Clock::time_point now, std::chrono::milliseconds wait_max);

  int64_t bytes() const;

 private:
  const int64_t bytes_max_;
  mutable std::mutex mutex_;
  std::list<Answer> answers_;  // oldest first; guarded by mutex_, as below
  int64_t bytes_ = 0;
  int64_t missed_ = 0;  // the largest that found no room since the last Tick
};

}  // namespace quantstream::query
