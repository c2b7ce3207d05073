// Servers that break under the processor: it stays up, says that it is not ready, and goes on by
// itself; nothing is lost and nothing counts twice. Each test has servers of its own.
#include "tests/integration/processor/processor_fixture.h"
#include "tests/support/small_disk.h"

namespace quantstream::processor {
namespace {

using std::chrono::seconds;
using test_support::KafkaServer;
using test_support::PostgresServer;
using test_support::SmallDisk;
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

  // `second`: behind all that was sent.
  void ExpectRecovery(int second = 300) {
    world_.Send(second);
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

TEST_F(ProcessorFaultTest, KafkaKilledAgainAndAgainLosesNothing) {
  StartLoaded();
  for (int second = 10; second < 25; second += 5) {
    world_.SendMarket(second, 5);
    kafka_.Kill();
    kafka_.Start();
  }
  ExpectRecovery();
}

TEST_F(ProcessorFaultTest, UnsafeServerSettingsAreRefusedByNameUnlessAllowed) {
  for (const char* setting : {"fsync", "full_page_writes"}) {
    const std::string server = postgres_.ConnectionString("postgres", "postgres");
    test_support::Query(server, std::string("ALTER SYSTEM SET ") + setting + " = off");
    test_support::Query(server, "SELECT pg_reload_conf()");
    ASSERT_TRUE(WaitFor([&] {
      return test_support::Query(server, std::string("SHOW ") + setting) == "off";
    }));
    auto& refused = world_.StartProcessor();
    EXPECT_EQ(refused.WaitForExit(), 1);
    EXPECT_NE(refused.Output().find(std::string(setting) + "=off"), std::string::npos);
  }
  auto& allowed = world_.StartProcessor({{"allow_unsafe_database", "true"}});
  EXPECT_TRUE(allowed.WaitForOutput("allow_unsafe_database: acknowledged commits may be lost"));
  EXPECT_NE(allowed.Output().find("fsync=off, full_page_writes=off"), std::string::npos);
  EXPECT_TRUE(WaitFor([&] { return world_.Ready(); })) << world_.Admin("/readyz");
}

// The database's own disk where this user may mount one. Otherwise it looks the same to a client:
// every statement that writes ends in 53100.
class FullDiskTest : public ProcessorFaultTest {
 protected:
  static constexpr int64_t kDiskBytes = 64 << 20;

  FullDiskTest() {
    if (disk_ == nullptr) return;
    test_support::Query(postgres_.ConnectionString("postgres", "postgres"),
                        "COPY (SELECT) TO PROGRAM 'mkdir -m 700 " + disk_->path() + "/space'");
    test_support::Query(postgres_.ConnectionString("postgres", "postgres"),
                        "CREATE TABLESPACE small LOCATION '" + disk_->path() + "/space'");
    test_support::Query(postgres_.ConnectionString("postgres", "postgres"),
                        "ALTER DATABASE " + world_.database().name() + " SET TABLESPACE small");
  }

  void MakeFull() {
    if (disk_ != nullptr) return disk_->Fill();
    AsSuperuser(
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$; "
        "CREATE OR REPLACE TRIGGER full_disk BEFORE UPDATE ON partition_progress "
        "EXECUTE FUNCTION full_disk()");
  }
  void MakeRoom() {
    if (disk_ != nullptr) return disk_->Free();
    AsSuperuser("DROP TRIGGER full_disk ON partition_progress");
  }
  int FailedCommits() {
    const std::string line = "quantstream_processor_commits_total{outcome=\"failed\"} ";
    const std::string metrics = world_.Admin("/metrics");
    const size_t at = metrics.find(line);
    return at == std::string::npos ? 0 : std::stoi(metrics.substr(at + line.size()));
  }

  std::unique_ptr<SmallDisk> disk_ = SmallDisk::Mount(kDiskBytes);
  int second_ = 10;

 private:
  void AsSuperuser(const std::string& sql) {
    test_support::Query(world_.database().SuperuserConnectionString(), sql);
  }
};

TEST_F(FullDiskTest, PostgresThatIsFullIsNotReadyBacksOffAndHeals) {
  StartLoaded();
  // The pages that are there may still have room for some candles.
  ASSERT_TRUE(WaitFor(
      [&] {
        MakeFull();
        world_.SendMarket(second_++, 1);
        return world_.Admin("/readyz").find("No space left on device") != std::string::npos;
      },
      seconds(90)));
  const int failed = FailedCommits();
  const auto until = std::chrono::steady_clock::now() + seconds(8);
  ASSERT_TRUE(WaitFor([&] {
    MakeFull();
    return std::chrono::steady_clock::now() > until && FailedCommits() > failed;
  }));
  EXPECT_LT(FailedCommits() - failed, 60) << "no tight retry";
  EXPECT_FALSE(world_.Ready());
  MakeRoom();
  ExpectRecovery(second_ + 300);
}

}  // namespace
}  // namespace quantstream::processor
