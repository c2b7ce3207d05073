#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "absl/status/status.h"

namespace quantstream::test_support {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool SendAll(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

// One client's connection and ours to the server, with a thread for each direction.
struct TcpProxy::Pair {
  int client = -1;
  int server = -1;
  std::string tail;                // of what the client sent: a wish may span two reads
  std::atomic<bool> deaf = false;  // answers are thrown away
  std::thread up;
  std::thread down;

  void Break() {
    shutdown(client, SHUT_RDWR);
    shutdown(server, SHUT_RDWR);
  }
  ~Pair() {
    Break();
    up.join();
    down.join();
    close(client);
    close(server);
  }
};

absl::StatusOr<std::unique_ptr<TcpProxy>> TcpProxy::Start(uint16_t target_port) {
  std::unique_ptr<TcpProxy> proxy(new TcpProxy(target_port));
  if (absl::Status listening = proxy->Listen(); !listening.ok()) {
    return listening;
  }
  proxy->acceptor_ = std::thread([raw = proxy.get()] { raw->AcceptLoop(); });
  return proxy;
}

TcpProxy::TcpProxy(uint16_t target_port) : target_port_(target_port) {}

TcpProxy::~TcpProxy() {
  ended_ = true;
  if (acceptor_.joinable()) {
    acceptor_.join();
  }
  close(listener_);
}

absl::Status TcpProxy::Listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return absl::ErrnoToStatus(errno, "the proxy cannot listen");
  }
  port_ = ntohs(address.sin_port);
  return absl::OkStatus();
}

void TcpProxy::AcceptLoop() {
  while (!ended_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, 20) <= 0) {
      continue;
    }
    int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) {
      StartPair(client);
    }
  }
}

void TcpProxy::StartPair(int client) {
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(target_port_);
  if (shut_) {
    ++refused_;
  }
  if (shut_ || connect(server, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    close(client);
    close(server);
    return;
  }
  auto pair = std::make_unique<Pair>();
  pair->client = client;
  pair->server = server;
  Pair* raw = pair.get();
  pair->up = std::thread([this, raw] { ForwardFromClient(*raw); });
  pair->down = std::thread([this, raw] { ForwardToClient(*raw); });
  std::lock_guard lock(mutex_);
  pairs_.push_back(std::move(pair));
}

void TcpProxy::ForwardFromClient(Pair& pair) {
  std::array<char, 65536> buffer;
  for (ssize_t read; (read = recv(pair.client, buffer.data(), buffer.size(), 0)) > 0;) {
    std::string_view chunk(buffer.data(), static_cast<size_t>(read));
    Cut how;
    if (!CutWanted(pair, chunk, &how)) {
      if (!SendAll(pair.server, chunk)) {
        break;
      }
      continue;
    }
    if (how == Cut::kAfterItArrived) {
      pair.deaf = true;
      SendAll(pair.server, chunk);
      shutdown(pair.server,
               SHUT_WR);  // the server reads to the end, then hangs up: see ForwardToClient
      return;
    }
    break;
  }
  pair.Break();
}

void TcpProxy::ForwardToClient(Pair& pair) {
  std::array<char, 65536> buffer;
  for (ssize_t read; (read = recv(pair.server, buffer.data(), buffer.size(), 0)) > 0;) {
    if (!pair.deaf && !SendAll(pair.client, {buffer.data(), static_cast<size_t>(read)})) {
      break;
    }
  }
  pair.Break();
}

bool TcpProxy::CutWanted(Pair& pair, std::string_view chunk, Cut* how) {
  std::lock_guard lock(mutex_);
  if (wanted_.empty()) {
    pair.tail.clear();
    return false;
  }
  pair.tail.append(chunk);
  if (pair.tail.find(wanted_) == std::string::npos) {
    if (pair.tail.size() >= wanted_.size()) {
      pair.tail.erase(0, pair.tail.size() - wanted_.size() + 1);
    }
    return false;
  }
  *how = how_;
  wanted_.clear();
  ++cuts_;
  return true;
}

void TcpProxy::CutAt(std::string_view bytes, Cut how) {
  std::lock_guard lock(mutex_);
  wanted_ = bytes;
  how_ = how;
}

void TcpProxy::Shut() {
  shut_ = true;
  std::lock_guard lock(mutex_);
  for (auto& pair : pairs_) {
    pair->Break();
  }
}

void TcpProxy::Open() {
  shut_ = false;
}

}  // namespace quantstream::test_support
