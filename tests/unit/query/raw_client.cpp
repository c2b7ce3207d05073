#include "tests/unit/query/raw_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>
#include <vector>

namespace quantstream::query::testing {
namespace {

std::string Frame(int type, int flags, const std::string& payload) {
  const auto byte = [](size_t value) { return static_cast<char>(value); };
  const size_t size = payload.size();
  const char stream = type == 4 ? 0 : 1;  // SETTINGS are of the connection
  return std::string{byte(size >> 16), byte(size >> 8), byte(size), byte(type), byte(flags),
                     0,                0,               0,          stream} +
         payload;
}

}  // namespace

int DialAndSend(uint16_t port, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  return fd;
}

void Reset(int fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  close(fd);
}

std::string RawGreeting() {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, "");
}

std::string RawCall(const std::string& method, const std::string& request, bool takes_nothing) {
  std::string headers;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {":method", "POST"},
           {":scheme", "http"},
           {":path", "/quantstream.v1.MarketData/" + method},
           {":authority", "test"},
           {"te", "trailers"},
           {"content-type", "application/grpc"}}) {
    headers += std::string(1, 0) + static_cast<char>(name.size()) + name +
               static_cast<char>(value.size()) + value;
  }
  const std::string prefix{0, 0, 0, 0, static_cast<char>(request.size())};
  const std::string no_window{0, 4, 0, 0, 0, 0};  // SETTINGS_INITIAL_WINDOW_SIZE = 0
  const std::string settings = takes_nothing ? Frame(4, 0, no_window) : "";
  return RawGreeting() + settings + Frame(1, 4, headers) + Frame(0, 1, prefix + request);
}

}  // namespace quantstream::query::testing
