// quantstream-ingest: trades of a venue, or of recordings, into Kafka. Wiring only.
#include <prometheus/registry.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <random>

#include "ingest/config.h"
#include "ingest/kafka_log.h"
#include "ingest/live_feed.h"
#include "ingest/metrics.h"
#include "ingest/publisher.h"
#include "ingest/replay.h"
#include "ingest/startup.h"
#include "ingest/symbols.h"
#include "ingest/venue/venue.h"
#include "ingest/venue_clock.h"
#include "ingest/wall_time.h"
#include "platform/admin/admin_server.h"
#include "platform/admin/readiness.h"
#include "platform/config/command_line.h"
#include "platform/log.h"
#include "platform/shutdown.h"

namespace quantstream::ingest {
namespace {

// Another number at each start, and a greater one at a later start.
uint64_t NewSession() {
  std::random_device random;
  return (static_cast<uint64_t>(WallNow().us) << 10) | (random() & 1023);
}

LogLevel LevelOf(const std::string& name) {
  for (const LogLevel level : {kDebug, kInfo, kWarning, kError}) {
    if (LogLevelName(level) == name) return level;
  }
  return kInfo;
}

PublisherOptions PublisherOptionsOf(const IngestConfig& config) {
  PublisherOptions options;
  options.node = config.node;
  options.session = NewSession();
  options.partitions = config.partitions;
  options.linger_us = config.linger_ms * 1000;
  // A little early, so that the tick that comes next is not late.
  options.heartbeat_interval_us = config.heartbeat_interval_ms * 1000 * 8 / 10;
  options.buffer_bytes_max = static_cast<size_t>(config.buffer_bytes_max);
  return options;
}

LiveOptions LiveOptionsOf(const IngestConfig& config, const Venue& venue) {
  LiveOptions options;
  options.websocket_url = config.websocket_url.empty() ? venue.websocket_url : config.websocket_url;
  options.ca_file = config.ca_file;
  options.channel = config.channel;
  options.connect_timeout_ms = config.connect_timeout_ms;
  options.offset_ready_max_us = config.offset_ready_max_ms * 1000;
  options.intake.future_bound_us = config.future_bound_ms * 1000;
  options.feed.limits = venue.limits;
  if (config.connection_age_max_s > 0) {
    options.feed.limits.connection_age_max_us = config.connection_age_max_s * 1'000'000;
  }
  if (config.streams_per_connection > 0) {
    options.feed.limits.streams_per_connection = static_cast<size_t>(config.streams_per_connection);
  }
  options.feed.watchdog.silence_min_us = config.mute_after_min_ms * 1000;
  options.feed.watchdog.silence_max_us = config.mute_after_max_ms * 1000;
  options.feed.backoff = {std::chrono::milliseconds(config.reconnect_base_ms),
                          std::chrono::milliseconds(config.reconnect_cap_ms)};
  options.feed.data_to_trust_us = config.reconnect_trust_ms * 1000;
  options.feed.overlap_max_us = config.handover_max_ms * 1000;
  return options;
}

ReplayOptions ReplayOptionsOf(const IngestConfig& config, const Venue& venue,
                              SymbolTable& symbols) {
  ReplayOptions options;
  options.files = config.files;
  options.speed = config.replay_speed;
  options.symbol = config.replay_symbol;
  options.make_decoder = [&] { return venue.make_decoder(symbols, config.channel); };
  options.intake.future_bound_us = config.future_bound_ms * 1000;
  return options;
}

// Delivers what is left; true when nothing is.
bool Drain(Publisher& publisher, std::chrono::milliseconds bound) {
  const Instant until = SteadyNow() + std::chrono::microseconds(bound).count();
  publisher.Leave();
  publisher.FlushBatches(SteadyNow());
  while (!publisher.Idle() && SteadyNow() < until) publisher.Step(SteadyNow(), 10);
  return publisher.Idle();
}

// A replay has ended and the process stays: what Kafka did not take yet still goes out.
void DeliverUntilShutdown(Publisher& publisher, const Shutdown& shutdown) {
  while (!shutdown.WaitFor(std::chrono::milliseconds(publisher.Idle() ? 1'000 : 10))) {
    publisher.Step(SteadyNow(), 10);
  }
}

int Fail(const absl::Status& status) {
  Log(kError, "cannot start", {{"error", status}});
  return 1;
}

int Run(const IngestConfig& config, const Shutdown& shutdown) {
  const Venue& venue = *FindVenue(config.decoder);
  const auto registry = std::make_shared<prometheus::Registry>();
  Metrics metrics(*registry);
  admin::Readiness readiness;
  readiness.Require("topics");
  auto admin = admin::AdminServer::Start(
      {.address = config.admin_address, .port = static_cast<uint16_t>(config.admin_port)}, registry,
      &readiness);
  if (!admin.ok()) return Fail(admin.status());
  Log(kInfo, "admin port", {{"port", (*admin)->port()}});

  auto symbols = SymbolTable::Make(config.venue, config.instruments,
                                   config.feed == "replay" && config.instruments.empty());
  if (!symbols.ok()) return Fail(symbols.status());
  const absl::Status topics = EnsureTopics(config, readiness, shutdown);
  if (absl::IsCancelled(topics)) return 0;
  if (!topics.ok()) return Fail(topics);
  auto log = KafkaLog::Create({.client = config.kafka,
                               .client_id = "quantstream-ingest-" + config.node,
                               .trades_topic = config.topic_prefix + "trades",
                               .dead_letter_topic = config.topic_prefix + "dead-letter"});
  if (!log.ok()) return Fail(log.status());
  VenueClock clock(symbols->venue(),
                   {.margin_us = config.heartbeat_margin_ms * 1000,
                    .hold_on_disconnect_us = config.hold_on_disconnect_ms * 1000});
  Publisher publisher(PublisherOptionsOf(config), **log, clock, metrics);

  absl::Status ended;
  if (config.feed == "replay") {
    auto replay = Replay::Open(ReplayOptionsOf(config, venue, *symbols),
                               {*symbols, publisher, clock, metrics, readiness});
    if (!replay.ok()) return Fail(replay.status());
    ended = (*replay)->Run(shutdown);
    Drain(publisher, std::chrono::milliseconds(config.drain_ms));
    if (!config.exit_when_finished) DeliverUntilShutdown(publisher, shutdown);
  } else {
    auto feed = LiveFeed::Make(LiveOptionsOf(config, venue),
                               {venue, *symbols, publisher, clock, metrics, readiness});
    if (!feed.ok()) return Fail(feed.status());
    (*feed)->Run(shutdown);
  }
  const bool drained = Drain(publisher, std::chrono::milliseconds(config.drain_ms));
  if (!drained) Log(kError, "not delivered", {{"records", publisher.undelivered_records()}});
  return drained && ended.ok() ? 0 : 1;
}

}  // namespace
}  // namespace quantstream::ingest

int main(int argc, char** argv) {
  using namespace quantstream;
  ingest::IngestConfig config;
  config::OptionSet options = ingest::IngestOptions(&config);
  constexpr const char* kSummary = "Takes the trades of a venue, or of recordings, to Kafka.";
  if (const auto exit_code = config::Configure(argc, argv, kSummary, &options)) return *exit_code;
  if (config.channel.empty()) {
    config.channel = ingest::FindVenue(config.decoder)->channels.front();
  }
  SetUpLog({.service = "ingest", .level = ingest::LevelOf(config.log_level)});
  const Shutdown shutdown(std::chrono::milliseconds(config.drain_ms) + std::chrono::seconds(5));
  return ingest::Run(config, shutdown);
}
