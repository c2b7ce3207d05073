// A new database for each test, and connections to it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "platform/postgres/connection.h"
#include "tests/support/postgres_server.h"

namespace quantstream::postgres {

class PostgresTest : public ::testing::Test {
 protected:
  static ConnectionOptions OptionsFor(const test_support::PostgresServer& server,
                                      const std::string& database) {
    ConnectionOptions options;
    options.client = {{"host", "127.0.0.1"},
                      {"port", std::to_string(server.port())},
                      {"user", "quantstream"},
                      {"dbname", database}};
    return options;
  }

  ConnectionOptions Options() const { return OptionsFor(server_, database_.name()); }

  static std::unique_ptr<Connection> OpenWith(const ConnectionOptions& options) {
    auto connection = Connection::Open(options);
    EXPECT_TRUE(connection.ok()) << connection.status();
    return connection.ok() ? *std::move(connection) : nullptr;
  }
  std::unique_ptr<Connection> Open() const { return OpenWith(Options()); }

  test_support::PostgresServer& server_ = test_support::PostgresServer::Shared();
  test_support::TestDatabase database_;
};

}  // namespace quantstream::postgres
