#include "platform/postgres/session.h"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "platform/log.h"
#include "platform/status.h"

namespace quantstream::postgres {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr size_t kPreparedMax = 64;           // statements of one connection
constexpr char kStatementExists[] = "42P05";  // a pooler gave us another one's connection

// Waits for `events` on the socket; false when the deadline comes first.
bool WaitForSocket(int fd, int events, Time deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{fd, static_cast<short>(events), 0};
    const int ready =
        poll(&waiting, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60000)));
    if (ready > 0) return true;
    if (left.count() <= 0) return false;
  }
}

void OnNotice(void*, const char* message) {
  Log(kDebug, "notice of the server", {{"text", message}});
}

// The SQLSTATE in a verbose message of a refused connection ("FATAL:  53300: sorry, ..."); empty
// when there is none.
std::string SqlStateIn(std::string_view message) {
  for (size_t at = message.find(":  "); at != std::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const std::string_view code = message.substr(at + 3, 6);
    const bool fits = code.size() == 6 && code[5] == ':' &&
                      code.substr(0, 5).find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                          std::string_view::npos;
    if (fits) return std::string(code.substr(0, 5));
  }
  return "";
}

// Parameters as libpq takes them: side by side.
struct Columns {
  explicit Columns(const std::vector<Param>& params) {
    for (const Param& param : params) {
      types.push_back(param.type);
      values.push_back(param.bytes ? param.bytes->c_str() : nullptr);
      lengths.push_back(param.bytes ? static_cast<int>(param.bytes->size()) : 0);
      formats.push_back(param.binary ? 1 : 0);
    }
  }
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
};

int Ms(std::chrono::milliseconds time) {
  return static_cast<int>(time.count());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection::Session>> Connection::Session::Open(
    const ConnectionOptions& options) {
  std::unique_ptr<Session> session(new Session(options));
  if (absl::Status status = session->Connect(); !status.ok()) return status;
  if (absl::Status status = session->SetUp(); !status.ok()) return status;
  return session;
}

Connection::Session::~Session() {
  Close();
}

void Connection::Session::Close() {
  std::lock_guard lock(cancel_mutex_);
  if (cancel_ != nullptr) PQfreeCancel(std::exchange(cancel_, nullptr));
  if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
  in_flight_ = false;
}

absl::Status Connection::Session::Lost(const std::string& message) {
  Close();
  return MakeStatus("", message);
}

absl::Status Connection::Session::TimedOut() {
  absl::Status status = Lost("the answer did not come in time; the connection was closed");
  absl::Status late = absl::DeadlineExceededError(status.message());
  status.ForEachPayload(
      [&late](absl::string_view url, const absl::Cord& payload) { late.SetPayload(url, payload); });
  return late;
}

absl::Status Connection::Session::Connect() {
  config::Properties keywords = {
      {"client_encoding", "UTF8"}, {"tcp_user_timeout", "30000"},
      {"keepalives_idle", "10"},   {"keepalives_interval", "5"},
      {"keepalives_count", "3"},   {"fallback_application_name", options_.application_name}};
  for (const auto& [name, value] : options_.client) keywords[name] = value;
  std::vector<const char*> names, values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(names.data(), values.data(), 0);
  if (connection_ == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(connection_, OnNotice, nullptr);
  const Time deadline = DeadlineIn(options_.connect_timeout);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(connection_) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
         state != PGRES_POLLING_FAILED) {
    const int events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!WaitForSocket(PQsocket(connection_), events, deadline)) {
      return Lost("connecting took longer than " + std::to_string(Ms(options_.connect_timeout)) +
                  " ms");
    }
    state = PQconnectPoll(connection_);
  }
  if (PQstatus(connection_) == CONNECTION_OK) return absl::OkStatus();
  const std::string message = PQerrorMessage(connection_);
  absl::Status refused = MakeStatus(SqlStateIn(message), message);
  Close();
  return refused;
}

absl::Status Connection::Session::SetUp() {
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
  PQsetnonblocking(connection_, 1);
  cancel_ = PQgetCancel(connection_);
  const auto set = [](const char* name, std::chrono::milliseconds value) {
    return std::string("SET ") + name + " = " + std::to_string(Ms(value)) + ";";
  };
  const std::string script =
      set("statement_timeout", options_.statement_timeout) +
      set("lock_timeout", options_.lock_timeout) +
      set("idle_in_transaction_session_timeout", options_.idle_in_transaction_timeout) +
      "SET bytea_output = 'hex'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'";
  if (absl::Status status = SendScript(script); !status.ok()) return status;
  return Receive(DeadlineIn(options_.connect_timeout)).status();
}

absl::Status Connection::Session::CheckIdle() const {
  if (connection_ == nullptr) return MakeStatus("", "the connection is closed");
  if (in_flight_) return absl::FailedPreconditionError("another statement is in flight");
  return absl::OkStatus();
}

absl::Status Connection::Session::Sent(int accepted) {
  if (accepted != 1) {
    const std::string message = PQerrorMessage(connection_);
    if (PQstatus(connection_) == CONNECTION_BAD) return Lost(message);
    return absl::InvalidArgumentError(message);
  }
  in_flight_ = true;
  return Flush(AnswerDeadline());
}

absl::Status Connection::Session::Send(const std::string& sql, const std::vector<Param>& params,
                                       ResultFormat format) {
  if (absl::Status status = CheckIdle(); !status.ok()) return status;
  const Columns columns(params);
  return Sent(PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(params.size()),
                                columns.types.data(), columns.values.data(),
                                columns.lengths.data(), columns.formats.data(),
                                format == ResultFormat::kBinary ? 1 : 0));
}

absl::StatusOr<std::string> Connection::Session::Prepare(const std::string& sql,
                                                         const std::vector<Param>& params) {
  if (absl::Status status = CheckIdle(); !status.ok()) return status;
  const auto known = prepared_.find(sql);
  if (!prepares_ || (known == prepared_.end() && prepared_.size() >= kPreparedMax)) return "";
  if (known != prepared_.end()) return known->second;
  const std::string name = "q" + std::to_string(prepared_.size());
  const Columns columns(params);
  absl::Status sent = Sent(PQsendPrepare(connection_, name.c_str(), sql.c_str(),
                                         static_cast<int>(params.size()), columns.types.data()));
  if (!sent.ok()) return sent;
  const absl::Status answer = Receive(AnswerDeadline()).status();
  if (SqlState(answer) == kStatementExists) {
    prepares_ = false;
    return "";
  }
  if (!answer.ok()) return answer;
  prepared_[sql] = name;
  return name;
}

absl::Status Connection::Session::SendPrepared(const std::string& name,
                                               const std::vector<Param>& params,
                                               ResultFormat format) {
  if (absl::Status status = CheckIdle(); !status.ok()) return status;
  const Columns columns(params);
  return Sent(PQsendQueryPrepared(connection_, name.c_str(), static_cast<int>(params.size()),
                                  columns.values.data(), columns.lengths.data(),
                                  columns.formats.data(),
                                  format == ResultFormat::kBinary ? 1 : 0));
}

absl::Status Connection::Session::SendScript(const std::string& sql) {
  if (absl::Status status = CheckIdle(); !status.ok()) return status;
  return Sent(PQsendQuery(connection_, sql.c_str()));
}

absl::Status Connection::Session::Flush(Time deadline) {
  for (;;) {
    const int left = PQflush(connection_);
    if (left == 0) return absl::OkStatus();
    if (left < 0) return Lost(PQerrorMessage(connection_));
    if (!WaitForSocket(PQsocket(connection_), POLLIN | POLLOUT, deadline)) return TimedOut();
    if (PQconsumeInput(connection_) == 0) return Lost(PQerrorMessage(connection_));
  }
}

bool Connection::Session::Ready(Time deadline) {
  while (connection_ != nullptr && in_flight_ && PQisBusy(connection_) == 1) {
    if (!WaitForSocket(PQsocket(connection_), POLLIN, deadline)) return false;
    if (PQconsumeInput(connection_) == 0) return true;  // Receive will say what happened
  }
  return true;
}

absl::Status Connection::Session::NextResult(Time deadline, PGresult** result) {
  if (!Ready(deadline)) return TimedOut();
  *result = PQgetResult(connection_);
  return absl::OkStatus();
}

absl::Status Connection::Session::StatusOf(const PGresult* result) const {
  const ExecStatusType type = PQresultStatus(result);
  if (type != PGRES_FATAL_ERROR && type != PGRES_BAD_RESPONSE) return absl::OkStatus();
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return MakeStatus(sqlstate == nullptr ? "" : sqlstate, PQresultErrorMessage(result));
}

absl::StatusOr<Result> Connection::Session::Receive(Time deadline) {
  if (connection_ == nullptr) return MakeStatus("", "the connection is closed");
  if (!in_flight_) return absl::FailedPreconditionError("no statement is in flight");
  Result last(nullptr);
  absl::Status first_error;
  for (;;) {
    PGresult* result = nullptr;
    if (absl::Status status = NextResult(deadline, &result); !status.ok()) return status;
    if (result == nullptr) break;
    const bool copying = PQresultStatus(result) == PGRES_COPY_IN;
    first_error.Update(StatusOf(result));
    last = Result(result);
    if (copying) return last;  // the statement stays in flight until EndCopy and another Receive
  }
  in_flight_ = false;
  if (PQstatus(connection_) == CONNECTION_BAD && !IsConnectionLost(first_error)) {
    return Lost(first_error.ok() ? PQerrorMessage(connection_) : Message(first_error));
  }
  if (IsConnectionLost(first_error)) Close();
  if (!first_error.ok()) return first_error;
  return last;
}

absl::Status Connection::Session::PutCopyData(std::string_view bytes, Time deadline) {
  constexpr size_t kPiece = 256 << 10;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    const int put = PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size()));
    if (put < 0) return Lost(PQerrorMessage(connection_));
    if (absl::Status status = Flush(deadline); !status.ok()) return status;
    if (put == 1) bytes.remove_prefix(piece.size());
  }
  return absl::OkStatus();
}

absl::Status Connection::Session::EndCopy(Time deadline) {
  int ended = 0;
  while (ended == 0) {
    ended = PQputCopyEnd(connection_, nullptr);
    if (ended < 0) return Lost(PQerrorMessage(connection_));
    if (absl::Status status = Flush(deadline); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Connection::Session::Cancel() {
  std::lock_guard lock(cancel_mutex_);
  if (cancel_ == nullptr) return MakeStatus("", "the connection is closed");
  char error[256];
  if (PQcancel(cancel_, error, sizeof error) == 1) return absl::OkStatus();
  return absl::UnavailableError(error);
}

}  // namespace quantstream::postgres
