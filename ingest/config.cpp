#include "ingest/config.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "ingest/symbols.h"
#include "ingest/url.h"
#include "ingest/venue/venue.h"
#include "market/instrument.h"
#include "platform/kafka/client_properties.h"

namespace quantstream::ingest {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;

void AddVenue(config::OptionSet& options, IngestConfig* c) {
  options.Add(&c->node, {.name = "node",
                         .fallback = "ingest-1",
                         .required = true,
                         .help = "name of this node; each running one needs its own"});
  options.Add(&c->venue, {.name = "venue",
                          .fallback = "binance",
                          .required = true,
                          .help = "name that the trades get"});
  options.Add(&c->decoder, {.name = "decoder",
                            .fallback = "binance",
                            .choices = VenueNames(),
                            .help = "the protocol that the venue, or the recording, speaks"});
  options.Add(
      &c->channel,
      {.name = "channel",
       .fallback = "",
       .help =
           "stream of trades to ask for (binance: trade, aggTrade); empty = the venue's first"});
  options.Add(&c->instruments,
              {.name = "instruments",
               .items_max = 10'000,
               .help = "BASE-QUOTE or tickers of this node; a replay without any takes all"});
  options.Add(&c->feed, {.name = "feed",
                         .fallback = "live",
                         .choices = {"live", "replay"},
                         .help = "where the trades come from"});
}

void AddConnection(config::OptionSet& options, IngestConfig* c) {
  options.Add(&c->websocket_url, {.name = "websocket_url",
                                  .fallback = "",
                                  .help = "ws:// or wss://; empty = the venue's own"});
  options.Add(&c->rest_url,
              {.name = "rest_url",
               .fallback = "",
               .help = "http:// or https://; empty = the venue's own (nothing asks it yet)"});
  options.Add(&c->ca_file, {.name = "ca_file",
                            .fallback = "",
                            .help = "certificates to believe instead of the system's, PEM"});
  options.Add(&c->connect_timeout_ms, {.name = "connect_timeout_ms",
                                       .fallback = 10'000,
                                       .minimum = 100,
                                       .maximum = 120'000,
                                       .unit = "ms",
                                       .help = "for each step of connecting"});
  options.Add(&c->mute_after_min_ms, {.name = "mute_after_min_ms",
                                      .fallback = 10'000,
                                      .minimum = 100,
                                      .maximum = 3'600'000,
                                      .unit = "ms",
                                      .help = "no shorter silence of a connection counts as mute"});
  options.Add(&c->mute_after_max_ms,
              {.name = "mute_after_max_ms",
               .fallback = 60'000,
               .minimum = 100,
               .maximum = 86'400'000,
               .unit = "ms",
               .help = "a longer one always does; between them 50 usual gaps"});
  options.Add(&c->reconnect_base_ms,
              {.name = "reconnect_base_ms",
               .fallback = 250,
               .minimum = 1,
               .maximum = 60'000,
               .unit = "ms",
               .help = "first wait before connecting again is up to this; it doubles"});
  options.Add(&c->reconnect_cap_ms, {.name = "reconnect_cap_ms",
                                     .fallback = 30'000,
                                     .minimum = 1,
                                     .maximum = 600'000,
                                     .unit = "ms",
                                     .help = "no wait is longer"});
  options.Add(&c->reconnect_trust_ms, {.name = "reconnect_trust_ms",
                                       .fallback = 10'000,
                                       .minimum = 0,
                                       .maximum = 600'000,
                                       .unit = "ms",
                                       .help = "data for so long makes the waits short again"});
  options.Add(&c->connection_age_max_s,
              {.name = "connection_age_max_s",
               .fallback = 0,
               .minimum = 0,
               .maximum = 864'000,
               .unit = "s",
               .help = "then a new connection takes over; 0 = the venue's limit"});
  options.Add(&c->handover_max_ms, {.name = "handover_max_ms",
                                    .fallback = 60'000,
                                    .minimum = 100,
                                    .maximum = 600'000,
                                    .unit = "ms",
                                    .help = "two connections overlap at most so long"});
  options.Add(&c->streams_per_connection, {.name = "streams_per_connection",
                                           .fallback = 0,
                                           .minimum = 0,
                                           .maximum = 1024,
                                           .unit = "streams",
                                           .help = "0 = the venue's limit"});
}

void AddReplay(config::OptionSet& options, IngestConfig* c) {
  options.Add(&c->files,
              {.name = "files",
               .items_max = 10'000,
               .help = "recordings to replay: frames or CSV trades, plain, .gz or .zip"});
  options.Add(&c->replay_speed, {.name = "replay_speed",
                                 .fallback = 1.0,
                                 .minimum = 0,
                                 .maximum = 1e6,
                                 .unit = "x",
                                 .help = "multiple of the recorded pace; 0 = as fast as it goes"});
  options.Add(&c->replay_symbol,
              {.name = "replay_symbol",
               .fallback = "",
               .help = "symbol of CSV files that name none; empty = from the file's name"});
  options.Add(&c->exit_when_finished,
              {.name = "exit_when_finished",
               .fallback = false,
               .help = "end the process when the replay has ended and all is delivered"});
}

void AddTime(config::OptionSet& options, IngestConfig* c) {
  options.Add(
      &c->future_bound_ms,
      {.name = "future_bound_ms",
       .fallback = 5'000,
       .minimum = 1,
       .maximum = 365 * kDayMs,
       .unit = "ms",
       .help = "a trade stamped further ahead of its connection's usual offset is refused"});
  options.Add(&c->offset_ready_max_ms,
              {.name = "offset_ready_max_ms",
               .fallback = 5'000,
               .minimum = 1,
               .maximum = 86'400'000,
               .unit = "ms",
               .help = "not ready while the venue's clock is off by more"});
  options.Add(&c->heartbeat_margin_ms,
              {.name = "heartbeat_margin_ms",
               .fallback = 1'000,
               .minimum = 0,
               .maximum = 60'000,
               .unit = "ms",
               .help = "what a quiet venue's time stays behind the time elapsed"});
  options.Add(&c->heartbeat_interval_ms,
              {.name = "heartbeat_interval_ms",
               .fallback = 100,
               .minimum = 10,
               .maximum = 100,
               .unit = "ms",
               .help = "each partition gets a heartbeat at least so often"});
  options.Add(&c->hold_on_disconnect_ms,
              {.name = "hold_on_disconnect_ms",
               .fallback = 60'000,
               .minimum = 0,
               .maximum = kDayMs,
               .unit = "ms",
               .help = "how long a lost venue's time stands still; 0 = until it is back"});
}

void AddKafka(config::OptionSet& options, IngestConfig* c) {
  options.Add(&c->linger_ms, {.name = "linger_ms",
                              .fallback = 2,
                              .minimum = 0,
                              .maximum = 1'000,
                              .unit = "ms",
                              .help = "trades of so long go into one record per partition"});
  options.Add(&c->buffer_bytes_max,
              {.name = "buffer_bytes_max",
               .fallback = 64 << 20,
               .minimum = 1 << 16,
               .maximum = int64_t{16} << 30,
               .unit = "bytes",
               .help = "records that Kafka has not taken; beyond, the venue is not read"});
  options.Add(&c->topic_prefix,
              {.name = "topic_prefix", .fallback = "quantstream.", .help = "of all topics"});
  options.Add(&c->partitions, {.name = "partitions",
                               .fallback = 12,
                               .minimum = 1,
                               .maximum = 10'000,
                               .unit = "partitions",
                               .help = "of topic trades; an existing topic must have as many"});
  options.Add(&c->replication_factor, {.name = "replication_factor",
                                       .fallback = -1,
                                       .minimum = -1,
                                       .maximum = 100,
                                       .unit = "copies",
                                       .help = "of topics made here; -1 = the broker's default"});
  options.Add(&c->trades_retention_ms, {.name = "trades_retention_ms",
                                        .fallback = 7 * kDayMs,
                                        .minimum = -1,
                                        .unit = "ms",
                                        .help = "of topic trades when made here; -1 = for ever"});
  options.Add(&c->trades_retention_bytes,
              {.name = "trades_retention_bytes",
               .fallback = int64_t{10} << 30,
               .minimum = -1,
               .unit = "bytes",
               .help = "per partition of topic trades when made here; -1 = no limit"});
  options.Add(&c->dead_letter_retention_ms,
              {.name = "dead_letter_retention_ms",
               .fallback = 7 * kDayMs,
               .minimum = -1,
               .unit = "ms",
               .help = "of topic dead-letter when made here; -1 = for ever"});
  options.AddSection(&c->kafka, kafka::ClientSection());
}

void AddProcess(config::OptionSet& options, IngestConfig* c) {
  options.Add(&c->admin_address, {.name = "admin_address",
                                  .fallback = "127.0.0.1",
                                  .help = "where /metrics, /healthz and /readyz listen"});
  options.Add(&c->admin_port, {.name = "admin_port",
                               .fallback = 9101,
                               .minimum = 0,
                               .maximum = 65'535,
                               .unit = "port",
                               .help = "0 = a free one, which the log tells"});
  options.Add(&c->drain_ms, {.name = "drain_ms",
                             .fallback = 10'000,
                             .minimum = 100,
                             .maximum = 600'000,
                             .unit = "ms",
                             .help = "time to deliver what is left after SIGTERM"});
  options.Add(&c->log_level, {.name = "log_level",
                              .fallback = "info",
                              .choices = {"debug", "info", "warning", "error"},
                              .help = "lines below it are not written"});
}

void CheckVenue(const IngestConfig& c, config::Problems* problems) {
  const auto name = InstrumentName::Parse(c.venue + ":X");
  if (!name.ok()) problems->push_back({"venue", std::string(name.status().message())});
  const Venue* const venue = FindVenue(c.decoder);
  if (venue == nullptr) return;  // the choices have said so
  const auto& channels = venue->channels;
  if (!c.channel.empty() &&
      std::find(channels.begin(), channels.end(), c.channel) == channels.end()) {
    problems->push_back({"channel", "must be one of " + absl::StrJoin(channels, ", ")});
  }
  const auto symbols = SymbolTable::Make(c.venue, c.instruments, false);
  if (name.ok() && !symbols.ok()) {
    problems->push_back({"instruments", std::string(symbols.status().message())});
  }
}

void CheckFeed(const IngestConfig& c, config::Problems* problems) {
  if (!c.websocket_url.empty()) {
    const auto url = WebSocketUrl::Parse(c.websocket_url);
    if (!url.ok()) problems->push_back({"websocket_url", std::string(url.status().message())});
  }
  if (!c.rest_url.empty() && !c.rest_url.starts_with("http://") &&
      !c.rest_url.starts_with("https://")) {
    problems->push_back({"rest_url", "must begin with http:// or https://"});
  }
  if (c.feed == "live" && c.instruments.empty()) {
    problems->push_back({"instruments", "a live feed needs at least one"});
  }
  if (c.feed == "replay" && c.files.empty()) {
    problems->push_back({"files", "a replay needs at least one"});
  }
  if (c.mute_after_max_ms < c.mute_after_min_ms) {
    problems->push_back({"mute_after_max_ms", "must not be below mute_after_min_ms"});
  }
  if (c.reconnect_cap_ms < c.reconnect_base_ms) {
    problems->push_back({"reconnect_cap_ms", "must not be below reconnect_base_ms"});
  }
}

}  // namespace

config::OptionSet IngestOptions(IngestConfig* config) {
  config::OptionSet options("ingest");
  AddVenue(options, config);
  AddConnection(options, config);
  AddReplay(options, config);
  AddTime(options, config);
  AddKafka(options, config);
  AddProcess(options, config);
  options.AddCheck([config](config::Problems* problems) {
    CheckVenue(*config, problems);
    CheckFeed(*config, problems);
  });
  return options;
}

}  // namespace quantstream::ingest
