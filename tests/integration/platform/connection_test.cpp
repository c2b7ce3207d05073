#include "platform/postgres/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "tests/integration/platform/postgres_fixture.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/wait.h"

namespace quantstream::postgres {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConnectionTest : public PostgresTest {
 protected:
  std::unique_ptr<Connection> db_ = Open();
};

TEST_F(ConnectionTest, ParametersAndAnswersInBothForms) {
  const std::vector<Param> params = {
      Param::Int8(1LL << 40),      Param::Text("x'y"),
      Param::Bytea({"\0\xff", 2}), Param::Double(0.1),
      Param::Bool(true),           Param::Null(),
      Param::Text("12.50"),        Param::TimestampTz(1'700'000'000'000'001)};
  for (const ResultFormat format : {ResultFormat::kText, ResultFormat::kBinary}) {
    const auto rows = db_->Exec(
        "SELECT $1::bigint AS n, $2::text, $3::bytea, $4::float8, $5::bool, $6::int, $7::numeric, "
        "$8::timestamptz",
        params, format);
    ASSERT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ(rows->rows(), 1);
    EXPECT_EQ(rows->Column("n"), 0);
    EXPECT_EQ(rows->Int(0, 0), 1LL << 40);
    EXPECT_EQ(rows->Text(0, 1), "x'y");
    EXPECT_EQ(rows->Bytea(0, 2), std::string("\0\xff", 2));
    EXPECT_EQ(rows->Double(0, 3), 0.1);
    EXPECT_TRUE(rows->Bool(0, 4));
    EXPECT_TRUE(rows->IsNull(0, 5));
    EXPECT_EQ(rows->Numeric(0, 6), "12.50");
    if (format == ResultFormat::kBinary) {
      EXPECT_EQ(rows->TimestampTz(0, 7), 1'700'000'000'000'001);
    } else {
      EXPECT_EQ(rows->Text(0, 7), "2023-11-14 22:13:20.000001+00");
    }
  }
}

TEST_F(ConnectionTest, ArraysAreParameters) {
  const std::vector<int64_t> numbers = {1, -2, 3};
  const std::vector<std::string> texts = {"a", "b,{}", ""};
  const std::vector<int32_t> none;
  const auto rows = db_->Exec("SELECT n, t FROM unnest($1::bigint[], $2::text[]) AS u(n, t)",
                              {Param::Int8Array(numbers), Param::TextArray(texts)});
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->rows(), 3);
  EXPECT_EQ(rows->Int(1, 0), -2);
  EXPECT_EQ(rows->Text(1, 1), "b,{}");
  EXPECT_EQ(db_->Exec("SELECT cardinality($1::int[])", {Param::Int4Array(none)})->Int(0, 0), 0);
  EXPECT_EQ(
      db_->Exec("SELECT encode(($1::bytea[])[2], 'hex')", {Param::ByteaArray(texts)})->Text(0, 0),
      "622c7b7d");
}

TEST_F(ConnectionTest, RowsAffectedComeFromTheTag) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2)").ok());
  EXPECT_EQ(db_->Exec("UPDATE t SET n = 3 WHERE n = 7")->rows_affected(), 0);
  EXPECT_EQ(db_->Exec("UPDATE t SET n = 3")->rows_affected(), 2);
}

TEST_F(ConnectionTest, AnErrorOfAStatementKeepsItsSqlstateAndTheConnection) {
  const auto answer = db_->Exec("SELECT 1 / $1::int", {Param::Int4(0)});
  EXPECT_EQ(SqlState(answer.status()), "22012");
  EXPECT_FALSE(IsTransient(answer.status()));
  EXPECT_TRUE(db_->open());
  EXPECT_TRUE(db_->Exec("SELECT 1").ok());
}

TEST_F(ConnectionTest, CommitOfAFailedTransactionIsARollback) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int PRIMARY KEY)").ok());
  ASSERT_TRUE(db_->Begin().ok());
  ASSERT_TRUE(db_->Exec("INSERT INTO t VALUES (1)").ok());
  EXPECT_TRUE(IsUniqueViolation(db_->Exec("INSERT INTO t VALUES (1)").status()));
  const CommitResult commit = db_->Commit();
  EXPECT_EQ(commit.outcome, CommitOutcome::kRolledBack);
  EXPECT_FALSE(commit.status.ok());
  EXPECT_EQ(db_->Exec("SELECT count(*) FROM t")->Int(0, 0), 0);
}

TEST_F(ConnectionTest, ACommitSaysSo) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int)").ok());
  ASSERT_TRUE(db_->Begin().ok());
  ASSERT_TRUE(db_->Exec("INSERT INTO t VALUES (1)").ok());
  EXPECT_EQ(db_->Commit().outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(Open()->Exec("SELECT count(*) FROM t")->Int(0, 0), 1);
}

TEST_F(ConnectionTest, ADeferredConstraintFailsTheCommitWithAKnownOutcome) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)").ok());
  ASSERT_TRUE(db_->Begin().ok());
  ASSERT_TRUE(db_->Exec("INSERT INTO t VALUES (1), (1)").ok());
  const CommitResult commit = db_->Commit();
  EXPECT_EQ(commit.outcome, CommitOutcome::kRolledBack);
  EXPECT_TRUE(IsUniqueViolation(commit.status));
}

TEST_F(ConnectionTest, ACommitOnALostConnectionHasAnUnknownOutcome) {
  ASSERT_TRUE(db_->Begin().ok());
  ASSERT_TRUE(
      Open()->Exec("SELECT pg_terminate_backend($1)", {Param::Int4(db_->backend_pid())}).ok());
  const CommitResult commit = db_->Commit();
  EXPECT_EQ(commit.outcome, CommitOutcome::kUnknown);
  EXPECT_TRUE(IsConnectionLost(commit.status)) << commit.status;
  EXPECT_TRUE(IsTransient(commit.status));
  EXPECT_FALSE(db_->open());
  EXPECT_TRUE(IsConnectionLost(db_->Exec("SELECT 1").status())) << "and it stays so";
}

// Which of the two it was, nobody can tell from the error.
TEST_F(ConnectionTest, ACutCommitHasAnUnknownOutcomeWhetherItLandedOrNot) {
  using Cut = test_support::TcpProxy::Cut;
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int)").ok());
  const auto proxy = *test_support::TcpProxy::Start(static_cast<uint16_t>(server_.port()));
  ConnectionOptions options = Options();
  options.client["port"] = std::to_string(proxy->port());
  const auto rows = [this] { return db_->Exec("SELECT count(*) FROM t")->Int(0, 0); };
  for (const Cut cut : {Cut::kBeforeItArrives, Cut::kAfterItArrived}) {
    const auto connection = OpenWith(options);
    ASSERT_TRUE(connection->Begin().ok());
    ASSERT_TRUE(connection->Exec("INSERT INTO t VALUES (1)").ok());
    proxy->CutAt("COMMIT", cut);
    EXPECT_EQ(connection->Commit().outcome, CommitOutcome::kUnknown);
    if (cut == Cut::kBeforeItArrives) {
      EXPECT_EQ(rows(), 0);
    } else {
      EXPECT_TRUE(test_support::WaitFor([&] { return rows() == 1; }));
    }
  }
}

TEST_F(ConnectionTest, ALockIsWaitedForAtMostItsTimeOut) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").ok());
  ASSERT_TRUE(db_->Begin().ok());
  ASSERT_TRUE(db_->Exec("UPDATE t SET n = 2").ok());
  ConnectionOptions hurried = Options();
  hurried.lock_timeout = 50ms;
  const auto other = OpenWith(hurried);
  const auto blocked = other->Exec("UPDATE t SET n = 3");
  EXPECT_EQ(SqlState(blocked.status()), "55P03");
  EXPECT_TRUE(IsTransient(blocked.status()));
}

TEST_F(ConnectionTest, AStatementIsEndedByTheServerAfterItsTimeOut) {
  ConnectionOptions hurried = Options();
  hurried.statement_timeout = 50ms;
  EXPECT_EQ(SqlState(OpenWith(hurried)->Exec("SELECT pg_sleep(60)").status()), "57014");
}

TEST_F(ConnectionTest, AnIdleTransactionIsEndedByTheServer) {
  ASSERT_TRUE(db_->ExecScript("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").ok());
  ConnectionOptions stopped = Options();
  stopped.idle_in_transaction_timeout = 100ms;
  const auto zombie = OpenWith(stopped);
  ASSERT_TRUE(zombie->Begin().ok());
  ASSERT_TRUE(zombie->Exec("UPDATE t SET n = 2").ok());
  EXPECT_TRUE(db_->Exec("UPDATE t SET n = 3").ok()) << "its lock is free again";
  EXPECT_TRUE(IsConnectionLost(zombie->Exec("SELECT 1").status()));
}

TEST_F(ConnectionTest, AnAnswerThatDoesNotComeClosesTheConnection) {
  ConnectionOptions impatient = Options();
  impatient.answer_timeout = 50ms;
  const auto connection = OpenWith(impatient);
  const auto answer = connection->Exec("SELECT pg_sleep(60)");
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(IsTransient(answer.status()));
  EXPECT_FALSE(connection->open());
}

TEST_F(ConnectionTest, AStatementRunsBesideOtherWork) {
  ASSERT_TRUE(db_->Send("SELECT pg_sleep(0.05), 7").ok());
  EXPECT_FALSE(db_->Exec("SELECT 1").ok()) << "one at a time";
  EXPECT_FALSE(db_->Ready(0ms));
  pollfd waiting{db_->socket(), POLLIN, 0};
  EXPECT_EQ(poll(&waiting, 1, 10'000), 1);
  EXPECT_TRUE(db_->Ready(10s));
  const auto answer = db_->Receive(10s);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->Int(0, 1), 7);
}

TEST_F(ConnectionTest, ACancelEndsWhatRuns) {
  ASSERT_TRUE(db_->Send("SELECT pg_sleep(60)").ok());
  const auto watcher = Open();
  ASSERT_TRUE(test_support::WaitFor([&] {
    return watcher
               ->Exec("SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active'",
                      {Param::Int4(db_->backend_pid())})
               ->rows() == 1;
  }));
  std::thread canceller([&] { EXPECT_TRUE(db_->Cancel().ok()); });
  EXPECT_EQ(SqlState(db_->Receive(10s).status()), "57014");
  canceller.join();
  EXPECT_TRUE(db_->Exec("SELECT 1").ok());
}

TEST_F(ConnectionTest, ARefusedConnectionIsTransientAndAMissingDatabaseIsNot) {
  ConnectionOptions nobody = Options();
  nobody.client["port"] = std::to_string(test_support::FreePort());
  const absl::Status refused = Connection::Open(nobody).status();
  EXPECT_TRUE(IsTransient(refused)) << refused;
  ConnectionOptions wrong = Options();
  wrong.client["dbname"] = "no_such_database";
  const absl::Status missing = Connection::Open(wrong).status();
  EXPECT_EQ(SqlState(missing), "3D000") << missing;
  EXPECT_FALSE(IsTransient(missing));
}

TEST_F(ConnectionTest, AServerThatDoesNotAnswerIsNotWaitedForLong) {
  test_support::PostgresServer silent;
  silent.Pause();
  ConnectionOptions options = OptionsFor(silent, "postgres");
  options.connect_timeout = 200ms;
  const auto begin = std::chrono::steady_clock::now();
  const absl::Status status = Connection::Open(options).status();
  EXPECT_TRUE(IsTransient(status)) << status;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  silent.Resume();
}

TEST_F(ConnectionTest, AServerThatCrashesIsComeBackTo) {
  test_support::PostgresServer server;
  const ConnectionOptions options = OptionsFor(server, "postgres");
  const auto before = OpenWith(options);
  server.Stop(test_support::PostgresServer::Mode::kImmediate);
  EXPECT_TRUE(IsConnectionLost(before->Exec("SELECT 1").status()));
  EXPECT_TRUE(IsTransient(Connection::Open(options).status()));
  server.Start();
  EXPECT_TRUE(OpenWith(options)->Exec("SELECT 1").ok());
}

TEST_F(ConnectionTest, UnsafeSettingsAreNamed) {
  EXPECT_TRUE(CheckSafeSettings(*db_).ok()) << CheckSafeSettings(*db_);
  ASSERT_TRUE(db_->ExecScript("SET synchronous_commit = off").ok());
  const absl::Status status = CheckSafeSettings(*db_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("synchronous_commit=off"));
}

TEST(ConnectionSectionTest, KeywordsOfLibpqPassAndOthersAreProblems) {
  const config::SectionOption section = ConnectionSection();
  for (const char* name : {"host", "sslmode", "sslrootcert", "target_session_attrs", "options"}) {
    EXPECT_EQ(section.check(name, "x"), std::nullopt) << name;
  }
  EXPECT_EQ(section.check("hots", "x"), "is no libpq keyword; did you mean 'host'?");
  EXPECT_THAT(section.secrets, ::testing::Contains("password"));
}

}  // namespace
}  // namespace quantstream::postgres
