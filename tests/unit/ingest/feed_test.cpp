#include "ingest/feed.h"

#include <gtest/gtest.h>

#include "tests/unit/ingest/fakes.h"

namespace quantstream::ingest {
namespace {

constexpr int64_t kSecond = 1'000'000;
using Kind = FeedAction::Kind;

class FeedTest : public testing::Test {
 protected:
  FeedTest() {
    options_.limits = venue_.limits;
    options_.limits.streams_per_request = 2;
    options_.backoff = {std::chrono::milliseconds(1000), std::chrono::milliseconds(8000)};
    Make(5);
  }
  void Make(int streams) {
    std::vector<std::string> names;
    for (int i = 0; i < streams; ++i) names.push_back("s" + std::to_string(i) + "@trade");
    feed_ = std::make_unique<Feed>(venue_, names, options_, &next_link_, [] { return 0.999; });
    feed_->Start(now_);
  }
  std::vector<FeedAction> At(double seconds) {
    now_ = Instant{static_cast<int64_t>(seconds * 1e6)};
    feed_->Tick(now_);
    return feed_->TakeActions();
  }
  void Acknowledge(LinkId link, uint64_t id) {
    frame_ = {};
    frame_.kind = FrameKind::kAcknowledged;
    frame_.request_id = id;
    feed_->Frame(link, frame_, now_);
  }
  void Trade(LinkId link, uint64_t id) {
    frame_ = {};
    frame_.kind = FrameKind::kTrades;
    frame_.trades = {TradeAt(1'000'000, id)};
    feed_->Frame(link, frame_, now_);
  }
  // Opens `link` and has everything acknowledged, with requests numbered from `first_request` on.
  void Subscribe(LinkId link, uint64_t first_request = 1) {
    feed_->Opened(link, now_);
    for (uint64_t i = 0; i < 3; ++i) {
      Acknowledge(link, first_request + i);
      At(static_cast<double>(now_.us) / 1e6 + 0.3);
    }
  }
  static std::vector<Kind> Kinds(const std::vector<FeedAction>& actions) {
    std::vector<Kind> kinds;
    for (const auto& action : actions) kinds.push_back(action.kind);
    return kinds;
  }

  const Venue& venue_ = *FindVenue("binance");
  FeedOptions options_;
  LinkId next_link_ = 1;
  Instant now_;
  DecodedFrame frame_;
  std::unique_ptr<Feed> feed_;
};

TEST_F(FeedTest, ConnectsAndSubscribesInChunksNoFasterThanTheVenueAllows) {
  auto actions = feed_->TakeActions();
  ASSERT_EQ(Kinds(actions), (std::vector<Kind>{Kind::kConnect}));
  feed_->Opened(1, now_);
  actions = feed_->TakeActions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].text, R"({"method":"SUBSCRIBE","params":["s0@trade","s1@trade"],"id":1})");
  EXPECT_TRUE(At(0.2).empty());
  EXPECT_EQ(At(0.25).at(0).text,
            R"({"method":"SUBSCRIBE","params":["s2@trade","s3@trade"],"id":2})");
  EXPECT_EQ(At(0.5).at(0).text, R"({"method":"SUBSCRIBE","params":["s4@trade"],"id":3})");
  EXPECT_TRUE(At(5).empty());
}

TEST_F(FeedTest, CountsAStreamOnlyWhenItsRequestWasAcknowledgedById) {
  feed_->Opened(1, now_);
  At(0.25);
  EXPECT_EQ(feed_->MissingStreams(), 5u);
  Acknowledge(1, 99);
  EXPECT_EQ(feed_->MissingStreams(), 5u);
  Acknowledge(1, 2);
  EXPECT_EQ(feed_->MissingStreams(), 3u);
  Acknowledge(1, 2);
  EXPECT_EQ(feed_->MissingStreams(), 3u);
}

TEST_F(FeedTest, GivesUpAConnectionThatDoesNotAcknowledge) {
  feed_->TakeActions();
  feed_->Opened(1, now_);
  feed_->TakeActions();
  At(0.25);
  At(0.5);
  EXPECT_TRUE(At(10).empty());
  const auto actions = At(10.1);
  ASSERT_EQ(Kinds(actions), (std::vector<Kind>{Kind::kClose}));
  EXPECT_EQ(actions[0].why, "unacknowledged");
  EXPECT_TRUE(actions[0].lost);
}

TEST_F(FeedTest, WaitsAnewForAcknowledgementsThatStoodInTheSocketMeanwhile) {
  feed_->TakeActions();
  feed_->Opened(1, now_);
  feed_->TakeActions();
  At(0.25);
  At(0.5);
  now_ = Instant{600'000'000};
  feed_->Resumed(now_);
  EXPECT_TRUE(At(609).empty());
  Acknowledge(1, 1);
  EXPECT_EQ(Kinds(At(611)), (std::vector<Kind>{Kind::kClose})) << "the others' time is over";
}

TEST_F(FeedTest, AsksAgainForWhatWasRefused) {
  feed_->Opened(1, now_);
  feed_->TakeActions();
  frame_.kind = FrameKind::kRequestRefused;
  frame_.request_id = 1;
  feed_->Frame(1, frame_, now_);
  EXPECT_EQ(feed_->refused_subscriptions(), 1u);
  At(0.25);
  Acknowledge(1, 2);
  At(0.5);
  Acknowledge(1, 3);
  EXPECT_EQ(feed_->MissingStreams(), 2u);
  EXPECT_TRUE(At(29).empty());
  EXPECT_EQ(At(30).at(0).text, R"({"method":"SUBSCRIBE","params":["s0@trade","s1@trade"],"id":4})");
  Acknowledge(1, 4);
  EXPECT_EQ(feed_->MissingStreams(), 0u);
}

TEST_F(FeedTest, ConnectsAgainWithGrowingWaitsUpToTheCap) {
  feed_->TakeActions();
  double at = 0;
  LinkId link = 1;
  for (const double wait : {0.999, 1.998, 3.996, 7.992, 7.992}) {
    feed_->Closed(link, now_);
    EXPECT_TRUE(At(at + wait - 0.01).empty());
    at += wait + 0.01;
    const auto actions = At(at);
    ASSERT_EQ(Kinds(actions), (std::vector<Kind>{Kind::kConnect})) << wait;
    link = actions[0].link;
  }
}

TEST_F(FeedTest, DoesNotShortenTheWaitForAConnectionThatMerelyOpens) {
  feed_->TakeActions();
  feed_->Closed(1, now_);
  At(1);
  feed_->Opened(2, now_);
  Trade(2, 1);
  feed_->Closed(2, now_);
  feed_->TakeActions();
  EXPECT_TRUE(At(2.9).empty());
  EXPECT_EQ(Kinds(At(3)), (std::vector<Kind>{Kind::kConnect}));
}

TEST_F(FeedTest, ShortensTheWaitAfterSecondsOfData) {
  feed_->TakeActions();
  feed_->Closed(1, now_);
  At(1);
  Subscribe(2);
  Trade(2, 1);
  now_ = now_ + 10 * kSecond;
  Trade(2, 2);
  feed_->Closed(2, now_);
  feed_->TakeActions();
  EXPECT_EQ(Kinds(At(static_cast<double>(now_.us) / 1e6 + 1)), (std::vector<Kind>{Kind::kConnect}));
}

TEST_F(FeedTest, ReplacesAMuteConnection) {
  feed_->TakeActions();
  Subscribe(1);
  for (uint64_t i = 0; i < 100; ++i) {
    now_ = now_ + 10'000;
    Trade(1, i + 1);
  }
  const double last = static_cast<double>(now_.us) / 1e6;
  EXPECT_TRUE(At(last + 10).empty());
  const auto actions = At(last + 10.1);
  ASSERT_EQ(Kinds(actions), (std::vector<Kind>{Kind::kClose}));
  EXPECT_EQ(actions[0].why, "mute");
  EXPECT_EQ(Kinds(At(last + 12)), (std::vector<Kind>{Kind::kConnect}));
}

TEST_F(FeedTest, HandsOverAfterANoticeWhenBothHaveSeenOneTrade) {
  feed_->TakeActions();
  Subscribe(1);
  frame_ = {};
  frame_.kind = FrameKind::kShutdownNotice;
  feed_->Frame(1, frame_, now_);
  ASSERT_EQ(Kinds(feed_->TakeActions()), (std::vector<Kind>{Kind::kConnect}));
  Trade(1, 10);
  Subscribe(2, 4);
  Trade(1, 11);
  Trade(2, 12);
  EXPECT_TRUE(feed_->TakeActions().empty());
  Trade(1, 12);
  const auto actions = feed_->TakeActions();
  ASSERT_EQ(Kinds(actions), (std::vector<Kind>{Kind::kClose}));
  EXPECT_EQ(actions[0].link, 1u);
  EXPECT_FALSE(actions[0].lost);
  EXPECT_EQ(feed_->handovers(), 1u);
  EXPECT_TRUE(feed_->Has(2));
  EXPECT_EQ(feed_->MissingStreams(), 0u);
}

TEST_F(FeedTest, HandsOverBeforeTheVenuesLimitOfAge) {
  feed_->TakeActions();
  Subscribe(1);
  double at = 0;
  const double day = 23.0 * 3600 + 50 * 60;
  while (at < day - 30) {
    at += 30;
    now_ = Instant{static_cast<int64_t>(at * 1e6)};
    Trade(1, static_cast<uint64_t>(at));
    ASSERT_TRUE(At(at).empty());
  }
  EXPECT_EQ(Kinds(At(day + 1)), (std::vector<Kind>{Kind::kConnect}));
}

TEST_F(FeedTest, HandsQuietStreamsOverAfterABoundedOverlap) {
  options_.watchdog.silence_max_us = 3600 * kSecond;
  options_.watchdog.silence_min_us = 3600 * kSecond;
  next_link_ = 1;
  Make(5);
  feed_->TakeActions();
  Subscribe(1);
  frame_.kind = FrameKind::kShutdownNotice;
  feed_->Frame(1, frame_, now_);
  feed_->TakeActions();
  Subscribe(2, 4);
  EXPECT_TRUE(At(55).empty());
  EXPECT_EQ(At(65).at(0).why, "handed_over");
}

TEST_F(FeedTest, KeepsTheNewConnectionWhenTheOldOneEndsFirst) {
  feed_->TakeActions();
  Subscribe(1);
  frame_.kind = FrameKind::kShutdownNotice;
  feed_->Frame(1, frame_, now_);
  feed_->TakeActions();
  Subscribe(2, 4);
  feed_->Closed(1, now_);
  EXPECT_TRUE(feed_->TakeActions().empty());
  EXPECT_EQ(feed_->MissingStreams(), 0u);
  EXPECT_TRUE(At(5).empty());
}

TEST_F(FeedTest, TriesAnotherSuccessorWhenOneFails) {
  feed_->TakeActions();
  Subscribe(1);
  frame_.kind = FrameKind::kShutdownNotice;
  feed_->Frame(1, frame_, now_);
  feed_->TakeActions();
  feed_->Closed(2, now_);
  EXPECT_EQ(Kinds(At(3)), (std::vector<Kind>{Kind::kConnect}));
  EXPECT_TRUE(feed_->Has(1));
}

TEST(SplitStreams, MakesGroupsOfEqualSizeWithinTheLimit) {
  std::vector<std::string> streams(2050, "x");
  const auto groups = SplitStreams(streams, 1024);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].size(), 684u);
  EXPECT_EQ(groups[0].size() + groups[1].size() + groups[2].size(), 2050u);
  EXPECT_TRUE(SplitStreams({}, 1024).empty());
}

}  // namespace
}  // namespace quantstream::ingest
