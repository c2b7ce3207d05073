// One WebSocket client of the venue, and what it needs of the server. The sockets are in
// client_session.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "ingest/simulator/metrics.h"
#include "ingest/simulator/venue.h"

namespace quantstream::simulator {

struct ClientLimits {
  int64_t ping_interval_ms = 20'000;
  int64_t pong_timeout_ms = 60'000;  // without a pong the client is taken for dead
  int64_t lifetime_ms = 86'400'000;  // then the venue closes the connection
  int64_t messages_per_s_max = 5;    // from the client; more closes it
  int64_t streams_max = 1024;
  int64_t queued_bytes_max = 16 << 20;  // a slower client is closed
};

class Client : public Subscriber {
 public:
  virtual void SendText(std::string_view text) = 0;
  // Closing handshake; what is queued leaves first. `why` as in Metrics::ClientClosed.
  virtual void Close(std::string_view why) = 0;
  // Resets the connection; what is queued is lost.
  virtual void Abort(std::string_view why) = 0;
};

class ClientHost {
 public:
  virtual ~ClientHost() = default;
  virtual Venue& venue() = 0;
  virtual Metrics& metrics() = 0;
  virtual const ClientLimits& limits() const = 0;
  virtual void Joined(std::shared_ptr<Client> client) = 0;
  virtual void Left(Client* client) = 0;
};

}  // namespace quantstream::simulator
