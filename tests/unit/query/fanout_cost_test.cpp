// What a large leg costs under the fanout's one lock, in allocations: they tell how often names
// are copied on every machine alike.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "query/fanout.h"

namespace {

std::atomic<int64_t> allocations{0};

}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace quantstream::query {
namespace {

constexpr int kSeries = 2'000;

class Deaf final : public Subscriber {
 public:
  void OnRegistered(LegId, const LiveState&, std::string_view) override {}
  void OnPlaced(int32_t, int64_t) override {}
  void OnUpdates(LegId, std::span<const Update>) override {}
  void OnProgress(std::optional<EventTime>, std::string_view) override {}
  void Send() override {}
};

// With a leg of many series, whose names are too long to be copied for nothing.
struct LargeLeg {
  LargeLeg() {
    for (int i = 0; i < kSeries; ++i) {
      series.push_back({{"venue-of-the-test:SYMBOL-" + std::to_string(i), {1}}, 0});
    }
    fanout.Add(subscriber);
    fanout.Listen(subscriber.get(), {.leg = 1, .series = series});
  }

  Fanout fanout;
  std::shared_ptr<Deaf> subscriber = std::make_shared<Deaf>();
  std::vector<StreamSeries> series;
};

TEST(FanoutCost, AStreamThatLeavesCostsNoSearchForEachOfItsSeries) {
  LargeLeg large;
  const int64_t before = allocations;
  large.fanout.Remove(large.subscriber.get());
  EXPECT_LT(allocations - before, 10 * kSeries);
}

TEST(FanoutCost, ASeriesIsTakenOutOfALegWithoutASearch) {
  LargeLeg large;
  const int64_t before = allocations;
  for (const StreamSeries& each : large.series | std::views::reverse) {
    large.fanout.Unlisten(large.subscriber.get(), 1, each.series);
  }
  EXPECT_LT(allocations - before, 10 * kSeries);
}

}  // namespace
}  // namespace quantstream::query
