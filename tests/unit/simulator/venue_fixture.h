// A venue without sockets for the tests beside it: a source that is told what to send, a client
// that keeps what it got.
#pragma once

#include <prometheus/registry.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "ingest/simulator/venue.h"

namespace quantstream::simulator {

class ScriptedSource : public MessageSource {
 public:
  const std::vector<VenueSymbol>& symbols() const override { return symbols_; }
  const std::vector<std::string>& streams() const override { return streams_; }
  bool TakeDue(int64_t, VenueMessage* message) override {
    if (due_.empty()) return false;
    *message = due_.front();
    due_.pop_front();
    return true;
  }
  bool can_wait() const override { return true; }
  bool finished() const override { return false; }

  void AddTrade(uint32_t symbol, uint64_t id) {
    VenueMessage message;
    message.stream = symbol;
    message.trade = VenueTrade{
        .symbol = symbol, .id = id, .time_ms = 1000, .price = {5, 0}, .quantity = {2, 0}};
    due_.push_back(message);
  }

 private:
  std::vector<VenueSymbol> symbols_{{.base = "BTC", .quote = "USDT"},
                                    {.base = "ETH", .quote = "USDT"}};
  std::vector<std::string> streams_{"btcusdt@trade", "ethusdt@trade"};
  std::deque<VenueMessage> due_;
};

class KeepingClient : public Subscriber {
 public:
  void Queue(std::string_view frame) override { frames.emplace_back(frame); }
  void Flush() override { ++flushes; }
  size_t queued_bytes() const override { return queued; }

  std::vector<std::string> frames;
  int flushes = 0;
  size_t queued = 0;
};

struct VenueFixture {
  explicit VenueFixture(VenueOptions options = {}, FaultRates rates = {},
                        const std::string& ledger = "") {
    auto scripted = std::make_unique<ScriptedSource>();
    source = scripted.get();
    venue = std::make_unique<Venue>(std::move(scripted), Faults(rates, 1),
                                    *SentLedger::Open(ledger), options, &metrics);
  }

  prometheus::Registry registry;
  Metrics metrics{registry};
  ScriptedSource* source = nullptr;
  std::unique_ptr<Venue> venue;
};

}  // namespace quantstream::simulator
