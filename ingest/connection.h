// One WebSocket to a venue, plain or over TLS: connect, verify, answer pings, read within bounds.
// Decodes nothing, never connects again by itself. All on the thread that runs the io_context.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ingest/io.h"
#include "ingest/url.h"

namespace boost::asio {
class io_context;
namespace ssl {
class context;
}
}  // namespace boost::asio

namespace quantstream::ingest {

// What certificates are believed: the system's, or one CA file for a test venue. TLS 1.2 or newer.
absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> MakeTlsContext(
    const std::string& ca_file);

struct ConnectionOptions {
  WebSocketUrl url;
  std::shared_ptr<boost::asio::ssl::context> tls;  // for wss
  int64_t connect_timeout_ms = 10'000;             // name, TCP, TLS and upgrade, each
  size_t frame_bytes_max = 1 << 20;   // larger frames are refused; of them an excerpt is kept
  size_t frame_bytes_cut = 16 << 20;  // a frame that does not end before this ends the connection
};

// Called on the io_context's thread. None is called after OnClosed or after the connection was
// destroyed.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;
  // The venue agreed to speak WebSocket.
  virtual void OnOpen() = 0;
  // A whole text frame; valid during the call.
  virtual void OnFrame(std::string_view frame) = 0;
  // A frame that is not handed out: binary, or too large. Reading goes on.
  virtual void OnRefusedFrame(DeadLetter letter) = 0;
  // The end, for whatever reason; also of an attempt that never opened.
  virtual void OnClosed(const absl::Status& why) = 0;
};

class Connection {
 public:
  virtual ~Connection() = default;  // Cuts it.

  // Starts connecting. `events` outlives the connection.
  static std::unique_ptr<Connection> Open(boost::asio::io_context& io, ConnectionOptions options,
                                          ConnectionEvents* events);

  // Sends a text frame; several wait in order.
  virtual void Send(std::string text) = 0;
  // Stops reading after the frame in hand: what comes waits in the socket, then at the venue.
  virtual void Pause() = 0;
  virtual void Resume() = 0;
  // Says goodbye without waiting; OnClosed is not called.
  virtual void Close() = 0;
};

}  // namespace quantstream::ingest
