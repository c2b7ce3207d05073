// A WebSocket session over TCP or TLS. Internal to the server: pulls in Beast.
#pragma once

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "ingest/simulator/client.h"
#include "ingest/simulator/requests.h"

namespace quantstream::simulator {

using PlainStream = boost::beast::tcp_stream;
using TlsStream = boost::asio::ssl::stream<boost::beast::tcp_stream>;
using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;

// Answers the upgrade and serves the client until it leaves. The session keeps itself alive; `host`
// outlives it.
void AcceptClient(PlainStream stream, HttpRequest request, StreamTarget target, ClientHost* host);
void AcceptClient(TlsStream stream, HttpRequest request, StreamTarget target, ClientHost* host);

}  // namespace quantstream::simulator
