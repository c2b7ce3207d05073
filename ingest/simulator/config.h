// The simulator's options.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ingest/simulator/faults.h"
#include "ingest/simulator/message_source.h"
#include "ingest/simulator/venue.h"
#include "ingest/simulator/venue_server.h"
#include "platform/config/option.h"

namespace quantstream::simulator {

struct SimulatorConfig {
  std::string address;
  int ws_port = 0;
  bool wss = true;
  int wss_port = 0;
  std::string tls_dir;
  std::string admin_address;
  int admin_port = 0;
  std::string log_level;

  std::vector<std::string> recordings;
  double play_speed = 1;
  bool shift_to_today = false;

  std::vector<std::string> instruments;
  int64_t extra_instruments = 0;
  double trades_per_s = 0;
  double skew = 0;
  int64_t seed = 0;
  bool start_when_subscribed = false;

  double duplicate_share = 0;
  double reorder_share = 0;
  int reorder_bound = 0;
  double skip_share = 0;

  std::string ledger_file;
  int64_t history_trades_max = 0;
  int64_t wait_bytes = 0;
  int64_t clients_max = 0;
  int64_t connects_max = 0;
  ClientLimits limits;
};

// `config` outlives the set.
config::OptionSet SimulatorOptions(SimulatorConfig* config);

// What the configuration describes. `now_us`: microseconds since the Unix epoch.
absl::StatusOr<std::unique_ptr<MessageSource>> MakeSource(const SimulatorConfig& config,
                                                          int64_t now_us);
FaultRates MakeFaultRates(const SimulatorConfig& config);
VenueOptions MakeVenueOptions(const SimulatorConfig& config);
ServerOptions MakeServerOptions(const SimulatorConfig& config);

}  // namespace quantstream::simulator
