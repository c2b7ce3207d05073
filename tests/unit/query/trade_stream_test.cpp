// StreamTrades with real gRPC clients; the test plays the reader of topic `trades`.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/wait.h"
#include "tests/unit/query/raw_client.h"
#include "tests/unit/query/service_fixture.h"
#include "tests/unit/query/trade_batches.h"
#include "tests/unit/query/trade_client.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TradeStreamTest : public ServiceTest {
 protected:
  bool WaitForListeners(int64_t count) {
    return test_support::WaitFor([&] { return trades_.listeners() == count; });
  }
  // As the reader of the log does.
  void FollowWishes() {
    for (const int32_t partition : trades_.TakeWishes().start) trades_.OnStarted(partition);
  }
  TradeFanout::Outcome Record(const std::vector<v1::Trade>& trades) {
    return trades_.OnRecord(kPartition, DecodedBatch(BatchOf(sequence_++, trades)).record());
  }
  // Until somebody does not read as fast.
  void FillQueues() {
    uint64_t id = 0;
    while (Record(std::vector<v1::Trade>(1'000, TradeOf(kA, ++id))).trades_dropped == 0) {
      ASSERT_LT(id, 100'000u);
    }
  }
  // One that hears all from now on.
  std::unique_ptr<TradeClient> Listen(const std::vector<std::string>& instruments) {
    const int64_t listeners = trades_.listeners();
    auto client = std::make_unique<TradeClient>(stub_.get(), instruments);
    EXPECT_TRUE(WaitForListeners(listeners + 1));
    FollowWishes();
    client->WaitUntilItBegins();
    return client;
  }

  uint64_t sequence_ = 0;
};

TEST_F(TradeStreamTest, TradesOfTheInstrumentsComeAsTheyStandInTheLog) {
  const auto a = Listen({kA});
  const auto both = Listen({"aaausd", kB, kA});
  Record({TradeOf(kA, 1), TradeOf(kB, 2), TradeOf(kA, 3)});
  Record({TradeOf("venue:CCC-USD", 4)});
  Record({TradeOf(kB, 5)});
  EXPECT_THAT(both->Next(4), ElementsAre("AAA-USD 1", "AAA-USD 3", "BBB-USD 2", "BBB-USD 5"));
  EXPECT_THAT(a->Next(2), ElementsAre("AAA-USD 1", "AAA-USD 3"));
  EXPECT_EQ(a->last().SerializeAsString(), TradeOf(kA, 3).SerializeAsString());
}

TEST_F(TradeStreamTest, ItBeginsWhenItsTradesAreRead) {
  TradeClient client(stub_.get(), {kA});
  ASSERT_TRUE(WaitForListeners(1));
  Record({TradeOf(kA, 1)});
  FollowWishes();
  client.WaitUntilItBegins();
  Record({TradeOf(kA, 2)});
  EXPECT_THAT(client.Next(1), ElementsAre("AAA-USD 2"));
}

TEST_F(TradeStreamTest, ALostPlaceIsTold) {
  const auto client = Listen({kA});
  Record({TradeOf(kA, 1)});
  EXPECT_THAT(client->Next(1), ElementsAre("AAA-USD 1"));
  trades_.OnPlaceLost(kPartition);
  EXPECT_THAT(client->Next(1), ElementsAre("skipped 1"));
  FollowWishes();
  Record({TradeOf(kA, 2)});
  EXPECT_THAT(client->Next(1), ElementsAre("AAA-USD 2"));
}

TEST_F(TradeStreamTest, AClientThatDoesNotReadSkipsTheOldestAndIsToldHowMany) {
  const auto slow = Listen({kA});
  const auto other_stub = Connect();
  TradeClient other(other_stub.get(), {kB});
  ASSERT_TRUE(WaitForListeners(2));
  other.WaitUntilItBegins();
  uint64_t id = 0;
  uint64_t dropped = 0;
  while (dropped < 1'000 && id < 10'000'000) {
    std::vector<v1::Trade> trades;
    for (int i = 0; i < 100; ++i) trades.push_back(TradeOf(kA, ++id));
    dropped += Record(trades).trades_dropped;
  }
  ASSERT_GE(dropped, 1'000u);
  Record({TradeOf(kB, 1)});
  EXPECT_THAT(other.Next(1), ElementsAre("BBB-USD 1"));
  uint64_t next = 1;
  uint64_t skipped = 0;
  while (next <= id) {
    const auto words = slow->Next(1);
    ASSERT_EQ(words.size(), 1u);
    if (words[0].starts_with("skipped ")) {
      skipped += std::stoull(words[0].substr(8));
      next += std::stoull(words[0].substr(8));
    } else {
      ASSERT_EQ(words[0], "AAA-USD " + std::to_string(next++));
    }
  }
  EXPECT_EQ(skipped, dropped);
  EXPECT_LT(slow->messages(), static_cast<int>(id / 100)) << "batches are joined";
}

TEST_F(TradeStreamTest, EveryWrongRequestIsAnsweredWithTheFieldAndWhatIsLegal) {
  history_.AddInstrument("other:BBB-USD", kPartition);
  const auto answer = [&](const std::vector<std::string>& instruments) {
    return TradeClient(stub_.get(), instruments).Finish();
  };
  const auto expect_bad = [&](const std::vector<std::string>& instruments, const char* field,
                              const char* says) {
    const grpc::Status status = answer(instruments);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    const auto detail = DetailOf<google::rpc::BadRequest>(status);
    ASSERT_TRUE(detail) << status.error_message();
    EXPECT_EQ(detail->field_violations(0).field(), field);
    EXPECT_THAT(detail->field_violations(0).description(), HasSubstr(says));
  };
  expect_bad({}, "instruments", "1 to 1000");
  expect_bad(std::vector<std::string>(1'001, kA), "instruments", "1 to 1000");
  expect_bad({kA, ""}, "instruments[1]", "legal");
  expect_bad({"bbbusd"}, "instruments[0]", "several");
  const grpc::Status unknown = answer({"venue:AAB-USD"});
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(unknown.error_message(), HasSubstr(kA));
  EXPECT_EQ(trades_.listeners(), 0);
}

TEST_F(TradeStreamTest, AStoreThatIsDownIsUnavailableWithWhenToTryAgain) {
  history_.Fail(absl::UnavailableError("the store is down"));
  const grpc::Status status = TradeClient(stub_.get(), {kA}).Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status));
}

TEST_F(TradeStreamTest, WhoIsGoneListensNoMore) {
  {
    const auto cancelled = Listen({kA});
    TradeClient early(stub_.get(), {kA});
  }
  EXPECT_TRUE(WaitForListeners(0));
  EXPECT_THAT(trades_.TakeWishes().stop, ElementsAre(kPartition));
}

// A client that takes no more than the first 64 KiB.
int CallAndNeverRead(uint16_t port) {
  v1::StreamTradesRequest request;
  request.add_instruments(kA);
  return DialAndSend(port, RawCall("StreamTrades", request.SerializeAsString()));
}

TEST_F(TradeStreamTest, AClientThatVanishesInTheMiddleLeavesNobodyBehind) {
  const int fd = CallAndNeverRead(server_->port());
  ASSERT_TRUE(WaitForListeners(1));
  FollowWishes();
  FillQueues();
  Reset(fd);  // while a message is on its way
  EXPECT_TRUE(WaitForListeners(0));
  EXPECT_EQ(trades_.queued_bytes(), 0);
}

TEST_F(TradeStreamTest, AClientThatNeverReadsIsCutOffWhenTheServerGoes) {
  const int fd = CallAndNeverRead(server_->port());
  ASSERT_TRUE(WaitForListeners(1));
  FollowWishes();
  FillQueues();
  server_->Drain(std::chrono::milliseconds(20), std::chrono::milliseconds(100));
  EXPECT_EQ(trades_.listeners(), 0);
  EXPECT_EQ(trades_.queued_bytes(), 0);
  close(fd);
}

TEST_F(TradeStreamTest, DrainingEndsStreamsAndRefusesNewOnes) {
  const auto client = Listen({kA});
  StreamClient candles(stub_.get(), StreamOf(kA));  // holds the drain open
  EXPECT_THAT(candles.Next(1), ElementsAre("end"));
  std::thread drain([&] { server_->Drain(std::chrono::seconds(20), std::chrono::seconds(10)); });
  const grpc::Status ended = client->Finish();
  EXPECT_THAT(candles.Next(1), ElementsAre("draining"));
  const grpc::Status refused = TradeClient(stub_.get(), {kA}).Finish();
  for (const grpc::Status& status : {ended, refused}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(status)) << status.error_message();
  }
  candles.Cancel();
  drain.join();
  EXPECT_EQ(trades_.listeners(), 0);
}

TEST_F(TradeStreamTest, TheStoreMayAnswerWhenTheServerIsGone) {
  history_.HoldNames();
  TradeClient client(stub_.get(), {kA});
  ASSERT_TRUE(history_.WaitForNames());
  server_.reset();
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  history_.Release();  // sanitizers watch what the answer touches
}

TEST_F(TradeStreamTest, AStormOfComingAndGoingLeavesNobodyBehind) {
  std::atomic<bool> ended = false;
  std::thread reader([&] {
    for (uint64_t id = 1; !ended; ++id) {
      const auto wishes = trades_.TakeWishes();
      for (const int32_t partition : wishes.start) trades_.OnStarted(partition);
      if (id % 50 == 0) trades_.OnPlaceLost(kPartition);
      Record({TradeOf(kA, id), TradeOf(kB, id)});
    }
  });
  std::vector<std::thread> comers;
  for (int i = 0; i < 4; ++i) {
    comers.emplace_back([&, i] {
      const auto stub = Connect();
      for (int round = 0; round < 50; ++round) {
        TradeClient client(stub.get(), {i % 2 == 0 ? kA : kB});
        const size_t words = round % 3 == 0 ? 0 : 5;
        EXPECT_EQ(client.Next(words).size(), words);
      }
    });
  }
  for (std::thread& comer : comers) comer.join();
  EXPECT_TRUE(WaitForListeners(0));
  ended = true;
  reader.join();
  EXPECT_EQ(trades_.queued_bytes(), 0);
}

class StreamsMaxTest : public TradeStreamTest {
 protected:
  void Adjust(ServerOptions* options) override { options->service.streams_max = 1; }
};

TEST_F(StreamsMaxTest, CountsStreamsOfTradesToo) {
  auto first = Listen({kA});
  const grpc::Status status = TradeClient(stub_.get(), {kA}).Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  first.reset();
  ASSERT_TRUE(WaitForListeners(0));
  EXPECT_TRUE(test_support::WaitFor(
      [&] { return !StreamClient(stub_.get(), StreamOf(kA)).Next(1).empty(); }));
}

}  // namespace
}  // namespace quantstream::query::testing
