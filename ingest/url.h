// A WebSocket URL in its parts: ws://host[:port][/path] or wss://…
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quantstream::ingest {

struct WebSocketUrl {
  bool tls = false;
  std::string host;
  std::string port;    // as text; 80 or 443 when none is given
  std::string target;  // from the first `/` on; `/` when there is none

  // InvalidArgument says what is wrong: scheme, host or port.
  static absl::StatusOr<WebSocketUrl> Parse(std::string_view url);
};

}  // namespace quantstream::ingest
