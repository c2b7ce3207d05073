// Says to the one who works on a call that nobody waits for the answer any more.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace quantstream::query {

// Thread-safe. The action runs at most once, inside Cancel or, when it was cancelled before, inside
// Attach.
class Cancellation {
 public:
  void Cancel() {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (action_) std::exchange(action_, nullptr)();
  }

  bool cancelled() const {
    std::lock_guard lock(mutex_);
    return cancelled_;
  }

  // After Detach has returned the action does not run and is not running. The action must not call
  // back in here.
  void Attach(std::function<void()> action) {
    std::lock_guard lock(mutex_);
    if (cancelled_) {
      action();
    } else {
      action_ = std::move(action);
    }
  }

  void Detach() {
    std::lock_guard lock(mutex_);
    action_ = nullptr;
  }

 private:
  mutable std::mutex mutex_;
  bool cancelled_ = false;
  std::function<void()> action_;
};

}  // namespace quantstream::query
