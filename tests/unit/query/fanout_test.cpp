#include "query/fanout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "tests/unit/query/updates.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;
using testing::ClosedOf;
using ::testing::ElementsAre;
using testing::Final;
using ::testing::IsEmpty;
using testing::kPartition;
using testing::OpenOf;
using testing::Partial;
using testing::ProgressOf;

constexpr char kA[] = "venue:A";
constexpr Fanout::Time kStart{};

const std::vector<StreamSeries> kSeries = {{{kA, {1}}, kPartition}};

// Writes down what a stream hears.
class Ear final : public Subscriber {
 public:
  void OnRegistered(LegId, const LiveState& live, std::string_view reason) override {
    heard.push_back("registered" + std::string(reason.empty() ? "" : " again"));
    state = live;
  }
  void OnPlaced(int32_t, int64_t committed) override {
    heard.push_back("placed " + std::to_string(committed));
  }
  void OnUpdates(LegId, std::span<const Update> updates) override {
    for (const Update& update : updates) heard.push_back(testing::Text(update));
  }
  void Send() override {
    heard.push_back(".");
    if (at_send) at_send();
  }
  void OnProgress(std::optional<EventTime> watermark, std::string_view why) override {
    trouble = why;
    heard.push_back("progress " +
                    (watermark ? std::to_string(watermark->us / 1'000'000) : std::string("?")));
  }

  void OnInstrument(const std::string& name, int32_t) override { heard.push_back("new " + name); }

  std::vector<std::string> heard;
  std::string trouble;
  std::function<void()> at_send;
  LiveState state;
};

struct World {
  World() { fanout.OnEvent(OpenOf({Partial(kA, 11, 4)})); }
  Fanout fanout{{.progress_interval = milliseconds(1000), .placement_wait = milliseconds(5000)}};
  std::shared_ptr<Ear> listener = std::make_shared<Ear>();
  Ear& ear = *listener;

  void Join() {
    fanout.Add(listener);
    fanout.Listen(&ear, {.leg = 1, .series = kSeries});
  }
};

TEST(Fanout, RegisteringAndCopyingTheOpenCandlesAreOneStep) {
  World w;
  w.fanout.OnEvent(ProgressOf(6, 100));
  w.Join();
  EXPECT_THAT(testing::Texts(w.ear.state.open), ElementsAre("A 11 v4 PARTIAL"));
  EXPECT_EQ(w.ear.state.committed.at(kPartition), 6);
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", "."));
}

TEST(Fanout, HandsEachCandleToWhoWantsItAndTellsTheEndOfTheEvent) {
  World w;
  w.Join();
  w.fanout.OnEvent(ClosedOf({Final("venue:B", 10, 7)}));
  w.fanout.OnEvent(ClosedOf({Final(kA, 10, 7), Final("venue:B", 10, 7), Final(kA, 11, 7)}));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", ".", "A 10 v7 FINAL", "A 11 v7 FINAL", "."));
}

TEST(Fanout, NothingComesAfterRemove) {
  World w;
  w.Join();
  w.fanout.Remove(&w.ear);
  w.fanout.OnEvent(ClosedOf({Final(kA, 10, 7)}));
  w.fanout.Tick(kStart + milliseconds(9999));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", "."));
  EXPECT_EQ(w.fanout.subscribers(), 0);
}

TEST(Fanout, TellsTheWatermarkOfAStreamsVenues) {
  World w;
  w.Join();
  w.fanout.Tick(kStart + milliseconds(1000));
  w.fanout.OnEvent(ProgressOf(6, 100));
  w.fanout.Tick(kStart + milliseconds(1500));
  w.fanout.Tick(kStart + milliseconds(2000));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", ".", "progress ?", ".",  //
                                       "progress 100", "."));
}

TEST(Fanout, ALostPlaceRegistersAgainAndIsKnownAgainWithTheNextProgress) {
  World w;
  w.Join();
  w.fanout.OnPlaceLost({kPartition}, "test", kStart);
  EXPECT_THAT(w.ear.state.unplaced, ElementsAre(kPartition));
  w.fanout.OnEvent(ClosedOf({Final(kA, 10, 7)}));
  w.fanout.OnEvent(ProgressOf(9, 100));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", ".", "registered again", ".", "A 10 v7 FINAL",
                                       ".", "placed 9"));
}

TEST(Fanout, ALossElsewhereDoesNotConcernAStream) {
  World w;
  w.Join();
  w.fanout.OnPlaceLost({kPartition + 1}, "test", kStart);
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", "."));
}

TEST(Fanout, ProgressOfAZombieIsNoPlace) {
  World w;
  w.fanout.OnEvent(ProgressOf(9, 100, 2));
  w.Join();
  w.fanout.OnPlaceLost({kPartition}, "test", kStart);
  w.fanout.OnEvent(ProgressOf(8, 100, 1));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", ".", "registered again", "."));
}

TEST(Fanout, ANewerOwnersProgressPlacesAPartitionAgainThatAZombiePlaced) {
  World w;
  w.Join();
  w.fanout.OnPlaceLost({kPartition}, "test", kStart);
  w.fanout.OnEvent(ProgressOf(8, 100, 1));
  w.fanout.OnEvent(ProgressOf(9, 100, 1));
  w.fanout.OnEvent(ProgressOf(11, 100, 2));
  EXPECT_THAT(w.ear.heard,
              ElementsAre("registered", ".", "registered again", ".", "placed 8", "placed 11"));
}

TEST(Fanout, APartitionThatStaysSilentHasNoOwnerAndIsPlacedWhereItWas) {
  World w;
  w.fanout.OnEvent(ProgressOf(9, 100));
  w.Join();
  w.fanout.OnPlaceLost({kPartition}, "test", kStart);
  w.fanout.Tick(kStart + milliseconds(4999));
  EXPECT_THAT(w.ear.heard, ::testing::Not(::testing::Contains("placed 9")));
  w.fanout.Tick(kStart + milliseconds(5000));
  EXPECT_THAT(w.ear.heard, ::testing::Contains("placed 9"));
}

TEST(Fanout, NoLockIsHeldWhileAStreamSends) {
  World w;
  int free = 0;
  std::vector<std::future<LiveState>> looks;  // those that found it locked end later
  w.ear.at_send = [&] {
    looks.push_back(std::async(std::launch::async, [&] { return w.fanout.Look(kSeries); }));
    free += looks.back().wait_for(std::chrono::seconds(5)) == std::future_status::ready ? 1 : 0;
  };
  w.Join();
  w.fanout.OnEvent(ClosedOf({Final(kA, 10, 7)}));
  w.fanout.OnPlaceLost({kPartition}, "test", kStart);
  w.fanout.Tick(kStart + milliseconds(1000));
  EXPECT_EQ(free, 4);
}

TEST(Fanout, AStreamMayLeaveWhileItSends) {
  World w;
  w.ear.at_send = [&] { w.fanout.Remove(&w.ear); };
  w.fanout.Add(std::exchange(w.listener, nullptr));
  w.fanout.Listen(&w.ear, {.leg = 1, .series = kSeries});
  EXPECT_EQ(w.fanout.subscribers(), 0);
}

TEST(Fanout, ALookShowsWhatAStreamWouldBeginWith) {
  World w;
  EXPECT_THAT(testing::Texts(w.fanout.Look(kSeries).open), ElementsAre("A 11 v4 PARTIAL"));
  EXPECT_THAT(w.fanout.Look({{{kA, {60}}, kPartition}}).open, IsEmpty());
}

TEST(Fanout, AStreamThatAskedForATickGetsOne) {
  World w;
  w.Join();
  w.fanout.WantTick(&w.ear);
  w.fanout.Tick(kStart + milliseconds(1));
  w.fanout.Tick(kStart + milliseconds(2));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", ".", "."));
}

TEST(Fanout, NothingOfASeriesComesAfterUnlisten) {
  World w;
  w.Join();
  w.fanout.Unlisten(&w.ear, 1, {kA, {1}});
  w.fanout.OnEvent(ClosedOf({Final(kA, 10, 7)}));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", "."));
}

TEST(Fanout, AVenuesNewInstrumentIsIntroducedOnceWithItsFirstNews) {
  World w;
  w.Join();
  EXPECT_THAT(w.fanout.ListenToVenues(&w.ear, {"venue"}),
              ElementsAre(std::pair(kA, kPartition)));
  w.fanout.OnEvent(OpenOf({Partial("venue:B", 11, 4)}));
  w.fanout.OnEvent(OpenOf({Partial("venue:B", 11, 5)}));
  w.fanout.OnEvent(OpenOf({Partial("other:C", 11, 5)}));
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", ".", "new venue:B", "."));
}

TEST(Fanout, AVenueThatNobodyListensToAnyMoreIsForgotten) {
  World w;
  w.Join();
  for (int i = 0; i < 10; ++i) w.fanout.ListenToVenues(&w.ear, {"x" + std::to_string(i)});
  EXPECT_EQ(w.fanout.venues(), 10);
  w.fanout.LeaveVenues(&w.ear, {"x1", "x2", "another"});
  EXPECT_EQ(w.fanout.venues(), 8);
  w.fanout.Remove(&w.ear);
  EXPECT_EQ(w.fanout.venues(), 0);
}

TEST(Fanout, AskedToItRegistersAStreamAgain) {
  World w;
  w.Join();
  w.fanout.RegisterAgain(&w.ear);
  EXPECT_THAT(w.ear.heard, ElementsAre("registered", ".", "registered", "."));
}

TEST(Fanout, TheTroubleOfTheLiveFeedIsToldWithProgress) {
  World w;
  w.Join();
  w.fanout.SetTrouble("Kafka is gone");
  w.fanout.Tick(kStart + milliseconds(1000));
  EXPECT_EQ(w.ear.trouble, "Kafka is gone");
}

TEST(Places, AreReadOneAfterTheOther) {
  Places places;
  places.Set(0, 10);
  places.Set(1, 20);
  EXPECT_EQ(places.To({{0, 10}, {1, 20}}), Places::Way::kRead);
  EXPECT_EQ(places.To({{0, 11}, {1, 20}}), Places::Way::kAhead);
  EXPECT_THAT(places.Sought(), ElementsAre(0));
  places.Set(0, 11);
  EXPECT_EQ(places.To({{0, 11}, {1, 20}}), Places::Way::kRead);
  EXPECT_THAT(places.Sought(), IsEmpty());
}

// What a stream is told of it: ResumeTest in subscribe_test.cpp.
TEST(Places, Rule21_APositionThatCannotBeReachedCountsAsReadAndIsTold) {
  const auto way = [](PlacesRules rules) {
    Places places(rules);
    places.Set(0, 12);
    EXPECT_EQ(places.To({{0, 50}}), Places::Way::kAhead);
    places.OnLogEnd(0, 12);
    return places.To({{0, 50}});
  };
  EXPECT_EQ(way({}), Places::Way::kUnreachable);
  PlacesRules rules;
  rules.unreachable_counts_as_read = false;
  EXPECT_EQ(way(rules), Places::Way::kAhead) << "waited for in vain";
  rules = {};
  rules.unreachable_is_told = false;
  EXPECT_EQ(way(rules), Places::Way::kRead) << "nobody hears of it";
}

TEST(Places, APositionBehindTheEndOfTheLogCannotBeReached) {
  Places places;
  places.Set(0, 10);
  EXPECT_EQ(places.To({{0, 50}}), Places::Way::kAhead);
  places.OnLogEnd(0, 12);
  EXPECT_EQ(places.To({{0, 50}}), Places::Way::kAhead);  // what is there is read first
  places.Set(0, 12);
  EXPECT_EQ(places.To({{0, 50}}), Places::Way::kUnreachable);
  places.OnLogEnd(0, 60);
  EXPECT_EQ(places.To({{0, 50}}), Places::Way::kAhead);
}

}  // namespace
}  // namespace quantstream::query
