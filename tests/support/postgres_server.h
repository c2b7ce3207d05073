// A real PostgreSQL for tests, on a free port of loopback, in a temporary folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/support/paths.h"

namespace quantstream::test_support {

class PostgresServer {
 public:
  // The server that the whole test run shares ($QUANTSTREAM_TEST_POSTGRES, see
  // tests/support/services); run by hand, one that this process starts on first use. Never stop it:
  // tests that break a server start their own.
  static PostgresServer& Shared();

  // Starts a server of its own and waits until it answers. Aborts the test process when that fails.
  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  int port() const { return port_; }
  // A libpq connection string. The user "postgres" is the superuser, "quantstream" owns the
  // databases of the tests.
  std::string ConnectionString(std::string_view database,
                               std::string_view user = "quantstream") const;

  // REQUIRES for all below: not Shared().
  enum class Mode { kFast, kImmediate };
  void Stop(Mode mode = Mode::kFast);  // immediate: like a crash; recovery at the next start
  void Start();                        // again, same port, same data
  void Pause();                        // SIGSTOP to every process of the server
  void Resume();                       // SIGCONT

 private:
  explicit PostgresServer(int port);
  void SignalAll(int signal) const;

  std::unique_ptr<TempDir> dir_;  // absent: somebody else's server
  int port_ = 0;
  int on_death_ = 0;
};

// A new, empty database that is dropped at the end.
class TestDatabase {
 public:
  explicit TestDatabase(const PostgresServer& server = PostgresServer::Shared());
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  // As role quantstream, its owner.
  std::string ConnectionString() const;
  std::string SuperuserConnectionString() const;

 private:
  const PostgresServer& server_;
  std::string name_;
};

// Runs SQL (one or several statements) and returns the rows of the last as lines, columns separated
// by "|". A test that has its own server down gets "" back, and an error on standard error.
std::string Query(const std::string& connection_string, const std::string& sql);

}  // namespace quantstream::test_support
