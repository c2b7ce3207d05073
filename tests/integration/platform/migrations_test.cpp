#include "platform/postgres/migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/platform/postgres_fixture.h"

namespace quantstream::postgres {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class MigrationsTest : public PostgresTest {
 protected:
  std::unique_ptr<Connection> db_ = Open();
  std::vector<Migration> migrations_ = {
      {1, "tables", "CREATE TABLE a (n int); CREATE TABLE b (n int);"},
      {2, "rows", "INSERT INTO a VALUES (1);"}};
};

TEST_F(MigrationsTest, TheDatabaseIsBroughtToWhereTheBinaryNeedsIt) {
  ASSERT_TRUE(ApplyMigrations(*db_, {migrations_[0]}).ok());
  ASSERT_TRUE(ApplyMigrations(*db_, migrations_).ok());
  ASSERT_TRUE(ApplyMigrations(*db_, migrations_).ok()) << "again changes nothing";
  EXPECT_EQ(db_->Exec("SELECT count(*) FROM a")->Int(0, 0), 1);
  const auto rows = db_->Exec("SELECT number, name, checksum FROM schema_migrations ORDER BY 1");
  ASSERT_EQ(rows->rows(), 2);
  EXPECT_EQ(rows->Text(1, 1), "rows");
  EXPECT_EQ(rows->Text(1, 2), MigrationChecksum(migrations_[1].sql));
}

TEST_F(MigrationsTest, AFailingMigrationLeavesNothingAndIsNamed) {
  migrations_[1].sql = "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1);";
  const absl::Status status = ApplyMigrations(*db_, migrations_);
  EXPECT_THAT(std::string(status.message()), HasSubstr("migration 0002_rows"));
  EXPECT_EQ(SqlState(status), "42P01");
  EXPECT_EQ(db_->Exec("SELECT count(*) FROM a")->Int(0, 0), 0);
  EXPECT_EQ(db_->Exec("SELECT max(number) FROM schema_migrations")->Int(0, 0), 1);
}

TEST_F(MigrationsTest, AChangedMigrationIsRefused) {
  ASSERT_TRUE(ApplyMigrations(*db_, migrations_).ok());
  migrations_[0].sql += " -- changed";
  const absl::Status status = ApplyMigrations(*db_, migrations_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("0001_tables was applied with another"));
}

TEST_F(MigrationsTest, ADatabaseThatIsAheadIsFine) {
  ASSERT_TRUE(ApplyMigrations(*db_, migrations_).ok());
  EXPECT_TRUE(ApplyMigrations(*db_, {migrations_[0]}).ok());
}

TEST_F(MigrationsTest, ServicesThatComeAtOnceMigrateOnce) {
  std::vector<std::thread> services;
  std::vector<absl::Status> statuses(4);
  for (absl::Status& status : statuses) {
    services.emplace_back([this, &status] { status = ApplyMigrations(*Open(), migrations_); });
  }
  for (std::thread& service : services) service.join();
  for (const absl::Status& status : statuses) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(db_->Exec("SELECT count(*) FROM a")->Int(0, 0), 1);
}

TEST_F(MigrationsTest, TheLockIsWaitedForWithABound) {
  const auto other = Open();
  ASSERT_TRUE(ApplyMigrations(*other, {}).ok());
  // The key of the lock as the library takes it, seen in pg_locks while a migration runs.
  std::thread slow(
      [&] { EXPECT_TRUE(ApplyMigrations(*other, {{1, "slow", "SELECT pg_sleep(2)"}}).ok()); });
  const auto waiting = [&] {
    return Open()->Exec("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted")->rows();
  };
  while (waiting() == 0) std::this_thread::yield();
  const absl::Status status = ApplyMigrations(*db_, migrations_, {.lock_timeout = 50ms});
  slow.join();
  EXPECT_EQ(SqlState(status), "55P03") << status;
  EXPECT_TRUE(IsTransient(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("another service that migrates"));
}

TEST_F(MigrationsTest, TheSessionsOwnBoundsAreBackAfterwards) {
  const auto bound = [this] { return std::string(db_->Exec("SHOW lock_timeout")->Text(0, 0)); };
  const std::string before = bound();
  ASSERT_TRUE(ApplyMigrations(*db_, migrations_).ok());
  EXPECT_EQ(bound(), before);
}

TEST_F(MigrationsTest, TheEmbeddedOnesApply) {
  const absl::Status status = ApplyMigrations(*db_, EmbeddedMigrations());
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace quantstream::postgres
