#include "ingest/simulator/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

namespace quantstream::simulator {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using Counters = prometheus::Family<Counter>;

Counters& CounterFamily(prometheus::Registry& registry, const std::string& name,
                        const std::string& help) {
  return prometheus::BuildCounter()
      .Name("quantstream_simulator_" + name)
      .Help(help)
      .Register(registry);
}

Gauge& MakeGauge(prometheus::Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildGauge()
      .Name("quantstream_simulator_" + name)
      .Help(help)
      .Register(registry)
      .Add({});
}

void RaiseTo(Counter& counter, double total) {
  if (total > counter.Value()) counter.Increment(total - counter.Value());
}

}  // namespace

struct Metrics::Families {
  explicit Families(prometheus::Registry& r)
      : messages(
            CounterFamily(r, "messages_total", "Messages of streams, by what became of them.")),
        faults(CounterFamily(r, "faults_total", "Messages that something was done to, by what.")),
        closed(CounterFamily(r, "clients_closed_total", "Connections that ended, by why.")),
        refused(CounterFamily(r, "connections_refused_total", "Connections refused, by why.")),
        requests(CounterFamily(r, "requests_total", "Requests answered, by kind.")),
        trades(messages.Add({{"outcome", "trade_sent"}})),
        others(messages.Add({{"outcome", "other_sent"}})),
        without_client(messages.Add({{"outcome", "no_client"}})),
        duplicated(faults.Add({{"fault", "duplicated"}})),
        reordered(faults.Add({{"fault", "reordered"}})),
        skipped(faults.Add({{"fault", "skipped"}})),
        opened(CounterFamily(r, "clients_opened_total", "WebSocket clients accepted.").Add({})),
        left_out(
            CounterFamily(r, "left_out_seconds_total", "Market time that was left out.").Add({})),
        ledger_failures(CounterFamily(r, "ledger_failures_total", "Failed ledger writes.").Add({})),
        clients(MakeGauge(r, "clients", "WebSocket clients connected.")),
        queued(MakeGauge(r, "queued_bytes", "Bytes waiting for the slowest client.")) {}

  Counters& messages;
  Counters& faults;
  Counters& closed;
  Counters& refused;
  Counters& requests;
  Counter& trades;
  Counter& others;
  Counter& without_client;
  Counter& duplicated;
  Counter& reordered;
  Counter& skipped;
  Counter& opened;
  Counter& left_out;
  Counter& ledger_failures;
  Gauge& clients;
  Gauge& queued;
};

Metrics::Metrics(prometheus::Registry& registry)
    : families_(std::make_unique<Families>(registry)) {}
Metrics::~Metrics() = default;

void Metrics::TradesSent(uint64_t trades) {
  families_->trades.Increment(static_cast<double>(trades));
}
void Metrics::OtherMessagesSent(uint64_t messages) {
  families_->others.Increment(static_cast<double>(messages));
}
void Metrics::MessagesWithoutClient(uint64_t messages) {
  families_->without_client.Increment(static_cast<double>(messages));
}
void Metrics::Duplicated(uint64_t total) {
  RaiseTo(families_->duplicated, static_cast<double>(total));
}
void Metrics::Reordered(uint64_t total) {
  RaiseTo(families_->reordered, static_cast<double>(total));
}
void Metrics::Skipped(uint64_t total) {
  RaiseTo(families_->skipped, static_cast<double>(total));
}

void Metrics::ClientOpened() {
  families_->opened.Increment();
  families_->clients.Increment();
}
void Metrics::ClientClosed(std::string_view why) {
  families_->closed.Add({{"why", std::string(why)}}).Increment();
  families_->clients.Decrement();
}
void Metrics::ConnectionRefused(std::string_view why) {
  families_->refused.Add({{"why", std::string(why)}}).Increment();
}
void Metrics::BytesQueued(size_t bytes) {
  families_->queued.Set(static_cast<double>(bytes));
}
void Metrics::RequestAnswered(std::string_view kind) {
  families_->requests.Add({{"kind", std::string(kind)}}).Increment();
}

void Metrics::LeftOut(int64_t total_us) {
  RaiseTo(families_->left_out, static_cast<double>(total_us) / 1e6);
}
void Metrics::LedgerFailed() {
  families_->ledger_failures.Increment();
}

}  // namespace quantstream::simulator
