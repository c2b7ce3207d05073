#include "tests/support/wait.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <random>
#include <set>
#include <thread>

namespace quantstream::test_support {
namespace {

bool CanListen(int port) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  const bool bound =
      bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      listen(socket_fd, 1) == 0;
  close(socket_fd);
  return bound;
}

}  // namespace

bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds bound) {
  const auto end = std::chrono::steady_clock::now() + bound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

// Below 32768, where the kernel takes the ports of outgoing connections from: what is free now
// stays free.
int FreePort() {
  static std::mutex mutex;
  static std::set<int> given;
  const std::lock_guard lock(mutex);
  std::random_device random;
  for (int attempt = 0; attempt < 1'000; ++attempt) {
    const int port = std::uniform_int_distribution<int>(20'000, 32'000)(random);
    if (!given.contains(port) && CanListen(port)) {
      given.insert(port);
      return port;
    }
  }
  std::abort();
}

}  // namespace quantstream::test_support
