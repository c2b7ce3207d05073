#include "ingest/connection.h"

#include <openssl/ssl.h>

#include <chrono>
#include <deque>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "absl/strings/str_cat.h"
#include "ingest/excerpt.h"
#include "ingest/venue/decoder.h"

namespace quantstream::ingest {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using ErrorCode = beast::error_code;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

// Bytes taken from the socket at once.
constexpr size_t kReadBytes = 64 * 1024;

absl::Status Failure(const char* step, const ErrorCode& error) {
  return absl::UnavailableError(absl::StrCat(step, ": ", error.message()));
}

// The part that must outlive a destroyed Connection until its last handler has run.
template <typename Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(asio::io_context& io, ConnectionOptions options, ConnectionEvents* events)
      : options_(std::move(options)),
        events_(events),
        resolver_(io),
        socket_(MakeStream(io, options_)) {}

  void Start() {
    resolver_.async_resolve(
        options_.url.host, options_.url.port,
        [self = this->shared_from_this()](ErrorCode error, tcp::resolver::results_type results) {
          if (self->Ended("resolve", error)) return;
          self->ConnectTcp(results);
        });
  }

  void Send(std::string text) {
    outbox_.push_back(std::move(text));
    if (open_ && outbox_.size() == 1) WriteNext();
  }

  void Pause() { paused_ = true; }

  void Resume() {
    if (!paused_) return;
    paused_ = false;
    if (open_ && !reading_) ReadNext();
  }

  // No event comes any more.
  void Cut() {
    events_ = nullptr;
    resolver_.cancel();
    beast::get_lowest_layer(socket_).cancel();
    ErrorCode ignored;
    beast::get_lowest_layer(socket_).socket().close(ignored);
  }

  void CloseGently() {
    events_ = nullptr;
    if (!open_ || !outbox_.empty()) return Cut();
    open_ = false;
    beast::get_lowest_layer(socket_).expires_never();
    socket_.set_option(ClosingTimeout());
    socket_.async_close(websocket::close_code::normal,
                        [self = this->shared_from_this()](ErrorCode) { self->Cut(); });
  }

 private:
  static websocket::stream<Stream> MakeStream(asio::io_context& io,
                                              const ConnectionOptions& options) {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      return websocket::stream<Stream>(io, *options.tls);
    } else {
      return websocket::stream<Stream>(io);
    }
  }

  static websocket::stream_base::timeout ClosingTimeout() {
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = std::chrono::seconds(2);
    timeout.idle_timeout = websocket::stream_base::none();
    timeout.keep_alive_pings = false;
    return timeout;
  }

  // True: stop here; the end was told where somebody listens.
  bool Ended(const char* step, const ErrorCode& error) {
    if (events_ == nullptr) return true;
    if (!error) return false;
    End(Failure(step, error));
    return true;
  }

  void End(const absl::Status& why) {
    if (events_ == nullptr) return;
    ConnectionEvents* const events = std::exchange(events_, nullptr);
    open_ = false;
    Cut();
    events->OnClosed(why);
  }

  void ExpireSoon() {
    beast::get_lowest_layer(socket_).expires_after(
        std::chrono::milliseconds(options_.connect_timeout_ms));
  }

  void ConnectTcp(const tcp::resolver::results_type& results) {
    ExpireSoon();
    beast::get_lowest_layer(socket_).async_connect(
        results, [self = this->shared_from_this()](ErrorCode error, const tcp::endpoint&) {
          if (self->Ended("connect", error)) return;
          ErrorCode ignored;
          beast::get_lowest_layer(self->socket_).socket().set_option(tcp::no_delay(true), ignored);
          self->ShakeHandsTls();
        });
  }

  void ShakeHandsTls() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      Stream& tls = socket_.next_layer();
      if (SSL_set_tlsext_host_name(tls.native_handle(), options_.url.host.c_str()) != 1) {
        return End(absl::InternalError("TLS: the host name was not taken"));
      }
      tls.set_verify_mode(asio::ssl::verify_peer);
      tls.set_verify_callback(asio::ssl::host_name_verification(options_.url.host));
      ExpireSoon();
      tls.async_handshake(asio::ssl::stream_base::client,
                          [self = this->shared_from_this()](ErrorCode error) {
                            if (self->Ended("TLS handshake", error)) return;
                            self->Upgrade();
                          });
    } else {
      Upgrade();
    }
  }

  void Upgrade() {
    beast::get_lowest_layer(socket_).expires_never();
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = std::chrono::milliseconds(options_.connect_timeout_ms);
    timeout.idle_timeout = websocket::stream_base::none();  // silence is the watchdog's matter
    timeout.keep_alive_pings = false;
    socket_.set_option(timeout);
    socket_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set(beast::http::field::user_agent, "quantstream-ingest/" QUANTSTREAM_VERSION);
    }));
    socket_.read_message_max(0);  // the bound is kept below, where the rest can still be measured
    const bool usual_port = options_.url.port == (options_.url.tls ? "443" : "80");
    const std::string host =
        usual_port ? options_.url.host : options_.url.host + ":" + options_.url.port;
    socket_.async_handshake(host, options_.url.target,
                            [self = this->shared_from_this()](ErrorCode error) {
                              if (self->Ended("WebSocket handshake", error)) return;
                              self->open_ = true;
                              if (!self->outbox_.empty()) self->WriteNext();
                              self->events_->OnOpen();
                              if (self->events_ == nullptr) return;
                              if (!self->paused_ && !self->reading_) self->ReadNext();
                            });
  }

  void WriteNext() {
    socket_.text(true);
    socket_.async_write(asio::buffer(outbox_.front()),
                        [self = this->shared_from_this()](ErrorCode error, size_t) {
                          if (self->Ended("write", error)) return;
                          self->outbox_.pop_front();
                          if (!self->outbox_.empty()) self->WriteNext();
                        });
  }

  // Reads a piece of a frame. Pings are answered by the library while it reads.
  void ReadNext() {
    reading_ = true;
    socket_.async_read_some(buffer_, kReadBytes,
                            [self = this->shared_from_this()](ErrorCode error, size_t) {
                              self->reading_ = false;
                              self->RefuseBrokenText(error);
                              if (self->Ended("read", error)) return;
                              self->TakePiece();
                            });
  }

  // Text that is not UTF-8 ends the connection, as the protocol demands; what came of it is kept.
  void RefuseBrokenText(ErrorCode error) {
    if (error != beast::websocket::error::bad_frame_payload || events_ == nullptr) return;
    events_->OnRefusedFrame(MakeDeadLetter(kNotUtf8, "", Bytes()));
  }

  void TakePiece() {
    if (buffer_.size() > options_.frame_bytes_max && !excerpt_.has_value()) excerpt_.emplace();
    if (excerpt_.has_value()) MoveToExcerpt();
    if (socket_.is_message_done()) {
      TakeFrame();
    } else if (excerpt_.has_value() && excerpt_->length() > options_.frame_bytes_cut) {
      events_->OnRefusedFrame(excerpt_->Finish(kOversized, ""));
      return End(absl::ResourceExhaustedError("a frame without an end"));
    }
    if (events_ != nullptr && !paused_ && !reading_) ReadNext();
  }

  void MoveToExcerpt() {
    excerpt_->Add(Bytes());
    buffer_.consume(buffer_.size());
  }

  void TakeFrame() {
    if (excerpt_.has_value()) {
      DeadLetter letter = excerpt_->Finish(kOversized, "");
      excerpt_.reset();
      events_->OnRefusedFrame(std::move(letter));
    } else if (!socket_.got_text()) {
      events_->OnRefusedFrame(MakeDeadLetter(kBinary, "", Bytes()));
    } else {
      events_->OnFrame(Bytes());
    }
    buffer_.consume(buffer_.size());
  }

  std::string_view Bytes() const {
    const auto data = buffer_.data();
    return {static_cast<const char*>(data.data()), data.size()};
  }

  ConnectionOptions options_;
  ConnectionEvents* events_;  // nullptr: nobody listens any more
  tcp::resolver resolver_;
  websocket::stream<Stream> socket_;
  beast::flat_buffer buffer_;
  std::optional<Excerpt> excerpt_;  // of an oversized frame
  std::deque<std::string> outbox_;
  bool open_ = false;
  bool paused_ = false;
  bool reading_ = false;
};

template <typename Stream>
class SessionHandle final : public Connection {
 public:
  SessionHandle(asio::io_context& io, ConnectionOptions options, ConnectionEvents* events)
      : session_(std::make_shared<Session<Stream>>(io, std::move(options), events)) {
    session_->Start();
  }
  ~SessionHandle() override {
    if (!closed_) session_->Cut();
  }

  void Send(std::string text) override { session_->Send(std::move(text)); }
  void Pause() override { session_->Pause(); }
  void Resume() override { session_->Resume(); }
  void Close() override {
    if (!std::exchange(closed_, true)) session_->CloseGently();
  }

 private:
  std::shared_ptr<Session<Stream>> session_;
  bool closed_ = false;
};

}  // namespace

absl::StatusOr<std::shared_ptr<asio::ssl::context>> MakeTlsContext(const std::string& ca_file) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  ErrorCode error;
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  if (ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(ca_file, error);
  }
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("certificates of ",
                                                   ca_file.empty() ? "the system" : ca_file,
                                                   " cannot be read: ", error.message()));
  }
  return context;
}

std::unique_ptr<Connection> Connection::Open(asio::io_context& io, ConnectionOptions options,
                                             ConnectionEvents* events) {
  if (options.url.tls) {
    return std::make_unique<SessionHandle<TlsStream>>(io, std::move(options), events);
  }
  return std::make_unique<SessionHandle<PlainStream>>(io, std::move(options), events);
}

}  // namespace quantstream::ingest
