#include "query/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/log.h"

namespace quantstream::query {
namespace {

constexpr int kPollMs = 100;
constexpr int kBacklog = 512;

// What tells a socket from a later one with the same descriptor.
std::optional<uint64_t> IdentityOf(int fd) {
  struct stat about{};
  if (fstat(fd, &about) != 0 || !S_ISSOCK(about.st_mode)) return std::nullopt;
  return about.st_ino;
}

absl::Status Failed(const AcceptorOptions& options, const char* what) {
  const std::string message =
      absl::StrCat(what, " ", options.address, ":", options.port, ": ", std::strerror(errno));
  return errno == EADDRINUSE ? absl::AlreadyExistsError(message)
                             : absl::FailedPreconditionError(message);
}

absl::StatusOr<int> Bind(const AcceptorOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(options.address.c_str(), std::to_string(options.port).c_str(), &hints, &found) !=
      0) {
    return absl::InvalidArgumentError(absl::StrCat("'", options.address, "' is not an address"));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failed(options, "cannot make a socket for");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, kBacklog) == 0) return fd;
  absl::Status status = Failed(options, "cannot listen on");
  close(fd);
  return status;
}

uint16_t PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(const AcceptorOptions& options,
                                                           std::function<void(int fd)> accepted,
                                                           std::function<void()> refused) {
  const auto listener = Bind(options);
  if (!listener.ok()) return listener.status();
  return std::unique_ptr<Acceptor>(
      new Acceptor(*listener, PortOf(*listener), options, std::move(accepted), std::move(refused)));
}

Acceptor::Acceptor(int listener, uint16_t port, AcceptorOptions options,
                   std::function<void(int fd)> accepted, std::function<void()> refused)
    : listener_(listener),
      port_(port),
      options_(std::move(options)),
      accepted_(std::move(accepted)),
      refused_(std::move(refused)) {}

Acceptor::~Acceptor() {
  Stop();
  close(listener_);
}

void Acceptor::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Acceptor::Stop() {
  ended_ = true;
  if (thread_.joinable()) thread_.join();
}

void Acceptor::Loop() {
  while (!ended_) {
    pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, kPollMs) > 0) AcceptOne();
    ForgetClosed();
  }
}

void Acceptor::AcceptOne() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    Log(kWarning, "a connection cannot be accepted", {{"error", std::strerror(errno)}});
    poll(nullptr, 0, kPollMs);  // out of descriptors: what is open goes on, and some of it ends
    return;
  }
  if (connections_ >= options_.connections_max) ForgetClosed();
  if (connections_ >= options_.connections_max) {
    close(fd);
    return refused_();
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (const auto identity = IdentityOf(fd)) open_[fd] = *identity;
  connections_ = static_cast<int64_t>(open_.size());
  accepted_(fd);
}

void Acceptor::ForgetClosed() {
  std::erase_if(open_, [](const auto& entry) { return IdentityOf(entry.first) != entry.second; });
  connections_ = static_cast<int64_t>(open_.size());
}

}  // namespace quantstream::query
