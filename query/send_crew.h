// A few threads that share the sending to many subscribers: what gRPC does for one message takes
// several microseconds, and one thread would be the bound. Knows nothing of who is sent to.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quantstream::query {

class SendCrew {
 public:
  // `helpers` beside the caller; 0 = the caller does it all.
  explicit SendCrew(int helpers);
  ~SendCrew();

  // Calls each(0) ... each(count - 1), in any order and on several threads, and returns when all
  // are done. Thread-safe; who comes while another call is under way works alone.
  void Run(size_t count, const std::function<void(size_t)>& each);

 private:
  void Help();
  void Work(const std::function<void(size_t)>& each, size_t count);

  std::atomic<bool> busy_ = false;  // a call has the helpers
  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable done_;
  const std::function<void(size_t)>* each_ = nullptr;  // guarded by mutex_, as what follows
  size_t count_ = 0;
  uint64_t round_ = 0;
  int working_ = 0;
  bool ended_ = false;
  std::atomic<size_t> next_{0};
  std::vector<std::thread> helpers_;
};

}  // namespace quantstream::query
