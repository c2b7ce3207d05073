#include "query/topic_watch.h"

#include <utility>

namespace quantstream::query {

using std::chrono::steady_clock;

TopicWatch::TopicWatch(Ask ask, std::chrono::milliseconds interval)
    : ask_(std::move(ask)), interval_(interval), thread_([this] { Loop(); }) {}

TopicWatch::~TopicWatch() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::optional<absl::StatusOr<std::string>> TopicWatch::AskedSince(Time since,
                                                                  std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  if (!std::exchange(wanted_, true)) changed_.notify_all();
  const bool fresh =
      changed_.wait_for(lock, wait, [&] { return answer_ && asked_at_ >= since; });
  return fresh ? answer_ : std::nullopt;
}

void TopicWatch::Loop() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    changed_.wait(lock, [this] { return ended_ || wanted_; });
    if (ended_) return;
    wanted_ = false;
    const Time asked_at = steady_clock::now();
    lock.unlock();
    auto answer = ask_();
    lock.lock();
    asked_at_ = asked_at;
    answer_ = std::move(answer);
    changed_.notify_all();
    changed_.wait_for(lock, interval_, [this] { return ended_; });
  }
}

}  // namespace quantstream::query
