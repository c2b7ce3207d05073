// The memory of newest closed candles, told step by step.
#include "query/recent.h"

#include <gtest/gtest.h>

#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {
namespace {

constexpr char kName[] = "venue:A";
constexpr EventTime kBeginning{INT64_MIN};
constexpr EventTime kEnd{INT64_MAX};

EventTime At(int64_t second) {
  return EventTime{second * kMicrosecondsPerSecond};
}

PageRequest Last(int64_t count, const std::string& instrument = kName) {
  return {.series = {instrument, Interval{1}},
          .partition = kPartition,
          .from = kBeginning,
          .to = kEnd,
          .newest_first = true,
          .candles_max = count};
}

PageRequest From(int64_t second, int64_t count = 100) {
  PageRequest request = Last(count);
  request.from = At(second);
  request.newest_first = false;
  return request;
}

class RecentTest : public ::testing::Test {
 protected:
  // The texts of a hit; "miss".
  std::vector<std::string> Find(const PageRequest& request) {
    const auto page = recent_.Find(request, now_);
    return page ? Texts(page->candles) : std::vector<std::string>{"miss"};
  }
  Page PageOf(std::vector<Update> candles, int64_t next_version) {
    Page page;
    page.candles = std::move(candles);
    page.next_version = next_version;
    return page;
  }
  // Reads the series' newest candles, as a call that missed does.
  Recent::Ticket Fill(std::vector<Update> newest_first, int64_t next_version,
                      const std::string& instrument = kName) {
    PageRequest request = Last(1, instrument);
    const Recent::Ticket ticket = recent_.Begin(&request, now_);
    const Page page = PageOf(std::move(newest_first), next_version);
    recent_.End(ticket, request, &page, now_);
    return ticket;
  }
  void Progress(int64_t next_version) {
    recent_.OnEvent(ProgressOf(next_version, 0), now_);
  }
  void Closed(std::vector<Update> candles) { recent_.OnEvent(ClosedOf(std::move(candles)), now_); }

  Recent recent_{{.candles_per_series = 3, .series_max = 2}};
  Recent::Time now_{};
};

using Words = std::vector<std::string>;

TEST_F(RecentTest, WhatWasReadOnceIsAnsweredAndFollowsTheTopic) {
  Progress(10);
  EXPECT_EQ(Find(Last(1)), Words{"miss"});
  EXPECT_NE(Fill({Final(kName, 12, 9), Final(kName, 11, 8), Final(kName, 10, 7)}, 10), 0);
  EXPECT_EQ(Find(Last(2)), (Words{"A 12 v9 FINAL", "A 11 v8 FINAL"}));
  Closed({Final(kName, 13, 10), Revised(kName, 11, 10)});
  Progress(11);
  EXPECT_EQ(Find(Last(3)), (Words{"A 13 v10 FINAL", "A 12 v9 FINAL", "A 11 v10 REVISED"}));
  EXPECT_EQ(Find(From(12)), (Words{"A 12 v9 FINAL", "A 13 v10 FINAL"}));
}

TEST_F(RecentTest, WhatReachesBehindTheOldestKeptIsAMiss) {
  Progress(10);
  Fill({Final(kName, 13, 9), Final(kName, 12, 9), Final(kName, 11, 8), Final(kName, 10, 7)}, 10);
  EXPECT_EQ(Find(Last(3)).size(), 3u);
  EXPECT_EQ(Find(Last(4)), Words{"miss"});
  EXPECT_EQ(Find(From(11)).size(), 3u);
  EXPECT_EQ(Find(From(10)), Words{"miss"});
}

TEST_F(RecentTest, ASeriesThatIsKeptWholeAnswersEverything) {
  Progress(10);
  Fill({Final(kName, 12, 9), Revised(kName, 11, 8)}, 10);
  EXPECT_EQ(Find(Last(100)).size(), 2u);
  EXPECT_EQ(Find(From(0)).size(), 2u);
  EXPECT_EQ(recent_.Find(From(0), now_)->oldest_closed, At(11));
  EXPECT_EQ(recent_.Find(From(0), now_)->newest_closed, At(12));
  PageRequest revised = From(0);
  revised.with_final = false;
  EXPECT_EQ(Find(revised), Words{"A 11 v8 REVISED"});
  Closed({Final(kName, 13, 10), Final(kName, 14, 10)});
  Progress(11);
  EXPECT_EQ(Find(From(0)), Words{"miss"});  // no longer whole
}

TEST_F(RecentTest, ARevisionOfWhatIsOlderThanTheOldestKeptChangesNothing) {
  Progress(10);
  Fill({Final(kName, 13, 9), Final(kName, 12, 9), Final(kName, 11, 8), Final(kName, 10, 7)}, 10);
  Closed({Revised(kName, 10, 10), Revised(kName, 9, 10)});
  Progress(11);
  EXPECT_EQ(Find(Last(3)), (Words{"A 13 v9 FINAL", "A 12 v9 FINAL", "A 11 v8 FINAL"}));
  EXPECT_EQ(Find(From(10)), Words{"miss"});
}

TEST_F(RecentTest, HalfOfACommitIsNotShown) {
  Progress(10);
  Fill({Final(kName, 10, 9)}, 10);
  Closed({Final(kName, 12, 11)});  // 11 comes in the next record of the topic
  EXPECT_EQ(Find(Last(9)), Words{"A 10 v9 FINAL"});
  Closed({Final(kName, 11, 11)});
  Progress(12);
  EXPECT_EQ(Find(Last(9)).size(), 3u);
}

TEST_F(RecentTest, APageThatIsBehindWhatCameLiveIsNotKept) {
  Progress(10);
  Closed({Final(kName, 12, 10)});
  Fill({Final(kName, 11, 8)}, 10);
  Progress(11);
  EXPECT_EQ(Find(Last(1)), Words{"miss"});
}

TEST_F(RecentTest, AnAnswerIsNeverOlderThanAPageThatWasRead) {
  Progress(10);
  Fill({Final(kName, 10, 9)}, 10);
  const Page newer = PageOf({Final(kName, 11, 10)}, 11);
  recent_.End(0, From(0), &newer, now_);
  EXPECT_EQ(Find(Last(1)), Words{"miss"});
  Closed({Final(kName, 11, 10)});
  Progress(11);
  EXPECT_EQ(Find(Last(1)), Words{"A 11 v10 FINAL"});
}

TEST_F(RecentTest, ASilentPartitionIsNotAnsweredForUntilItSpeaks) {
  Progress(10);
  Fill({Final(kName, 10, 9)}, 10);
  now_ += std::chrono::seconds(3);
  EXPECT_EQ(Find(Last(1)).front(), "A 10 v9 FINAL");
  now_ += std::chrono::milliseconds(1);
  EXPECT_EQ(Find(Last(1)), Words{"miss"});
  Progress(10);
  EXPECT_EQ(Find(Last(1)).front(), "A 10 v9 FINAL");
}

TEST_F(RecentTest, NothingIsReadAheadBeforeThePartitionSaysHowFarItIs) {
  EXPECT_EQ(Fill({Final(kName, 10, 9)}, 10), 0);
  Progress(10);
  EXPECT_NE(Fill({Final(kName, 10, 9)}, 10), 0);
  recent_.OnPlaceLost({kPartition});
  EXPECT_EQ(Find(Last(1)), Words{"miss"});
  EXPECT_EQ(recent_.series(), 0);
  EXPECT_EQ(recent_.bytes(), 0);
  EXPECT_EQ(Fill({Final(kName, 10, 9)}, 10), 0);
}

TEST_F(RecentTest, ALostPlaceOfAnotherPartitionChangesNothing) {
  Progress(10);
  Fill({Final(kName, 10, 9)}, 10);
  recent_.OnPlaceLost({kPartition + 1});
  EXPECT_EQ(Find(Last(1)).front(), "A 10 v9 FINAL");
}

TEST_F(RecentTest, ASeriesIsReadAgainAfterAWhile) {
  Progress(10);
  Fill({Final(kName, 10, 9)}, 10);
  now_ += std::chrono::minutes(5) + std::chrono::milliseconds(1);
  Progress(10);
  EXPECT_EQ(Find(Last(1)), Words{"miss"});
  EXPECT_NE(Fill({Final(kName, 11, 9)}, 10), 0);
  EXPECT_EQ(Find(Last(1)), Words{"A 11 v9 FINAL"});
}

TEST_F(RecentTest, BeyondTheBoundTheSeriesThatWasNotAskedForLongestIsLeft) {
  Progress(10);
  Fill({Final("venue:A", 10, 9)}, 10, "venue:A");
  Fill({Final("venue:B", 10, 9)}, 10, "venue:B");
  EXPECT_NE(Find(Last(1, "venue:A")), Words{"miss"});
  Fill({Final("venue:C", 10, 9)}, 10, "venue:C");
  EXPECT_EQ(recent_.series(), 2);
  EXPECT_EQ(Find(Last(1, "venue:B")), Words{"miss"});
  EXPECT_NE(Find(Last(1, "venue:A")), Words{"miss"});
}

TEST_F(RecentTest, BytesAreBoundedAndFreed) {
  Recent small({.candles_per_series = 3, .bytes_max = 1});
  small.OnEvent(ProgressOf(10, 0), now_);
  PageRequest request = Last(1);
  const Recent::Ticket ticket = small.Begin(&request, now_);
  const Page page = PageOf({Final(kName, 10, 9)}, 10);
  small.End(ticket, request, &page, now_);
  EXPECT_EQ(small.series(), 0);
  EXPECT_EQ(small.bytes(), 0);
}

TEST_F(RecentTest, MoreChangesOfOneCommitThanAreHeldLeaveTheSeries) {
  Recent small({.candles_per_series = 3, .pending_max = 2});
  small.OnEvent(ProgressOf(10, 0), now_);
  PageRequest request = Last(1);
  const Recent::Ticket ticket = small.Begin(&request, now_);
  const Page page = PageOf({Final(kName, 10, 9)}, 10);
  small.End(ticket, request, &page, now_);
  small.OnEvent(ClosedOf({Final(kName, 11, 10), Final(kName, 12, 10), Final(kName, 13, 10)}), now_);
  small.OnEvent(ProgressOf(11, 0), now_);
  EXPECT_FALSE(small.Find(Last(1), now_));
  EXPECT_EQ(small.bytes(), 0);
}

TEST_F(RecentTest, OldRangesAndLongOnesAreNotReadAhead) {
  Progress(10);
  Closed({Final(kName, 1000, 10)});
  Progress(11);
  PageRequest old = From(10);
  EXPECT_EQ(recent_.Begin(&old, now_), 0);
  EXPECT_EQ(old.from, At(10));
  PageRequest long_one = Last(4);
  EXPECT_EQ(recent_.Begin(&long_one, now_), 0);
  PageRequest recent = From(999);
  EXPECT_NE(recent_.Begin(&recent, now_), 0);
}

TEST_F(RecentTest, AReadThatFailedLeavesNothingAndOneAtATimeIsBegun) {
  Progress(10);
  PageRequest first = Last(1), second = Last(1);
  const Recent::Ticket ticket = recent_.Begin(&first, now_);
  EXPECT_NE(ticket, 0);
  EXPECT_EQ(recent_.Begin(&second, now_), 0);
  recent_.End(ticket, first, nullptr, now_);
  EXPECT_EQ(recent_.series(), 0);
  EXPECT_NE(recent_.Begin(&second, now_), 0);
}

}  // namespace
}  // namespace quantstream::query::testing
