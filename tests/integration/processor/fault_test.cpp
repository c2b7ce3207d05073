// Servers that break under the processor: it stays up, says that it is not ready, and goes on by
// itself; nothing is lost and nothing counts twice. Each test has servers of its own.
#include "tests/integration/processor/processor_fixture.h"

namespace quantstream::processor {
namespace {

using std::chrono::seconds;
using test_support::KafkaServer;
using test_support::PostgresServer;
using test_support::WaitFor;

class ProcessorFaultTest : public ::testing::Test {
 protected:
  void StartLoaded() {
    world_.MakeTopics();
    world_.StartProcessor();
    world_.SendMarket(0, 10);
    ASSERT_TRUE(WaitFor([&] { return world_.Ready(); })) << world_.Admin("/readyz");
    ASSERT_TRUE(WaitFor([&] { return world_.Query("SELECT count(*) > 20 FROM candles") == "t"; }));
  }

  bool NotReadyBecauseOf(const std::string& what) {
    return WaitFor([&] { return world_.Admin("/readyz").find(what) != std::string::npos; });
  }

  void ExpectRecovery() {
    world_.Send(300);
    EXPECT_TRUE(world_.RowsAreExact(seconds(90)));
    EXPECT_TRUE(WaitFor([&] { return world_.Ready(); })) << world_.Admin("/readyz");
    EXPECT_TRUE(world_.processors()[0]->Running());
  }

  PostgresServer postgres_;
  KafkaServer kafka_;
  ProcessorWorld world_{{kafka_, postgres_}};
};

TEST_F(ProcessorFaultTest, PostgresDownIsNotReadyAndHeals) {
  StartLoaded();
  postgres_.Stop();
  EXPECT_TRUE(NotReadyBecauseOf("PostgreSQL"));
  world_.SendMarket(10, 10);
  postgres_.Start();
  ExpectRecovery();
}

TEST_F(ProcessorFaultTest, PostgresRestartedAsAfterACrashLosesNothing) {
  StartLoaded();
  for (int second = 10; second < 25; second += 5) {
    world_.SendMarket(second, 5);
    postgres_.Stop(PostgresServer::Mode::kImmediate);
    postgres_.Start();
  }
  ExpectRecovery();
}

TEST_F(ProcessorFaultTest, KafkaDownIsNotReadyAndHeals) {
  StartLoaded();
  kafka_.Stop();
  EXPECT_TRUE(NotReadyBecauseOf("Kafka"));
  kafka_.Start();
  world_.SendMarket(10, 10);
  ExpectRecovery();
}

// A full disk looks like this to a client: every statement that writes ends in 53100.
TEST_F(ProcessorFaultTest, PostgresThatIsFullIsNotReadyBacksOffAndHeals) {
  StartLoaded();
  test_support::Query(world_.database().SuperuserConnectionString(),
                      "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                      "RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$; "
                      "CREATE TRIGGER full_disk BEFORE UPDATE ON partition_progress "
                      "EXECUTE FUNCTION full_disk()");
  world_.SendMarket(10, 10);
  EXPECT_TRUE(NotReadyBecauseOf("no space left on device"));
  std::string line = "quantstream_processor_commits_total{outcome=\"failed\"} ";
  EXPECT_TRUE(WaitFor([&] { return world_.Admin("/metrics").find(line) != std::string::npos; }));
  std::string metrics = world_.Admin("/metrics");
  EXPECT_LT(std::stoi(metrics.substr(metrics.find(line) + line.size())), 60) << "no tight retry";
  test_support::Query(world_.database().SuperuserConnectionString(),
                      "DROP TRIGGER full_disk ON partition_progress");
  ExpectRecovery();
}

}  // namespace
}  // namespace quantstream::processor
