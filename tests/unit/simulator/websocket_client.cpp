#include "tests/unit/simulator/websocket_client.h"

#include <chrono>
#include <utility>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace quantstream::simulator {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using Tls = asio::ssl::stream<beast::tcp_stream>;

constexpr auto kBound = std::chrono::seconds(10);

asio::ip::tcp::endpoint Loopback(uint16_t port) {
  return {asio::ip::make_address("127.0.0.1"), port};
}

}  // namespace

struct WebSocketClient::Connection {
  asio::io_context context;
  asio::ssl::context tls{asio::ssl::context::tls_client};
  std::unique_ptr<websocket::stream<beast::tcp_stream>> plain;
  std::unique_ptr<websocket::stream<Tls>> secure;
  beast::flat_buffer buffer;
  std::string failure;
  std::string pong;
  int pings = 0;

  // Starts an operation and runs it to its end or the bound.
  template <class Start>
  beast::error_code Await(Start start) {
    beast::error_code result = asio::error::timed_out;
    start([&result](beast::error_code error, auto&&...) { result = error; });
    context.restart();
    context.run_for(kBound);
    return result;
  }
  template <class Operation>
  beast::error_code WithSocket(Operation operation) {
    return Await([&](auto handler) {
      if (secure) {
        operation(*secure, handler);
      } else {
        operation(*plain, handler);
      }
    });
  }
  void Watch(websocket::frame_type kind, beast::string_view payload) {
    if (kind == websocket::frame_type::ping) ++pings;
    if (kind == websocket::frame_type::pong) pong = std::string(payload);
  }
};

WebSocketClient::WebSocketClient(uint16_t port, const std::string& target,
                                 const std::string& authority_file, const std::string& host)
    : connection_(std::make_unique<Connection>()) {
  Connection& c = *connection_;
  beast::tcp_stream tcp(c.context);
  beast::error_code error = c.Await([&](auto h) { tcp.async_connect(Loopback(port), h); });
  if (!error && !authority_file.empty()) {
    c.tls.load_verify_file(authority_file);
    c.tls.set_verify_mode(asio::ssl::verify_peer);
    c.secure = std::make_unique<websocket::stream<Tls>>(std::move(tcp), c.tls);
    c.secure->next_layer().set_verify_callback(asio::ssl::host_name_verification(host));
    error = c.Await(
        [&](auto h) { c.secure->next_layer().async_handshake(asio::ssl::stream_base::client, h); });
  } else {
    c.plain = std::make_unique<websocket::stream<beast::tcp_stream>>(std::move(tcp));
  }
  if (!error) {
    error = c.WithSocket([&](auto& socket, auto h) {
      socket.control_callback([&c](auto kind, auto payload) { c.Watch(kind, payload); });
      socket.async_handshake(host, target, h);
    });
  }
  if (error) c.failure = error.message();
}

WebSocketClient::~WebSocketClient() = default;

const std::string& WebSocketClient::failure() const {
  return connection_->failure;
}
int WebSocketClient::pings_seen() const {
  return connection_->pings;
}

void WebSocketClient::Send(std::string_view text) {
  connection_->WithSocket(
      [&](auto& socket, auto h) { socket.async_write(asio::buffer(text.data(), text.size()), h); });
}

std::optional<std::string> WebSocketClient::Receive() {
  connection_->buffer.clear();
  const beast::error_code error = connection_->WithSocket(
      [&](auto& socket, auto h) { socket.async_read(connection_->buffer, h); });
  if (error) return std::nullopt;
  return beast::buffers_to_string(connection_->buffer.data());
}

std::optional<std::string> WebSocketClient::ReceiveWith(std::string_view text) {
  while (std::optional<std::string> message = Receive()) {
    if (message->find(text) != std::string::npos) return message;
  }
  return std::nullopt;
}

bool WebSocketClient::PingIsAnswered(std::string_view payload) {
  const websocket::ping_data data(beast::string_view(payload.data(), payload.size()));
  connection_->WithSocket([&](auto& socket, auto h) { socket.async_ping(data, h); });
  while (connection_->pong.empty() && Receive()) {
  }
  return connection_->pong == payload;
}

bool WebSocketClient::EndsWithCode(int code) {
  while (Receive()) {
  }
  const auto reason =
      connection_->secure ? connection_->secure->reason() : connection_->plain->reason();
  return reason.code == code;
}

HttpResult Http(uint16_t port, std::string_view method, const std::string& target,
                const std::string& body) {
  asio::io_context context;
  beast::tcp_stream stream(context);
  stream.connect(Loopback(port));
  http::request<http::string_body> request;
  request.method_string(beast::string_view(method.data(), method.size()));
  request.target(target);
  request.set(http::field::host, "localhost");
  request.body() = body;
  request.prepare_payload();
  http::write(stream, request);
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(stream, buffer, response);
  return {static_cast<int>(response.result_int()), response.body()};
}

}  // namespace quantstream::simulator
