// quantstream-query: candles from PostgreSQL and Kafka to gRPC clients. Wiring only.
#include <algorithm>
#include <chrono>
#include <memory>

#include "platform/admin/admin_server.h"
#include "platform/admin/readiness.h"
#include "platform/config/command_line.h"
#include "platform/log.h"
#include "platform/shutdown.h"
#include "platform/status.h"
#include "query/config.h"
#include "query/fanout.h"
#include "query/history.h"
#include "query/metrics.h"
#include "query/recent.h"
#include "query/server.h"
#include "query/startup.h"
#include "query/tail.h"
#include "query/trade_tail.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProbe{1000};

LogLevel LevelOf(const std::string& name) {
  for (const LogLevel level : {kDebug, kInfo, kWarning, kError}) {
    if (LogLevelName(level) == name) return level;
  }
  return kInfo;
}

int Fail(const absl::Status& status) {
  Log(kError, "cannot start", {{"error", status}});
  return 1;
}

HistoryObserver ObserveHistory(Metrics* metrics, admin::Readiness* readiness) {
  HistoryObserver observer;
  observer.read = [=](std::chrono::nanoseconds took, const absl::Status& status) {
    metrics->HistoryRead(took, status);
    if (status.ok()) readiness->Met("postgres");
    if (absl::IsUnavailable(status)) readiness->Unmet("postgres", Message(status));
  };
  observer.waiting = [=](int64_t calls) { metrics->HistoryWaiting(calls); };
  observer.refused = [=] { metrics->HistoryRefused(); };
  return observer;
}

TailObserver ObserveTail(const QueryConfig& config, Metrics* metrics, admin::Readiness* readiness,
                         Fanout* fanout, Server* server, Recent* recent) {
  TailObserver observer;
  observer.event = [=](const TailEvent& event) {
    recent->OnEvent(event, std::chrono::steady_clock::now());
  };
  observer.missed = [=](const std::vector<int32_t>& lost) { recent->OnPlaceLost(lost); };
  observer.read = [=](int64_t records, int64_t bad) { metrics->RecordsRead(records, bad); };
  observer.place_lost = [=](int32_t, const std::string&) { metrics->PlaceLost(); };
  observer.caught_up = [=] {
    server->SetLive();
    readiness->Met("candles");
    Log(kInfo, "live candles are read");
  };
  observer.reachable = [=] {
    readiness->Met("kafka");
    fanout->SetTrouble("");
  };
  observer.unreachable = [=](const std::string& why) {
    readiness->Unmet("kafka", why);
    fanout->SetTrouble(why);
  };
  observer.lag = [=, most = config.ready_lag_records_max](int64_t records) {
    metrics->TailLag(records);
    if (records <= most) return readiness->Met("lag");
    readiness->Unmet("lag", std::to_string(records) + " records of topic candles are not read yet");
  };
  return observer;
}

TradeTailObserver ObserveTrades(Metrics* metrics) {
  TradeTailObserver observer;
  observer.read = [=](const TradesRead& read) {
    metrics->TradeRecordsRead(read.records, read.bad_records, read.repeated_records);
    metrics->TradesDropped(read.trades_dropped);
  };
  observer.reading = [=](int64_t partitions) { metrics->TradePartitionsRead(partitions); };
  observer.place_lost = [=] { metrics->TradePlaceLost(); };
  return observer;
}

kafka::ConsumerOptions ConsumerOf(const QueryConfig& config, std::string topic) {
  kafka::ConsumerOptions consumer;
  consumer.client = config.kafka;
  consumer.topic = std::move(topic);
  consumer.client_id = "quantstream-query";
  return consumer;
}

// Health follows readiness, and the store is asked though no client does.
void ServeUntil(const Shutdown& shutdown, const admin::Readiness& readiness, Server* server) {
  do {
    server->instruments()->Fresh([](const auto&) {});
    server->SetServing(readiness.ready());
  } while (!shutdown.WaitFor(kProbe));
}

int Run(const QueryConfig& config, const Shutdown& shutdown) {
  Metrics metrics;
  admin::Readiness readiness;
  for (const char* condition : {"topic", "postgres", "kafka", "candles", "lag"}) {
    readiness.Require(condition);
  }
  auto admin = admin::AdminServer::Start(
      {.address = config.admin_address, .port = static_cast<uint16_t>(config.admin_port)},
      metrics.registry(), &readiness);
  if (!admin.ok()) return Fail(admin.status());
  Log(kInfo, "admin port", {{"port", (*admin)->port()}});
  std::string token_secret;
  const absl::Status prepared = PrepareWorld(config, &readiness, shutdown, &token_secret);
  if (absl::IsCancelled(prepared)) return 0;
  if (!prepared.ok()) return Fail(prepared);

  Fanout fanout(config.Fanout());
  TradeFanout trades(config.Trades());
  Recent recent(config.Recent());  // before the store, whose threads call it
  auto history =
      std::make_unique<PostgresHistory>(config.History(), ObserveHistory(&metrics, &readiness));
  ServerOptions options = config.Server();
  options.service.request.token_key = TokenKey(std::move(token_secret));
  auto server = Server::Start(options, history.get(), &fanout, &trades, &metrics, &recent);
  if (!server.ok()) return Fail(server.status());
  Log(kInfo, "grpc port", {{"port", (*server)->port()}});
  auto tail =
      Tail::Start({.consumer = ConsumerOf(config, config.CandlesTopic()),
                   .partitions = config.partitions,
                   .lookback = milliseconds(config.lookback_ms)},
                  &fanout,
                  ObserveTail(config, &metrics, &readiness, &fanout, server->get(), &recent));
  if (!tail.ok()) return Fail(tail.status());
  auto trade_tail =
      TradeTail::Start(ConsumerOf(config, config.TradesTopic()), &trades, ObserveTrades(&metrics));
  if (!trade_tail.ok()) return Fail(trade_tail.status());

  ServeUntil(shutdown, readiness, server->get());
  Log(kInfo, "draining");
  const milliseconds grace(std::min(config.drain_grace_ms, config.drain_timeout_ms / 2));
  (*server)->Drain(grace, milliseconds(config.drain_timeout_ms) / 4);
  tail->reset();
  trade_tail->reset();
  history.reset();
  return 0;
}

}  // namespace
}  // namespace quantstream::query

int main(int argc, char** argv) {
  using namespace quantstream;
  query::QueryConfig config;
  config::OptionSet options = query::QueryOptions(&config);
  constexpr const char* kSummary = "Serves candles, stored and live, over gRPC.";
  if (const auto exit_code = config::Configure(argc, argv, kSummary, &options)) return *exit_code;
  SetUpLog({.service = "query", .level = query::LevelOf(config.log_level)});
  const Shutdown shutdown(std::chrono::milliseconds(config.drain_timeout_ms));
  return query::Run(config, shutdown);
}
