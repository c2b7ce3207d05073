#include "platform/postgres/connection.h"

#include <libpq-fe.h>

#include "platform/postgres/session.h"
#include "platform/status.h"

namespace quantstream::postgres {
namespace {

constexpr char kNoSuchStatement[] = "26000";  // invalid_sql_statement_name

}  // namespace

Connection::Connection(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Connection::~Connection() = default;

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Open(options);
  if (!session.ok()) return Annotate(session.status(), "PostgreSQL");
  return std::unique_ptr<Connection>(new Connection(*std::move(session)));
}

absl::Status Connection::Send(const std::string& sql, const std::vector<Param>& params,
                              ResultFormat format) {
  return session_->Send(sql, params, format);
}

absl::StatusOr<Result> Connection::Receive(std::chrono::milliseconds timeout) {
  return session_->Receive(session_->DeadlineIn(timeout));
}

absl::StatusOr<Result> Connection::Exec(const std::string& sql, const std::vector<Param>& params,
                                        ResultFormat format) {
  if (absl::Status status = session_->Send(sql, params, format); !status.ok()) return status;
  return session_->Receive(session_->AnswerDeadline());
}

absl::StatusOr<Result> Connection::ExecPrepared(const std::string& sql,
                                                const std::vector<Param>& params,
                                                ResultFormat format) {
  const auto name = session_->Prepare(sql, params);
  if (!name.ok()) return name.status();
  if (name->empty()) return Exec(sql, params, format);
  if (absl::Status status = session_->SendPrepared(*name, params, format); !status.ok()) {
    return status;
  }
  auto answer = session_->Receive(session_->AnswerDeadline());
  if (SqlState(answer.status()) != kNoSuchStatement) return answer;
  session_->StopPreparing();
  return Exec(sql, params, format);
}

absl::Status Connection::ExecScript(const std::string& sql,
                                    std::optional<std::chrono::milliseconds> timeout) {
  if (absl::Status status = session_->SendScript(sql); !status.ok()) return status;
  const auto deadline = timeout ? session_->DeadlineIn(*timeout) : session_->AnswerDeadline();
  return session_->Receive(deadline).status();
}

absl::Status Connection::Begin(const char* how) {
  return Exec(how).status();
}

CommitResult Connection::Commit() {
  const absl::StatusOr<Result> answer = Exec("COMMIT");
  if (answer.ok() && answer->command_tag() == "COMMIT") {
    return {CommitOutcome::kCommitted, absl::OkStatus()};
  }
  if (answer.ok()) {
    return {CommitOutcome::kRolledBack,
            absl::AbortedError("COMMIT of a failed transaction: the server rolled it back")};
  }
  const bool unknown = IsConnectionLost(answer.status());
  return {unknown ? CommitOutcome::kUnknown : CommitOutcome::kRolledBack,
          Annotate(answer.status(), "COMMIT")};
}

absl::Status Connection::Rollback() {
  return Exec("ROLLBACK").status();
}

absl::StatusOr<int64_t> Connection::CopyIn(const std::string& sql, const CopyRows& rows) {
  const auto deadline = session_->AnswerDeadline();
  if (absl::Status status = session_->Send(sql, {}, ResultFormat::kText); !status.ok())
    return status;
  if (const auto begun = session_->Receive(deadline); !begun.ok()) return begun.status();
  if (absl::Status status = session_->PutCopyData(rows.bytes(), deadline); !status.ok()) {
    return status;
  }
  if (absl::Status status = session_->PutCopyData(CopyRows::trailer(), deadline); !status.ok()) {
    return status;
  }
  if (absl::Status status = session_->EndCopy(deadline); !status.ok()) return status;
  const absl::StatusOr<Result> done = session_->Receive(deadline);
  if (!done.ok()) return done.status();
  return done->rows_affected();
}

int Connection::socket() const {
  return session_->raw() == nullptr ? -1 : PQsocket(session_->raw());
}

bool Connection::Ready(std::chrono::milliseconds timeout) {
  return session_->Ready(session_->DeadlineIn(timeout));
}

absl::Status Connection::Cancel() const {
  return session_->Cancel();
}
bool Connection::open() const {
  return session_->raw() != nullptr;
}

int Connection::server_version() const {
  return open() ? PQserverVersion(session_->raw()) : 0;
}

int Connection::backend_pid() const {
  return open() ? PQbackendPID(session_->raw()) : 0;
}

}  // namespace quantstream::postgres
