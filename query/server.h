// The gRPC server: connections, MarketData, health and reflection (v1alpha), limits, and an orderly
// end. What it serves is handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "query/acceptor.h"
#include "query/service/parts.h"

namespace quantstream::query {

struct ServerOptions {
  AcceptorOptions acceptor;
  ServiceLimits service;
  int request_bytes_max = 1 << 20;
  int metadata_bytes_max = 16 << 10;
  int handshake_timeout_ms = 5000;
  int connection_idle_ms = 300'000;  // without a call
  int streams_per_connection_max = 100;
  int sync_threads_max = 64;  // reflection and other calls of gRPC's own
};

class Server {
 public:
  // All outlive the server. Nothing is served as live before SetLive.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       History* history, Fanout* fanout,
                                                       TradeFanout* trades, Metrics* metrics,
                                                       Recent* recent = nullptr);
  ~Server();  // Drain(0, 5 s), when it was not called

  uint16_t port() const;
  // The live side has read all there was: streams may begin.
  void SetLive();
  // What grpc.health.v1 answers for quantstream.v1.MarketData.
  void SetServing(bool serving);
  KnownInstruments* instruments();

  // Streams are told to go and have `grace` for it; then they are ended, and after `most`
  // everything is.
  void Drain(std::chrono::milliseconds grace, std::chrono::milliseconds most);

 private:
  class Running;
  explicit Server(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace quantstream::query
