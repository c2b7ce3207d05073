#include "bench/http2.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "bench/command.h"

namespace quantstream::bench {
namespace {

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
};
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;
constexpr uint8_t kAck = 1;
constexpr size_t kFrameHeader = 9;
constexpr size_t kMessageHeader = 5;
constexpr uint32_t kWindow = 64 << 20;
constexpr uint32_t kFrameMax = 4 << 20;  // as gRPC's own clients announce

void AppendNumber(uint32_t number, int bytes, std::string* out) {
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(number >> (8 * i)));
}

uint32_t NumberAt(std::string_view bytes, size_t at, size_t size) {
  uint32_t number = 0;
  for (size_t i = 0; i < size; ++i) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

// A literal header field of HPACK, never indexed, no Huffman code. `name` empty: from the static
// table.
void AppendHeader(std::string_view indexed_name, std::string_view name, std::string_view value,
                  std::string* out) {
  out->append(indexed_name);
  if (!name.empty()) {
    out->push_back(static_cast<char>(name.size()));
    out->append(name);
  }
  out->push_back(static_cast<char>(value.size()));
  out->append(value);
}

std::string HeadersOf(const std::string& path) {
  std::string headers = "\x83\x86";  // POST, http
  AppendHeader("\x04", "", path, &headers);
  AppendHeader("\x01", "", "localhost", &headers);
  AppendHeader("\x0f\x10", "", "application/grpc", &headers);
  AppendHeader(std::string_view("\0", 1), "te", "trailers", &headers);
  return headers;
}

std::string Setting(uint16_t name, uint32_t value) {
  std::string bytes;
  AppendNumber(name, 2, &bytes);
  AppendNumber(value, 4, &bytes);
  return bytes;
}

std::string Printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text.push_back(c >= 32 && c < 127 ? c : '.');
  return text;
}

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    Fail("cannot connect: " + std::string(std::strerror(errno)));
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace

Http2Connection::Http2Connection(uint16_t port, std::vector<char>* buffer)
    : fd_(Connect(port)), buffer_(buffer) {
  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  Frame(kSettings, 0, 0, Setting(4, kWindow) + Setting(5, kFrameMax));
  WindowUpdate(0, kWindow);
  Flush();
}

Http2Connection::~Http2Connection() {
  close(fd_);
}

void Http2Connection::Call(const std::string& path, std::string_view message, CallEvents events) {
  const uint32_t stream = next_stream_;
  next_stream_ += 2;
  calls_[stream].events = std::move(events);
  Frame(kHeaders, kEndHeaders, stream, HeadersOf(path));
  std::string body(1, '\0');  // not compressed
  AppendNumber(static_cast<uint32_t>(message.size()), 4, &body);
  body.append(message);
  Frame(kData, kEndStream, stream, body);
  Flush();
}

bool Http2Connection::Serve(bool readable) {
  Flush();
  if (!readable) return true;
  const size_t kept = in_.size();
  std::memcpy(buffer_->data(), in_.data(), kept);
  const ssize_t got = recv(fd_, buffer_->data() + kept, buffer_->size() - kept, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  const std::string_view bytes(buffer_->data(), kept + static_cast<size_t>(got));
  in_.assign(bytes.substr(TakeFrames(bytes)));
  Flush();
  return true;
}

size_t Http2Connection::TakeFrames(std::string_view bytes) {
  size_t at = 0;
  while (bytes.size() - at >= kFrameHeader) {
    const size_t size = NumberAt(bytes, at, 3);
    if (bytes.size() - at - kFrameHeader < size) break;
    const auto type = static_cast<uint8_t>(bytes[at + 3]);
    const auto flags = static_cast<uint8_t>(bytes[at + 4]);
    TakeFrame(type, flags, NumberAt(bytes, at + 5, 4), bytes.substr(at + kFrameHeader, size));
    at += kFrameHeader + size;
  }
  return at;
}

void Http2Connection::TakeFrame(uint8_t type, uint8_t flags, uint32_t stream,
                                std::string_view body) {
  switch (type) {
    case kData:
      TakeData(stream, body);
      break;
    case kSettings:
      if ((flags & kAck) == 0) Frame(kSettings, kAck, 0, "");
      break;
    case kPing:
      if ((flags & kAck) == 0) Frame(kPing, kAck, 0, body);
      break;
    case kReset:
      return End(stream);
    case kGoAway:
      Fail("the server sends GOAWAY: " + Printable(body));
    default:
      break;
  }
  if ((type == kData || type == kHeaders) && (flags & kEndStream) != 0) {
    if (std::getenv("QUERY_LOAD_TRAILERS") != nullptr) {
      std::fprintf(stderr, "trailers: %s\n", Printable(body).c_str());
    }
    End(stream);
  }
}

void Http2Connection::TakeData(uint32_t stream, std::string_view body) {
  const auto size = static_cast<uint32_t>(body.size());
  unacknowledged_ += size;
  if (unacknowledged_ > kWindow / 4) WindowUpdate(0, std::exchange(unacknowledged_, 0));
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  Call_& call = found->second;
  call.unacknowledged += size;
  if (call.unacknowledged > kWindow / 4) {
    WindowUpdate(stream, std::exchange(call.unacknowledged, 0));
  }
  if (!call.partial.empty()) {
    call.partial.append(body);
    body = call.partial;
  }
  size_t at = 0;
  while (body.size() - at >= kMessageHeader) {
    const size_t length = NumberAt(body, at + 1, 4);
    if (body.size() - at - kMessageHeader < length) break;
    call.events.message(body.substr(at + kMessageHeader, length));
    at += kMessageHeader + length;
  }
  std::string rest(body.substr(at));
  call.partial = std::move(rest);
}

void Http2Connection::End(uint32_t stream) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  const CallEvents events = std::move(found->second.events);
  calls_.erase(found);
  if (events.end) events.end();
}

void Http2Connection::Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view body) {
  AppendNumber(static_cast<uint32_t>(body.size()), 3, &out_);
  out_.push_back(static_cast<char>(type));
  out_.push_back(static_cast<char>(flags));
  AppendNumber(stream, 4, &out_);
  out_.append(body);
}

void Http2Connection::WindowUpdate(uint32_t stream, uint32_t bytes) {
  std::string body;
  AppendNumber(bytes, 4, &body);
  Frame(kWindowUpdate, 0, stream, body);
}

void Http2Connection::Flush() {
  while (!out_.empty()) {
    const ssize_t sent = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    out_.erase(0, static_cast<size_t>(sent));
  }
}

Http2Client::Http2Client(uint16_t port, int connections)
    : buffer_(kFrameMax + (1 << 20)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (int i = 0; i < connections; ++i) {
    connections_.push_back(std::make_unique<Http2Connection>(port, &buffer_));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<uint32_t>(i);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back()->fd(), &event);
  }
}

Http2Client::~Http2Client() {
  close(epoll_);
}

void Http2Client::Poll(int64_t timeout_us) {
  epoll_event events[256];
  const timespec timeout{timeout_us / 1'000'000, timeout_us % 1'000'000 * 1'000};
  const int count = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    if (!connections_[events[i].data.u32]->Serve(true)) Fail("the server closed a connection");
  }
  if (count > 0) return;
  for (const auto& connection : connections_) {
    if (connection->wants_write()) connection->Serve(false);
  }
}

}  // namespace quantstream::bench
