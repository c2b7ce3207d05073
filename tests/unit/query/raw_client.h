// Clients without gRPC: bytes on a socket, and nothing more.
#pragma once

#include <cstdint>
#include <string>

namespace quantstream::query::testing {

// A connection that has sent these bytes.
int DialAndSend(uint16_t port, const std::string& bytes);
// It vanishes: the server gets an RST.
void Reset(int fd);
// The preface and settings of an HTTP/2 connection, and no call.
std::string RawGreeting();
inline constexpr bool kTakesNothing = true;
// A call of MarketData in HTTP/2 by hand, from the preface on: whoever sends it and does not read
// takes no more than the first 64 KiB, or none.
std::string RawCall(const std::string& method, const std::string& request,
                    bool takes_nothing = false);

}  // namespace quantstream::query::testing
