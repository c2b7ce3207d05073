// A gRPC client over plain HTTP/2 that costs next to nothing, so that the server is what is
// measured: one thread, many connections, messages handed on as they are read. Knows only what
// gRPC's own server sends; no TLS, no compression.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace quantstream::bench {

// One call. `message` is valid during the call only.
struct CallEvents {
  std::function<void(std::string_view message)> message;
  std::function<void()> end;  // the server has ended it
};

class Http2Connection {
 public:
  // Connects to 127.0.0.1; ends the program when that fails.
  Http2Connection(uint16_t port, std::vector<char>* buffer);
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;

  // Sends one message to a method, `/package.Service/Method`, and waits for nothing.
  void Call(const std::string& path, std::string_view message, CallEvents events);
  // Reads and writes what there is; false: the server has closed the connection.
  bool Serve(bool readable);

  int fd() const { return fd_; }
  bool wants_write() const { return !out_.empty(); }
  size_t calls() const { return calls_.size(); }

 private:
  struct Call_ {
    CallEvents events;
    std::string partial;  // of a message
    uint32_t unacknowledged = 0;
  };

  void Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view body);
  void WindowUpdate(uint32_t stream, uint32_t bytes);
  void Flush();
  size_t TakeFrames(std::string_view bytes);
  void TakeFrame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view body);
  void TakeData(uint32_t stream, std::string_view body);
  void End(uint32_t stream);

  int fd_ = -1;
  std::vector<char>* buffer_;  // shared by all connections of the thread
  std::string in_;             // the beginning of a frame
  std::string out_;
  std::unordered_map<uint32_t, Call_> calls_;
  uint32_t next_stream_ = 1;
  uint32_t unacknowledged_ = 0;
};

// Connections of one thread, and the wait for them.
class Http2Client {
 public:
  Http2Client(uint16_t port, int connections);
  ~Http2Client();

  // `index` below the number of connections.
  Http2Connection& connection(size_t index) { return *connections_[index]; }
  size_t connections() const { return connections_.size(); }
  // Waits for at most `timeout_us` and serves what came. Ends the program when a connection closes.
  void Poll(int64_t timeout_us);

 private:
  std::vector<char> buffer_;
  std::vector<std::unique_ptr<Http2Connection>> connections_;
  int epoll_ = -1;
};

}  // namespace quantstream::bench
