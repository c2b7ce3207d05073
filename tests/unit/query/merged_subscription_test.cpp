// A subscription to a merged interval, step by step: what it reads, queues, lets go of and tells.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/subscription.h"
#include "tests/unit/query/merge_scenario.h"

namespace quantstream::query::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Subscription::Time kStart{};
constexpr LegId kLeg = 1;

// 7 s of instrument A, from the beginning.
struct Stream {
  explicit Stream(milliseconds update_interval = {}, std::optional<Resume> resume = {}) {
    LegSpec spec;
    spec.stream.series = {{{kA, Interval{1}}, kPartition}};
    spec.stream.start_time = kBeginning;
    spec.stream.resume = std::move(resume);
    spec.update_interval = update_interval;
    spec.grid = *WindowGrid::Parse("7s", {Interval{1}});
    EXPECT_THAT(subscription.Add({spec}), ElementsAre(kLeg));
  }

  // The live side as of now.
  void Register(int64_t committed, int64_t closed_until_s, std::vector<Update> open = {}) {
    LiveState live;
    live.open = std::move(open);
    live.committed[kPartition] = committed;
    live.closed_until[kPartition]["venue"] = At(closed_until_s);
    subscription.Register(kLeg, live, "");
  }
  Splice::Outcome Read(std::vector<Update> candles, int64_t next_version) {
    return subscription.OnHistory(kLeg, subscription.splice(kLeg)->ticket(),
                                  Stored(std::move(candles), next_version));
  }
  // Live, with FINAL windows up to `closed_until_s`, a trade at the start of each.
  void GoLive(int64_t closed_until_s) {
    Register(0, closed_until_s);
    std::vector<Update> stored;
    for (int64_t start = 0; start < closed_until_s; start += 7) {
      stored.push_back(FinalPart(start, start + 1));
    }
    EXPECT_EQ(Read(stored, closed_until_s + 1), Splice::Outcome::kDelivered);
    while (subscription.Take(kStart)) {
    }
  }
  // One live FINAL, and the clock after it.
  void Live(const Update& part, int64_t closed_until_s) {
    subscription.OnUpdate(kLeg, part);
    subscription.OnClosedUntil(kPartition, {"venue", At(closed_until_s)});
  }
  // Candles of all that is due now.
  std::vector<std::string> Take(Subscription::Time now = kStart) {
    std::vector<std::string> taken;
    while (const auto message = subscription.Take(now)) {
      const auto* batch = std::get_if<CandlesMessage>(&*message);
      if (batch == nullptr) continue;
      for (const std::string& text : Texts(batch->candles)) taken.push_back(text);
    }
    return taken;
  }
  // "0..7 >=5" or "7..": what is asked for.
  std::vector<std::string> Asked() const {
    std::vector<std::string> asked;
    for (const WantedSeries& wanted : subscription.Request(kLeg).series) {
      const auto text = [](EventTime time) {
        return time == kBeginning ? std::string("-") : std::to_string(time.us / 1'000'000);
      };
      asked.push_back(text(wanted.from) + ".." + (wanted.to ? text(*wanted.to) : "") +
                      (wanted.changed_since ? " >=" + std::to_string(*wanted.changed_since) : ""));
    }
    return asked;
  }
  SnapshotRequest Needed() const { return subscription.NeededRead(kLeg, 1000); }

  Subscription subscription;
};

TEST(MergedSubscription, ParkedItReadsAgainFromWhatWasSent) {
  Stream s;
  s.GoLive(14);
  s.Live(FinalPart(14, 20), 21);
  EXPECT_GT(s.subscription.waiting_bytes(), 0);
  s.subscription.Park();
  EXPECT_EQ(s.subscription.waiting_bytes(), 0);
  s.Live(FinalPart(21, 30), 28);
  EXPECT_THAT(s.Take(), IsEmpty());
  s.Register(31, 28, {OpenPart(28, 40)});
  EXPECT_THAT(s.Asked(), ElementsAre("-..14 >=14", "14.."));
  EXPECT_EQ(s.Read({FinalPart(14, 20)}, 30), Splice::Outcome::kBehind);
  s.Read({FinalPart(14, 20), FinalPart(21, 30)}, 31);
  EXPECT_THAT(s.Take(), ElementsAre("A 14 v20 FINAL", "A 21 v30 FINAL", "A 28 v40 PARTIAL"));
}

TEST(MergedSubscription, AClientThatIsSlowForGoodComesFurtherWithEachHistory) {
  Stream s;
  s.GoLive(14);
  for (int64_t start = 14; start < 70; start += 7) {
    s.Live(FinalPart(start, start + 1), start + 7);
    s.subscription.Park();
    EXPECT_THAT(s.Take(), IsEmpty());
    s.Register(start + 2, start + 7);
    s.Read({FinalPart(start, start + 1)}, start + 2);
    s.Live(FinalPart(start + 7, start + 8), start + 14);  // it waits: the queue is never empty
    s.subscription.Park();
    EXPECT_THAT(s.Take(), ElementsAre(Text(FinalPart(start, start + 1))));
    s.Register(start + 9, start + 14);
    EXPECT_THAT(s.Asked().back(), std::to_string(start + 7) + "..");
    s.Read({FinalPart(start + 7, start + 8)}, start + 9);
    s.Take();
    start += 7;
  }
}

TEST(MergedSubscription, AStoreThatIsSlowerThanTheMarketIsReadFromWhereItsHistoryEnded) {
  Stream s;
  s.Register(10, 14);
  s.Live(FinalPart(14, 20), 21);
  s.subscription.DropBuffered();
  s.Read({FinalPart(0, 5), FinalPart(7, 9)}, 10);
  EXPECT_THAT(s.Take(), ElementsAre("A 0 v5 FINAL", "A 7 v9 FINAL"));
  EXPECT_TRUE(s.subscription.parked());
  s.Register(21, 21);
  EXPECT_THAT(s.Asked(), ElementsAre("-..14 >=9", "14.."));
}

TEST(MergedSubscription, SkippedWindowsAreToldWithTheirIntervalAndNotSentAgain) {
  Stream s;
  s.GoLive(14);
  s.Live(FinalPart(14, 20), 21);
  s.Live(FinalPart(21, 22), 28);
  s.subscription.Skip(1 << 20);
  const auto message = s.subscription.Take(kStart);
  const auto& skipped = std::get<SkippedMessage>(*message);
  EXPECT_EQ(skipped.count, 2);
  EXPECT_THAT(skipped.closed, IsEmpty());
  const SkippedRange& range = skipped.merged.at({kA, "7s"});
  EXPECT_EQ(range.count, 2);
  EXPECT_EQ(range.first, At(14));
  EXPECT_EQ(range.last, At(21));
  EXPECT_EQ(s.subscription.Resumable()->marks.at(kPartition), 22) << "told is as good as sent";
  s.Live(FinalPart(28, 30), 35);
  EXPECT_THAT(s.Take(), ElementsAre("A 28 v30 FINAL"));
}

TEST(MergedSubscription, AnOpenWindowIsNotSentMoreOftenThanAskedForAndItsFinalAtOnce) {
  Stream s(milliseconds(100));
  s.GoLive(14);
  s.subscription.OnUpdate(kLeg, OpenPart(14, 20));
  EXPECT_THAT(s.Take(), ElementsAre("A 14 v20 PARTIAL"));
  s.subscription.OnUpdate(kLeg, OpenPart(15, 21));
  EXPECT_THAT(s.Take(kStart + milliseconds(99)), IsEmpty());
  EXPECT_TRUE(s.subscription.WaitsForTime());
  s.subscription.OnUpdate(kLeg, OpenPart(15, 22));
  EXPECT_THAT(s.Take(kStart + milliseconds(100)), ElementsAre("A 14 v22 PARTIAL"));
  s.subscription.OnUpdate(kLeg, FinalPart(14, 23));
  s.Live(FinalPart(15, 23), 21);
  EXPECT_THAT(s.Take(kStart + milliseconds(101)), ElementsAre("A 14 v23 FINAL"));
  EXPECT_FALSE(s.subscription.WaitsForTime());
}

TEST(MergedSubscription, AWindowIsNotReadFromAStoreThatLagsBehindWhatWasSent) {
  Stream s;
  s.GoLive(700);
  s.Live(RevisedPart(0, 800), 700);
  const SnapshotRequest request = s.Needed();
  ASSERT_EQ(request.series.size(), 1u);
  EXPECT_FALSE(s.subscription.OnRead(kLeg, request, Stored({FinalPart(0, 1)}, 800)));
  EXPECT_THAT(s.Take(), IsEmpty());
  EXPECT_EQ(s.Needed().series.size(), 1u);
  EXPECT_TRUE(s.subscription.OnRead(kLeg, request, Stored({RevisedPart(0, 800)}, 801)));
  EXPECT_THAT(s.Take(), ElementsAre("A 0 v800 REVISED"));
}

TEST(MergedSubscription, ATokenGoesBackToWhatIsBeingReadAndSaysWhatMustBeStored) {
  Stream s;
  s.GoLive(700);
  s.Live(RevisedPart(0, 800), 700);
  s.Live(FinalPart(700, 900), 707);
  EXPECT_THAT(s.Take(), ElementsAre("A 700 v900 FINAL"));
  const auto resume = s.subscription.Resumable();
  ASSERT_TRUE(resume);
  EXPECT_LE(resume->marks.at(kPartition), 800);
  EXPECT_EQ(resume->required.at(kPartition), 901);
  Stream next({}, resume);
  next.Register(0, 707);
  EXPECT_EQ(next.Read({RevisedPart(0, 800)}, 900), Splice::Outcome::kBehind);
  next.Read({RevisedPart(0, 800), FinalPart(700, 900)}, 901);
  next.Take();
  next.subscription.OnRead(kLeg, next.Needed(), Stored({RevisedPart(0, 800)}, 901));
  EXPECT_THAT(next.Take(), ElementsAre("A 0 v800 REVISED"));
}

TEST(MergedSubscription, WindowsAreReadAsFastAsTheClientTakesThemAlsoWhenParked) {
  Stream s;
  s.GoLive(700);
  s.Live(FinalPart(700, 701), 707);
  s.subscription.OnUpdate(kLeg, RevisedPart(0, 800));
  EXPECT_THAT(s.Needed().series, IsEmpty()) << "something waits for the client";
  s.subscription.Park();
  EXPECT_EQ(s.Needed().series.size(), 1u);
  EXPECT_FALSE(s.subscription.parked()) << "not before the windows were read";
  s.subscription.OnRead(kLeg, s.Needed(), Stored({RevisedPart(0, 800)}, 801));
  s.subscription.Park();  // what was read stays
  EXPECT_THAT(s.Take(), ElementsAre("A 0 v800 REVISED"));
  EXPECT_TRUE(s.subscription.parked());
}

}  // namespace
}  // namespace quantstream::query::testing
