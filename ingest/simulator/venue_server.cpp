#include "ingest/simulator/venue_server.h"

#include <chrono>
#include <deque>
#include <map>
#include <thread>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include "absl/strings/str_cat.h"
#include "ingest/simulator/control.h"
#include "ingest/simulator/http_session.h"
#include "ingest/simulator/market_model.h"
#include "ingest/simulator/test_authority.h"
#include "platform/log.h"

namespace quantstream::simulator {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(1);
constexpr auto kConnectWindow = std::chrono::minutes(5);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr auto kDrainMax = std::chrono::seconds(1);

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

absl::StatusOr<tcp::acceptor> Listen(asio::io_context& context, const std::string& address,
                                     uint16_t port) {
  boost::system::error_code error;
  const asio::ip::address ip = asio::ip::make_address(address, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat("no address: ", address));
  tcp::acceptor acceptor(context);
  const tcp::endpoint endpoint(ip, port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return absl::AlreadyExistsError(
        absl::StrCat("cannot listen on ", address, ":", port, ": ", error.message()));
  }
  return acceptor;
}

}  // namespace

class VenueServer::Loop : public HttpHost, public ClientControl {
 public:
  Loop(const ServerOptions& options, std::unique_ptr<Venue> venue, Metrics* metrics)
      : options_(options), venue_(std::move(venue)), metrics_(metrics) {}
  ~Loop() override { Stop(); }

  absl::Status Open() {
    absl::StatusOr<tcp::acceptor> plain = Listen(context_, options_.address, options_.ws_port);
    if (!plain.ok()) return plain.status();
    plain_ = *std::move(plain);
    ws_port_ = plain_.local_endpoint().port();
    if (options_.tls_dir.empty()) return absl::OkStatus();
    const absl::StatusOr<TestCertificate> certificate = EnsureTestCertificate(options_.tls_dir);
    if (!certificate.ok()) return certificate.status();
    boost::system::error_code error;
    tls_.use_certificate_chain_file(certificate->certificate_file, error);
    if (!error) tls_.use_private_key_file(certificate->key_file, asio::ssl::context::pem, error);
    if (error) return absl::InternalError(absl::StrCat("certificate: ", error.message()));
    absl::StatusOr<tcp::acceptor> secure = Listen(context_, options_.address, options_.wss_port);
    if (!secure.ok()) return secure.status();
    secure_ = *std::move(secure);
    wss_port_ = secure_.local_endpoint().port();
    return absl::OkStatus();
  }

  void Run() {
    Accept(plain_, nullptr, plain_retry_);
    if (secure_.is_open()) Accept(secure_, &tls_, secure_retry_);
    Tick();
    thread_ = std::thread([this] { context_.run(); });
  }

  uint16_t ws_port() const { return ws_port_; }
  uint16_t wss_port() const { return wss_port_; }

  // HttpHost
  Venue& venue() override { return *venue_; }
  Metrics& metrics() override { return *metrics_; }
  const ClientLimits& limits() const override { return options_.limits; }
  void Joined(std::shared_ptr<Client> client) override {
    Client* key = client.get();
    clients_.emplace(key, std::move(client));
    metrics_->ClientOpened();
  }
  void Left(Client* client) override { clients_.erase(client); }

  HttpAnswer Answer(bool is_post, std::string_view target, std::string_view body) override {
    const bool control = target.starts_with("/control/");
    metrics_->RequestAnswered(control ? "control" : "rest");
    return control ? AnswerControl(*venue_, *this, is_post, target, body)
                   : AnswerRest(*venue_, target, NowUs() / 1000);
  }

  std::optional<HttpAnswer> RefuseClient() override {
    const Clock::time_point now = Clock::now();
    while (!connects_.empty() && now - connects_.front() > kConnectWindow) connects_.pop_front();
    const bool full = clients_.size() >= options_.clients_max;
    if (full || connects_.size() >= options_.connects_max) {
      metrics_->ConnectionRefused(full ? "limit" : "rate");
      return HttpAnswer{429, R"({"code":-1003,"msg":"too many connections"})"};
    }
    connects_.push_back(now);
    return std::nullopt;
  }

  // ClientControl
  size_t clients() const override { return clients_.size(); }
  void DisconnectAll(bool abort) override {
    for (const auto& [key, client] : clients_) {
      if (abort) {
        client->Abort("request");
      } else {
        client->Close("request");
      }
    }
  }
  void AnnounceShutdown(int64_t after_ms) override {
    SendToAll(ServerShutdownText(NowUs() / 1000));
    auto timer =
        std::make_shared<asio::steady_timer>(context_, std::chrono::milliseconds(after_ms));
    std::vector<std::weak_ptr<Client>> told;  // who comes later stays
    for (const auto& [key, client] : clients_) told.push_back(client);
    timer->async_wait([timer, told](boost::system::error_code) {
      for (const std::weak_ptr<Client>& weak : told) {
        if (const std::shared_ptr<Client> client = weak.lock()) client->Close("request");
      }
    });
  }
  void SendToAll(std::string_view text) override {
    for (const auto& [key, client] : clients_) client->SendText(text);
  }

 private:
  void Accept(tcp::acceptor& acceptor, asio::ssl::context* tls, asio::steady_timer& retry) {
    acceptor.async_accept(
        [this, &acceptor, tls, &retry](boost::system::error_code error, tcp::socket socket) {
          if (stopping_) return;
          if (!error) {
            ServeConnection(std::move(socket), tls, this);
            Accept(acceptor, tls, retry);
            return;
          }
          // Out of file descriptors, most likely: others must end first.
          retry.expires_after(kAcceptPause);
          retry.async_wait([this, &acceptor, tls, &retry](boost::system::error_code) {
            if (!stopping_) Accept(acceptor, tls, retry);
          });
        });
  }

  void Tick() {
    if (stopping_) return;
    const bool more = venue_->Pump(NowUs());
    if (const auto* model = dynamic_cast<const MarketModel*>(&venue_->source())) {
      metrics_->LeftOut(model->left_out_us());
    }
    if (more) {
      asio::post(context_, [this] { Tick(); });
      return;
    }
    tick_.expires_after(kTick);
    tick_.async_wait([this](boost::system::error_code) { Tick(); });
  }

  void Stop() {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] {
      stopping_ = true;
      boost::system::error_code ignored;
      plain_.close(ignored);
      secure_.close(ignored);
      DisconnectAll(false);
      WaitForClients(Clock::now() + kDrainMax);
    });
    thread_.join();
  }

  void WaitForClients(Clock::time_point deadline) {
    if (clients_.empty() || Clock::now() >= deadline) {
      context_.stop();
      return;
    }
    tick_.expires_after(std::chrono::milliseconds(10));
    tick_.async_wait([this, deadline](boost::system::error_code) { WaitForClients(deadline); });
  }

  ServerOptions options_;
  std::unique_ptr<Venue> venue_;
  Metrics* metrics_;
  std::map<Client*, std::shared_ptr<Client>> clients_;
  std::deque<Clock::time_point> connects_;
  bool stopping_ = false;
  uint16_t ws_port_ = 0;
  uint16_t wss_port_ = 0;
  // Sessions that are still in the context die with it, and use what is above until then.
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  asio::io_context context_{1};
  tcp::acceptor plain_{context_};
  tcp::acceptor secure_{context_};
  asio::steady_timer plain_retry_{context_};
  asio::steady_timer secure_retry_{context_};
  asio::steady_timer tick_{context_};
  std::thread thread_;
};

VenueServer::VenueServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
VenueServer::~VenueServer() = default;

absl::StatusOr<std::unique_ptr<VenueServer>> VenueServer::Start(const ServerOptions& options,
                                                                std::unique_ptr<Venue> venue,
                                                                Metrics* metrics) {
  auto loop = std::make_unique<Loop>(options, std::move(venue), metrics);
  if (absl::Status status = loop->Open(); !status.ok()) return status;
  loop->Run();
  return std::unique_ptr<VenueServer>(new VenueServer(std::move(loop)));
}

uint16_t VenueServer::ws_port() const {
  return loop_->ws_port();
}
uint16_t VenueServer::wss_port() const {
  return loop_->wss_port();
}

}  // namespace quantstream::simulator
