// One connection to PostgreSQL with a bound on every wait. Not thread-safe: one thread at a time.
//
//   auto connection = Connection::Open(options);
//   RETURN_IF_ERROR(connection->Begin());
//   auto updated = connection->Exec("UPDATE t SET n = $1 WHERE epoch = $2", {Param::Int8(1),
//   Param::Int8(7)}); if (updated->rows_affected() != 1) ... CommitResult committed =
//   connection->Commit();
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/config/option.h"
#include "platform/postgres/copy_rows.h"
#include "platform/postgres/error.h"
#include "platform/postgres/result.h"
#include "platform/postgres/value.h"

namespace quantstream::postgres {

// The `postgres:` section of a service's configuration: any libpq keyword (host, port, dbname,
// user, sslmode ...), those that this library sets itself excepted. Defaults to the local cluster.
config::SectionOption ConnectionSection();

struct ConnectionOptions {
  config::Properties client{};  // the service's `postgres:` section
  std::string application_name = "quantstream";
  std::chrono::milliseconds connect_timeout{5000};
  // How long an answer is waited for when a call names no other bound; then the connection is
  // closed.
  std::chrono::milliseconds answer_timeout{30000};
  // Set on the session; the server ends what takes longer. Zero = none.
  std::chrono::milliseconds statement_timeout{20000};
  std::chrono::milliseconds lock_timeout{5000};
  std::chrono::milliseconds idle_in_transaction_timeout{10000};
};

enum class CommitOutcome {
  kCommitted,   // the server said COMMIT
  kRolledBack,  // the server said ROLLBACK, or refused the COMMIT: nothing of the transaction is
                // there
  kUnknown,     // the connection was lost or the answer did not come: read the fenced row to know
};

struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kUnknown;
  absl::Status status{};  // OK exactly when committed
};

// After an error for which IsConnectionLost is true the connection is closed: every further call
// says so. Errors of statements leave it open (an open transaction is then failed: Rollback first).
class Connection {
 public:
  // UNAVAILABLE (transient) when the server cannot be reached in time; FAILED_PRECONDITION or
  // others when it refuses.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options);
  ~Connection();

  // One statement with its answer. Nothing else may be in flight.
  absl::StatusOr<Result> Exec(const std::string& sql, const std::vector<Param>& params = {},
                              ResultFormat format = ResultFormat::kText);
  // The same, and the server keeps the plan for this connection: for texts that come again and
  // again. At most 64 of them; more are run as by Exec, as are all where a pooler in between does
  // not keep statements. REQUIRES: one text always has parameters of the same types.
  absl::StatusOr<Result> ExecPrepared(const std::string& sql, const std::vector<Param>& params,
                                      ResultFormat format = ResultFormat::kText);
  // Several statements in one text, without parameters; the answer to the last.
  absl::Status ExecScript(const std::string& sql,
                          std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  absl::Status Begin(const char* how = "BEGIN");
  CommitResult Commit();
  // Ends any transaction, failed ones too.
  absl::Status Rollback();

  // All rows, or none. Returns how many the server took.
  absl::StatusOr<int64_t> CopyIn(const std::string& sql, const CopyRows& rows);

  // The same as Exec in pieces, for threads that have other things to do: Send, then poll(2)
  // socket() for reading or call Ready until it says true, then Receive, which waits for the rest
  // at most until the deadline.
  absl::Status Send(const std::string& sql, const std::vector<Param>& params = {},
                    ResultFormat format = ResultFormat::kText);
  int socket() const;
  // True when Receive will not block (the answer or an error is there), false after `timeout`.
  bool Ready(std::chrono::milliseconds timeout);
  // DEADLINE_EXCEEDED closes the connection.
  absl::StatusOr<Result> Receive(std::chrono::milliseconds timeout);

  // Asks the server to stop what is running for this connection. Thread-safe; its answer comes as
  // error 57014.
  absl::Status Cancel() const;

  bool open() const;
  int server_version() const;  // 150004 = 15.4
  int backend_pid() const;

 private:
  class Session;
  explicit Connection(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

// A server setting with which acknowledged commits may be lost.
struct UnsafeSetting {
  std::string name{};   // "synchronous_commit"
  std::string value{};  // "off"
};

// Looks at synchronous_commit, fsync and full_page_writes as they are for this session.
absl::StatusOr<std::vector<UnsafeSetting>> FindUnsafeSettings(Connection& connection);
// FAILED_PRECONDITION that names each unsafe setting; OK when there is none.
absl::Status CheckSafeSettings(Connection& connection);

}  // namespace quantstream::postgres
