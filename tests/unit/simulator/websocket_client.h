// A blocking WebSocket and HTTP client for tests, over TCP or TLS. Every wait is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace quantstream::simulator {

class WebSocketClient {
 public:
  // With `authority_file`, over TLS, checked against that authority and `host`.
  WebSocketClient(uint16_t port, const std::string& target, const std::string& authority_file = "",
                  const std::string& host = "localhost");
  ~WebSocketClient();

  // Why the connection could not be made; empty when it was.
  const std::string& failure() const;
  void Send(std::string_view text);
  // Sends a ping and reads until its pong came; false when another payload or nothing came.
  bool PingIsAnswered(std::string_view payload);
  // The next text message; nothing when the connection ended or ten seconds passed.
  std::optional<std::string> Receive();
  // The next message that contains `text`.
  std::optional<std::string> ReceiveWith(std::string_view text);
  // Reads until the end; true when the server closed it with this code.
  bool EndsWithCode(int code);
  int pings_seen() const;

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

struct HttpResult {
  int status = 0;
  std::string body{};
};
HttpResult Http(uint16_t port, std::string_view method, const std::string& target,
                const std::string& body = "");

}  // namespace quantstream::simulator
