#include "platform/admin/admin_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace quantstream::admin {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A raw client socket; reads until the server closes.
class Client {
 public:
  explicit Client(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval bound{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { close(fd_); }

  void Send(const std::string& text) { send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }

  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(fd_, buffer, sizeof buffer, 0)) > 0;) {
      all.append(buffer, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  int fd_ = socket(AF_INET, SOCK_STREAM, 0);
};

class AdminServerTest : public ::testing::Test {
 protected:
  AdminServerTest() { Restart({.request_timeout = 10s}); }

  void Restart(AdminServerOptions options) {
    server_.reset();
    auto started = AdminServer::Start(options, registry_, &readiness_, [this] { return alive_; });
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }

  std::string Ask(const std::string& request) {
    Client client(server_->port());
    client.Send(request);
    return client.ReadAll();
  }

  std::string Get(const std::string& path) {
    return Ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  bool alive_ = true;
  Readiness readiness_;
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, MetricsComeAsPrometheusText) {
  prometheus::BuildCounter()
      .Name("quantstream_test_things_total")
      .Help("things")
      .Register(*registry_)
      .Add({})
      .Increment(3);
  const std::string answer = Get("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("\nquantstream_test_things_total 3\n"));
}

TEST_F(AdminServerTest, ReadyzHasALinePerUnmetCondition) {
  EXPECT_THAT(Get("/readyz"), HasSubstr("200 OK"));
  readiness_.Unmet("postgres", "connection refused");
  readiness_.Unmet("lag", "12 s behind");
  const std::string answer = Get("/readyz?verbose");
  EXPECT_THAT(answer, HasSubstr("503 Service Unavailable"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nlag: 12 s behind\npostgres: connection refused\n"));
}

TEST_F(AdminServerTest, HealthzTellsWhetherTheProcessLives) {
  EXPECT_THAT(Get("/healthz"), HasSubstr("200 OK"));
  alive_ = false;
  EXPECT_THAT(Get("/healthz"), HasSubstr("503"));
}

TEST_F(AdminServerTest, HeadHasNoBody) {
  const std::string answer = Ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, OtherPathsAndMethodsAreRefused) {
  EXPECT_THAT(Get("/"), HasSubstr("404"));
  EXPECT_THAT(Ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("405"));
}

TEST_F(AdminServerTest, RequestsOfDoubtfulLengthOrHostAreRefused) {
  EXPECT_THAT(Ask("GET /healthz HTTP/1.1\r\n\r\n"), HasSubstr("400"));
  EXPECT_THAT(Ask("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), HasSubstr("400"));
  EXPECT_THAT(Ask("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
              HasSubstr("400"));
  EXPECT_THAT(Ask("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n"
                  "Content-Length: 0\r\n\r\n"),
              HasSubstr("400"));
  EXPECT_THAT(Ask("nonsense\r\n\r\n"), HasSubstr("400"));
}

TEST_F(AdminServerTest, AHugeHeaderIsRefused) {
  EXPECT_THAT(Ask("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + std::string(20000, 'a')),
              Not(HasSubstr("200")));
}

TEST_F(AdminServerTest, HalfSentRequestsDoNotHoldUpOthers) {
  Client half(server_->port());
  Client other_half(server_->port());
  half.Send("GET /metrics HT");
  other_half.Send("GET /metrics HTTP/1.1\r\nHost");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Get("/healthz"), HasSubstr("200 OK"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "well below their time-out";
}

TEST_F(AdminServerTest, AHalfSentRequestEndsByTimeOut) {
  Restart({.request_timeout = 50ms});
  Client half(server_->port());
  half.Send("GET /metrics HT");
  EXPECT_EQ(half.ReadAll(), "");
}

TEST_F(AdminServerTest, ConnectionsBeyondTheCapAreClosedAtOnce) {
  Restart({.connections_max = 1, .request_timeout = 10s});
  Client first(server_->port());
  Client second(server_->port());
  EXPECT_EQ(second.ReadAll(), "");
  first.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.ReadAll(), HasSubstr("200 OK"));
}

TEST_F(AdminServerTest, ATakenPortIsNamed) {
  const auto second = AdminServer::Start({.port = server_->port()}, registry_, &readiness_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
}

}  // namespace
}  // namespace quantstream::admin
