#include "platform/admin/admin_server.h"

#include <prometheus/registry.h>

#include <atomic>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "platform/admin/http_exchange.h"
#include "platform/log.h"

namespace quantstream::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr uint32_t kRequestBytesMax = 8 << 10;
constexpr std::chrono::milliseconds kAcceptPause{100};

// One request and its answer, then the connection ends. One time-out for all of it.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(Tcp::socket socket, const AdminPages* pages, std::chrono::milliseconds timeout,
           std::shared_ptr<int> open_count)
      : stream_(std::move(socket)), pages_(pages), open_count_(std::move(open_count)) {
    ++*open_count_;
    stream_.expires_after(timeout);
    parser_.header_limit(kRequestBytesMax);
    parser_.body_limit(kRequestBytesMax);
  }
  ~Exchange() { --*open_count_; }

  void Run() {
    http::async_read_header(
        stream_, buffer_, parser_, [self = shared_from_this()](ErrorCode error, size_t) {
          if (!error) {
            self->Write(self->MakeAnswer());
          } else if (error != http::error::end_of_stream && error != beast::error::timeout) {
            self->Write({400, "text/plain; charset=utf-8", "bad request\n"});
          }
        });
  }

 private:
  HttpAnswer MakeAnswer() const {
    const auto& request = parser_.get();
    HttpFacts facts;
    facts.http_1_1 = request.version() >= 11;
    facts.host_headers = static_cast<int>(request.count(http::field::host));
    const auto length = parser_.content_length();
    facts.has_body = request.count(http::field::transfer_encoding) > 0 || (length && *length > 0);
    if (const std::string wrong = WhatIsWrong(facts); !wrong.empty()) {
      return {400, "text/plain; charset=utf-8", wrong};
    }
    const auto view = [](beast::string_view text) {
      return std::string_view(text.data(), text.size());
    };
    return pages_->Answer(view(request.method_string()), view(request.target()));
  }

  void Write(HttpAnswer answer) {
    response_.version(11);
    response_.result(static_cast<unsigned>(answer.status));
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.keep_alive(false);
    response_.content_length(answer.body.size());
    const bool head = parser_.get().method() == http::verb::head;
    if (!head) response_.body() = std::move(answer.body);
    http::async_write(stream_, response_, [self = shared_from_this()](ErrorCode, size_t) {
      ErrorCode ignored;
      self->stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
    });
  }

  beast::tcp_stream stream_;
  const AdminPages* pages_;
  std::shared_ptr<int> open_count_;  // of the server's one thread
  beast::flat_buffer buffer_{kRequestBytesMax};
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

class AdminServer::Listener {
 public:
  Listener(const AdminServerOptions& options, AdminPages pages)
      : options_(options), pages_(std::move(pages)) {}

  ~Listener() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Open() {
    ErrorCode error;
    const std::string where = options_.address + ":" + std::to_string(options_.port);
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) return absl::InvalidArgumentError("admin address " + where + " is no IP address");
    const Tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) {
      return absl::AlreadyExistsError("admin port " + where + " is taken by another process");
    }
    if (error) return absl::UnavailableError("admin port " + where + ": " + error.message());
    port_ = acceptor_.local_endpoint().port();
    Accept();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  uint16_t port() const { return port_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](ErrorCode error, Tcp::socket socket) {
      if (error) return PauseThenAccept(error);
      if (*open_count_ < options_.connections_max) {
        std::make_shared<Exchange>(std::move(socket), &pages_, options_.request_timeout,
                                   open_count_)
            ->Run();
      }  // else the socket closes here
      Accept();
    });
  }

  // Out of descriptors, for instance: trying again at once would turn in circles.
  void PauseThenAccept(ErrorCode error) {
    Log(kWarning, "admin port cannot accept", {{"error", error.message()}});
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](ErrorCode cancelled) {
      if (!cancelled) Accept();
    });
  }

  AdminServerOptions options_;
  AdminPages pages_;
  std::shared_ptr<int> open_count_ = std::make_shared<int>(0);
  uint16_t port_ = 0;
  asio::io_context context_{1};
  Tcp::acceptor acceptor_{context_};
  asio::steady_timer pause_{context_};
  std::thread thread_;
};

AdminServer::AdminServer(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
AdminServer::~AdminServer() = default;
uint16_t AdminServer::port() const {
  return listener_->port();
}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(
    const AdminServerOptions& options, std::shared_ptr<prometheus::Registry> registry,
    const Readiness* readiness, std::function<bool()> healthy) {
  auto listener = std::make_unique<Listener>(
      options, AdminPages{std::move(registry), readiness, std::move(healthy)});
  if (absl::Status status = listener->Open(); !status.ok()) return status;
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(listener)));
}

}  // namespace quantstream::admin
