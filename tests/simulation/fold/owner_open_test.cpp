// When an owner publishes open candles, and when not.
#include <algorithm>
#include <chrono>

#include "query/tail.h"
#include "tests/simulation/fold/owner_fixture.h"

namespace quantstream::processor::simulation {
namespace {

class QuietInstrument : public Owners {
 protected:
  // When an open candle was published while nothing traded.
  std::vector<int64_t> PartialsOfTenMinutes() {
    database_ = SimDatabase();
    auto owner = Start();
    RunToTheEnd(*owner);
    owner->publisher.now_us = &now_us_;
    for (int i = 0; i < 5'500; ++i) {
      Steps(*owner, 1, 110'000);
      database_.RunAll();
    }
    return owner->publisher.partials_at_us;
  }
};

TEST_F(Owners, Rule17_NoPartialIsPublishedBeforeTheEndThatTheLogHad) {
  for (bool waits : {true, false}) {
    database_ = SimDatabase();
    rules_.catch_up_before_partial = waits;
    auto owner = Start();
    Steps(*owner, 3);  // take-over, then a record or two of six
    ASSERT_LT(owner->partition().position().value, 6);
    EXPECT_EQ(owner->publisher.partials > 0, !waits);
    RunToTheEnd(*owner);
    EXPECT_GT(owner->publisher.partials, 0);
  }
}

TEST_F(Owners, Rule17_NoPartialIsPublishedTenSecondsAfterTheLastCommit) {
  for (bool recently : {true, false}) {
    database_ = SimDatabase();
    rules_.fenced_recently = recently;
    topic_.visible = {5};
    auto owner = Start();
    RunToTheEnd(*owner);
    const int before = owner->publisher.partials;
    owner->store.down = true;
    Steps(*owner, 3, 6'000'000);
    topic_.visible = {6};
    Steps(*owner, 3);
    EXPECT_EQ(owner->publisher.partials > before, !recently);
  }
}

TEST_F(QuietInstrument, Rule23_OpenCandlesAreRepeatedEvery30Seconds) {
  const auto partials = [this](bool repeated) {
    rules_.open_is_repeated = repeated;
    return PartialsOfTenMinutes();
  };
  const std::vector<int64_t> at = partials(true);
  EXPECT_GE(at.size(), 19u);
  for (size_t i = 1; i < at.size(); ++i) EXPECT_LE(at[i] - at[i - 1], 30'000'000);
  EXPECT_EQ(partials(false).size(), 0u);
}

TEST_F(QuietInstrument, Rule23_AQueryThatStartsReadsBackOneMinute) {
  const std::vector<int64_t> partials = PartialsOfTenMinutes();
  // Starts that do not find the open candle in what they read back, of all in the last 9 minutes.
  const auto missed = [&](int64_t lookback_us) {
    int starts = 0;
    for (int64_t start = now_us_ - 540'000'000; start < now_us_; start += 500'000) {
      const auto first = std::ranges::lower_bound(partials, start - lookback_us);
      starts += first == partials.end() || *first > start ? 1 : 0;
    }
    return starts;
  };
  EXPECT_EQ(missed(std::chrono::microseconds(query::TailOptions().lookback).count()), 0);
  EXPECT_GT(missed(15'000'000), 0);
}

TEST_F(Owners, OpenCandlesWaitWhileThoseBeforeAreOnTheirWayAndGoAsTheyAreThen) {
  auto owner = Start();
  owner->publisher.takes_open = false;
  RunToTheEnd(*owner);
  EXPECT_EQ(owner->publisher.partials, 0);
  EXPECT_TRUE(owner->partition().holds_open());
  EXPECT_GT(owner->publisher.progress, 0) << "what is committed is told all the same";
  owner->publisher.takes_open = true;
  Steps(*owner, 1);
  EXPECT_EQ(owner->publisher.partials, 1) << "one state, the newest, of all that waited";
  EXPECT_FALSE(owner->partition().holds_open());
}

}  // namespace
}  // namespace quantstream::processor::simulation
