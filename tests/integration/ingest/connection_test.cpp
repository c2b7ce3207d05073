// The real WebSocket client against a small server on loopback that sends what no venue should.
#include "ingest/connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include "tests/support/wait.h"

namespace quantstream::ingest {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using ServerSocket = websocket::stream<asio::ip::tcp::socket>;

// Accepts one client and does with it what the test says; then reads until the client leaves.
class OneClientServer {
 public:
  explicit OneClientServer(std::function<void(ServerSocket&)> serve)
      : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
        port_(acceptor_.local_endpoint().port()),
        thread_([this, serve = std::move(serve)] { Serve(serve); }) {}
  ~OneClientServer() {
    if (client_ >= 0) shutdown(client_, SHUT_RDWR);
    thread_.join();
  }
  uint16_t port() const { return port_; }

 private:
  void Serve(const std::function<void(ServerSocket&)>& serve) {
    ServerSocket socket(acceptor_.accept());
    client_ = socket.next_layer().native_handle();
    beast::error_code error;
    socket.accept(error);
    if (error) return;
    serve(socket);
    beast::flat_buffer buffer;
    while (!error) {
      socket.read(buffer, error);
      buffer.clear();
    }
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  uint16_t port_;
  std::atomic<int> client_ = -1;
  std::thread thread_;
};

class ConnectionTest : public testing::Test, public ConnectionEvents {
 protected:
  void OnOpen() override { opened = true; }
  void OnFrame(std::string_view frame) override { frames.emplace_back(frame); }
  void OnRefusedFrame(DeadLetter letter) override { letters.push_back(std::move(letter)); }
  void OnClosed(const absl::Status& why) override { closed = why; }

  void Open(uint16_t port) {
    ConnectionOptions options;
    options.url = *WebSocketUrl::Parse("ws://127.0.0.1:" + std::to_string(port) + "/stream");
    options.connect_timeout_ms = 500;
    connection = Connection::Open(io, std::move(options), this);
  }
  bool RunUntil(const std::function<bool()>& condition) {
    return test_support::WaitFor([&] {
      io.restart();
      io.run_for(std::chrono::milliseconds(5));
      return condition();
    });
  }
  void TearDown() override {
    connection.reset();
    io.restart();
    io.run_for(std::chrono::milliseconds(10));
  }

  bool opened = false;
  std::vector<std::string> frames;
  std::vector<DeadLetter> letters;
  std::optional<absl::Status> closed;
  asio::io_context io;
  std::unique_ptr<Connection> connection;
};

TEST_F(ConnectionTest, GivesFramesInOrderAlsoWhenTheyComeInPieces) {
  OneClientServer server([](ServerSocket& socket) {
    socket.write(asio::buffer(std::string("one")));
    socket.auto_fragment(true);
    socket.write_buffer_bytes(16);
    socket.write(asio::buffer(std::string(500'000, 'x')));
    socket.write(asio::buffer(std::string("three")));
  });
  Open(server.port());
  ASSERT_TRUE(RunUntil([&] { return frames.size() == 3; }));
  EXPECT_EQ(frames[0], "one");
  EXPECT_EQ(frames[1], std::string(500'000, 'x'));
  EXPECT_EQ(frames[2], "three");
}

TEST_F(ConnectionTest, RefusesAnOversizedFrameWithItsMeasureAndReadsOn) {
  OneClientServer server([](ServerSocket& socket) {
    socket.write(asio::buffer(std::string((1 << 20) + 1, 'x')));
    socket.write(asio::buffer(std::string("next")));
  });
  Open(server.port());
  ASSERT_TRUE(RunUntil([&] { return frames.size() == 1; }));
  EXPECT_EQ(frames[0], "next");
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].reason, "oversized");
  EXPECT_EQ(letters[0].length, (1u << 20) + 1);
  EXPECT_EQ(letters[0].bytes.size(), DeadLetter::kBytesMax);
  EXPECT_EQ(letters[0].sha256_hex.size(), 64u);
  EXPECT_FALSE(closed.has_value());
}

TEST_F(ConnectionTest, EndsWhenAFrameDoesNotEnd) {
  OneClientServer server([](ServerSocket& socket) {
    beast::error_code error;
    const std::string piece(1 << 20, 'x');
    while (!error) socket.write_some(false, asio::buffer(piece), error);
  });
  Open(server.port());
  ASSERT_TRUE(RunUntil([&] { return closed.has_value(); }));
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].reason, "oversized");
  EXPECT_TRUE(absl::IsResourceExhausted(*closed)) << *closed;
}

TEST_F(ConnectionTest, RefusesABinaryFrameAndReadsOn) {
  OneClientServer server([](ServerSocket& socket) {
    socket.binary(true);
    socket.write(asio::buffer(std::string("\x01\x02")));
    socket.text(true);
    socket.write(asio::buffer(std::string("next")));
  });
  Open(server.port());
  ASSERT_TRUE(RunUntil([&] { return frames.size() == 1; }));
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].reason, "binary");
  EXPECT_EQ(letters[0].bytes, "\x01\x02");
}

TEST_F(ConnectionTest, RefusesTextThatIsNotUtf8AndEnds) {
  OneClientServer server([](ServerSocket& socket) {
    socket.text(true);
    socket.write(asio::buffer(std::string("{\"stream\":\"\xff\xfe\"}")));
  });
  Open(server.port());
  ASSERT_TRUE(RunUntil([&] { return closed.has_value(); }));
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].reason, "not_utf8");
}

TEST_F(ConnectionTest, AnswersAPingWithItsPayload) {
  std::string pong;
  {
    OneClientServer server([&](ServerSocket& socket) {
      socket.control_callback([&](websocket::frame_type type, beast::string_view payload) {
        if (type == websocket::frame_type::pong) pong = std::string(payload);
      });
      socket.ping("1700000000");
    });
    Open(server.port());
    RunUntil([&] { return opened; });
    io.restart();
    io.run_for(std::chrono::milliseconds(200));
    connection->Close();
    io.restart();
    io.run_for(std::chrono::milliseconds(200));
  }
  EXPECT_EQ(pong, "1700000000");
}

TEST_F(ConnectionTest, ReadsNothingWhilePausedAndEverythingAfterwards) {
  constexpr size_t kFrames = 20'000;
  OneClientServer server([](ServerSocket& socket) {
    for (size_t i = 0; i < kFrames; ++i) socket.write(asio::buffer(std::string(1000, 'x')));
  });
  Open(server.port());
  ASSERT_TRUE(RunUntil([&] { return frames.size() > 10; }));
  connection->Pause();
  io.restart();
  io.run_for(std::chrono::milliseconds(50));
  const size_t before = frames.size();
  io.restart();
  io.run_for(std::chrono::milliseconds(100));
  EXPECT_EQ(frames.size(), before);
  EXPECT_LT(before, kFrames);
  connection->Resume();
  EXPECT_TRUE(RunUntil([&] { return frames.size() == kFrames; })) << frames.size();
}

TEST_F(ConnectionTest, TellsTheEndOfAConnectionAndOfOneThatNeverOpened) {
  {
    OneClientServer server([](ServerSocket& socket) {
      beast::error_code error;
      socket.next_layer().close(error);
    });
    Open(server.port());
    EXPECT_TRUE(RunUntil([&] { return closed.has_value(); }));
  }
  closed.reset();
  opened = false;
  Open(static_cast<uint16_t>(test_support::FreePort()));
  EXPECT_TRUE(RunUntil([&] { return closed.has_value(); }));
  EXPECT_FALSE(opened);
}

TEST_F(ConnectionTest, GivesUpOnAServerThatNeverAnswers) {
  asio::io_context silent_io;
  asio::ip::tcp::acceptor silent(silent_io, {asio::ip::address_v4::loopback(), 0});
  Open(silent.local_endpoint().port());
  EXPECT_TRUE(RunUntil([&] { return closed.has_value(); }));
}

TEST(TlsContext, NamesACertificateFileThatCannotBeRead) {
  const auto context = MakeTlsContext("/nonexistent/ca.pem");
  ASSERT_FALSE(context.ok());
  EXPECT_NE(context.status().ToString().find("/nonexistent/ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace quantstream::ingest
