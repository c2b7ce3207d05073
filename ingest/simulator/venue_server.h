// The venue on its sockets: ws and wss, REST and control on both. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "ingest/simulator/client.h"
#include "ingest/simulator/venue.h"

namespace quantstream::simulator {

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t ws_port = 0;  // 0: a free one
  uint16_t wss_port = 0;
  std::string tls_dir{};  // where ca.pem, server.pem and server.key are, or are made; empty: no wss
  ClientLimits limits{};
  size_t clients_max = 100;
  size_t connects_max = 300;  // WebSockets opened within five minutes; more are refused
};

class VenueServer {
 public:
  // Error: ALREADY_EXISTS names the address and port when it is taken. `metrics` outlives the
  // server.
  static absl::StatusOr<std::unique_ptr<VenueServer>> Start(const ServerOptions& options,
                                                            std::unique_ptr<Venue> venue,
                                                            Metrics* metrics);
  // Closes all clients, each after what was queued for it; bounded by a second.
  ~VenueServer();

  uint16_t ws_port() const;
  uint16_t wss_port() const;

 private:
  class Loop;
  explicit VenueServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace quantstream::simulator
