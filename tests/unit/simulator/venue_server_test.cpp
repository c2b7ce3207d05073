#include "ingest/simulator/venue_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <chrono>

#include "ingest/simulator/market_model.h"
#include "tests/support/paths.h"
#include "tests/support/wait.h"
#include "tests/unit/simulator/websocket_client.h"

namespace quantstream::simulator {
namespace {

using ::testing::HasSubstr;

class VenueServerTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}, double trades_per_s = 1000) {
    options.tls_dir = folder_.path() + "/tls";
    const int64_t now = std::chrono::duration_cast<std::chrono::microseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    auto market = std::make_unique<MarketModel>(MarketOptions{
        .instruments = {"BTC-USDT", "ETH-USDT"}, .trades_per_s = trades_per_s, .start_us = now});
    auto venue = std::make_unique<Venue>(std::move(market), Faults({}, 1),
                                         *SentLedger::Open(folder_.path() + "/ledger.csv"),
                                         VenueOptions{}, &metrics_);
    auto server = VenueServer::Start(options, std::move(venue), &metrics_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  HttpResult Post(const std::string& target, const std::string& body = "") {
    return Http(server_->ws_port(), "POST", target, body);
  }
  std::string authority() const { return folder_.path() + "/tls/ca.pem"; }

  test_support::TempDir folder_;
  prometheus::Registry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<VenueServer> server_;
};

TEST_F(VenueServerTest, StreamsTradesOverPlainAndTls) {
  Start();
  WebSocketClient plain(server_->ws_port(), "/stream?streams=btcusdt@trade");
  WebSocketClient secure(server_->wss_port(), "/stream?streams=ethusdt@trade", authority());
  EXPECT_EQ(plain.failure(), "");
  EXPECT_EQ(secure.failure(), "");
  EXPECT_THAT(plain.Receive().value_or(""),
              HasSubstr(R"({"stream":"btcusdt@trade","data":{"e":"trade")"));
  EXPECT_THAT(secure.Receive().value_or(""), HasSubstr(R"({"stream":"ethusdt@trade")"));
}

TEST_F(VenueServerTest, TheCertificateIsForLoopbackOnly) {
  Start();
  WebSocketClient by_address(server_->wss_port(), "/stream", authority(), "127.0.0.1");
  EXPECT_EQ(by_address.failure(), "");
  WebSocketClient other(server_->wss_port(), "/stream", authority(), "stream.example.org");
  EXPECT_NE(other.failure(), "");
}

TEST_F(VenueServerTest, SubscribesOnRequestAndAcknowledges) {
  Start();
  WebSocketClient client(server_->ws_port(), "/stream");
  client.Send(R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":7})");
  EXPECT_EQ(client.Receive(), R"({"result":null,"id":7})");
  EXPECT_THAT(client.Receive().value_or(""), HasSubstr("btcusdt@trade"));
  client.Send(R"({"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":8})");
  EXPECT_TRUE(client.ReceiveWith(R"("id":8})"));
  client.Send(R"({"method":"LIST_SUBSCRIPTIONS","id":9})");
  EXPECT_EQ(client.Receive(), R"({"result":[],"id":9})");
}

TEST_F(VenueServerTest, AnswersPingsAndSendsItsOwn) {
  Start({.limits = {.ping_interval_ms = 20}});
  WebSocketClient client(server_->ws_port(), "/stream?streams=btcusdt@trade");
  EXPECT_TRUE(client.PingIsAnswered("are you there"));
  EXPECT_TRUE(test_support::WaitFor([&] { return client.Receive() && client.pings_seen() > 1; }));
}

TEST_F(VenueServerTest, AClientThatSaysTooMuchIsClosed) {
  Start({.limits = {.messages_per_s_max = 2}});
  WebSocketClient client(server_->ws_port(), "/stream");
  for (int i = 0; i < 3; ++i) client.Send(R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
  EXPECT_TRUE(client.EndsWithCode(1008));
}

TEST_F(VenueServerTest, AConnectionEndsWithItsLifetime) {
  Start({.limits = {.lifetime_ms = 100}});
  WebSocketClient client(server_->ws_port(), "/stream?streams=btcusdt@trade");
  EXPECT_TRUE(client.EndsWithCode(1001));
}

TEST_F(VenueServerTest, ShutdownIsAnnouncedThenTheConnectionCloses) {
  Start();
  WebSocketClient client(server_->ws_port(), "/stream?streams=btcusdt@trade");
  ASSERT_TRUE(client.Receive());
  EXPECT_EQ(Post("/control/shutdown?after_ms=50").status, 200);
  EXPECT_TRUE(client.ReceiveWith(R"({"e":"serverShutdown","E":)"));
  EXPECT_TRUE(client.EndsWithCode(1001));
}

TEST_F(VenueServerTest, DisconnectCutsEverybodyOffAndTheyMayComeBack) {
  Start();
  WebSocketClient client(server_->ws_port(), "/stream?streams=btcusdt@trade");
  ASSERT_TRUE(client.Receive());
  EXPECT_EQ(Post("/control/disconnect?mode=abort").status, 200);
  EXPECT_FALSE(client.EndsWithCode(1001));
  WebSocketClient again(server_->ws_port(), "/stream?streams=btcusdt@trade");
  EXPECT_TRUE(again.Receive());
}

TEST_F(VenueServerTest, AnyTextCanBeSentToAllClients) {
  Start();
  WebSocketClient client(server_->wss_port(), "/stream", authority());
  EXPECT_EQ(Post("/control/send", "{broken").status, 200);
  EXPECT_EQ(client.Receive(), "{broken");
}

TEST_F(VenueServerTest, ASlowClientIsCutOffAndHarmsNobody) {
  Start({.limits = {.queued_bytes_max = 1 << 16}}, 100'000);
  WebSocketClient slow(server_->ws_port(), "/stream?streams=btcusdt@trade");
  WebSocketClient other(server_->ws_port(), "/stream");
  EXPECT_TRUE(test_support::WaitFor([&] {
    return Http(server_->ws_port(), "GET", "/control/status").body.find(R"("clients":1)") !=
           std::string::npos;
  }));
  other.Send(R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
  EXPECT_TRUE(other.Receive());
  EXPECT_FALSE(slow.EndsWithCode(1001));
}

TEST_F(VenueServerTest, ConnectionsAreLimited) {
  Start({.clients_max = 1});
  WebSocketClient first(server_->ws_port(), "/stream");
  EXPECT_EQ(first.failure(), "");
  WebSocketClient second(server_->ws_port(), "/stream");
  EXPECT_NE(second.failure(), "");
}

TEST_F(VenueServerTest, OtherPathsAndRequestsAreRefused) {
  Start();
  EXPECT_NE(WebSocketClient(server_->ws_port(), "/nothing").failure(), "");
  EXPECT_EQ(Http(server_->ws_port(), "GET", "/nothing").status, 404);
  EXPECT_EQ(Http(server_->ws_port(), "DELETE", "/api/v3/ping").status, 405);
  EXPECT_EQ(Http(server_->ws_port(), "GET", "/control/mute").status, 405);
  EXPECT_EQ(Post("/control/nothing").status, 404);
  EXPECT_EQ(Post("/control/faults?skip=2").status, 400);
  EXPECT_EQ(Post("/control/rate?trades_per_s=0").status, 400);
  EXPECT_EQ(Post("/control/disconnect?mode=gently").status, 400);
}

TEST_F(VenueServerTest, FaultsAreSetWhileItRuns) {
  Start();
  WebSocketClient client(server_->ws_port(), "/stream?streams=btcusdt@trade");
  EXPECT_EQ(Post("/control/faults?skip=1").status, 200);
  EXPECT_TRUE(test_support::WaitFor([&] {
    return Http(server_->ws_port(), "GET", "/control/status").body.find(R"("skipped":0)") ==
           std::string::npos;
  }));
}

TEST_F(VenueServerTest, ATakenPortIsNamed) {
  Start();
  auto venue =
      std::make_unique<Venue>(std::make_unique<MarketModel>(MarketOptions{.instruments = {"A-B"}}),
                              Faults({}, 1), *SentLedger::Open(""), VenueOptions{}, &metrics_);
  const auto second =
      VenueServer::Start({.ws_port = server_->ws_port()}, std::move(venue), &metrics_);
  EXPECT_TRUE(absl::IsAlreadyExists(second.status()));
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("127.0.0.1:" + std::to_string(server_->ws_port())));
}

}  // namespace
}  // namespace quantstream::simulator
