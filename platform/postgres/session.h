// A libpq connection in non-blocking mode with a bound on every wait. Inside of Connection only.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "platform/postgres/connection.h"

namespace quantstream::postgres {

class Connection::Session {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static absl::StatusOr<std::unique_ptr<Session>> Open(const ConnectionOptions& options);
  ~Session();

  absl::Status Send(const std::string& sql, const std::vector<Param>& params, ResultFormat format);
  // The name of the statement, prepared now where it was not; empty: it is to be run without.
  absl::StatusOr<std::string> Prepare(const std::string& sql, const std::vector<Param>& params);
  absl::Status SendPrepared(const std::string& name, const std::vector<Param>& params,
                            ResultFormat format);
  void StopPreparing() { prepares_ = false; }
  absl::Status SendScript(const std::string& sql);
  // What remains of the answer, until the server is ready for the next statement: the last result
  // or the first error.
  absl::StatusOr<Result> Receive(Time deadline);
  bool Ready(Time deadline);
  absl::Status PutCopyData(std::string_view bytes, Time deadline);
  absl::Status EndCopy(Time deadline);
  absl::Status Cancel();

  Time DeadlineIn(std::chrono::milliseconds timeout) const {
    return std::chrono::steady_clock::now() + timeout;
  }
  Time AnswerDeadline() const { return DeadlineIn(options_.answer_timeout); }
  PGconn* raw() const { return connection_; }  // null when closed

 private:
  explicit Session(const ConnectionOptions& options) : options_(options) {}
  absl::Status Connect();
  absl::Status SetUp();
  absl::Status CheckIdle() const;
  absl::Status Sent(int accepted);
  absl::Status Flush(Time deadline);
  absl::Status NextResult(Time deadline, PGresult** result);
  absl::Status StatusOf(const PGresult* result) const;
  // The status of a connection that failed; closes it.
  absl::Status Lost(const std::string& message);
  absl::Status TimedOut();
  void Close();

  ConnectionOptions options_;
  PGconn* connection_ = nullptr;
  bool in_flight_ = false;
  std::mutex cancel_mutex_;
  PGcancel* cancel_ = nullptr;
  std::map<std::string, std::string> prepared_;  // text -> name
  bool prepares_ = true;
};

}  // namespace quantstream::postgres
