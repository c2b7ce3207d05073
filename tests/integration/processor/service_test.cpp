// The binary as its users see it: candles come out, bad input is answered by name.
#include <map>

#include "quantstream/v1/candle_event.pb.h"
#include "tests/integration/processor/processor_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace quantstream::processor {
namespace {

using std::chrono::seconds;
using test_support::TcpProxy;
using test_support::WaitFor;

class ProcessorServiceTest : public ::testing::Test {
 protected:
  bool StoppedWith(const std::string& reason) {
    return WaitFor([&] {
      return world_.Admin("/metrics").find("reason=\"" + reason + "\"} 1") != std::string::npos;
    });
  }

  ProcessorWorld world_;
};

TEST_F(ProcessorServiceTest, TradesBecomeExactRowsAndMessages) {
  world_.MakeTopics();
  world_.StartProcessor();
  world_.SendMarket(0, 70);
  EXPECT_FALSE(world_.RowsAreExact(seconds(0))) << "the newest windows are still open";
  world_.Send(300);
  EXPECT_TRUE(world_.RowsAreExact());
  EXPECT_NE(world_.Query("SELECT count(*) FROM candles WHERE revision > 0"), "0");
  EXPECT_TRUE(WaitFor([&] { return world_.Ready(); })) << world_.Admin("/readyz");

  int closed = 0, open = 0, progress = 0;
  for (const KeptRecord& record : world_.Read(world_.CandlesTopic(), 2)) {
    v1::CandleEvent event;
    ASSERT_TRUE(event.ParseFromString(record.payload));
    closed += event.has_closed() ? event.closed().candles_size() : 0;
    open += event.has_open();
    progress += event.has_progress();
  }
  EXPECT_GE(closed, std::stoi(world_.Query("SELECT count(*) FROM candles")));
  EXPECT_GT(open, 0);
  EXPECT_GT(progress, 0);
}

TEST_F(ProcessorServiceTest, AGracefulStopStoresWhatIsOpenAndTheNextOwnerGoesOn) {
  world_.MakeTopics();
  world_.SendMarket(0, 5);
  auto& first = world_.StartProcessor();
  ASSERT_TRUE(WaitFor([&] { return world_.HasMetric("records_total 10"); }));
  EXPECT_EQ(first.Terminate(), 0);
  EXPECT_EQ(world_.Query("SELECT count(*) FROM partition_progress WHERE replay_from = next_offset"),
            "2")
      << "nothing is read again";
  world_.SendMarket(5, 5);
  world_.Send(300);
  world_.StartProcessor();
  EXPECT_TRUE(world_.RowsAreExact());
}

TEST_F(ProcessorServiceTest, TheNextOwnerTellsProgressThoughTheMarketIsQuiet) {
  world_.MakeTopics();
  world_.SendMarket(0, 5);
  auto& first = world_.StartProcessor();
  ASSERT_TRUE(WaitFor([&] { return world_.HasMetric("records_total 10"); }));
  EXPECT_EQ(first.Terminate(), 0);
  world_.StartProcessor();
  const auto told = [&] {
    std::map<int32_t, int> times;
    for (const KeptRecord& record : world_.Read(world_.CandlesTopic(), 2)) {
      v1::CandleEvent event;
      const bool read = event.ParseFromString(record.payload);
      if (read && event.epoch() == 2 && event.has_progress()) ++times[record.partition];
    }
    return times[0] > 1 && times[1] > 1;
  };
  EXPECT_TRUE(WaitFor(told)) << "of each partition, again and again";
}

TEST_F(ProcessorServiceTest, AKilledProcessorsWindowsAreReadAgain) {
  world_.MakeTopics();
  world_.SendMarket(0, 8);
  auto& first = world_.StartProcessor();
  ASSERT_TRUE(WaitFor([&] { return world_.Query("SELECT count(*) > 20 FROM candles") == "t"; }));
  first.Kill();
  world_.SendMarket(8, 8);
  world_.Send(300);
  world_.StartProcessor();
  EXPECT_TRUE(world_.RowsAreExact());
}

TEST_F(ProcessorServiceTest, ARecordThatIsNoTradeBatchGoesToDeadLetterAndTheNextOnesCount) {
  world_.MakeTopics();
  world_.SendMarket(0, 2);
  world_.SendRaw(1, "certainly no TradeBatch \xff\xfe");
  world_.SendMarket(2, 2);
  world_.Send(300);
  world_.StartProcessor();
  EXPECT_TRUE(world_.RowsAreExact());
  ASSERT_TRUE(WaitFor([&] { return world_.DeadLetters().size() == 1; }));
  KeptRecord letter = world_.DeadLetters()[0];
  EXPECT_EQ(letter.payload, "certainly no TradeBatch \xff\xfe");
  EXPECT_EQ(letter.headers["source_topic"], world_.TradesTopic());
  EXPECT_EQ(letter.headers["source_partition"], "1");
  EXPECT_EQ(letter.headers["source_offset"], "2");
  EXPECT_NE(letter.headers["reason"], "");
  EXPECT_EQ(letter.headers["length"], "26");
  EXPECT_FALSE(letter.headers.contains("sha256"));
}

TEST_F(ProcessorServiceTest, OfALongBadRecordTheBeginningGoesToDeadLetterWithLengthAndHash) {
  world_.MakeTopics();
  world_.SendRaw(0, std::string(100'000, 'a'));
  world_.Send(1);
  world_.StartProcessor();
  ASSERT_TRUE(WaitFor([&] { return world_.DeadLetters().size() == 1; }));
  KeptRecord letter = world_.DeadLetters()[0];
  EXPECT_EQ(letter.payload, std::string(65'536, 'a'));
  EXPECT_EQ(letter.headers["length"], "100000");
  EXPECT_EQ(letter.headers["sha256"],
            "6d1cf22d7cc09b085dfc25ee1a1f3ae0265804c607bc2074ad253bcc82fd81ee");
}

TEST_F(ProcessorServiceTest, AnEmptyRecordGoesToDeadLetterAndSaysWhy) {
  world_.MakeTopics();
  world_.SendRaw(1, "");
  world_.SendMarket(0, 2);
  world_.Send(300);
  world_.StartProcessor();
  EXPECT_TRUE(world_.RowsAreExact());
  ASSERT_TRUE(WaitFor([&] { return world_.DeadLetters().size() == 1; }));
  EXPECT_EQ(world_.DeadLetters()[0].payload, "");
  EXPECT_EQ(world_.DeadLetters()[0].headers["source_offset"], "0");
  EXPECT_EQ(world_.DeadLetters()[0].headers["reason"],
            "node is empty: no ingest node wrote this record");
}

TEST_F(ProcessorServiceTest, ABadTradeGoesToDeadLetterAloneAndIsCountedByReason) {
  world_.MakeTopics();
  world_.AddTrade("BTC-USDT", 0.5, 10'000, 0);
  world_.AddTrade("ETH-USDT", 0.5, 10'000, 3);
  world_.Send(0.9);
  world_.Send(300);
  world_.StartProcessor();
  ASSERT_TRUE(WaitFor([&] { return world_.DeadLetters().size() == 1; }));
  EXPECT_EQ(world_.DeadLetters()[0].headers["reason"], "quantity");
  EXPECT_TRUE(WaitFor([&] {
    return world_.HasMetric("trades_refused_total{reason=\"quantity\"} 1") &&
           world_.Rows("ETH-USDT", 60) == world_.ExpectedRows("ETH-USDT", 60);
  }));
  EXPECT_EQ(world_.Rows("BTC-USDT", 60), "");
}

TEST_F(ProcessorServiceTest, APartitionOfMostlyBadRecordsStopsAndTheOtherGoesOn) {
  world_.MakeTopics();
  world_.StartProcessor();
  int32_t good = ProcessorWorld::PartitionOfSymbol("BTC-USDT");
  for (int i = 0; i < 501; ++i) {
    world_.SendRaw(1 - good, "\xff");
  }
  EXPECT_TRUE(StoppedWith("bad_records"));
  world_.AddTrade("BTC-USDT", 0.5, 10'000, 3);
  world_.Send(0.9);
  world_.Send(300);
  EXPECT_TRUE(
      WaitFor([&] { return world_.Rows("BTC-USDT", 60) == world_.ExpectedRows("BTC-USDT", 60); }));
  EXPECT_TRUE(WaitFor([&] {
    return world_.Admin("/readyz").find("partition " + std::to_string(1 - good)) !=
           std::string::npos;
  }));
}

TEST_F(ProcessorServiceTest, OffsetsThatLeftTheLogStopThePartitionUnlessTheGapIsToBeRecorded) {
  world_.MakeTopics();
  world_.SendMarket(0, 8);
  auto& first = world_.StartProcessor();
  ASSERT_TRUE(WaitFor([&] { return world_.Query("SELECT count(*) > 20 FROM candles") == "t"; }));
  first.Kill();
  world_.SendMarket(8, 4);
  for (int32_t partition = 0; partition < 2; ++partition) {
    absl::Status cut = world_.ConnectTopics()->DeleteRecordsBefore(world_.TradesTopic(), partition,
                                                                   10, seconds(20));
    ASSERT_TRUE(cut.ok()) << cut;
  }
  auto& second = world_.StartProcessor();
  EXPECT_TRUE(StoppedWith("data_loss"));
  EXPECT_TRUE(second.WaitForOutput("on_data_loss: record_gap"));
  second.Terminate();

  world_.StartProcessor({{"on_data_loss", "record_gap"}});
  world_.Send(300);
  EXPECT_TRUE(WaitFor([&] {
    return world_.Query(
               "SELECT count(*) FROM trade_gaps WHERE cause = 'DATA_LOSS' AND "
               "last_offset = 9") == "2";
  }));
  EXPECT_TRUE(WaitFor([&] {
    return world_.Query(
               "SELECT count(*) FROM partition_progress WHERE generation = 1 AND "
               "next_offset = 13") == "2";
  }));
  EXPECT_TRUE(WaitFor([&] { return world_.Ready(); })) << world_.Admin("/readyz");
}

TEST_F(ProcessorServiceTest, ATopicThatWasMadeAgainStopsThePartition) {
  world_.MakeTopics();
  world_.SendMarket(0, 8);
  auto& first = world_.StartProcessor();
  ASSERT_TRUE(WaitFor([&] { return world_.Query("SELECT count(*) > 20 FROM candles") == "t"; }));
  first.Kill();
  ASSERT_TRUE(world_.ConnectTopics()->Delete(world_.TradesTopic(), seconds(20)).ok());
  ASSERT_TRUE(WaitFor(
      [&] { return !world_.ConnectTopics()->Describe(world_.TradesTopic(), seconds(5)).ok(); }));
  world_.MakeTopics();
  world_.SendMarket(8, 20);
  world_.StartProcessor();
  EXPECT_TRUE(StoppedWith("data_loss"));
  EXPECT_EQ(world_.Query("SELECT max(next_offset) FROM partition_progress"), "8");
}

TEST_F(ProcessorServiceTest, AnotherPartitionCountIsRefusedAndBothAreNamed) {
  world_.MakeTopics(2);
  auto& topic = world_.StartProcessor({{"partitions", "3"}});
  EXPECT_EQ(topic.WaitForExit(), 1);
  EXPECT_NE(topic.Output().find("has 2 partitions, expected 3"), std::string::npos);
}

TEST_F(ProcessorServiceTest, APartitionCountOtherThanTheStoredStatesIsRefused) {
  world_.MakeTopics(2);
  world_.SendMarket(0, 8);
  auto& first = world_.StartProcessor();
  ASSERT_TRUE(
      WaitFor([&] { return world_.Query("SELECT count(*) = 2 FROM partition_progress") == "t"; }));
  first.Terminate();
  for (const std::string& topic : {world_.TradesTopic(), world_.CandlesTopic()}) {
    ASSERT_TRUE(world_.ConnectTopics()->AddPartitions(topic, 3, seconds(20)).ok());
  }
  auto& second = world_.StartProcessor({{"partitions", "3"}});
  EXPECT_EQ(second.WaitForExit(), 1);
  EXPECT_NE(second.Output().find("option partitions is 3"), std::string::npos);
  EXPECT_NE(second.Output().find("built with 2 partitions"), std::string::npos);
}

TEST_F(ProcessorServiceTest, UnsafeDatabaseSettingsAreRefusedByName) {
  world_.Query("ALTER DATABASE " + world_.database().name() + " SET synchronous_commit = off");
  auto& refused = world_.StartProcessor();
  EXPECT_EQ(refused.WaitForExit(), 1);
  EXPECT_NE(refused.Output().find("synchronous_commit"), std::string::npos);

  auto& allowed = world_.StartProcessor({{"allow_unsafe_database", "true"}});
  EXPECT_TRUE(allowed.WaitForOutput("acknowledged commits may be lost"));
  EXPECT_TRUE(WaitFor([&] { return world_.Ready(); })) << world_.Admin("/readyz");
}

TEST_F(ProcessorServiceTest, AllConfigurationErrorsAreListedWithFileAndLine) {
  auto& wrong = world_.StartProcessor({{"grcae_ms", "5"},
                                       {"workers", "0"},
                                       {"partial_interval_ms", "soon"},
                                       {"intervals", "[5s, 7x]"},
                                       {"retention_s", "{1h: never}"}});
  EXPECT_EQ(wrong.WaitForExit(), 2);
  for (const char* expected : {"grace_ms", "workers", "partial_interval_ms", "7x",
                               "1s must be among them", "retention_s", "processor-0.yaml:"}) {
    EXPECT_NE(wrong.Output().find(expected), std::string::npos) << expected << wrong.Output();
  }
}

TEST_F(ProcessorServiceTest, ASecretInYamlIsRefused) {
  auto& wrong = world_.StartProcessor({{"postgres", "{password: hunter2}"}});
  EXPECT_EQ(wrong.WaitForExit(), 2);
  EXPECT_NE(wrong.Output().find("password"), std::string::npos);
  EXPECT_EQ(wrong.Output().find("hunter2"), std::string::npos);
}

TEST_F(ProcessorServiceTest, AMissingConfigurationFileIsNamed) {
  auto result = test_support::RunCommand(
      {test_support::Binary("quantstream-processor"), "--config", "/nowhere/processor.yaml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("/nowhere/processor.yaml"), std::string::npos);
}

TEST_F(ProcessorServiceTest, CommitsThatAreCutOffInTheMiddleLoseAndRepeatNothing) {
  world_.MakeTopics();
  auto proxy = TcpProxy::Start(static_cast<uint16_t>(world_.postgres_port));
  ASSERT_TRUE(proxy.ok());
  world_.postgres_port = (*proxy)->port();
  world_.StartProcessor({{"commit_interval_min_ms", "50"}});
  int second = 0;
  for (int cut = 1; cut <= 6; ++cut) {
    world_.SendMarket(second, 3);
    second += 3;
    (*proxy)->CutAt(std::string_view("COMMIT\0", 7), cut % 2 == 0
                                                         ? TcpProxy::Cut::kAfterItArrived
                                                         : TcpProxy::Cut::kBeforeItArrives);
    world_.SendMarket(second, 3);
    second += 3;
    ASSERT_TRUE(WaitFor([&] { return (*proxy)->cuts() == cut; }));
  }
  world_.Send(300);
  EXPECT_TRUE(world_.RowsAreExact());
}

TEST_F(ProcessorServiceTest, PartitionsMoveBetweenProcessesAndEveryTradeCountsOnce) {
  world_.MakeTopics();
  world_.SendMarket(0, 10);
  world_.StartProcessor({{"workers", "1"}});
  ASSERT_TRUE(WaitFor([&] { return world_.Query("SELECT count(*) > 20 FROM candles") == "t"; }));
  auto& second = world_.StartProcessor({{"workers", "2"}});
  world_.SendMarket(10, 10);
  ASSERT_TRUE(WaitFor([&] { return second.Output().find("started") != std::string::npos; }));
  ASSERT_TRUE(WaitFor(
      [&] { return world_.Query("SELECT sum(epoch) > 2 FROM partition_progress") == "t"; }));
  world_.SendMarket(20, 10);
  second.Kill();
  world_.SendMarket(30, 10);
  world_.Send(300);
  EXPECT_TRUE(world_.RowsAreExact());
}

TEST_F(ProcessorServiceTest, AZombieThatWakesUpWritesNothing) {
  world_.MakeTopics();
  world_.SendMarket(0, 10);
  auto& zombie = world_.StartProcessor({{"group_id", "zombie." + world_.TradesTopic()}});
  ASSERT_TRUE(WaitFor([&] { return world_.Query("SELECT count(*) > 20 FROM candles") == "t"; }));
  zombie.Pause();
  world_.SendMarket(10, 10);
  world_.StartProcessor({{"group_id", "zombie." + world_.TradesTopic()}});
  ASSERT_TRUE(
      WaitFor([&] { return world_.Query("SELECT min(epoch) FROM partition_progress") == "2"; }));
  world_.Send(300);
  ASSERT_TRUE(world_.RowsAreExact());
  // All that the first 300 seconds hold is as the new owner left it.
  std::string all =
      "SELECT md5(string_agg(c::text, ',' ORDER BY c)) FROM candles c "
      "WHERE interval_s < 60 AND open_time < to_timestamp(" +
      std::to_string(ProcessorWorld::kStartS + 200) + ")";
  std::string before = world_.Query(all);
  zombie.Resume();
  EXPECT_TRUE(zombie.WaitForOutput("session timed out"));
  world_.SendMarket(301, 4);
  world_.Send(400);
  EXPECT_TRUE(world_.RowsAreExact());
  EXPECT_EQ(world_.Query(all), before);
}

}  // namespace
}  // namespace quantstream::processor
