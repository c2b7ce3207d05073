// quantstream-simulator: a venue on loopback.
#include <prometheus/registry.h>

#include <chrono>
#include <memory>

#include "ingest/simulator/config.h"
#include "platform/admin/admin_server.h"
#include "platform/config/command_line.h"
#include "platform/log.h"
#include "platform/shutdown.h"

namespace quantstream::simulator {
namespace {

constexpr auto kDrainMax = std::chrono::seconds(5);

int Fail(std::string_view what, const absl::Status& status) {
  Log(kError, what, {{"error", status}});
  return 1;
}

int Run(const SimulatorConfig& config) {
  Shutdown shutdown(kDrainMax);
  const auto registry = std::make_shared<prometheus::Registry>();
  Metrics metrics(*registry);
  admin::Readiness readiness;
  readiness.Require("venue");
  const auto admin = admin::AdminServer::Start(
      {.address = config.admin_address, .port = static_cast<uint16_t>(config.admin_port)}, registry,
      &readiness);
  if (!admin.ok()) return Fail("no admin port", admin.status());

  const int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  auto source = MakeSource(config, now_us);
  if (!source.ok()) return Fail("no market", source.status());
  auto ledger = SentLedger::Open(config.ledger_file);
  if (!ledger.ok()) return Fail("no ledger", ledger.status());
  Faults faults(MakeFaultRates(config), static_cast<uint64_t>(config.seed) + 1);
  auto venue = std::make_unique<Venue>(*std::move(source), std::move(faults), *std::move(ledger),
                                       MakeVenueOptions(config), &metrics);
  const auto server = VenueServer::Start(MakeServerOptions(config), std::move(venue), &metrics);
  if (!server.ok()) return Fail("the venue cannot open", server.status());

  readiness.Met("venue");
  Log(kInfo, "venue open",
      {{"ws_port", (*server)->ws_port()},
       {"wss_port", (*server)->wss_port()},
       {"admin_port", (*admin)->port()}});
  shutdown.Wait();
  Log(kInfo, "venue closes");
  return 0;
}

}  // namespace
}  // namespace quantstream::simulator

int main(int argc, char** argv) {
  quantstream::simulator::SimulatorConfig config;
  quantstream::config::OptionSet options = quantstream::simulator::SimulatorOptions(&config);
  if (const auto exit_code = quantstream::config::Configure(
          argc, argv, "A venue on loopback that speaks Binance's stream protocol.", &options)) {
    return *exit_code;
  }
  quantstream::LogSettings log{.service = "simulator"};
  for (const auto level :
       {quantstream::kDebug, quantstream::kInfo, quantstream::kWarning, quantstream::kError}) {
    if (quantstream::LogLevelName(level) == config.log_level) log.level = level;
  }
  quantstream::SetUpLog(log);
  return quantstream::simulator::Run(config);
}
