// One connection before it becomes a WebSocket: reads requests and answers them. Internal to the
// server: pulls in Beast.
#pragma once

#include <functional>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "ingest/simulator/client.h"
#include "ingest/simulator/rest.h"

namespace quantstream::simulator {

class HttpHost : public ClientHost {
 public:
  // Answers a request that is no upgrade. `is_post` or GET.
  virtual HttpAnswer Answer(bool is_post, std::string_view target, std::string_view body) = 0;
  // Why no further WebSocket is accepted now: the answer to send; nothing when it is.
  virtual std::optional<HttpAnswer> RefuseClient() = 0;
};

// The session keeps itself alive and ends by time-out when its peer is silent; `host` outlives it.
// With `tls` it begins with a handshake.
void ServeConnection(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls,
                     HttpHost* host);

}  // namespace quantstream::simulator
