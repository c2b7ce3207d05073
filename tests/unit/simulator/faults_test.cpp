#include "ingest/simulator/faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace quantstream::simulator {
namespace {

// Sends trades with the ids 1 to `count` and returns the ids as they came out.
std::vector<uint64_t> PassIds(Faults& faults, uint64_t count) {
  std::vector<uint64_t> ids;
  const auto keep = [&ids](const VenueMessage& message) { ids.push_back(message.trade->id); };
  for (uint64_t id = 1; id <= count; ++id) {
    VenueMessage message;
    message.trade = VenueTrade{.id = id};
    faults.Pass(message, 0, keep);
  }
  faults.Release(0, true, keep);
  return ids;
}

std::vector<uint64_t> UpTo(uint64_t count) {
  std::vector<uint64_t> ids;
  for (uint64_t id = 1; id <= count; ++id) ids.push_back(id);
  return ids;
}

TEST(Faults, WithoutRatesNothingChanges) {
  Faults faults({}, 1);
  EXPECT_EQ(PassIds(faults, 100), UpTo(100));
}

TEST(Faults, ReorderedMessagesAllArriveWithinTheBound) {
  Faults faults({.reorder = 0.3, .reorder_bound = 5}, 1);
  std::vector<uint64_t> ids = PassIds(faults, 1000);
  ASSERT_EQ(ids.size(), 1000u);
  EXPECT_FALSE(std::is_sorted(ids.begin(), ids.end()));
  for (size_t place = 0; place < ids.size(); ++place) {
    EXPECT_LE(place, ids[place] - 1 + 5) << "id " << ids[place];
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, UpTo(1000));
  EXPECT_GT(faults.reordered(), 200u);
}

TEST(Faults, DuplicatesComeTwiceAndNeverThrice) {
  Faults faults({.duplicate = 0.2}, 1);
  std::map<uint64_t, int> count;
  for (const uint64_t id : PassIds(faults, 1000)) ++count[id];
  EXPECT_EQ(count.size(), 1000u);
  uint64_t twice = 0;
  for (const auto& [id, times] : count) {
    EXPECT_LE(times, 2);
    twice += times == 2 ? 1 : 0;
  }
  EXPECT_EQ(twice, faults.duplicated());
  EXPECT_GT(twice, 100u);
}

TEST(Faults, SkippedIdsNeverCome) {
  Faults faults({}, 1);
  faults.SkipNext(3);
  EXPECT_EQ(PassIds(faults, 5), (std::vector<uint64_t>{4, 5}));
  EXPECT_EQ(faults.skipped(), 3u);
}

TEST(Faults, WhatIsHeldBackLeavesAQuietMarketInTime) {
  Faults faults({.reorder = 1}, 1);
  int sent = 0;
  const auto count = [&sent](const VenueMessage&) { ++sent; };
  faults.Pass({}, 0, count);
  faults.Release(Faults::kHoldMaxUs - 1, false, count);
  EXPECT_EQ(sent, 0);
  faults.Release(Faults::kHoldMaxUs, false, count);
  EXPECT_EQ(sent, 1);
}

}  // namespace
}  // namespace quantstream::simulator
