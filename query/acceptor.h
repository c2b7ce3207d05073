// The listening socket, ours rather than gRPC's: it stays alive when file descriptors run out, and
// it knows how many connections are open. Hands accepted sockets on; reads and writes none.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace quantstream::query {

struct AcceptorOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6
  uint16_t port = 0;                  // 0 = a free one
  int connections_max = 1000;         // more are closed at once
};

class Acceptor {
 public:
  // `accepted` is called on the acceptor's thread and owns the socket from then on. `refused`: one
  // was closed at once. ALREADY_EXISTS names the address and port when it is taken.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Listen(const AcceptorOptions& options,
                                                          std::function<void(int fd)> accepted,
                                                          std::function<void()> refused);
  ~Acceptor();

  // Begins to accept. Until then connections wait.
  void Start();
  // No new connections from now on.
  void Stop();

  uint16_t port() const { return port_; }
  // As of the last look; what was handed on and is still open.
  int64_t connections() const { return connections_; }

 private:
  Acceptor(int listener, uint16_t port, AcceptorOptions options,
           std::function<void(int fd)> accepted, std::function<void()> refused);
  void Loop();
  void AcceptOne();
  void ForgetClosed();

  const int listener_;
  const uint16_t port_;
  const AcceptorOptions options_;
  const std::function<void(int fd)> accepted_;
  const std::function<void()> refused_;
  std::map<int, uint64_t> open_;  // descriptor -> identity of its socket
  std::atomic<int64_t> connections_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace quantstream::query
