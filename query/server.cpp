#include "query/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <atomic>
#include <thread>
#include <utility>

#include "query/service/market_data.h"

namespace quantstream::query {
namespace {

constexpr char kServiceName[] = "quantstream.v1.MarketData";
constexpr std::chrono::milliseconds kTick{20};
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kPingIntervalMinMs = 10'000;

void SetLimits(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(options.request_bytes_max);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.metadata_bytes_max);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, options.handshake_timeout_ms);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, options.connection_idle_ms);
  // Requests are small: a call that is not listened to holds 64 KiB of them, not what a window
  // that has grown would.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection_max);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kPingIntervalMinMs);
  grpc::ResourceQuota quota("query");
  quota.SetMaxThreads(options.sync_threads_max);
  builder->SetResourceQuota(quota);
}

void LoadPluginsOnce() {
  static const bool loaded = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  (void)loaded;
}

}  // namespace

class Server::Running {
 public:
  Running(const ServerOptions& options, History* history, Fanout* fanout, TradeFanout* trades,
          Metrics* metrics, Recent* recent)
      : parts_{.history = history,
               .fanout = fanout,
               .trades = trades,
               .metrics = metrics,
               .recent = recent,
               .limits = options.service},
        market_data_(&parts_) {}

  ~Running() {
    Drain(std::chrono::milliseconds(0), std::chrono::seconds(5));
    ended_ = true;
    if (ticker_.joinable()) ticker_.join();
  }

  absl::Status Start(const ServerOptions& options) {
    LoadPluginsOnce();
    auto acceptor = Acceptor::Listen(
        options.acceptor, [this](int fd) { HandOn(fd); },
        [this] { parts_.metrics->ConnectionRefused(); });
    if (!acceptor.ok()) return acceptor.status();
    grpc::ServerBuilder builder;
    SetLimits(options, &builder);
    using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    connections_ = builder.experimental().AddExternalConnectionAcceptor(
        Type::FROM_FD, grpc::InsecureServerCredentials());
    builder.RegisterService(market_data_.service());
    server_ = builder.BuildAndStart();
    if (!server_) return absl::InternalError("gRPC does not start");
    SetServing(false);
    acceptor_ = *std::move(acceptor);
    acceptor_->Start();
    ticker_ = std::thread([this] { TickLoop(); });
    return absl::OkStatus();
  }

  void SetServing(bool serving) {
    server_->GetHealthCheckService()->SetServingStatus(kServiceName, serving);
  }

  void Drain(std::chrono::milliseconds grace, std::chrono::milliseconds most) {
    if (!server_ || std::exchange(drained_, true)) return;
    const auto now = std::chrono::steady_clock::now();
    SetServing(false);
    acceptor_->Stop();
    market_data_.BeginDraining();
    while (market_data_.HasStreams() && std::chrono::steady_clock::now() < now + grace) {
      std::this_thread::sleep_for(kTick);
    }
    market_data_.EndStreams();
    server_->Shutdown(std::chrono::system_clock::now() + most);
    server_->Wait();
  }

  uint16_t port() const { return acceptor_->port(); }
  ServiceParts& parts() { return parts_; }

 private:
  void HandOn(int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = fd;
    connections_->HandleNewConnection(&connection);
  }

  void TickLoop() {
    while (!ended_) {
      parts_.fanout->Tick(std::chrono::steady_clock::now());
      parts_.metrics->SnapshotBytes(parts_.snapshot_bytes.used());
      parts_.metrics->AnswersCancelled(parts_.unread_answers.Tick(
          std::chrono::steady_clock::now(), parts_.limits.end_wait_max));
      parts_.metrics->AnswerBytes(parts_.unread_answers.bytes());
      parts_.metrics->QueueBytes(parts_.queue_bytes);
      parts_.metrics->TradeQueueBytes(parts_.trades->queued_bytes());
      parts_.metrics->OpenCandles(parts_.fanout->open_candles());
      if (parts_.recent) {
        parts_.metrics->RecentKept(parts_.recent->series(), parts_.recent->bytes());
      }
      parts_.metrics->ConnectionsOpen(acceptor_->connections());
      std::this_thread::sleep_for(kTick);
    }
  }

  ServiceParts parts_;
  MarketDataService market_data_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Acceptor> acceptor_;
  bool drained_ = false;
  std::atomic<bool> ended_ = false;
  std::thread ticker_;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      History* history, Fanout* fanout,
                                                      TradeFanout* trades, Metrics* metrics,
                                                      Recent* recent) {
  auto running =
      std::make_unique<Running>(options, history, fanout, trades, metrics, recent);
  if (absl::Status status = running->Start(options); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(running)));
}

Server::Server(std::unique_ptr<Running> running) : running_(std::move(running)) {}
Server::~Server() = default;

uint16_t Server::port() const {
  return running_->port();
}
void Server::SetLive() {
  running_->parts().live = true;
}
void Server::SetServing(bool serving) {
  running_->SetServing(serving);
}
KnownInstruments* Server::instruments() {
  return &running_->parts().instruments;
}
void Server::Drain(std::chrono::milliseconds grace, std::chrono::milliseconds most) {
  running_->Drain(grace, most);
}

}  // namespace quantstream::query
