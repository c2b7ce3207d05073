// The operator's HTTP port: /metrics (Prometheus text), /healthz (alive), /readyz (503 with a line
// per unmet condition). Not for users' requests. A slow, silent or half-sent request ends by
// time-out and never holds up another.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "platform/admin/readiness.h"

namespace prometheus {
class Registry;
}

namespace quantstream::admin {

struct AdminServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                                // 0 = a free one
  int connections_max = 64;                         // more are closed at once
  std::chrono::milliseconds request_timeout{5000};  // from accept to the whole answer written
};

// One thread of its own. GET and HEAD only; one request per connection; requests up to 8 KiB.
class AdminServer {
 public:
  // `readiness` outlives the server. `healthy` is asked on the server's thread and must not block;
  // unset = always alive. Error: ALREADY_EXISTS names the address and port when it is taken.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(
      const AdminServerOptions& options, std::shared_ptr<prometheus::Registry> registry,
      const Readiness* readiness, std::function<bool()> healthy = nullptr);
  ~AdminServer();  // Closes all connections; bounded.

  uint16_t port() const;

 private:
  class Listener;
  explicit AdminServer(std::unique_ptr<Listener> listener);
  std::unique_ptr<Listener> listener_;
};

}  // namespace quantstream::admin
