#include "query/trade_fanout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quantstream/v1/market_data.pb.h"
#include "tests/unit/query/trade_batches.h"

namespace quantstream::query {
namespace {

using testing::BatchOf;
using testing::DecodedBatch;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TradeOf;

constexpr char kA[] = "venue:AAA-USD";
constexpr char kB[] = "venue:BBB-USD";
constexpr int32_t kOne = 1;
constexpr int32_t kTwo = 2;

class Ear final : public TradeListener {
 public:
  void Send() override { ++woken; }
  int woken = 0;
};

class TradeFanoutTest : public ::testing::Test {
 protected:
  std::shared_ptr<Ear> Listen(const std::vector<TradeSource>& sources) {
    auto ear = std::make_shared<Ear>();
    fanout_->Add(ear, sources);
    return ear;
  }
  // Started, as the reader does it.
  void ReadAllWanted() {
    for (const int32_t partition : fanout_->TakeWishes().start) fanout_->OnStarted(partition);
  }
  TradeFanout::Outcome Record(int32_t partition, const std::vector<v1::Trade>& trades) {
    return fanout_->OnRecord(partition, DecodedBatch(BatchOf(sequence_++, trades)).record());
  }
  // All there is as words: "begun", "-2" for skipped, ids; messages end with "|".
  std::vector<std::string> Heard(const std::shared_ptr<Ear>& ear) {
    std::vector<std::string> words;
    while (const auto news = fanout_->Take(ear.get())) {
      if (const auto* message = std::get_if<TradeMessage>(&*news)) {
        Describe(*message, &words);
      } else {
        words.push_back("begun");
      }
    }
    return words;
  }
  static void Describe(const TradeMessage& message, std::vector<std::string>* words) {
    std::string bytes;
    for (const SharedTrades& chunk : message.chunks) bytes += chunk->fields;
    v1::StreamTradesResponse response;
    ASSERT_TRUE(response.ParseFromString(bytes));
    ASSERT_EQ(static_cast<uint64_t>(response.trades_size()), message.trades());
    if (message.skipped > 0) words->push_back("-" + std::to_string(message.skipped));
    for (const v1::Trade& trade : response.trades()) {
      words->push_back(std::to_string(trade.trade_id()));
      const std::string name = trade.venue() + ":" + trade.symbol();
      EXPECT_EQ(trade.SerializeAsString(), TradeOf(name, trade.trade_id()).SerializeAsString());
    }
    words->push_back("|");
  }

  std::unique_ptr<TradeFanout> fanout_ = std::make_unique<TradeFanout>();
  uint64_t sequence_ = 0;
};

TEST_F(TradeFanoutTest, EachHearsItsOwnInstrumentsInTheOrderOfTheLog) {
  const auto a = Listen({{kA, kOne}});
  const auto b = Listen({{kB, kOne}});
  const auto both = Listen({{kA, kOne}, {kB, kOne}});
  ReadAllWanted();
  Record(kOne, {TradeOf(kA, 1), TradeOf(kB, 2), TradeOf("venue:CCC-USD", 3), TradeOf(kA, 4)});
  Record(kOne, {TradeOf(kB, 5)});
  EXPECT_THAT(Heard(a), ElementsAre("begun", "1", "4", "|"));
  EXPECT_THAT(Heard(b), ElementsAre("begun", "2", "5", "|"));
  EXPECT_THAT(Heard(both), ElementsAre("begun", "1", "4", "2", "5", "|"));
}

TEST_F(TradeFanoutTest, TheBytesOfATradeAreMadeOnceForAll) {
  const auto first = Listen({{kA, kOne}});
  const auto second = Listen({{kA, kOne}});
  ReadAllWanted();
  Record(kOne, {TradeOf(kA, 1)});
  const auto taken = [&](const auto& ear) {
    EXPECT_TRUE(std::holds_alternative<TradesBegun>(*fanout_->Take(ear.get())));
    return std::get<TradeMessage>(*fanout_->Take(ear.get())).chunks.at(0);
  };
  EXPECT_EQ(taken(first), taken(second));
}

TEST_F(TradeFanoutTest, APartitionIsWantedWhileSomebodyListens) {
  EXPECT_THAT(fanout_->TakeWishes().start, IsEmpty());
  const auto first = Listen({{kA, kOne}, {kB, kTwo}});
  const auto second = Listen({{kA, kOne}});
  EXPECT_THAT(fanout_->TakeWishes().start, ElementsAre(kOne, kTwo));
  EXPECT_THAT(fanout_->TakeWishes().start, ElementsAre(kOne, kTwo)) << "until it is started";
  ReadAllWanted();
  EXPECT_THAT(fanout_->TakeWishes().start, IsEmpty());
  EXPECT_EQ(fanout_->partitions_read(), 2);
  fanout_->Remove(first.get());
  EXPECT_THAT(fanout_->TakeWishes().stop, ElementsAre(kTwo));
  fanout_->Remove(second.get());
  EXPECT_THAT(fanout_->TakeWishes().stop, ElementsAre(kOne));
  EXPECT_EQ(fanout_->partitions_read(), 0);
  EXPECT_EQ(fanout_->listeners(), 0);
}

TEST_F(TradeFanoutTest, WhoComesWhenItIsToBeStoppedWaitsForItsStart) {
  fanout_->Remove(Listen({{kA, kOne}}).get());
  const auto gone = Listen({{kA, kOne}});
  ReadAllWanted();
  fanout_->Remove(gone.get());
  EXPECT_THAT(fanout_->TakeWishes().stop, ElementsAre(kOne));
  const auto next = Listen({{kA, kOne}});
  Record(kOne, {TradeOf(kA, 1)});  // left over from before the stop
  EXPECT_THAT(Heard(next), IsEmpty());
  ReadAllWanted();
  Record(kOne, {TradeOf(kA, 2)});
  EXPECT_THAT(Heard(next), ElementsAre("begun", "2", "|"));
}

TEST_F(TradeFanoutTest, BegunIsToldOnceWhenAllPartitionsAreRead) {
  const auto ear = Listen({{kA, kOne}, {kB, kTwo}});
  fanout_->OnStarted(kOne);
  Record(kOne, {TradeOf(kA, 1)});
  EXPECT_THAT(Heard(ear), ElementsAre("1", "|"));
  fanout_->OnStarted(kTwo);
  EXPECT_THAT(Heard(ear), ElementsAre("begun"));
  fanout_->OnPlaceLost(kTwo);
  fanout_->OnStarted(kTwo);
  EXPECT_THAT(Heard(ear), ElementsAre("-1", "|"));
  const auto late = Listen({{kA, kOne}, {kB, kTwo}});
  EXPECT_THAT(Heard(late), ElementsAre("begun"));
}

TEST_F(TradeFanoutTest, ALostPlaceIsToldToThoseWhoMayHaveMissedSomething) {
  const auto a = Listen({{kA, kOne}});
  const auto b = Listen({{kB, kTwo}});
  ReadAllWanted();
  Record(kOne, {TradeOf(kA, 1)});
  fanout_->OnPlaceLost(kOne);
  const auto late = Listen({{kA, kOne}});
  Record(kOne, {TradeOf(kA, 2)});
  EXPECT_THAT(fanout_->TakeWishes().start, ElementsAre(kOne));
  fanout_->OnPlaceLost(kOne);  // again, before it could be started
  fanout_->OnStarted(kOne);
  Record(kOne, {TradeOf(kA, 3)});
  EXPECT_THAT(Heard(a), ElementsAre("begun", "1", "|", "-2", "3", "|"));
  EXPECT_THAT(Heard(late), ElementsAre("begun", "3", "|")) << "it was promised nothing before";
  EXPECT_THAT(Heard(b), ElementsAre("begun"));
}

TEST_F(TradeFanoutTest, ARecordThatIsSentAgainChangesNothing) {
  const auto ear = Listen({{kA, kOne}});
  ReadAllWanted();
  const DecodedBatch batch(BatchOf(5, {TradeOf(kA, 1)}));
  EXPECT_FALSE(fanout_->OnRecord(kOne, batch.record()).repeated);
  EXPECT_TRUE(fanout_->OnRecord(kOne, batch.record()).repeated);
  EXPECT_THAT(Heard(ear), ElementsAre("begun", "1", "|"));
}

TEST_F(TradeFanoutTest, AListenerIsWokenOnceUntilItHasTakenAll) {
  const auto ear = Listen({{kA, kOne}});
  EXPECT_FALSE(fanout_->Take(ear.get()));
  ReadAllWanted();
  Record(kOne, {TradeOf(kA, 1)});
  Record(kOne, {TradeOf(kA, 2)});
  EXPECT_EQ(ear->woken, 1);
  EXPECT_TRUE(fanout_->Take(ear.get()));  // begun
  EXPECT_TRUE(fanout_->Take(ear.get()));
  Record(kOne, {TradeOf(kA, 3)});
  EXPECT_EQ(ear->woken, 1) << "it is sending, and comes by itself";
  EXPECT_THAT(Heard(ear), ElementsAre("3", "|"));
  Record(kOne, {TradeOf(kA, 4)});
  EXPECT_EQ(ear->woken, 2);
}

TEST_F(TradeFanoutTest, ASlowListenerLosesTheOldestAndNobodyElseDoes) {
  fanout_ = std::make_unique<TradeFanout>(TradeLimits{.queue_bytes_max = 2'000});
  const auto slow = Listen({{kA, kOne}});
  const auto fast = Listen({{kA, kOne}});
  ReadAllWanted();
  EXPECT_THAT(Heard(fast), ElementsAre("begun"));
  uint64_t dropped = 0;
  for (uint64_t id = 1; id <= 100; ++id) {
    dropped += Record(kOne, {TradeOf(kA, id)}).trades_dropped;
    EXPECT_THAT(Heard(fast), ElementsAre(std::to_string(id), "|"));
    EXPECT_LE(fanout_->queued_bytes(), 2'000);
  }
  const auto heard = Heard(slow);
  ASSERT_GT(heard.size(), 4u);
  EXPECT_GT(dropped, 80u);
  EXPECT_EQ(heard[1], "-" + std::to_string(dropped));
  EXPECT_EQ(heard[2], std::to_string(dropped + 1));
  EXPECT_EQ(heard[heard.size() - 2], "100");
}

TEST_F(TradeFanoutTest, PastTheBoundOfAllEachHasItsShare) {
  fanout_ = std::make_unique<TradeFanout>(
      TradeLimits{.queue_bytes_max = 100'000, .queues_bytes_max = 10'000});
  std::vector<std::shared_ptr<Ear>> ears;
  for (int i = 0; i < 5; ++i) ears.push_back(Listen({{kA, kOne}}));
  ReadAllWanted();
  for (uint64_t id = 1; id <= 300; ++id) {
    Record(kOne, {TradeOf(kA, id)});
    EXPECT_LE(fanout_->queued_bytes(), 10'000 + 500) << "a trade more, when it was not full yet";
  }
  for (const auto& ear : ears) {
    EXPECT_GT(Heard(ear).size(), 8u) << "a share of 2,000 bytes holds some";
    fanout_->Remove(ear.get());
  }
  EXPECT_EQ(fanout_->queued_bytes(), 0);
}

TEST_F(TradeFanoutTest, ALargeRecordComesInMessagesOfTheirSize) {
  fanout_ = std::make_unique<TradeFanout>(TradeLimits{.message_bytes_max = 300});
  const auto ear = Listen({{kA, kOne}});
  ReadAllWanted();
  std::vector<v1::Trade> trades;
  for (uint64_t id = 1; id <= 50; ++id) trades.push_back(TradeOf(kA, id));
  Record(kOne, trades);
  uint64_t expected = 1;
  int messages = 0;
  for (const std::string& word : Heard(ear)) {
    if (word == "begun") continue;
    if (word == "|") {
      ++messages;
    } else {
      EXPECT_EQ(word, std::to_string(expected++));
    }
  }
  EXPECT_EQ(expected, 51u);
  EXPECT_GT(messages, 10);
}

TEST_F(TradeFanoutTest, WhoIsRemovedHearsNoMoreAndIsLetGo) {
  auto ear = Listen({{kA, kOne}});
  ReadAllWanted();
  Record(kOne, {TradeOf(kA, 1)});
  fanout_->Remove(ear.get());
  EXPECT_FALSE(fanout_->Take(ear.get()));
  EXPECT_EQ(fanout_->queued_bytes(), 0);
  EXPECT_EQ(ear.use_count(), 1);
  fanout_->Remove(ear.get());
  EXPECT_EQ(fanout_->listeners(), 0);
}

}  // namespace
}  // namespace quantstream::query
