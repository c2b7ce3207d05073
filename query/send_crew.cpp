#include "query/send_crew.h"

#include <algorithm>

namespace quantstream::query {
namespace {

constexpr size_t kChunk = 16;
constexpr size_t kAlone = 2 * kChunk;  // not worth waking anybody for

}  // namespace

SendCrew::SendCrew(int helpers) {
  for (int i = 0; i < helpers; ++i) helpers_.emplace_back([this] { Help(); });
}

SendCrew::~SendCrew() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  begun_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void SendCrew::Run(size_t count, const std::function<void(size_t)>& each) {
  if (count <= kAlone || helpers_.empty() || busy_.exchange(true)) {
    for (size_t i = 0; i < count; ++i) each(i);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    each_ = &each;
    count_ = count;
    next_ = 0;
    ++round_;
  }
  begun_.notify_all();
  Work(each, count);
  std::unique_lock lock(mutex_);
  each_ = nullptr;  // who wakes up now has come too late
  done_.wait(lock, [this] { return working_ == 0; });
  busy_ = false;
}

void SendCrew::Work(const std::function<void(size_t)>& each, size_t count) {
  for (size_t begin = next_.fetch_add(kChunk); begin < count; begin = next_.fetch_add(kChunk)) {
    for (size_t i = begin; i < std::min(begin + kChunk, count); ++i) each(i);
  }
}

void SendCrew::Help() {
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (!ended_) {
    begun_.wait(lock, [&] { return ended_ || (each_ != nullptr && round_ != seen); });
    if (ended_) return;
    seen = round_;
    ++working_;
    const auto* each = each_;
    const size_t count = count_;
    lock.unlock();
    Work(*each, count);
    lock.lock();
    if (--working_ == 0) done_.notify_all();
  }
}

}  // namespace quantstream::query
