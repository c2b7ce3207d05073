#include "query/service/unread_answers.h"

#include <algorithm>
#include <utility>

namespace quantstream::query {

std::optional<UnreadAnswers::Place> UnreadAnswers::Add(int64_t bytes, std::function<void()> cancel,
                                                       Clock::time_point now) {
  std::lock_guard lock(mutex_);
  if (bytes_ + bytes > bytes_max_) {
    missed_ = std::max(missed_, bytes);
    return std::nullopt;
  }
  bytes_ += bytes;
  return answers_.insert(answers_.end(), {bytes, now, std::move(cancel)});
}

void UnreadAnswers::Remove(Place place) {
  std::lock_guard lock(mutex_);
  bytes_ -= place->bytes;
  answers_.erase(place);
}

// With the lock held a call cannot be done: Remove waits for it.
int64_t UnreadAnswers::Tick(Clock::time_point now, std::chrono::milliseconds wait_max) {
  std::lock_guard lock(mutex_);
  const int64_t free_least = std::max(bytes_max_ / 4, std::exchange(missed_, 0));
  int64_t cancelled = 0;
  int64_t staying = bytes_;
  for (Answer& answer : answers_) {
    const bool full = staying > bytes_max_ - free_least;
    if (!full && now - answer.since < wait_max) break;
    staying -= answer.bytes;
    if (std::exchange(answer.cancelled, true)) continue;
    answer.cancel();
    ++cancelled;
  }
  return cancelled;
}

int64_t UnreadAnswers::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace quantstream::query
