#include "ingest/simulator/config.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/str_cat.h"
#include "ingest/simulator/market_model.h"
#include "ingest/simulator/recording.h"

namespace quantstream::simulator {
namespace {

const std::vector<std::string> kInstruments = {
    "BTC-USDT",  "ETH-USDT",  "SOL-USDT", "XRP-USDT", "BNB-USDT", "DOGE-USDT", "ADA-USDT",
    "LINK-USDT", "AVAX-USDT", "LTC-USDT", "DOT-USDT", "UNI-USDT", "ATOM-USDT", "ETC-USDT",
    "FIL-USDT",  "NEAR-USDT", "ETH-BTC",  "SOL-BTC",  "XRP-BTC",  "LTC-BTC"};

bool LegalInstrument(const std::string& name) {
  const size_t dash = name.find('-');
  return dash != std::string::npos && dash > 0 && dash + 1 < name.size() && name.size() <= 40 &&
         std::count_if(name.begin(), name.end(), [](unsigned char c) {
           return std::isupper(c) == 0 && std::isdigit(c) == 0;
         }) == 1;
}

void CheckInstruments(const SimulatorConfig& config, config::Problems* problems) {
  std::set<std::string> seen;
  for (const std::string& name : config.instruments) {
    if (!LegalInstrument(name)) {
      problems->push_back(
          {"instruments", absl::StrCat("'", name, "' is not BASE-QUOTE in capitals")});
    } else if (!seen.insert(name).second) {
      problems->push_back({"instruments", absl::StrCat("'", name, "' is given twice")});
    }
  }
  if (config.recordings.empty() && config.instruments.empty() && config.extra_instruments == 0) {
    problems->push_back({"instruments", "there is none, and no recording"});
  }
  if (config.wss && config.tls_dir.empty()) {
    problems->push_back({"tls_dir", "wss needs a folder for its certificate"});
  }
}

void AddNetwork(config::OptionSet& o, SimulatorConfig* c) {
  o.Add(&c->address,
        {.name = "address", .fallback = "127.0.0.1", .help = "where ws and wss listen"});
  o.Add(&c->ws_port, {.name = "ws_port",
                      .fallback = 9080,
                      .minimum = 0,
                      .maximum = 65535,
                      .help = "ws, REST and control; 0 = a free port"});
  o.Add(&c->wss,
        {.name = "wss", .fallback = true, .help = "the same over TLS, with a test certificate"});
  o.Add(&c->wss_port, {.name = "wss_port",
                       .fallback = 9443,
                       .minimum = 0,
                       .maximum = 65535,
                       .help = "0 = a free port"});
  o.Add(&c->tls_dir,
        {.name = "tls_dir",
         .fallback = ".local/simulator-tls",
         .help = "folder of ca.pem, server.pem, server.key; made when they are missing"});
  o.Add(&c->admin_address, {.name = "admin_address",
                            .fallback = "127.0.0.1",
                            .help = "where /metrics, /healthz and /readyz listen"});
  o.Add(&c->admin_port, {.name = "admin_port",
                         .fallback = 9105,
                         .minimum = 0,
                         .maximum = 65535,
                         .help = "0 = a free port"});
  o.Add(&c->log_level, {.name = "log_level",
                        .fallback = "info",
                        .choices = {"debug", "info", "warning", "error"},
                        .help = "least level of lines that are written"});
}

void AddMarket(config::OptionSet& o, SimulatorConfig* c) {
  o.Add(&c->instruments, {.name = "instruments",
                          .fallback = kInstruments,
                          .items_max = 10'000,
                          .help = "BASE-QUOTE; the first trades most"});
  o.Add(&c->extra_instruments, {.name = "extra_instruments",
                                .fallback = 0,
                                .minimum = 0,
                                .maximum = 10'000,
                                .help = "more of them: SIM1-USDT, SIM2-USDT, ..."});
  o.Add(&c->trades_per_s, {.name = "trades_per_s",
                           .fallback = 200,
                           .minimum = 1,
                           .maximum = 100'000,
                           .unit = "trades/s",
                           .help = "of all instruments together"});
  o.Add(&c->skew, {.name = "skew",
                   .fallback = 1,
                   .minimum = 0,
                   .maximum = 5,
                   .help = "instrument k trades 1/k^skew as often as the first"});
  o.Add(&c->seed,
        {.name = "seed", .fallback = 1, .minimum = 0, .help = "of prices, times and faults"});
  o.Add(&c->recordings,
        {.name = "recordings",
         .fallback = {},
         .items_max = 100,
         .help = "files to play instead of a market: frames or trades CSV, .gz too"});
  o.Add(&c->play_speed, {.name = "play_speed",
                         .fallback = 1,
                         .minimum = 0,
                         .maximum = 1e6,
                         .help = "of recordings, N times as recorded; 0 = as fast as it goes"});
  o.Add(&c->shift_to_today, {.name = "shift_to_today",
                             .fallback = false,
                             .help = "move a recording by whole days, as near to now as fits"});
  o.Add(&c->start_when_subscribed, {.name = "start_when_subscribed",
                                    .fallback = false,
                                    .help = "begin when every trade stream has a subscriber"});
}

void AddFaults(config::OptionSet& o, SimulatorConfig* c) {
  o.Add(&c->duplicate_share, {.name = "duplicate_share",
                              .fallback = 0,
                              .minimum = 0,
                              .maximum = 1,
                              .help = "of the messages are sent twice"});
  o.Add(&c->reorder_share, {.name = "reorder_share",
                            .fallback = 0,
                            .minimum = 0,
                            .maximum = 1,
                            .help = "of the messages are sent later than their turn"});
  o.Add(&c->reorder_bound, {.name = "reorder_bound",
                            .fallback = 16,
                            .minimum = 1,
                            .maximum = 10'000,
                            .unit = "messages",
                            .help = "how much later at most"});
  o.Add(&c->skip_share, {.name = "skip_share",
                         .fallback = 0,
                         .minimum = 0,
                         .maximum = 1,
                         .help = "of the trades are never sent"});
}

void AddLimits(config::OptionSet& o, SimulatorConfig* c) {
  o.Add(&c->ledger_file, {.name = "ledger_file",
                          .fallback = "",
                          .help = "CSV of every trade sent, appended to; empty = none"});
  o.Add(&c->history_trades_max, {.name = "history_trades_max",
                                 .fallback = 1000,
                                 .minimum = 0,
                                 .maximum = 1'000'000,
                                 .unit = "trades",
                                 .help = "kept per symbol for REST"});
  o.Add(&c->clients_max, {.name = "clients_max",
                          .fallback = 100,
                          .minimum = 1,
                          .maximum = 10'000,
                          .help = "WebSocket clients at once"});
  o.Add(&c->connects_max, {.name = "connects_max",
                           .fallback = 300,
                           .minimum = 1,
                           .maximum = 1'000'000,
                           .help = "WebSockets opened within five minutes"});
  o.Add(&c->wait_bytes, {.name = "wait_bytes",
                         .fallback = 4 << 20,
                         .minimum = 1 << 16,
                         .maximum = 1 << 30,
                         .unit = "bytes",
                         .help = "a recording waits while a client has more queued"});
  ClientLimits& l = c->limits;
  o.Add(&l.queued_bytes_max, {.name = "client_queue_bytes_max",
                              .fallback = 16 << 20,
                              .minimum = 1 << 16,
                              .maximum = 1 << 30,
                              .unit = "bytes",
                              .help = "a client that is slower is cut off"});
  o.Add(&l.ping_interval_ms, {.name = "ping_interval_ms",
                              .fallback = 20'000,
                              .minimum = 10,
                              .maximum = 3'600'000,
                              .unit = "ms",
                              .help = "between pings to a client"});
  o.Add(&l.pong_timeout_ms, {.name = "pong_timeout_ms",
                             .fallback = 60'000,
                             .minimum = 10,
                             .maximum = 3'600'000,
                             .unit = "ms",
                             .help = "without a pong it is cut off"});
  o.Add(&l.lifetime_ms, {.name = "lifetime_ms",
                         .fallback = 86'400'000,
                         .minimum = 100,
                         .unit = "ms",
                         .help = "then a connection is closed"});
  o.Add(&l.messages_per_s_max, {.name = "client_messages_per_s_max",
                                .fallback = 5,
                                .minimum = 1,
                                .maximum = 100'000,
                                .help = "a client that says more is closed"});
  o.Add(&l.streams_max, {.name = "client_streams_max",
                         .fallback = 1024,
                         .minimum = 1,
                         .maximum = 100'000,
                         .help = "streams of one connection"});
}

}  // namespace

config::OptionSet SimulatorOptions(SimulatorConfig* config) {
  config::OptionSet options("simulator");
  AddNetwork(options, config);
  AddMarket(options, config);
  AddFaults(options, config);
  AddLimits(options, config);
  options.AddCheck([config](config::Problems* problems) { CheckInstruments(*config, problems); });
  return options;
}

absl::StatusOr<std::unique_ptr<MessageSource>> MakeSource(const SimulatorConfig& config,
                                                          int64_t now_us) {
  if (!config.recordings.empty()) {
    absl::StatusOr<Recording> recording = Recording::Load({.files = config.recordings,
                                                           .speed = config.play_speed,
                                                           .shift_to_today = config.shift_to_today,
                                                           .now_us = now_us});
    if (!recording.ok()) return recording.status();
    return std::make_unique<Recording>(*std::move(recording));
  }
  MarketOptions market{.instruments = config.instruments,
                       .trades_per_s = config.trades_per_s,
                       .skew = config.skew,
                       .seed = static_cast<uint64_t>(config.seed),
                       .start_us = now_us};
  for (int64_t extra = 1; extra <= config.extra_instruments; ++extra) {
    market.instruments.push_back(absl::StrCat("SIM", extra, "-USDT"));
  }
  return std::make_unique<MarketModel>(market);
}

FaultRates MakeFaultRates(const SimulatorConfig& config) {
  return {.duplicate = config.duplicate_share,
          .reorder = config.reorder_share,
          .reorder_bound = config.reorder_bound,
          .skip = config.skip_share};
}

VenueOptions MakeVenueOptions(const SimulatorConfig& config) {
  return {.start_when_subscribed = config.start_when_subscribed,
          .history_trades_max = static_cast<size_t>(config.history_trades_max),
          .wait_bytes = static_cast<size_t>(config.wait_bytes)};
}

ServerOptions MakeServerOptions(const SimulatorConfig& config) {
  return {.address = config.address,
          .ws_port = static_cast<uint16_t>(config.ws_port),
          .wss_port = static_cast<uint16_t>(config.wss_port),
          .tls_dir = config.wss ? config.tls_dir : "",
          .limits = config.limits,
          .clients_max = static_cast<size_t>(config.clients_max),
          .connects_max = static_cast<size_t>(config.connects_max)};
}

}  // namespace quantstream::simulator
