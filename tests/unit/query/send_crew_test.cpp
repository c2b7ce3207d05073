#include "query/send_crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace quantstream::query {
namespace {

TEST(SendCrew, EachIsCalledOnceWhoeverDoesIt) {
  for (const int helpers : {0, 1, 3}) {
    SendCrew crew(helpers);
    for (const size_t count : {size_t{0}, size_t{1}, size_t{32}, size_t{33}, size_t{1'000}}) {
      std::vector<std::atomic<int>> calls(count);
      crew.Run(count, [&](size_t i) { ++calls[i]; });
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(calls[i], 1) << i << " of " << count;
    }
  }
}

// The first call waits for a second thread: with the caller alone it would wait for ever.
TEST(SendCrew, HelpersTakePart) {
  SendCrew crew(1);
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::thread::id> seen;
  crew.Run(1'000, [&](size_t) {
    std::unique_lock lock(mutex);
    seen.insert(std::this_thread::get_id());
    changed.notify_all();
    changed.wait(lock, [&] { return seen.size() == 2; });
  });
  EXPECT_EQ(seen.size(), 2U);
}

TEST(SendCrew, CallersAtOnceDoNotWaitForEachOther) {
  SendCrew crew(2);
  std::atomic<int> calls = 0;
  const auto run = [&] {
    for (int round = 0; round < 200; ++round) crew.Run(100, [&](size_t) { ++calls; });
  };
  // From inside as well: whoever sends may cause more to be sent.
  crew.Run(100, [&](size_t) { crew.Run(10, [&](size_t) { ++calls; }); });
  std::thread other(run);
  run();
  other.join();
  EXPECT_EQ(calls, 2 * 200 * 100 + 100 * 10);
}

}  // namespace
}  // namespace quantstream::query
