// Subscribe: what is answered to items that find no room, or are there already, and whole venues.
#include <gmock/gmock.h>

#include <future>

#include "tests/unit/query/subscribe_client.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

using SubscribeBoundsTest = ServiceTest;

TEST_F(SubscribeBoundsTest, AnItemThatIsThereAlreadyIsAnsweredWithThePaceThatIsInEffect) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(kA, "1s", 50), Item(kA, "1s", 70), Item("venue:*", "5s", 60),
                      Item("venue:*", "5s", 80), Item(kB, "5s", 90)}));
  EXPECT_THAT(client.Next(6), ElementsAre("AAA-USD 1s ok", "AAA-USD 1s ok", "* 5s ok", "* 5s ok",
                                          "BBB-USD 5s ok", "end"));
  std::vector<int> paces;
  for (const auto& status : client.statuses()) paces.push_back(status.item().min_update_ms());
  EXPECT_THAT(paces, ElementsAre(50, 50, 60, 60, 60));
}

TEST_F(SubscribeBoundsTest, AVenueThatNothingIsKnownOfIsAddedAndSaysSo) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("venu:*"), Item("venue:*")}));
  EXPECT_THAT(client.Next(3), ElementsAre("* 1s ok", "* 1s ok", "end"));
  EXPECT_THAT(client.statuses()[0].message(), HasSubstr("like it: venue"));
  EXPECT_EQ(client.statuses()[1].message(), "");
}

TEST_F(SubscribeBoundsTest, AVenueIsCheckedLikeANameAndForgottenWithItsLastItem) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(std::string(50'000, 'a') + ":*"), Item("x\n:*"), Item("other:*"),
                      Item("other:*", "5s")}));
  EXPECT_THAT(client.Next(4), ElementsAre("* 1s 3", "* 1s 3", "* 1s ok", "* 5s ok"));
  EXPECT_EQ(fanout_.venues(), 1);
  client.Send(Removing({Item("other:*")}));
  EXPECT_THAT(client.Next(1), ElementsAre("* 1s ok"));
  EXPECT_EQ(fanout_.venues(), 1);
  client.Send(Removing({Item("other:*", "5s")}));
  EXPECT_THAT(client.Next(1), ElementsAre("* 5s ok"));
  EXPECT_EQ(fanout_.venues(), 0);
}

// The removal comes when what was found is answered and not yet listened to.
TEST_F(SubscribeBoundsTest, ARemovalWaitsForTheAdditionOfWhatWasFound) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("venue:*")}));
  EXPECT_THAT(client.Next(2), ElementsAre("* 1s ok", "end"));
  const auto answer = [&] {
    std::string word;
    do {
      const auto next = client.Next(1);
      word = next.empty() ? "* 1s ok" : next.front();
    } while (word != "* 1s ok");
  };
  std::future<void> removed;
  bool early = false;
  history_.AtNextSnapshot([&] {
    client.Send(Removing({Item("venue:*")}));
    removed = std::async(std::launch::async, answer);
    early = removed.wait_for(std::chrono::milliseconds(300)) == std::future_status::ready;
  });
  history_.Commit({Final("venue:NEW-USD", 12, 10)}, 11);
  fanout_.OnEvent(ClosedOf({Final("venue:NEW-USD", 12, 10)}));
  removed.get();
  EXPECT_FALSE(early);
  client.Send(Adding({Item(kA)}));
  EXPECT_THAT(client.Next(2), ElementsAre("AAA-USD 1s ok", "end"));
  fanout_.OnEvent(ClosedOf({Final("venue:NEW-USD", 13, 11), Final(kA, 13, 11)}));
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 13 v11 FINAL"));
}

class SmallStreams : public ServiceTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.request.subscriptions_max = 4;
    options->service.request.snapshot_candles_max = 100;
    options->service.request.legs_max = 2;
  }
};

TEST_F(SmallStreams, AWholeVenueCountsAndIsAddedAsAWholeOrNotAtAll) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("one:*"), Item("two:*"), Item("venue:*")}, 1));
  EXPECT_THAT(client.Next(3), ElementsAre("* 1s ok", "* 1s ok", "* 1s 8"));
  EXPECT_EQ(fanout_.venues(), 2);
  client.Send(Adding({Item(kA), Item(kB), Item("three:*")}, 1));
  EXPECT_THAT(client.Next(4), ElementsAre("AAA-USD 1s ok", "BBB-USD 1s ok", "* 1s 8", "end"));
}

TEST_F(SmallStreams, TooMuchHistoryIsAnsweredToTheItemsThatAskForIt) {
  history_.Commit({Final(kA, 10, 5)}, 6);
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("venue:*"), Item(kA), Item(kB)}, 60));
  EXPECT_THAT(client.Next(5), ElementsAre("* 1s 3", "AAA-USD 1s ok", "BBB-USD 1s 3",
                                          "AAA-USD 10 v5 FINAL", "end"));
  EXPECT_THAT(client.statuses()[0].message(), HasSubstr("last: "));
  EXPECT_THAT(client.statuses()[0].message(), HasSubstr("120 candles"));
}

TEST_F(SmallStreams, WhatIsAddedApartIsBoundedAndWhatIsRemovedMakesRoom) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item(kA, "1s", 10), Item(kA, "5s", 20), Item(kB, "1s", 30),
                      Item(kB, "5s", 20)}, 1));
  EXPECT_THAT(client.Next(5), ElementsAre("AAA-USD 1s ok", "AAA-USD 5s ok", "BBB-USD 1s 8",
                                          "BBB-USD 5s ok", "end"));
  EXPECT_THAT(client.statuses()[2].message(), HasSubstr("one request"));
  v1::SubscribeRequest swap = Adding({Item(kB, "1s", 30)}, 1);
  *swap.add_remove() = Item(kA);
  client.Send(swap);
  EXPECT_THAT(client.Next(3), ElementsAre("AAA-USD 1s ok", "BBB-USD 1s ok", "end"));
}

TEST_F(SubscribeBoundsTest, WhatIsFoundOfAVenueSharesOneHistory) {
  SubscribeClient client(stub_.get());
  client.Send(Adding({Item("other:*"), Item("other:*", "5s")}));
  EXPECT_THAT(client.Next(2), ElementsAre("* 1s ok", "* 5s ok"));
  const int before = history_.snapshots_begun();
  const std::vector<Update> news = {Final("other:A-USD", 12, 10), Final("other:B-USD", 12, 10)};
  history_.Commit(news, 11);
  fanout_.OnEvent(ClosedOf(news));
  EXPECT_THAT(client.Next(7),
              UnorderedElementsAre("A-USD 1s ok", "A-USD 5s ok", "B-USD 1s ok", "B-USD 5s ok",
                                   "A-USD 12 v10 FINAL", "B-USD 12 v10 FINAL", "end"));
  EXPECT_EQ(history_.snapshots_begun() - before, 1);
}

}  // namespace
}  // namespace quantstream::query::testing
