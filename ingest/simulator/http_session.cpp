#include "ingest/simulator/http_session.h"

#include <memory>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "absl/strings/str_cat.h"
#include "ingest/simulator/client_session.h"
#include "platform/status.h"

namespace quantstream::simulator {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr auto kRequestTimeout = std::chrono::seconds(10);
constexpr size_t kBodyBytesMax = 4 << 20;

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

template <class Stream>
class HttpSession : public std::enable_shared_from_this<HttpSession<Stream>> {
 public:
  HttpSession(Stream stream, HttpHost* host) : stream_(std::move(stream)), host_(host) {}

  void Read() {
    parser_.emplace();
    parser_->body_limit(kBodyBytesMax);
    beast::get_lowest_layer(stream_).expires_after(kRequestTimeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](beast::error_code error, size_t) {
                       if (!error) self->OnRequest();
                     });
  }

  void Handshake() {
    beast::get_lowest_layer(stream_).expires_after(kRequestTimeout);
    stream_.async_handshake(boost::asio::ssl::stream_base::server,
                            [self = this->shared_from_this()](beast::error_code error) {
                              if (!error) self->Read();
                            });
  }

 private:
  void OnRequest() {
    HttpRequest request = parser_->release();
    if (beast::websocket::is_upgrade(request)) {
      Upgrade(std::move(request));
      return;
    }
    const bool is_post = request.method() == http::verb::post;
    if (!is_post && request.method() != http::verb::get) {
      Respond(request, {405, R"({"code":-1,"msg":"use GET or POST"})"});
      return;
    }
    Respond(request, host_->Answer(is_post, View(request.target()), request.body()));
  }

  void Upgrade(HttpRequest request) {
    absl::StatusOr<StreamTarget> target = ParseStreamTarget(View(request.target()));
    if (!target.ok()) {
      const int code = absl::IsNotFound(target.status()) ? 404 : 400;
      Respond(request,
              {code, absl::StrCat(R"({"code":-1,"msg":")", Message(target.status()), "\"}")});
    } else if (const std::optional<HttpAnswer> refusal = host_->RefuseClient()) {
      Respond(request, *refusal);
    } else {
      AcceptClient(std::move(stream_), std::move(request), *std::move(target), host_);
    }
  }

  void Respond(const HttpRequest& request, const HttpAnswer& answer) {
    response_ = {};
    response_.version(request.version());
    response_.result(static_cast<unsigned>(answer.status));
    response_.set(http::field::content_type, "application/json");
    response_.keep_alive(request.keep_alive());
    response_.body() = answer.body;
    response_.prepare_payload();
    http::async_write(stream_, response_,
                      [self = this->shared_from_this()](beast::error_code error, size_t) {
                        if (!error && self->response_.keep_alive()) self->Read();
                      });
  }

  Stream stream_;
  HttpHost* host_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

void ServeConnection(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls,
                     HttpHost* host) {
  beast::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  PlainStream stream(std::move(socket));
  if (tls != nullptr) {
    std::make_shared<HttpSession<TlsStream>>(TlsStream(std::move(stream), *tls), host)->Handshake();
  } else {
    std::make_shared<HttpSession<PlainStream>>(std::move(stream), host)->Read();
  }
}

}  // namespace quantstream::simulator
