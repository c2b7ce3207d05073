#include "ingest/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <map>
#include <string>

namespace quantstream::ingest {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Labels;
using Counters = prometheus::Family<Counter>;

Counters& CounterFamily(prometheus::Registry& registry, const std::string& name,
                        const std::string& help) {
  return prometheus::BuildCounter()
      .Name("quantstream_ingest_" + name)
      .Help(help)
      .Register(registry);
}

Gauge& MakeGauge(prometheus::Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildGauge()
      .Name("quantstream_ingest_" + name)
      .Help(help)
      .Register(registry)
      .Add({});
}

double Seconds(int64_t us) {
  return static_cast<double>(us) / 1e6;
}

}  // namespace

struct Metrics::Families {
  explicit Families(prometheus::Registry& r)
      : frames(CounterFamily(r, "frames_total", "Frames received, by what they were.")),
        refused(CounterFamily(r, "refused_total", "Frames and trades refused, by reason.")),
        lost(CounterFamily(r, "connections_lost_total", "Connections that ended, by why.")),
        records(CounterFamily(r, "records_total", "Records made, by what they hold.")),
        frames_of_trades(frames.Add({{"kind", "trades"}})),
        frames_ignored(frames.Add({{"kind", "ignored"}})),
        frames_of_control(frames.Add({{"kind", "control"}})),
        frames_bad(frames.Add({{"kind", "bad"}})),
        records_of_trades(records.Add({{"kind", "trades"}})),
        records_of_heartbeats(records.Add({{"kind", "heartbeat"}})),
        dead_letters(records.Add({{"kind", "dead_letter"}})),
        trades(CounterFamily(r, "trades_total", "Trades taken for Kafka.").Add({})),
        opened(CounterFamily(r, "connections_opened_total", "Connections opened.").Add({})),
        handed_over(CounterFamily(r, "handovers_total", "Hand-overs to a new connection.").Add({})),
        subscriptions_refused(
            CounterFamily(r, "subscriptions_refused_total", "Subscriptions refused.").Add({})),
        delivered(
            CounterFamily(r, "records_delivered_total", "Records acknowledged by Kafka.").Add({})),
        sent_again(
            CounterFamily(r, "records_sent_again_total", "Records sent again, unchanged.").Add({})),
        made_anew(CounterFamily(r, "producers_made_anew_total", "Producers made anew.").Add({})),
        connections(MakeGauge(r, "connections", "Open connections to the venue.")),
        missing(MakeGauge(r, "subscriptions_missing", "Streams asked for and not acknowledged.")),
        paused(MakeGauge(r, "reading_paused",
                         "1 while the venue is not read, for the buffer is full.")),
        offset(
            MakeGauge(r, "venue_offset_seconds", "Venue time less receive time, running median.")),
        venue_time(
            MakeGauge(r, "venue_time_seconds", "Venue time that heartbeats tell, Unix seconds.")),
        held(MakeGauge(r, "held", "1 while disconnected for longer than hold_on_disconnect.")),
        undelivered_records(MakeGauge(r, "undelivered_records", "Records not acknowledged yet.")),
        undelivered_bytes(MakeGauge(r, "undelivered_bytes", "Bytes of these records.")),
        replay_time(MakeGauge(r, "replay_time_seconds", "Recorded time reached, Unix seconds.")),
        replay_finished(MakeGauge(r, "replay_finished", "1 when the replay has ended.")) {}

  Counters& frames;
  Counters& refused;
  Counters& lost;
  Counters& records;
  Counter& frames_of_trades;
  Counter& frames_ignored;
  Counter& frames_of_control;
  Counter& frames_bad;
  Counter& records_of_trades;
  Counter& records_of_heartbeats;
  Counter& dead_letters;
  Counter& trades;
  Counter& opened;
  Counter& handed_over;
  Counter& subscriptions_refused;
  Counter& delivered;
  Counter& sent_again;
  Counter& made_anew;
  Gauge& connections;
  Gauge& missing;
  Gauge& paused;
  Gauge& offset;
  Gauge& venue_time;
  Gauge& held;
  Gauge& undelivered_records;
  Gauge& undelivered_bytes;
  Gauge& replay_time;
  Gauge& replay_finished;
};

Metrics::Metrics(prometheus::Registry& registry)
    : families_(std::make_unique<Families>(registry)) {}
Metrics::~Metrics() = default;

void Metrics::FrameOfTrades() {
  families_->frames_of_trades.Increment();
}
void Metrics::FrameIgnored() {
  families_->frames_ignored.Increment();
}
void Metrics::FrameOfControl() {
  families_->frames_of_control.Increment();
}
void Metrics::FrameRefused(std::string_view reason) {
  families_->frames_bad.Increment();
  TradeRefused(reason);
}
void Metrics::TradeRefused(std::string_view reason) {
  families_->refused.Add({{"reason", std::string(reason)}}).Increment();
}
void Metrics::TradePublished() {
  families_->trades.Increment();
}

void Metrics::ConnectionsOpen(int64_t open) {
  families_->connections.Set(static_cast<double>(open));
}
void Metrics::SubscriptionsMissing(int64_t streams) {
  families_->missing.Set(static_cast<double>(streams));
}
void Metrics::ConnectionOpened() {
  families_->opened.Increment();
}
void Metrics::ConnectionLost(std::string_view why) {
  families_->lost.Add({{"why", std::string(why)}}).Increment();
}
void Metrics::HandedOver() {
  families_->handed_over.Increment();
}
void Metrics::SubscriptionRefused() {
  families_->subscriptions_refused.Increment();
}
void Metrics::ReadingPaused(bool paused) {
  families_->paused.Set(paused ? 1 : 0);
}

void Metrics::VenueOffset(int64_t offset_us) {
  families_->offset.Set(Seconds(offset_us));
}
void Metrics::VenueTime(int64_t venue_time_us) {
  families_->venue_time.Set(Seconds(venue_time_us));
}
void Metrics::Held(bool held) {
  families_->held.Set(held ? 1 : 0);
}

void Metrics::RecordMade(bool heartbeat_only) {
  (heartbeat_only ? families_->records_of_heartbeats : families_->records_of_trades).Increment();
}
void Metrics::DeadLetterMade() {
  families_->dead_letters.Increment();
}
void Metrics::RecordDelivered() {
  families_->delivered.Increment();
}
void Metrics::RecordsSentAgain(uint64_t records) {
  families_->sent_again.Increment(static_cast<double>(records));
}
void Metrics::ProducerMadeAnew() {
  families_->made_anew.Increment();
}
void Metrics::Undelivered(size_t records, size_t bytes) {
  families_->undelivered_records.Set(static_cast<double>(records));
  families_->undelivered_bytes.Set(static_cast<double>(bytes));
}

void Metrics::ReplayAt(int64_t recorded_us) {
  families_->replay_time.Set(Seconds(recorded_us));
}
void Metrics::ReplayFinished() {
  families_->replay_finished.Set(1);
}

}  // namespace quantstream::ingest
