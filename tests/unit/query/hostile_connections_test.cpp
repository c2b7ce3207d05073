// Connections that say nothing, half of something or nonsense, that vanish, and calls that are
// given up: none leaves a stream, a descriptor or a byte behind.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/support/wait.h"
#include "tests/unit/query/hostile_fixture.h"

namespace quantstream::query::testing {
namespace {

std::unique_ptr<grpc::ClientContext> Within(std::chrono::milliseconds time) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + time);
  return context;
}

class HostileConnections : public HostileTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->acceptor.connections_max = 2'000;
    options->handshake_timeout_ms = 1'000;
  }
  v1::GetCandlesRequest Candles() const {
    v1::GetCandlesRequest request;
    request.set_instrument(kA);
    request.set_interval("1s");
    return request;
  }
  v1::GetLatestRequest Latest() const {
    v1::GetLatestRequest request;
    request.add_instruments(kA);
    request.add_intervals("1s");
    return request;
  }
  bool Answers(v1::MarketData::Stub* stub) const {
    v1::GetCandlesResponse response;
    return stub->GetCandles(Within(std::chrono::seconds(30)).get(), Candles(), &response).ok();
  }
};

// Reads until the server closes.
bool IsClosed(int fd) {
  const timeval bound{.tv_sec = 30, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  char buffer[4096];
  ssize_t got = 1;
  while (got > 0) got = recv(fd, buffer, sizeof buffer, 0);
  return got == 0 || errno == ECONNRESET;
}

TEST_F(HostileConnections, AThousandThatSayNothingAreCutOffAndOthersAreServedMeanwhile) {
  ASSERT_TRUE(Answers(stub_.get()));
  const int64_t before = Descriptors(getpid());
  std::vector<int> silent;
  for (int i = 0; i < 1'000; ++i) silent.push_back(DialAndSend(server_->port(), ""));
  EXPECT_TRUE(Answers(stub_.get()));
  EXPECT_TRUE(Answers(Connect().get())) << "who comes later, too";
  for (const int fd : silent) {
    EXPECT_TRUE(IsClosed(fd));
    close(fd);
  }
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric("quantstream_query_connections") == 1; }));
  EXPECT_TRUE(test_support::WaitFor([&] { return Descriptors(getpid()) <= before; }))
      << Descriptors(getpid()) << " descriptors, " << before << " before";
  EXPECT_EQ(Metric("quantstream_query_connections_refused_total"), 0);
}

class IdleConnections : public HostileConnections {
 protected:
  void Adjust(ServerOptions* options) override { options->connection_idle_ms = 200; }
};

TEST_F(IdleConnections, OnesThatGreetAndAskNothingAreClosedAndAClientThatWasIdleIsServedAgain) {
  ASSERT_TRUE(Answers(stub_.get()));
  std::vector<int> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(DialAndSend(server_->port(), RawGreeting()));
  for (const int fd : idle) {
    EXPECT_TRUE(IsClosed(fd));
    close(fd);
  }
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric("quantstream_query_connections") == 0; }));
  EXPECT_TRUE(Answers(stub_.get()));
}

TEST_F(HostileConnections, NonsenseAndHalvesOfCallsEndTheirConnectionAlone) {
  ASSERT_TRUE(Answers(stub_.get()));
  const std::string call = RawCall("StreamCandles", StreamOf(kA).SerializeAsString());
  std::vector<int> open;
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(10'000, '\xff'), call.substr(0, 20),
        call.substr(0, 60), call.substr(0, call.size() - 3)}) {
    open.push_back(DialAndSend(server_->port(), bytes));
    Reset(DialAndSend(server_->port(), bytes));
  }
  EXPECT_TRUE(Answers(stub_.get()));
  for (const int fd : open) close(fd);
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric("quantstream_query_connections") == 1; }));
}

TEST_F(HostileConnections, OneThatVanishesInTheMiddleOfAStreamLeavesNothingBehind) {
  const std::string call = RawCall("StreamCandles", StreamOf(kA).SerializeAsString());
  std::vector<int> fds;
  for (int i = 0; i < 20; ++i) fds.push_back(DialAndSend(server_->port(), call));
  ASSERT_TRUE(WaitForSubscribers(20));
  while (WaitingBytes() < 100'000) {  // they do not read
    CloseNext();
    ASSERT_LT(closed(), 100'000);
  }
  for (const int fd : fds) Reset(fd);
  EXPECT_TRUE(WaitForSubscribers(0));
  EXPECT_TRUE(test_support::WaitFor([&] { return WaitingBytes() == 0; }));
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric("quantstream_query_connections") == 0; }));
}

TEST_F(HostileConnections, AStormOfCancelsWhileCandlesComeLeavesNothingBehind) {
  std::atomic<bool> ended = false;
  std::thread processor([&] {
    while (!ended && closed() < 3'000) CloseNext();
  });
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      const auto stub = Connect();
      for (int round = 0; round < 50; ++round) {
        StreamClient stream(stub.get(), StreamOf(kA));
        const auto words = static_cast<size_t>(round % 3);
        EXPECT_EQ(stream.Next(words).size(), words);
        const auto context = Within(std::chrono::seconds(30));
        auto subscribe = stub->Subscribe(context.get());
        v1::SubscribeRequest request;
        request.add_add()->set_instrument(i % 2 == 0 ? "venue:*" : kA);
        request.mutable_add(0)->set_interval("1s");
        subscribe->Write(request);
        v1::SubscribeResponse response;
        if (round % 2 == 0) subscribe->Read(&response);
        context->TryCancel();
        while (subscribe->Read(&response)) {
        }
        EXPECT_EQ(subscribe->Finish().error_code(), grpc::StatusCode::CANCELLED);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  ended = true;
  processor.join();
}

TEST_F(HostileConnections, ADeadlineOfAMillisecondEndsEveryCallThoughTheStoreNeverAnswers) {
  CloseNext();
  ASSERT_TRUE(Answers(stub_.get()));
  history_.Hold();
  constexpr std::chrono::milliseconds kShort{1};
  v1::GetCandlesResponse candles;
  v1::GetLatestResponse latest;
  for (int i = 0; i < 100; ++i) {
    const auto context = Within(kShort);
    auto stream = stub_->StreamCandles(context.get(), StreamOf(kA));
    v1::StreamCandlesResponse event;
    while (stream->Read(&event)) {
    }
    for (const grpc::Status& status :
         {stream->Finish(), stub_->GetCandles(Within(kShort).get(), Candles(), &candles),
          stub_->GetLatest(Within(kShort).get(), Latest(), &latest)}) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    }
  }
  EXPECT_TRUE(WaitForSubscribers(0)) << "the store still holds what they asked for";
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric("quantstream_query_streams") == 0; }));
  history_.Release();
}

}  // namespace
}  // namespace quantstream::query::testing
