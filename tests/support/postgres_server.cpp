#include "tests/support/postgres_server.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/support/watchdog.h"

namespace quantstream::test_support {
namespace {

std::string Script(std::string_view name) {
  return SourceDir() + "/deploy/postgres/" + std::string(name);
}

std::string Rows(const PGresult* result) {
  std::string text;
  for (int row = 0; row < PQntuples(result); ++row) {
    for (int column = 0; column < PQnfields(result); ++column) {
      if (column > 0) text += '|';
      text += PQgetvalue(result, row, column);
    }
    text += '\n';
  }
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace

std::string Query(const std::string& connection_string, const std::string& sql) {
  PGconn* const connection = PQconnectdb((connection_string + " connect_timeout=10").c_str());
  PGresult* const result = PQexec(connection, sql.c_str());
  const auto status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    std::cerr << "SQL failed: " << PQerrorMessage(connection) << std::endl;
  }
  std::string rows = Rows(result);
  PQclear(result);
  PQfinish(connection);
  return rows;
}

PostgresServer& PostgresServer::Shared() {
  static PostgresServer server = [] {
    const char* const port = std::getenv("QUANTSTREAM_TEST_POSTGRES");
    return port != nullptr && *port != '\0' ? PostgresServer(std::atoi(port)) : PostgresServer();
  }();
  return server;
}

PostgresServer::PostgresServer(int port) : port_(port) {}

PostgresServer::PostgresServer() : dir_(std::make_unique<TempDir>()), port_(FreePort()) {
  on_death_ = OnDeath(Script("stop") + " " + dir_->path() + " immediate");
  Start();
}

PostgresServer::~PostgresServer() {
  if (!dir_) return;
  Stop(Mode::kImmediate);
  ForgetOnDeath(on_death_);
}

std::string PostgresServer::ConnectionString(std::string_view database,
                                             std::string_view user) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " user=" + std::string(user) +
         " dbname=" + std::string(database);
}

void PostgresServer::Start() {
  const auto result = RunCommand({Script("start"), dir_->path(), std::to_string(port_)});
  if (result.exit_code == 0) return;
  std::cerr << "PostgreSQL did not start:\n" << result.output << std::endl;
  std::abort();
}

void PostgresServer::Stop(Mode mode) {
  SignalAll(SIGCONT);
  RunCommand({Script("stop"), dir_->path(), mode == Mode::kFast ? "fast" : "immediate"});
}

void PostgresServer::Pause() {
  SignalAll(SIGSTOP);
}

void PostgresServer::Resume() {
  SignalAll(SIGCONT);
}

void PostgresServer::SignalAll(int signal) const {
  int postmaster = 0;
  std::ifstream(dir_->path() + "/data/postmaster.pid") >> postmaster;
  if (postmaster <= 0) return;
  const std::string pid = std::to_string(postmaster);
  // The postmaster first when stopping, so that it starts no child meanwhile.
  kill(postmaster, signal);
  RunCommand({"pkill", "-" + std::to_string(signal), "-P", pid});
}

TestDatabase::TestDatabase(const PostgresServer& server) : server_(server) {
  static std::atomic<int> last{0};
  name_ = "test_" + std::to_string(getpid()) + "_" + std::to_string(++last);
  Query(server_.ConnectionString("postgres", "postgres"),
        "create database " + name_ + " owner quantstream");
}

TestDatabase::~TestDatabase() {
  Query(server_.ConnectionString("postgres", "postgres"),
        "drop database if exists " + name_ + " with (force)");
}

std::string TestDatabase::ConnectionString() const {
  return server_.ConnectionString(name_);
}

std::string TestDatabase::SuperuserConnectionString() const {
  return server_.ConnectionString(name_, "postgres");
}

}  // namespace quantstream::test_support
